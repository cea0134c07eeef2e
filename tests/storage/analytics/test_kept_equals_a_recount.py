"""Whatever customers and colleagues do, and however the recorder hears of it: what reports read equals a recount."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.storage.analytics.business import Business

DEEDS = (
    "message", "message", "message", "visit", "call", "call", "reply", "reply", "assign", "stage", "stage", "stage",
    "value", "say", "say", "merge", "unmerge", "erase", "task", "record", "record",
)  # fmt: skip
TURNS = ("message", "call", "reply", "stage", "stage", "order", "zone", "record", "notice")


@pytest.fixture
async def business(database: AsyncEngine) -> Business:
    return Business(database)


async def _again(business: Business) -> None:
    """From the beginning, in the same database."""
    rows = await business.sql(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
        " and not relispartition and relname not in ('alembic_version', 'origin')"
    )
    gone = "".join(f"delete from {row.relname}; " for row in rows)
    await business.sql(f"do $$ begin set local session_replication_role = replica; {gone} end $$")
    business.managers = []
    await business.begin()


slowly = settings(
    max_examples=12,
    # A story is told by what it did, not by being made shorter: that would take minutes.
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def stories(
    deeds: tuple[str, ...], *, longest: int
) -> st.SearchStrategy[list[tuple[str, int, int]]]:
    deed = st.tuples(st.sampled_from(deeds), st.integers(0, 4), st.integers(0, 23))
    return st.lists(deed, min_size=10, max_size=longest)


@slowly
@given(story=stories(DEEDS, longest=40))
async def test_what_is_kept_equals_a_recount_whatever_happened(
    business: Business, story: list[tuple[str, int, int]]
) -> None:
    await _again(business)
    for what, who, number in story:
        await business.do(what, who, number)
    await business.settle()
    kept = await business.kept()

    assert await business.counted_anew() == kept


@slowly
@given(story=stories(TURNS, longest=25))
async def test_another_zone_and_another_order_of_stages_are_noticed(
    business: Business, story: list[tuple[str, int, int]]
) -> None:
    await _again(business)
    for what, who, number in story:
        if what == "notice":
            await business.notice()
        else:
            await business.do(what, who, number)
    await business.settle()
    kept = await business.kept()

    assert await business.counted_anew() == kept
