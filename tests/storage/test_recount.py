"""The counter of open conversations is watched over, and left alone while somebody is about to change it rightly."""

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncEngine

from storage.timers import recount_open
from storage.world import route
from tests.conftest import NOON
from tests.events import a_message, a_person, accepted
from tests.installation import Installation


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await condition():  # noqa: ASYNC110  # the database tells nobody who waits for a lock
            await asyncio.sleep(0.02)


async def test_a_counter_that_is_wrong_is_mended(database: AsyncEngine) -> None:
    shop = await Installation(database).found()
    await shop.hire("Anna", open_conversations=7)
    async with database.begin() as connection:
        assert await recount_open(connection) == {"anna@example.com": (7, 0)}
    async with database.begin() as connection:
        assert await recount_open(connection) == {}


async def test_a_recount_that_waits_for_a_router_counts_what_the_router_did(
    database: AsyncEngine,
) -> None:
    shop = await Installation(database).found()
    await shop.hire("Anna")
    account = await shop.connect()

    async def recount() -> dict[str, tuple[int, int]]:
        async with database.begin() as connection:
            return await recount_open(connection)

    async def somebody_waits() -> bool:
        waiting = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        return bool(await shop.sql(waiting))

    async with asyncio.TaskGroup() as group, database.begin() as connection:
        await route(
            connection,
            [accepted(account, a_message(by=a_person(1)))],
            policies=shop.policies,
            now=NOON,
        )
        recounting = group.create_task(recount())
        await _until(somebody_waits)
    assert recounting.result() == {}
    assert (await shop.one("select open_conversations from user_account")).open_conversations == 1
