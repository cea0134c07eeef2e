"""The messengers of the town: their stand-ins, what the workshop has there, and people who write in them."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar, assert_never

from sandbox.pictures import brake_disc
from sandbox.telegram import Bot, Delivered as ShownInTelegram, Telegram
from sandbox.telling import Leaves, Likes, Line, Mends, Person, Photo, SharesPhone
from sandbox.vk import VK, Community, Delivered as ShownInVK
from sandbox.vk.methods import KINDS
from sandbox.whatsapp import Delivered as ShownInWhatsApp, Number, WhatsApp
from sandbox.whatsapp.world import Webhook

PATIENCE_S: Final = 240.0
"""Who has no answer by then goes elsewhere."""
BOT: Final = "kolodka_service_bot"
BOT_NUMBER: Final = 7_001_002_003
COMMUNITY: Final = 222_001
WHATSAPP_NUMBER: Final = "106540352242922"
WHATSAPP_DISPLAY: Final = "74950000012"
REACTIONS: Final = {"❤": 1, "👍": 4}
"""VK numbers them."""

Letter = TypeVar("Letter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Messengers:
    telegram: Telegram
    bot: Bot
    vk: VK
    community: Community
    whatsapp: WhatsApp
    number: Number

    def tell(self, *, vk_hook: str, whatsapp_hook: str, secret: str) -> None:
        """VK and WhatsApp bring what people write there; Telegram is asked for it."""
        server = self.community.add_server(vk_hook, "Allo", secret)
        server.status, server.events = "ok", set(KINDS)
        self.number.webhook = Webhook(whatsapp_hook, secret)

    def remember(self, kind: str, value: str, name: str) -> None:
        """Somebody of an earlier run, by the key Allo knows them by: an answer still reaches them."""
        match kind:
            case "telegram":
                self.bot.chat_of(int(value), name=name)
            case "vk" if value.isdecimal():
                self.community.person(int(value), name)
                self.community.chat_of(int(value)).allowed = True
            case "whatsapp" if value.isdecimal():
                # When they wrote last is kept by Allo, and so is how long they may be answered.
                self.number.person(value, name, wrote_at=self.number.now())
            case _:
                pass

    def forget_what_was_done(self) -> None:
        """It has been looked at: the demo runs for days."""
        for done in (
            *(self.bot.sent, self.bot.edited, self.bot.answered, self.bot.actions),
            *(self.community.sent, self.community.actions),
            *(self.number.sent, self.number.read_marks),
            *(self.telegram.calls, self.vk.calls, self.whatsapp.calls),
        ):
            done.clear()


@asynccontextmanager
async def open_messengers(*, run: int, secret: str) -> AsyncGenerator[Messengers]:
    """`run` of earlier ones: numbers are counted on, because Allo knows the updates and messages of before."""
    bots = Telegram(now=time.time)
    communities = VK(now=time.time)
    numbers = WhatsApp(now=time.time, token="demo", app_secret=secret)  # noqa: S106  # the stand-in's
    async with bots.running(), communities.running(), numbers.running():
        yield Messengers(
            telegram=bots,
            bot=bots.add_bot(
                f"{BOT_NUMBER}:demo",
                BOT,
                first_update=870_001 + run * 10_000_000,
                first_message=1 + run * 1_000_000,
            ),
            vk=communities,
            community=communities.add_community(COMMUNITY, "demo", first=1 + run * 1_000_000),
            whatsapp=numbers,
            number=numbers.add_number(WHATSAPP_NUMBER, display=WHATSAPP_DISPLAY),
        )


async def the_next(letters: asyncio.Queue[Letter]) -> Letter | None:
    """None when patience is over."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await letters.get()
    except TimeoutError:
        return None


def _read_all(letters: asyncio.Queue[Any]) -> None:
    """What is there is read, and no answer to what is said now."""
    while not letters.empty():
        letters.get_nowait()


@dataclass(kw_only=True)
class InTelegram:
    person: Person
    user: int
    bot: Bot
    letters: asyncio.Queue[ShownInTelegram]
    last: int = 0
    last_answer: int | None = None

    async def say(self, line: Line) -> None:
        _read_all(self.letters)
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
        answer = await the_next(self.letters)
        if answer is not None:
            self.last_answer = answer.message_id
        return answer is not None


@dataclass(kw_only=True)
class InVK:
    """`ref`: the link that brought them, told with what they write first."""

    person: Person
    user: int
    community: Community
    letters: asyncio.Queue[ShownInVK]
    ref: str = ""
    last: int = 0
    last_answer: int | None = None

    async def say(self, line: Line) -> None:
        _read_all(self.letters)
        match line:
            case str():
                source: dict[str, Any] = {"ref": self.ref} if self.ref and not self.last else {}
                told = self.community.writes(self.user, line, name=self.person.name, **source)
                self.last = told["object"]["message"]["conversation_message_id"]
            case Photo():
                self.community.sends_photo(self.user, brake_disc(), text=line.caption)
            case SharesPhone():
                # There is no button for it.
                self.community.writes(self.user, self.person.phone)
            case Mends():
                self.community.edits(self.user, self.last, line.text)
            case Likes():
                if self.last_answer is not None:
                    self.community.reacts(self.user, self.last_answer, REACTIONS[line.emoji])
            case Leaves():
                self.community.denies(self.user)
            case _:
                assert_never(line)

    async def answered(self) -> bool:
        answer = await the_next(self.letters)
        if answer is not None:
            self.last_answer = answer.number
            self.community.reads(self.user)
        return answer is not None


@dataclass(kw_only=True)
class InWhatsApp:
    """`advertised`: they press an advertisement's button, and their first message says so."""

    person: Person
    number: Number
    letters: asyncio.Queue[ShownInWhatsApp]
    advertised: bool = False
    last: str = ""
    last_answer: str = ""

    @property
    def wa_id(self) -> str:
        return wa_id_of(self.person)

    async def say(self, line: Line) -> None:
        _read_all(self.letters)
        match line:
            case str():
                self.number.person(self.wa_id, self.person.name)
                if self.advertised and not self.last:
                    told = self.number.clicks_advertisement(
                        self.wa_id, line, headline="Тормоза за час"
                    )
                else:
                    told = self.number.writes(self.wa_id, line)
                self.last = told["id"]
            case Photo():
                caption = {"caption": line.caption} if line.caption else {}
                self.number.sends_file(self.wa_id, brake_disc(), mime="image/png", **caption)
            case Mends():
                self.number.edits(self.wa_id, self.last, line.text)
            case Likes():
                if self.last_answer:
                    self.number.reacts(self.wa_id, self.last_answer, line.emoji)
            case SharesPhone() | Leaves():
                # The number is known, and nobody is told who blocks them.
                pass
            case _:
                assert_never(line)

    async def answered(self) -> bool:
        answer = await the_next(self.letters)
        if answer is not None:
            self.last_answer = answer.id
        return answer is not None


def wa_id_of(person: Person) -> str:
    return person.phone.removeprefix("+")
