"""What reports read equals a recount, whatever happened and in whatever order it was told."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import insert, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from router.attribution_models import WHOLE
from router.ids import new_id
from storage import tables
from storage.analytics import reckoning, rollups, ways
from storage.analytics.rebuilding import recount_month
from tests.builders import Rows

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


async def rows(connection: AsyncConnection, statement: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await connection.execute(text(statement))]


async def sums(connection: AsyncConnection) -> dict[str, list[tuple[Any, ...]]]:
    found = {}
    for table, dimensions in rollups.DIMENSIONS.items():
        columns = ", ".join(("model", "day", *dimensions, *rollups.STORED))
        something = " or ".join(f"{name} <> 0" for name in rollups.STORED)
        found[table] = await rows(
            connection, f"select {columns} from {table} where {something} order by {columns}"
        )
    for table in ways.TABLES:
        found[table] = await rows(
            connection,
            f"select to_jsonb(x) from {table} x where n <> 0 order by to_jsonb(x)::text",
        )
    return found


async def reckon(connection: AsyncConnection, *contacts: UUID) -> None:
    rules = await reckoning.read_rules(connection, time_zone="Europe/Moscow")
    await reckoning.reckon(connection, contacts, rules, now=NOW)


async def total(connection: AsyncConnection, *, model: int = 0) -> tuple[int, ...]:
    (row,) = await rows(
        connection,
        "select sum(leads), sum(won), sum(revenue), sum(inquiries), sum(new_customers) from rollup_origin"
        f" where model = {model}",
    )
    return tuple(int(each or 0) for each in row)


class Shop:
    """Three people whose leads, touches and inquiries come, change and move between them."""

    def __init__(self, there: Rows) -> None:
        self.there = there
        self.people: list[UUID] = []
        self.talks: list[UUID] = []
        self.leads: list[UUID] = []

    async def open(self) -> None:
        for name in "АБВ":
            self.people.append(await self.there.contact(name=name))
            self.talks.append(await self.there.conversation(contact=self.people[-1]))

    async def do(self, what: str, who: int, days: int, number: int) -> None:
        at = NOW - timedelta(days=days, hours=number)
        connection = self.there.connection
        match what:
            case "touch":
                await self.there.touch(
                    self.people[who],
                    at=at,
                    source=("yandex", "direct", "vk")[number % 3],
                    medium="cpc",
                    campaign=("", "spring")[number % 2],
                    landing=("", "https://shop.example/tyres", "https://shop.example/oil")[who],
                )
            case "lead":
                stages = await self.there.stages()
                status = ("won", "lost")[number % 2]
                lead = await self.there.lead(
                    self.people[who],
                    status=status,
                    value=number * 333 + 1,
                    created_at=at,
                    closed_at=at + timedelta(days=number),
                    conversation_id=self.talks[who],
                )
                self.leads.append(lead)
                await connection.execute(
                    insert(tables.lead_event).values(
                        id=new_id(), lead_id=lead, what="opened", after=str(stages[0]), at=at
                    )
                )
            case "inquiry":
                await connection.execute(
                    insert(tables.inquiry).values(
                        id=new_id(), conversation_id=self.talks[who], at=at
                    )
                )
            case "win" if self.leads:
                await connection.execute(
                    update(tables.lead)
                    .where(tables.lead.c.id == self.leads[number % len(self.leads)])
                    .values(status="won", value=number * 1000 + 7, closed_at=at)
                )
            case "move" if self.leads:
                await connection.execute(
                    update(tables.lead)
                    .where(tables.lead.c.id == self.leads[number % len(self.leads)])
                    .values(contact_id=self.people[who])
                )
                await connection.execute(update(tables.touch).values(contact_id=self.people[who]))
            case _:
                pass


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    story=st.lists(
        st.tuples(
            st.sampled_from(["touch", "touch", "lead", "lead", "inquiry", "win", "move", "reckon"]),
            st.integers(0, 2),
            st.integers(0, 120),
            st.integers(0, 12),
        ),
        min_size=3,
        max_size=25,
    )
)
async def test_the_sums_equal_a_recount_and_the_parts_the_whole(
    database: AsyncEngine, story: list[tuple[str, int, int, int]]
) -> None:
    async with database.connect() as connection, connection.begin() as transaction:
        shop = Shop(Rows(connection, now=NOW))
        await shop.open()
        for what, who, days, number in story:
            if what == "reckon":
                await reckon(connection, shop.people[who])
            else:
                await shop.do(what, who, days, number)
        await reckon(connection, *shop.people)
        kept = await sums(connection)
        await reckon(connection, *shop.people)
        assert await sums(connection) == kept

        for month in await rollups.months(connection):
            await recount_month(connection, month)

        assert await sums(connection) == kept
        (expected,) = await rows(
            connection,
            f"select count(*) * {WHOLE}, count(*) filter (where status = 'won') * {WHOLE},"
            " coalesce(sum(value) filter (where status = 'won'), 0),"
            f" (select count(*) * {WHOLE} from inquiry),"
            f" count(distinct contact_id) filter (where status = 'won') * {WHOLE} from lead",
        )
        for model in range(10):
            assert await total(connection, model=model) == tuple(int(each) for each in expected)
        await transaction.rollback()


async def test_another_currency_is_counted_by_the_rate_of_its_day_and_without_one_is_no_money(
    database: AsyncEngine,
) -> None:
    async with database.begin() as connection:
        there = Rows(connection, now=NOW)
        person = await there.contact()
        await there.lead(
            person, status="won", value=10_050, currency="USD", created_at=NOW, closed_at=NOW
        )
        await reckon(connection, person)
        assert (await total(connection))[1:3] == (WHOLE, 0)

        await connection.execute(
            insert(tables.currency_rate).values(
                currency="USD", day=(NOW - timedelta(days=3)).date(), rate=Decimal("81.5")
            )
        )
        await reckon(connection, person)

        assert (await total(connection))[1:3] == (WHOLE, 819_075)


async def test_a_currency_without_small_change_is_counted_in_the_companys(
    database: AsyncEngine,
) -> None:
    async with database.begin() as connection:
        there = Rows(connection, now=NOW)
        person = await there.contact()
        await there.lead(
            person, status="won", value=1_000, currency="JPY", created_at=NOW, closed_at=NOW
        )
        await connection.execute(
            insert(tables.currency_rate).values(
                currency="JPY", day=NOW.date(), rate=Decimal("0.55")
            )
        )
        await reckon(connection, person)

        assert (await total(connection))[2] == 55_000
