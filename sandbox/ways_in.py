"""How people reach the workshop and hear from it: their Telegram, the chat on the site, their mail."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Final, Protocol, assert_never

from sandbox.mailbox import Mailbox, Received, a_mail, an_answer, write_mail
from sandbox.pictures import brake_disc
from sandbox.telegram import Bot, Delivered, Telegram
from sandbox.telling import Leaves, Likes, Line, Mends, Person, Photo, SharesPhone
from sandbox.visitors import SiteVisitor

PATIENCE_S: Final = 240.0
"""Who has no answer by then goes elsewhere."""
LOOK_S: Final = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Where people come in."""

    base_url: str
    shop: str
    """The origin of the site that carries the chat."""
    chat: str
    """The slug of its account."""
    identity_secret: str
    smtp: str
    address: str
    authserv_id: str


class Letterboxes:
    """Brings what was sent to whom it was sent, and clears it away: the demo runs for days."""

    def __init__(self, telegram: Telegram, bot: Bot, mailbox: Mailbox) -> None:
        self._telegram, self._bot, self._mailbox = telegram, bot, mailbox
        self._chats: defaultdict[int, asyncio.Queue[Delivered]] = defaultdict(asyncio.Queue)
        self._mails: defaultdict[str, asyncio.Queue[Received]] = defaultdict(asyncio.Queue)

    def of_chat(self, user: int) -> asyncio.Queue[Delivered]:
        return self._chats[user]

    def of_address(self, address: str) -> asyncio.Queue[Received]:
        return self._mails[address]

    def close(self, *, user: int, address: str) -> None:
        self._chats.pop(user, None)
        self._mails.pop(address, None)

    async def run(self) -> None:
        while True:
            for sent in self._bot.sent:
                if sent.chat in self._chats:
                    self._chats[sent.chat].put_nowait(sent)
            for mail in self._mailbox.mails:
                for each in mail.recipients:
                    if each in self._mails:
                        self._mails[each].put_nowait(mail)
            for read in (
                *(self._bot.sent, self._bot.edited, self._bot.answered, self._bot.actions),
                *(self._mailbox.mails, self._telegram.calls),
            ):
                read.clear()
            await asyncio.sleep(LOOK_S)


class Talk(Protocol):
    async def say(self, line: Line) -> None: ...

    async def answered(self) -> bool:
        """Waits for an answer; False when there is none to come."""


@dataclass(kw_only=True)
class InTelegram:
    person: Person
    user: int
    bot: Bot
    letters: asyncio.Queue[Delivered]
    last: int = 0
    last_answer: int | None = None

    async def say(self, line: Line) -> None:
        while not self.letters.empty():
            self.letters.get_nowait()  # read, and no answer to what is said now
        match line:
            case str():
                told = self.bot.writes(self.user, line, name=self.person.name)
                self.last = told["message"]["message_id"]
            case Photo():
                self.bot.sends_photo(self.user, brake_disc(), caption=line.caption)
            case SharesPhone():
                first, _, family = self.person.name.partition(" ")
                card = {"phone_number": self.person.phone, "user_id": self.user}
                names = {"first_name": first, "last_name": family}
                self.bot.posts(self.user, {"contact": card | names})
            case Mends():
                self.bot.edits(self.user, self.last, line.text)
            case Likes():
                if self.last_answer is not None:
                    self.bot.reacts(self.user, self.last_answer, line.emoji)
            case Leaves():
                self.bot.blocks(self.user)
            case _:
                assert_never(line)

    async def answered(self) -> bool:
        try:
            async with asyncio.timeout(PATIENCE_S):
                self.last_answer = (await self.letters.get()).message_id
        except TimeoutError:
            return False
        return True


@dataclass(kw_only=True)
class OnSite:
    visitor: SiteVisitor
    page: str
    form: Mapping[str, str] | None
    reads_after: Callable[[], float]

    async def say(self, line: Line) -> None:
        if isinstance(line, str):
            await self.visitor.write(line, page=self.page, form=self.form)
            self.form = None

    async def answered(self) -> bool:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not await self.visitor.next_answers():
                    pass
        except TimeoutError:
            return False
        await asyncio.sleep(self.reads_after())
        await self.visitor.read_it()
        return True


@dataclass(kw_only=True)
class ByMail:
    person: Person
    subject: str
    doors: Doors
    letters: asyncio.Queue[Received]
    name: str
    """Of this correspondence: in its mails' ids."""
    answer: Received | None = None
    written: Iterator[int] = field(default_factory=lambda: count(1))

    async def say(self, line: Line) -> None:
        if not isinstance(line, str):
            return
        number = next(self.written)
        if self.answer is None:
            mail = a_mail(
                sender=f"{self.person.name} <{self.person.email}>",
                to=self.doors.address,
                subject=self.subject,
                text=f"{line}\n\n-- \n{self.person.name}\n{self.person.phone}",
                message_id=f"{self.name}-{number}@{_domain(self.person.email)}",
            )
        else:
            mail = an_answer(self.answer, text=line, number=number)
        # The receiving server's word: without it nobody's address is proved.
        proof = f"Authentication-Results: {self.doors.authserv_id}; dmarc=pass header.from={_domain(self.person.email)}\r\n"
        await write_mail(
            self.doors.smtp,
            proof.encode() + mail,
            sender=self.person.email,
            recipients=[self.doors.address],
        )
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            # The library waits with wait_for, which in Python 3.11 loses a cancellation that comes with the answer.
            raise asyncio.CancelledError

    async def answered(self) -> bool:
        try:
            async with asyncio.timeout(PATIENCE_S):
                self.answer = await self.letters.get()
        except TimeoutError:
            return False
        return True


def _domain(address: str) -> str:
    return address.rpartition("@")[2]
