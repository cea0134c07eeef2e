"""The people of the town: each comes by some way, lives a story there, and leaves.

`Town` sends them in, one after the other, a handful at a time. What a colleague answers reaches them as it would
outside: the stand-in of the messenger has the message, the chat on the site shows it, the mailbox has the mail.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain, count
from random import Random
from typing import Final, assert_never

import aiohttp
import aiosmtplib
import jwt
import structlog

from sandbox.mailbox import Mailbox
from sandbox.messengers import InTelegram, InVK, InWhatsApp, Messengers, wa_id_of
from sandbox.pace import Pace
from sandbox.phrasebook import Phrasebook
from sandbox.stories import MEETS_AGAIN, OPENING, STORIES
from sandbox.telling import Leaves, Person, Story, Way, somebody, tell
from sandbox.visitors import CAMPAIGNS, SiteVisitor
from sandbox.ways_in import ByMail, Doors, Letterboxes, OnSite, Talk

log = structlog.get_logger()

AT_A_TIME: Final = 7
"""Stories under way. With a message every three seconds, each of them moves three times a minute."""
CODES: Final = (
    "c291cmNlPXlhbmRleCZtZWRpdW09Y3BjJmNhbXBhaWduPWJyYWtlcw",
    "vizitka",
    "2gis-card",
    "",
)
"""What stands behind ?start= in links to the bot: the first is "source=yandex&medium=cpc&campaign=brakes" in base64url."""
REFS: Final = ("vizitka", "spring-post", "", "")
"""And behind ?ref= in links to the community."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Somebody with their story. `random` is their own."""

    person: Person
    story: Story
    telling: Story
    random: Random
    http: aiohttp.ClientSession

    @property
    def user(self) -> int:
        """In Telegram. Spread like real ones: multiplying by anything but 0 permutes the remainders of a prime."""
        return 4_000_000_000 + self.person.number * 48_271 % (2**31 - 1)

    @property
    def vk_user(self) -> int:
        """Group chats begin at 2000000000; the modulus is a prime as well."""
        return 1_000_000_000 + self.person.number * 48_271 % 999_999_937


@dataclass(kw_only=True)
class Town:
    """`seed` decides who comes and what they say, however slow the machine is; `run_number` makes the people of each
    run other people than those of the runs before.
    """

    doors: Doors
    messengers: Messengers
    mailbox: Mailbox
    phrasebook: Phrasebook
    pace: Pace
    seed: str
    now: Callable[[], datetime]
    run_number: int
    letters: Letterboxes = field(init=False)
    _numbers: Iterator[int] = field(init=False)

    def __post_init__(self) -> None:
        self.letters = Letterboxes(self.messengers, self.mailbox)
        self._numbers = count(self.run_number * 100_000 + 1)

    async def run(self) -> None:
        """People come and go. Until it is cancelled."""
        room = asyncio.Semaphore(AT_A_TIME)
        async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as group:
            group.create_task(self.letters.run())
            for story, way in self._programme():
                await room.acquire()
                visit = group.create_task(self._visit(story, way, http))
                visit.add_done_callback(lambda _: room.release())

    def _programme(self) -> Iterator[tuple[Story, Way]]:
        random = Random(self.seed)  # noqa: S311  # stories, not secrets

        def strangers() -> Iterator[tuple[Story, Way]]:
            latest = [story for story, _ in OPENING]
            while True:
                # Two alike beside each other would look like a machine.
                story = random.choice([each for each in STORIES if each not in latest])
                latest = [*latest[-8:], story]
                way = "site" if story is MEETS_AGAIN else random.choice(story.ways)
                yield story, way

        return chain(OPENING, strangers())

    async def _visit(self, story: Story, way: Way, http: aiohttp.ClientSession) -> None:
        number = next(self._numbers)
        # Of their own: who comes at the same time does not disturb.
        random = Random(f"{self.seed}:{number}")  # noqa: S311  # stories, not secrets
        person = somebody(number, random, abroad=story.abroad)
        visit = Visit(
            person=person,
            story=story,
            telling=tell(story, person, random),
            random=random,
            http=http,
        )
        if story.wrong_address:
            self.mailbox.nobody.add(person.email)
        try:
            await self._live(visit, way)
        except (aiohttp.ClientError, aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            # Somebody has paused or removed a channel, to see what happens.
            log.info("customer_turned_away", way=way, error=repr(error)[:200])
        finally:
            self.letters.close(
                telegram_user=visit.user,
                vk_user=visit.vk_user,
                wa_id=wa_id_of(person),
                address=person.email,
            )

    async def _live(self, visit: Visit, way: Way) -> None:
        talk = await self._come_in(visit, way)
        for number, turn in enumerate(visit.telling.turns):
            if visit.story is MEETS_AGAIN and number == 1:
                talk = await self._come_in(visit, "telegram")
            asked = self.phrasebook.begin(turn, visit.person.name)
            try:
                for line in turn.says:
                    await self.pace.moment(1.0, 4.0)
                    await self.pace.turn()
                    await talk.say(line)
                asked.said.set()
                if not turn.answer or visit.story.wrong_address or Leaves() in turn.says:
                    # No answer will come; a colleague still has something to do.
                    await self.pace.moment(30, 40)
                elif not await talk.answered():
                    return
            finally:
                self.phrasebook.forget(asked)

    async def _come_in(self, visit: Visit, way: Way) -> Talk:
        person = visit.person
        match way:
            case "telegram":
                code = visit.random.choice(CODES)
                if code:
                    self.messengers.bot.starts(visit.user, code, name=person.name)
                return InTelegram(
                    person=person,
                    user=visit.user,
                    bot=self.messengers.bot,
                    letters=self.letters.in_telegram(visit.user),
                )
            case "vk":
                return InVK(
                    person=person,
                    user=visit.vk_user,
                    community=self.messengers.community,
                    letters=self.letters.in_vk(visit.vk_user),
                    ref=visit.random.choice(REFS),
                )
            case "whatsapp":
                return InWhatsApp(
                    person=person,
                    number=self.messengers.number,
                    letters=self.letters.in_whatsapp(wa_id_of(person)),
                    advertised=visit.random.random() < 0.3,
                )
            case "site":
                return await self._land(visit)
            case "email":
                return ByMail(
                    person=person,
                    subject=visit.story.subject,
                    doors=self.doors,
                    letters=self.letters.of_address(person.email),
                    name=f"m{person.number}",
                )
            case _:
                assert_never(way)

    async def _land(self, visit: Visit) -> OnSite:
        person, random = visit.person, visit.random
        visitor = SiteVisitor(
            http=visit.http,
            base_url=self.doors.base_url,
            slug=self.doors.chat,
            origin=self.doors.shop,
            random=random,
        )
        page = f"/{visit.story.name.replace(' ', '-')}"
        await visitor.land(page, random.choice(CAMPAIGNS))
        form = None
        if visit.story is MEETS_AGAIN:
            await visitor.identify(self._passport(person))
        elif random.random() < 0.7:
            form = {"name": person.name, "phone": person.phone}
        return OnSite(
            visitor=visitor, page=page, form=form, reads_after=lambda: random.uniform(1, 4)
        )

    def _passport(self, person: Person) -> str:
        """The site knows its logged-in customer, and signs for them."""
        claims = {
            "sub": str(person.number),
            "name": person.name,
            "phone": person.phone,
            "exp": int((self.now() + timedelta(minutes=10)).timestamp()),
        }
        return jwt.encode(claims, self.doors.identity_secret, algorithm="HS256")
