"""Long polling: one process per account, nothing lost between two polls, one account's trouble is its own."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast
from uuid import UUID

import aiohttp
import pytest
from typing_extensions import override

from connectors.channel_log import ChannelLog, Entry
from connectors.connector import (
    Account,
    Capabilities,
    Connector,
    Incoming,
    NotDurable,
    Polled,
)
from connectors.errors import AccountBroken, OutcomeUnknown, Throttled, Unreachable
from connectors.polling import Pace, Polling
from router.message import Chat, InboundMessage
from tests.conftest import NOON

PACE = Pace(lease=0.15, look=0.02, first_wait=0.01, longest_wait=0.05, least=0.01)


def an_account(number: int = 1, **fields: str) -> Account:
    return Account(id=UUID(int=number), kind="parrot", slug=f"p{number}", fields=fields)


@dataclass
class Platform:
    """Holds numbered messages per account; a cursor confirms what is before it. `trouble` is raised, once each."""

    messages: dict[UUID, list[str]] = field(default_factory=dict)
    trouble: dict[UUID, list[BaseException]] = field(default_factory=dict)
    asked: list[tuple[UUID, str]] = field(default_factory=list)
    asking: int = 0
    most_asking: int = 0

    async def poll(self, account: Account, cursor: str, http: aiohttp.ClientSession) -> Polled:
        self.asked.append((account.id, cursor))
        self.asking += 1
        self.most_asking = max(self.most_asking, self.asking)
        try:
            await asyncio.sleep(0.005)
        finally:
            self.asking -= 1
        if self.trouble.get(account.id):
            raise self.trouble[account.id].pop(0)
        start = int(cursor or 0)
        texts = self.messages.get(account.id, [])[start:]
        events = [
            InboundMessage(key=str(n), chat=Chat(id="7"), at=NOON, external_id=str(n), text=text)
            for n, text in enumerate(texts, start)
        ]
        return Polled(
            incoming=tuple(Incoming(event=event) for event in events),
            cursor=str(start + len(texts)),
        )


@dataclass
class Line(Platform):
    """Holds a connection over which it says one message at a time, and "" when there is none."""

    open: int = 0
    opened: list[str] = field(default_factory=list)
    hung: bool = False
    ends_after: int | None = None

    async def watch(
        self, account: Account, cursor: str, http: aiohttp.ClientSession
    ) -> AsyncIterator[Polled]:
        self.opened.append(cursor)
        self.open += 1
        self.most_asking = max(self.most_asking, self.open)
        try:
            said = 0
            while self.ends_after is None or said < self.ends_after:
                polled = await self.poll(account, cursor, http)
                polled = replace(polled, incoming=polled.incoming[:1])
                cursor = str(int(cursor or 0) + len(polled.incoming))
                yield replace(polled, cursor=cursor)
                said += 1
        finally:
            self.open -= 1
            if self.hung:
                await asyncio.Event().wait()


@dataclass
class World:
    """What polling stands on, in memory. `leases` may be shared by two."""

    accounts: list[Account]
    accepted: list[tuple[UUID, str]] = field(default_factory=list)
    cursors: dict[UUID, str] = field(default_factory=dict)
    leases: dict[str, tuple[object, float]] = field(default_factory=dict)
    told: list[tuple[str, UUID, str]] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    not_durable: int = 0
    name: object = field(default_factory=object)

    async def look_up(self, slug: str) -> Account | None:
        return self.find(slug)

    def find(self, slug: str) -> Account | None:
        return next((each for each in self.accounts if each.slug == slug), None)

    def of_kind(self, kind: str) -> Sequence[Account]:
        return list(self.accounts)

    async def accept(self, account: Account, incoming: Sequence[Incoming]) -> None:
        if self.not_durable:
            self.not_durable -= 1
            raise NotDurable
        self.story.append("durable")
        for each in incoming:
            assert isinstance(each.event, InboundMessage)
            self.accepted.append((account.id, each.event.text))

    async def take(self, name: str, *, seconds: float) -> bool:
        now = asyncio.get_running_loop().time()
        holder, until = self.leases.get(name, (None, 0.0))
        if holder not in {None, self.name} and until > now:
            return False
        self.leases[name] = (self.name, now + seconds)
        return True

    async def give_back(self, name: str) -> None:
        if self.leases.get(name, (None, 0))[0] is self.name:
            del self.leases[name]

    async def load(self, account: UUID, what: str) -> str:
        return self.cursors.get(account, "")

    async def save(self, account: UUID, what: str, value: str) -> None:
        self.story.append("cursor")
        self.cursors[account] = value

    async def works(self, account: Account) -> None:
        self.told.append(("works", account.id, ""))

    async def troubled(self, account: Account, reason: str) -> None:
        self.told.append(("troubled", account.id, reason))

    async def broken(self, account: Account, reason: str) -> None:
        self.told.append(("broken", account.id, reason))

    def received(self, kind: str) -> None:
        self.story.append("counted")

    def refused(self, kind: str, status: int) -> None:
        raise AssertionError

    def ignored(self, kind: str, reason: str) -> None: ...

    def write(self, entry: Entry) -> None:
        self.entries.append(entry)


def a_polling(platform: Platform, world: World) -> Polling:
    channel = Connector(
        kind="parrot",
        label="Parrot",
        icon="parrot",
        identity="parrot",
        fields=(),
        capabilities=Capabilities(),
        polls=lambda account: account["mode"] != "webhook",
        poll=None if isinstance(platform, Line) else platform.poll,
        watch=platform.watch if isinstance(platform, Line) else None,
    )
    return Polling(
        connectors={"parrot": channel},
        accounts=world,
        intake=world,
        leases=world,
        cursors=world,
        conditions=world,
        counts=world,
        log=ChannelLog(world, lambda: NOON),
        http=cast("aiohttp.ClientSession", None),
        chance=lambda: 0.5,
        pace=PACE,
    )


@asynccontextmanager
async def running(polling: Polling) -> AsyncGenerator[asyncio.Task[None]]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(polling.run())
        yield task
        task.cancel()


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.005)


async def test_messages_are_made_durable_before_the_cursor_moves() -> None:
    account = an_account()
    platform, world = Platform({account.id: ["раз", "два"]}), World([account])
    async with running(a_polling(platform, world)):
        await until(lambda: len(world.accepted) == 2)
        platform.messages[account.id].append("три")
        await until(lambda: len(world.accepted) == 3)
    assert [text for _, text in world.accepted] == ["раз", "два", "три"]
    assert world.story == [
        "durable",
        "cursor",
        "counted",
        "counted",
        "durable",
        "cursor",
        "counted",
    ]
    assert world.cursors[account.id] == "3"
    assert world.told == [("works", account.id, "")]


async def test_what_could_not_be_stored_is_asked_for_again() -> None:
    account = an_account()
    platform, world = Platform({account.id: ["раз"]}), World([account], not_durable=2)
    async with running(a_polling(platform, world)):
        await until(lambda: world.accepted)
        await until(lambda: ("works", account.id, "") in world.told)
    assert world.accepted == [(account.id, "раз")]
    assert world.story[:2] == ["durable", "cursor"]
    assert [state for state, _, _ in world.told] == ["troubled", "works"]


async def test_another_process_goes_on_from_the_stored_cursor() -> None:
    account = an_account()
    platform = Platform({account.id: ["раз"]})
    first = World([account])
    async with running(a_polling(platform, first)):
        await until(lambda: first.cursors)
    second = World([account], cursors=first.cursors, leases=first.leases)
    platform.messages[account.id].append("два")
    async with running(a_polling(platform, second)):
        await until(lambda: second.accepted)
    assert second.accepted == [(account.id, "два")]


async def test_two_processes_never_poll_one_account_together() -> None:
    account = an_account()
    platform = Platform()
    first = World([account])
    second = World([account], leases=first.leases, cursors=first.cursors)
    async with running(a_polling(platform, first)), running(a_polling(platform, second)):
        await until(lambda: len(platform.asked) > 20)
    assert platform.most_asking == 1


async def test_a_lost_lease_stops_polling_and_a_dead_holder_is_replaced() -> None:
    account = an_account()
    platform, world = Platform(), World([account])
    async with running(a_polling(platform, world)):
        await until(lambda: platform.asked)
        thief = object()
        now = asyncio.get_running_loop().time()
        world.leases[f"poll:{account.id}"] = (thief, now + 0.4)
        await asyncio.sleep(PACE.lease)
        asked = len(platform.asked)
        await asyncio.sleep(PACE.lease / 3)
        assert len(platform.asked) == asked
        # The thief dies: its lease runs out.
        await until(lambda: len(platform.asked) > asked)
        assert world.leases[f"poll:{account.id}"][0] is world.name


async def test_trouble_is_told_once_and_tried_again_later_and_later() -> None:
    account = an_account()
    down: list[BaseException] = [Unreachable("The server does not accept connections")] * 4
    platform, world = Platform({account.id: ["раз"]}, {account.id: down}), World([account])
    async with running(a_polling(platform, world)):
        await until(lambda: ("works", account.id, "") in world.told)
    assert world.told[0] == ("troubled", account.id, "The server does not accept connections")
    assert [state for state, _, _ in world.told] == ["troubled", "works"]
    assert len(world.entries) == 1
    assert world.accepted == [(account.id, "раз")]


async def test_the_platforms_wish_to_wait_is_respected() -> None:
    account = an_account()
    platform = Platform(trouble={account.id: [Throttled(retry_after=0.3)]})
    world = World([account])
    async with running(a_polling(platform, world)):
        await until(lambda: world.told)
        await asyncio.sleep(0.15)
        assert len(platform.asked) == 1
        await until(lambda: len(platform.asked) > 1)


async def test_any_other_trouble_is_tried_again_too() -> None:
    account = an_account()
    trouble: list[BaseException] = [
        OutcomeUnknown("No answer"),
        TimeoutError(),
        KeyError("a mistake of ours"),
    ]
    platform, world = Platform({account.id: ["раз"]}, {account.id: trouble}), World([account])
    polling, failed = a_polling(platform, world), list[tuple[str, str]]()
    polling.failed = lambda kind, family: failed.append((kind, family))
    async with running(polling):
        await until(lambda: world.accepted)
        await until(lambda: world.told[-1][0] == "works")
    assert failed == [(account.kind, each) for each in ("OutcomeUnknown", "Timeout", "Mistake")]
    assert [reason for _, _, reason in world.told] == [
        "No answer",
        "No answer in time",
        "A mistake of ours (KeyError)",
        "",
    ]


async def test_a_broken_account_stops_and_starts_again_when_it_was_mended() -> None:
    broken, well = an_account(1, token="bad"), an_account(2)
    platform = Platform({well.id: ["раз"]}, {broken.id: [AccountBroken("refused")]})
    world = World([broken, well])
    async with running(a_polling(platform, world)):
        await until(lambda: ("broken", broken.id, "refused") in world.told)
        await until(lambda: len(platform.asked) > 10)
        assert sum(number == broken.id for number, _ in platform.asked) == 1
        assert world.accepted == [(well.id, "раз")]
        assert f"poll:{broken.id}" not in world.leases
        world.accounts[0] = an_account(1, token="good")
        await until(lambda: ("works", broken.id, "") in world.told)


async def test_accounts_come_and_go_while_it_runs() -> None:
    first, second = an_account(1), an_account(2)
    platform, world = Platform(), World([first])
    async with running(a_polling(platform, world)):
        await until(lambda: platform.asked)
        world.accounts = [second]
        await until(lambda: any(number == second.id for number, _ in platform.asked))
        seen = len([number for number, _ in platform.asked if number == first.id])
        await asyncio.sleep(0.05)
        assert len([number for number, _ in platform.asked if number == first.id]) == seen
        world.accounts = [an_account(2, mode="webhook")]
        await asyncio.sleep(0.1)
        asked = len(platform.asked)
        await asyncio.sleep(0.05)
        assert len(platform.asked) == asked


async def test_a_list_of_channels_that_cannot_be_told_stops_nobody() -> None:
    account = an_account()

    @dataclass
    class Deaf(World):
        @override
        async def works(self, account: Account) -> None:
            raise OSError("no database")

        @override
        async def troubled(self, account: Account, reason: str) -> None:
            raise OSError("no database")

        @override
        async def give_back(self, name: str) -> None:
            raise OSError("no database")

    world = Deaf([account])
    trouble: dict[UUID, list[BaseException]] = {account.id: [Unreachable("down")]}
    platform = Platform({account.id: ["раз"]}, trouble)
    async with running(a_polling(platform, world)):
        await until(lambda: world.accepted)


async def test_a_platform_that_answers_at_once_is_not_asked_in_a_frenzy() -> None:
    account = an_account()
    platform, world = Platform(), World([account])
    async with running(a_polling(platform, world)):
        await asyncio.sleep(0.3)
    assert len(platform.asked) <= 32


async def test_a_held_connection_is_asked_for_more_once_the_cursor_is_stored() -> None:
    account = an_account()
    platform, world = Line({account.id: ["раз", "два"]}), World([account])
    async with running(a_polling(platform, world)):
        await until(lambda: len(world.accepted) == 2)
        platform.messages[account.id].append("три")
        await until(lambda: len(world.accepted) == 3)
    assert [text for _, text in world.accepted] == ["раз", "два", "три"]
    assert world.story == ["durable", "cursor", "counted"] * 3
    assert platform.opened == [""]
    assert platform.open == 0
    assert world.told == [("works", account.id, "")]


async def test_a_lost_connection_is_opened_anew_from_the_stored_cursor() -> None:
    account = an_account()
    platform, world = Line({account.id: ["раз"]}), World([account])
    async with running(a_polling(platform, world)):
        await until(lambda: world.accepted)
        platform.trouble[account.id] = [Unreachable("The connection was lost"), KeyError("ours")]
        platform.messages[account.id].append("два")
        await until(lambda: len(world.accepted) == 2)
        await until(lambda: [state for state, _, _ in world.told][-1] == "works")
    assert world.accepted == [(account.id, "раз"), (account.id, "два")]
    assert platform.opened == ["", "1", "1"]
    assert [reason for _, _, reason in world.told] == [
        "",
        "The connection was lost",
        "A mistake of ours (KeyError)",
        "",
    ]


async def test_a_connection_that_ends_by_itself_is_opened_again() -> None:
    account = an_account()
    platform, world = Line({account.id: ["раз", "два", "три"]}, ends_after=1), World([account])
    async with running(a_polling(platform, world)):
        await until(lambda: len(world.accepted) == 3)
    assert platform.opened[:3] == ["", "1", "2"]
    assert ("troubled", account.id, "The platform closed the connection") in world.told


async def test_what_came_over_a_connection_and_could_not_be_stored_comes_again() -> None:
    account = an_account()
    platform, world = Line({account.id: ["раз", "два"]}), World([account], not_durable=2)
    async with running(a_polling(platform, world)):
        await until(lambda: len(world.accepted) == 2)
    assert world.accepted == [(account.id, "раз"), (account.id, "два")]
    assert platform.opened == ["", "", ""]
    assert platform.open == 0


async def test_a_connection_that_cannot_be_closed_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("connectors.polling.CLOSING", 0.05)
    account = an_account()
    platform = Line({account.id: ["раз"]}, hung=True)
    world = World([account], not_durable=1)
    async with running(a_polling(platform, world)):
        await until(lambda: world.accepted)
        platform.hung = False
    assert world.accepted == [(account.id, "раз")]
    assert platform.opened == ["", ""]


async def test_a_silent_connection_is_taken_for_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.polling.LONGEST_POLL", 0.05)
    account = an_account()

    @dataclass
    class Silent(Line):
        @override
        async def poll(self, account: Account, cursor: str, http: aiohttp.ClientSession) -> Polled:
            await asyncio.Event().wait()
            raise AssertionError

    platform, world = Silent(), World([account])
    async with running(a_polling(platform, world)):
        await until(lambda: len(platform.opened) > 1)
    assert world.told == [("troubled", account.id, "No answer in time")]
    assert platform.open == 0


async def test_two_processes_never_hold_two_connections() -> None:
    account = an_account()
    platform = Line({account.id: ["раз"]})
    first = World([account])
    second = World([account], leases=first.leases, cursors=first.cursors)
    async with running(a_polling(platform, first)), running(a_polling(platform, second)):
        await until(lambda: len(platform.asked) > 20)
    assert platform.most_asking == 1
