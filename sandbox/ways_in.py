"""How people reach the workshop and hear from it: their messengers, the chat on the site, their mail."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Protocol

from sandbox.mailbox import Mailbox, Received, a_mail, an_answer, write_mail
from sandbox.messengers import PATIENCE_S, Messengers, the_next
from sandbox.telegram import Delivered as ShownInTelegram
from sandbox.telling import Line, Person
from sandbox.visitors import SiteVisitor
from sandbox.vk import Delivered as ShownInVK
from sandbox.whatsapp import Delivered as ShownInWhatsApp

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

    def __init__(self, messengers: Messengers, mailbox: Mailbox) -> None:
        self._messengers, self._mailbox = messengers, mailbox
        self._telegram: defaultdict[int, asyncio.Queue[ShownInTelegram]] = _boxes()
        self._vk: defaultdict[int, asyncio.Queue[ShownInVK]] = _boxes()
        self._whatsapp: defaultdict[str, asyncio.Queue[ShownInWhatsApp]] = _boxes()
        self._mails: defaultdict[str, asyncio.Queue[Received]] = _boxes()

    def in_telegram(self, user: int) -> asyncio.Queue[ShownInTelegram]:
        return self._telegram[user]

    def in_vk(self, user: int) -> asyncio.Queue[ShownInVK]:
        return self._vk[user]

    def in_whatsapp(self, wa_id: str) -> asyncio.Queue[ShownInWhatsApp]:
        return self._whatsapp[wa_id]

    def of_address(self, address: str) -> asyncio.Queue[Received]:
        return self._mails[address]

    def close(self, *, telegram_user: int, vk_user: int, wa_id: str, address: str) -> None:
        self._telegram.pop(telegram_user, None)
        self._vk.pop(vk_user, None)
        self._whatsapp.pop(wa_id, None)
        self._mails.pop(address, None)

    async def run(self) -> None:
        while True:
            self._bring()
            self._messengers.forget_what_was_done()
            self._mailbox.mails.clear()
            await asyncio.sleep(LOOK_S)

    def _bring(self) -> None:
        for sent in self._messengers.bot.sent:
            if sent.chat in self._telegram:
                self._telegram[sent.chat].put_nowait(sent)
        for shown in self._messengers.community.sent:
            if shown.peer in self._vk:
                self._vk[shown.peer].put_nowait(shown)
        for message in self._messengers.number.sent:
            # It may be addressed by either of a person's two names.
            person = self._messengers.number.find(message.to)
            if person is not None and person.wa_id in self._whatsapp:
                self._whatsapp[person.wa_id].put_nowait(message)
        for mail in self._mailbox.mails:
            for each in mail.recipients:
                if each in self._mails:
                    self._mails[each].put_nowait(mail)


def _boxes() -> defaultdict[Any, asyncio.Queue[Any]]:
    return defaultdict(asyncio.Queue)


class Talk(Protocol):
    async def say(self, line: Line) -> None: ...

    async def answered(self) -> bool:
        """Waits for an answer; False when there is none to come."""


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
        answer = await the_next(self.letters)
        if answer is not None:
            self.answer = answer
        return answer is not None


def _domain(address: str) -> str:
    return address.rpartition("@")[2]
