"""A channel nothing comes from: noticed after its working hours, told once, over with the next event."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.accounts import note_events, set_account_state
from storage.channel_log import recent_lines
from storage.policies import Policies
from storage.silent_channels import watch_channels
from tests.conftest import NOON
from tests.installation import Installation

Watch = Callable[[float], Awaitable[int]]
WORKDAYS = '{"fri": [["09:00", "18:00"]], "mon": [["09:00", "18:00"]]}'


@pytest.fixture
async def shop(database: AsyncEngine) -> Installation:
    return await Installation(database).found()


@pytest.fixture
async def quick(shop: Installation) -> UUID:
    """Strangely silent after two hours."""
    return await shop.connect("quick", silent_hours=2, created_at=NOON)


@pytest.fixture
def watch(shop: Installation) -> Watch:
    async def run(hours: float) -> int:
        async with shop.engine.begin() as connection:
            return await watch_channels(
                connection, policies=Policies(), now=NOON + timedelta(hours=hours)
            )

    return run


async def heard(shop: Installation, account: UUID, hours: float) -> None:
    async with shop.engine.begin() as connection:
        await note_events(connection, {account: NOON + timedelta(hours=hours)})


async def silent_since(shop: Installation) -> datetime | None:
    since: datetime | None = (await shop.one("select silent_since from account")).silent_since
    return since


async def facts(shop: Installation) -> list[Any]:
    return [
        each.what
        for each in await shop.sql(
            "select convert_from(body, 'utf8')::json ->> 'what' as what from outbox where kind = 'channel_changed'"
            " order by seq"
        )
    ]


async def test_silence_is_noticed_once_and_is_over_with_the_next_event(
    shop: Installation, quick: UUID, watch: Watch
) -> None:
    await heard(shop, quick, 0)
    assert await watch(1.9) == 0
    assert await watch(2) == 1
    assert await silent_since(shop) == NOON
    assert await watch(3) == 0
    await heard(shop, quick, 4)
    assert await watch(4) == 1
    assert await silent_since(shop) is None
    assert await watch(6) == 1
    assert await facts(shop) == ["silent", "heard", "silent"]
    async with shop.engine.connect() as connection:
        lines = await recent_lines(connection, quick)
    assert [each.what for each in lines] == ["silent", "no longer silent", "silent"]
    assert lines[0].detail == "nothing came for 2 working hours"


async def test_a_channel_that_has_never_said_anything_is_silent_too(
    shop: Installation, quick: UUID, watch: Watch
) -> None:
    assert await watch(1.9) == 0
    assert await watch(2.1) == 1


async def test_only_working_hours_count(shop: Installation, quick: UUID, watch: Watch) -> None:
    # NOON is Saturday, 15:00 in Moscow.
    await shop.sql(f"update team set hours = '{WORKDAYS}', time_zone = 'Europe/Moscow'")
    await heard(shop, quick, 0)
    monday = 24 + 24 - 6  # nine o'clock
    assert await watch(monday + 1.9) == 0
    assert await watch(monday + 2) == 1


async def test_without_a_limit_nobody_watches(shop: Installation, watch: Watch) -> None:
    await shop.connect("slow")
    assert await watch(10_000) == 0


@pytest.mark.parametrize(
    "change", ["silent_hours = null", "silent_hours = 100", "state = 'paused'"]
)
async def test_another_limit_or_a_pause_ends_it(
    shop: Installation, quick: UUID, watch: Watch, change: str
) -> None:
    assert await watch(2) == 1
    await shop.sql(f"update account set {change}")
    assert await watch(2) == 1
    assert await silent_since(shop) is None


async def test_a_resumed_channel_is_given_its_time_again(
    shop: Installation, quick: UUID, watch: Watch
) -> None:
    await heard(shop, quick, 0)
    await shop.sql("update account set state = 'paused'")
    async with shop.engine.begin() as connection:
        await set_account_state(connection, quick, "active")
    # Resumed at the database's own time, which is after NOON's two hours.
    resumed = (await shop.one("select active_since from account")).active_since
    hours = (resumed - NOON).total_seconds() / 3600
    assert await watch(hours + 1.9) == 0
    assert await watch(hours + 2.1) == 1
