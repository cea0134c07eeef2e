"""The recorder as it runs: a day of the reports begins when the company's does."""

import asyncio
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.company import Company, save_company
from storage.engine import transaction
from storage.queue import PostgresBroker
from tests.events import a_message, accepted
from tests.installation import Installation
from workers.record import Recorder
from workers.relay import Relay
from workers.topology import ATTEMPTS, DEAD

LATE_EVENING = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day"),
    [("Asia/Vladivostok", 22), ("", 21)],
    ids=["the company's", "the installation's"],
)
async def test_a_day_begins_by_the_companys_clock(
    database: AsyncEngine, zone: str, day: int
) -> None:
    shop = await Installation(database).found()
    await shop.hire("Anna")
    async with transaction(database) as connection:
        await save_company(connection, Company(time_zone=zone))
    account = await shop.connect()
    await shop.route(accepted(account, a_message(at=LATE_EVENING)), now=LATE_EVENING)
    stop = asyncio.Event()
    async with (
        PostgresBroker(database, dead=DEAD, attempts=ATTEMPTS) as broker,
        asyncio.timeout(30),
        asyncio.TaskGroup() as group,
    ):
        recorder = Recorder(
            engine=database, broker=broker, now=lambda: LATE_EVENING, time_zone="UTC"
        )
        for job in (Relay(engine=database, broker=broker).run, recorder.run):
            group.create_task(job(stop))
        days: list[date] = []
        while not days:
            async with database.connect() as connection:
                found = await connection.execute(text("select distinct day from rollup_day"))
                days = list(found.scalars())
            await asyncio.sleep(0)
        stop.set()
    assert days == [date(2026, 11, day)]
