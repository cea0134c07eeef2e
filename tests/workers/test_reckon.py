"""What is due is reckoned in the background; and all of it, at will, beside a running server."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.command_line import run_allo
from tests.storage.analytics.business import ZONE, Business
from workers.reckon import Reckoner


async def _until(condition: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110  # the database tells nobody
            await asyncio.sleep(0.05)


async def test_what_is_due_is_reckoned_and_so_is_everybody_once_the_clock_is_another(
    database: AsyncEngine,
) -> None:
    shop = await Business(database).begin()
    for who in range(4):
        await shop.do("message", who, 3)
    await shop.settle()
    await shop.do("visit", 1, 3)
    await shop.record()
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        reckoner = Reckoner(engine=database, now=lambda: shop.now, time_zone=ZONE)
        group.create_task(reckoner.run(stop))

        async def nothing_is_due() -> bool:
            return not await shop.sql("select 1 from reckoning_due")

        await _until(nothing_is_due)
        before = await shop.kept()
        await shop.do_zone(0, 1)
        shop.later(1)  # it looks every few seconds

        async def by_the_other_clock() -> bool:
            kept = await shop.sql(
                "select value ->> 'zone' from setting where name = 'reports_counted_by'"
            )
            return kept[0][0] == "Asia/Vladivostok" and await nothing_is_due()

        await _until(by_the_other_clock)
        stop.set()
    kept = await shop.kept()
    assert kept != before
    assert await shop.counted_anew() == kept


async def test_all_of_it_is_rebuilt_beside_a_recorder_at_work(
    database: AsyncEngine, database_url: str
) -> None:
    shop = await Business(database).begin()
    for number in range(12):
        await shop.do(("message", "call", "reply", "stage")[number % 4], number, number)
    await shop.settle()
    right = await shop.kept()
    await shop.sql("update rollup_origin set leads = leads + 7, revenue = 1")
    await shop.sql("delete from fact_lead")
    await shop.sql("update fact_stage set seconds = 5")
    await shop.sql("update rollup_replies set replies = 99")
    stop = asyncio.Event()

    async def work() -> None:
        while not stop.is_set():
            await shop.do("message", 3, 1)
            await shop.record()

    async with asyncio.TaskGroup() as group:
        reckoner = Reckoner(engine=database, now=lambda: shop.now, time_zone=ZONE)
        group.create_task(reckoner.run(stop))
        group.create_task(work())
        said = await asyncio.to_thread(
            run_allo,
            "rebuild-rollups",
            ALLO_DATABASE_URL=database_url,
            ALLO_SECRET="x" * 40,
            ALLO_TIME_ZONE=ZONE,
        )
        stop.set()
    assert said.status == 0, said.err
    assert "reckoned anew" in said.out
    await shop.record()
    await shop.drain()
    kept = await shop.kept()
    assert len(kept["fact_lead"]) >= len(right["fact_lead"])
    assert await shop.counted_anew() == kept
