"""The source report and the cards behind it."""

import random
from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from storage import tables
from storage.analytics import drill_down
from storage.analytics.models import ALL
from storage.analytics.rollups import Basis
from storage.analytics.self_reported import choose_self_reported
from storage.analytics.source_report import GROUPINGS, Wish, source_report
from storage.fields import add_field
from tests.builders import Rows
from tests.storage.analytics.test_reckoning import NOW, Shop, reckon


async def test_rows_add_up_to_the_total_whatever_it_is_grouped_by(database: AsyncEngine) -> None:
    chance = random.Random(7)  # nothing secret
    async with database.begin() as connection:
        shop = Shop(Rows(connection, now=NOW))
        await shop.open()
        for _ in range(60):
            what = chance.choice(["touch", "touch", "lead", "inquiry"])
            await shop.do(what, chance.randrange(3), chance.randrange(200), chance.randrange(12))
        await reckon(connection, *shop.people)
        for first, last in (
            (date(2026, 6, 11), date(2026, 11, 30)),
            (date(2026, 11, 3), date(2026, 11, 20)),
            (date(2026, 9, 1), date(2026, 10, 31)),
        ):
            for basis in ("cohort", "event"):
                for model in ALL:
                    totals = {}
                    for by in GROUPINGS:
                        wish = Wish(first=first, last=last, by=by, basis=basis, model=model)
                        report = await source_report(connection, wish)
                        totals[by] = report.total
                    assert len(set(totals.values())) == 1, totals
                    assert totals["source"].leads > 0
            wish = Wish(first=first, last=last)
            for row in (await source_report(connection, wish)).rows:
                page = await drill_down.cards(
                    connection,
                    Wish(first=first, last=last, only={"source": row.key}),
                    "leads",
                    limit=500,
                )
                assert sum(card.weight for card in page.items) == row.sums.leads


async def test_what_is_narrowed_to_a_row_is_that_row_by_whatever_it_is_split_further(
    database: AsyncEngine,
) -> None:
    """Each pair of groupings takes its own way to the answer: sums by origin, by owner, of both by the month, or credits."""
    chance = random.Random(11)  # nothing secret
    async with database.begin() as connection:
        rows = Rows(connection, now=NOW)
        shop = Shop(rows)
        await shop.open()
        for _ in range(60):
            what = chance.choice(["touch", "touch", "lead", "inquiry"])
            await shop.do(what, chance.randrange(3), chance.randrange(200), chance.randrange(12))
        managers = [await rows.user(name=name) for name in ("Анна", "Борис")]
        for number, lead in enumerate(shop.leads):
            await connection.execute(
                update(tables.lead)
                .where(tables.lead.c.id == lead)
                .values(
                    manager_id=managers[number % 2],
                    fields={"heard": ("Друзья", "Карты")[number % 2]} if number % 3 else {},
                )
            )
        heard = await add_field(
            connection,
            entity="lead",
            name="Откуда узнали",
            kind="choice",
            choices=["Друзья", "Карты"],
            key="heard",
            now=NOW,
        )
        await choose_self_reported(connection, heard, chosen=True)
        await reckon(connection, *shop.people)
        groupings = ("source", "manager", "pipeline", "landing", "term", "said")
        for basis in ("cohort", "event"):
            for model in ("last", "linear", "time_decay"):
                wish = Wish(
                    first=date(2026, 6, 11), last=date(2026, 11, 20), basis=basis, model=model
                )
                for outer, inner in permutations(groupings, 2):
                    for row in (await source_report(connection, replace(wish, by=outer))).rows:
                        narrowed = replace(wish, by=inner, only={outer: row.key})
                        parts = (await source_report(connection, narrowed)).total
                        assert replace(parts, spend=0) == replace(row.sums, spend=0), narrowed


@pytest.mark.parametrize("basis", ["cohort", "event"])
async def test_a_day_from_which_everything_has_moved_is_no_row(
    database: AsyncEngine, basis: Basis
) -> None:
    async with database.begin() as connection:
        there = Rows(connection, now=NOW)
        person = await there.contact()
        lead = await there.lead(person, created_at=NOW)
        await reckon(connection, person)
        first, last = NOW.date() - timedelta(days=9), NOW.date()
        wish = Wish(first=first, last=last, by="day", basis=basis)
        assert [row.key for row in (await source_report(connection, wish)).rows] == ["2026-11-30"]

        earlier = NOW - timedelta(days=3)
        moved = update(tables.lead).where(tables.lead.c.id == lead)
        await connection.execute(moved.values(created_at=earlier))
        await reckon(connection, person)

        assert [row.key for row in (await source_report(connection, wish)).rows] == ["2026-11-27"]
