"""The notifier as it runs: woken by what is committed, and by time; two of them tell nobody twice."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from router.facts import NoticeChanged
from storage import outbox
from storage.engine import transaction
from storage.queue import PostgresBroker
from storage.tasks import create_task
from tests.conftest import NOON
from tests.events import a_message, a_person, accepted
from tests.installation import Installation
from workers.ear import Ear
from workers.notify import Notifier
from workers.relay import Relay
from workers.topology import ATTEMPTS, DEAD

PATIENCE_S = 30


class Clock:
    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> Any:
        return self.time


@pytest.fixture
async def shop(database: AsyncEngine) -> Installation:
    shop = await Installation(database).found()
    await shop.hire("Anna")
    return shop


@asynccontextmanager
async def at_work(
    engine: AsyncEngine, clock: Clock
) -> AsyncGenerator[asyncio.Queue[NoticeChanged]]:
    """A relay, a broker of the database's own, and two notifiers; whose bells move is heard."""
    heard: asyncio.Queue[NoticeChanged] = asyncio.Queue()
    stop = asyncio.Event()
    async with PostgresBroker(engine, dead=DEAD, attempts=ATTEMPTS) as broker:
        relay, ear = Relay(engine=engine, broker=broker), Ear(broker)
        pair = [Notifier(engine=engine, now=clock, time_zone="UTC") for _ in range(2)]
        for each in pair:
            ear.tell(each.hear)
        ear.tell(lambda fact: heard.put_nowait(fact) if isinstance(fact, NoticeChanged) else None)
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
            for job in (relay.run, ear.run, *(each.run for each in pair)):
                group.create_task(job(stop))
            yield heard
            stop.set()


async def test_what_happens_is_told_once_and_the_bell_moves(shop, database):
    telegram = await shop.connect()
    async with at_work(database, Clock()) as heard:
        for n in range(1, 4):
            await shop.route(accepted(telegram, a_message(by=a_person(1), key=f"m{n}")))
        while len(await shop.sql("select id from notification")) < 2:
            assert (await heard.get()).user == shop.managers[0]
    kinds = [row.kind for row in await shop.sql("select kind from notification order by kind")]
    assert kinds == ["assigned", "message"]


async def test_a_reminder_comes_with_its_moment_and_once(shop, database):
    clock = Clock()
    [anna] = shop.managers
    async with at_work(database, clock) as heard:
        async with transaction(database) as connection:
            await create_task(
                connection,
                text="call back",
                due_at=NOON + timedelta(hours=1),
                now=NOON,
                manager_id=anna,
                created_by=anna,
            )
        assert heard.empty()
        clock.time += timedelta(hours=1)
        assert (await heard.get()).user == anna
    assert len(await shop.sql("select id from notification")) == 1
    async with database.begin() as connection:
        assert await outbox.take(connection, limit=10) == []
