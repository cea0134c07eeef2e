"""Who calls, told to an exchange that waits for it: what we know, and in time also when we cannot find out."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.channel_log import ChannelLog, Entry
from connectors.connector import Account, Incoming, NotDurable
from connectors.registry import discover
from connectors.webhook import ENQUIRY_BUDGET, Webhooks
from tests.conftest import NOON
from tests.doubles.exchange import an_exchange_among_the_channels
from tests.events import a_call_report, accepted
from tests.installation import Installation
from workers.callers import KnownCallers

PHONE = "+79161234567"
ACCOUNT = Account(id=UUID(int=7), kind="exchange", slug="office", fields={"secret": "s"})


@dataclass
class Edge:
    """Accounts, the broker, counts and a log's sink in one."""

    durable: asyncio.Event = field(default_factory=asyncio.Event)
    refuses: int = 0
    accepted: list[Incoming] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    def find(self, slug: str) -> Account | None:
        return ACCOUNT if slug == "office" else None

    async def look_up(self, slug: str) -> Account | None:
        return self.find(slug)

    def of_kind(self, kind: str) -> Sequence[Account]:
        return [ACCOUNT]

    async def accept(self, account: Account, incoming: Sequence[Incoming]) -> None:
        await self.durable.wait()
        if self.refuses:
            self.refuses -= 1
            raise NotDurable
        self.accepted.extend(incoming)

    def received(self, kind: str) -> None: ...

    def refused(self, kind: str, status: int) -> None: ...

    def ignored(self, kind: str, reason: str) -> None: ...

    def write(self, entry: Entry) -> None:
        self.entries.append(entry)


@pytest.fixture(autouse=True)
def exchange() -> Iterator[Any]:
    with an_exchange_among_the_channels() as state:
        yield state


@pytest.fixture
async def shop(database: AsyncEngine) -> Installation:
    shop = await Installation(database).found()
    await shop.hire("Anna", extension="101")
    return shop


@pytest.fixture
def edge() -> Edge:
    edge = Edge()
    edge.durable.set()
    return edge


@pytest.fixture
async def door(
    shop: Installation, edge: Edge
) -> AsyncGenerator[TestClient[web.Request, web.Application]]:
    hooks = Webhooks(
        connectors=discover(),
        accounts=edge,
        intake=edge,
        now=lambda: NOON,
        counts=edge,
        log=ChannelLog(edge, lambda: NOON),
        callers=KnownCallers(shop.engine),
    )
    app = web.Application()
    app.add_routes(hooks.routes())
    async with TestClient(TestServer(app)) as client:
        yield client


async def ask(door: Any, phone: str = PHONE) -> str:
    form = {"call": "c1", "phone": phone, "phase": "ringing", "ask": "1"}
    async with door.post("/hooks/telephony/office", data=form, headers={"X-Secret": "s"}) as answer:
        assert answer.status == 200
        return str(await answer.text())


@pytest.fixture
async def known(shop: Installation) -> None:
    """Somebody who has called before, and is called Ivan by now."""
    office = await shop.connect("line", kind="exchange")
    await shop.route(accepted(office, a_call_report("ringing"), channel="exchange"))
    await shop.sql("update contact set name = 'Ivan'")


async def test_whom_we_know_is_named_with_the_extension_of_their_manager(door, edge, known):
    assert await ask(door) == "Ivan=101"
    (incoming,) = edge.accepted
    assert incoming.event.call == "c1"


async def test_a_stranger_goes_the_default_way(door, known):
    assert await ask(door, "+79990000000") == "default"


@pytest.mark.parametrize("presence", ["away", "off"])
async def test_a_manager_who_is_not_there_is_not_rung(shop, door, known, presence):
    await shop.sql("update user_account set presence = :presence", presence=presence)
    assert await ask(door) == "Ivan="


async def test_the_blocked_are_nobody(shop, door, known):
    await shop.sql("update contact set blocked = true")
    assert await ask(door) == "default"


@asynccontextmanager
async def hanging(shop: Installation) -> AsyncGenerator[None]:
    """The database takes the question, and does not answer."""
    async with shop.engine.connect() as connection:
        await connection.execute(text("lock table identity in access exclusive mode"))
        yield
        await connection.rollback()


async def test_an_answer_is_given_in_time_also_when_the_database_hangs(shop, door, edge, known):
    loop = asyncio.get_running_loop()
    async with hanging(shop):
        began = loop.time()
        assert await ask(door) == "default"
        took = loop.time() - began
    # The look-up itself is given up at a quarter of a second; the rest is the machine's, which here has other work too.
    assert took >= ENQUIRY_BUDGET
    assert [each.what for each in edge.entries] == ["who calls"]
    assert len(edge.accepted) == 1
    assert await ask(door) == "Ivan=101"


async def test_what_is_asked_while_it_hangs_does_not_pile_up(shop, door, edge, known):
    async with hanging(shop), asyncio.TaskGroup() as group:
        asked = [group.create_task(ask(door)) for _ in range(20)]
    assert {each.result() for each in asked} == {"default"}
    assert len(edge.accepted) == 20


async def test_the_caller_does_not_wait_for_the_broker_and_the_event_is_kept(door, edge, known):
    edge.durable.clear()
    assert await ask(door) == "Ivan=101"
    assert edge.accepted == []
    edge.durable.set()
    async with asyncio.timeout(5):
        while not edge.accepted:  # noqa: ASYNC110  # the double has no event for it
            await asyncio.sleep(0.01)


async def test_an_event_that_was_refused_after_the_answer_is_tried_again(
    door, edge, known, monkeypatch
):
    monkeypatch.setattr("connectors.webhook.RETRY_AFTER", "0")
    edge.refuses = 2
    assert await ask(door) == "Ivan=101"
    async with asyncio.timeout(5):
        while not edge.accepted:  # noqa: ASYNC110  # the double has no event for it
            await asyncio.sleep(0.01)
