"""What an import would do, said before it is done: nothing here changes anything."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.spending import Spending, SpendRow
from storage.ad_accounts import ad_account_by_id
from storage.company import company_currency
from storage.origins import Triple
from storage.spend_parts import days_of, parts_of, totals_of
from storage.spending import same_before


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an import would do."""

    covered: tuple[date, date]
    written: int
    replaced: int
    totals: Mapping[str, Decimal]
    replaced_totals: Mapping[str, Decimal]
    unchanged_since: datetime | None
    uncounted: int
    """Rows that would wait for a currency's rate."""
    without_rate: Sequence[str]
    """Currencies that have no rate for some of the days."""
    strange_campaigns: int
    """Campaigns from which nobody came, so far: perhaps links are marked otherwise."""
    sample: Sequence[SpendRow]


async def plan_spending(
    connection: AsyncConnection, account_id: UUID, said: Spending, *, file_hash: str
) -> Plan:
    """Raises NoSuchAdAccount, CannotWrite."""
    account = await ad_account_by_id(connection, account_id)
    covered = days_of(said)
    parts = await parts_of(connection, said.rows, account)
    totals = totals_of(parts)
    found = await connection.execute(
        text("""
            select currency, count(*) as rows, sum(amount) as total from spend
            where ad_account_id = :account and day between :first and :last group by currency order by currency
        """),
        {"account": account_id, "first": covered[0], "last": covered[1]},
    )
    there: Sequence[Any] = found.all()
    again = await same_before(
        connection, account_id, said, file_hash=file_hash, covered=covered, totals=totals
    )
    if again is not None:
        there = ()
    waiting = await _without_rate(
        connection, Counter((part.currency, part.row.first_day) for part in parts)
    )
    return Plan(
        covered=covered,
        written=len(parts),
        replaced=sum(row.rows for row in there),
        totals=totals,
        replaced_totals={row.currency: row.total for row in there},
        unchanged_since=again.at if again is not None else None,
        uncounted=sum(waiting.values()),
        without_rate=list(waiting),
        strange_campaigns=await _strange(connection, {part.origin for part in parts}),
        sample=said.rows[:10],
    )


async def _without_rate(
    connection: AsyncConnection, rows: Mapping[tuple[str, date], int]
) -> Mapping[str, int]:
    """How many rows wait, by currency; `rows` says how many there are of each and day. A rate is good until the next."""
    found = await connection.execute(
        text("""
            select wanted.currency, sum(wanted.rows)::bigint as rows
            from unnest(cast(:currencies as text[]), cast(:days as date[]), cast(:rows as int[]))
                as wanted (currency, day, rows)
            where wanted.currency <> :own and not exists (
                select 1 from currency_rate r where r.currency = wanted.currency and r.day <= wanted.day
            ) group by 1 order by 1
        """),
        {
            "currencies": [currency for currency, _ in rows],
            "days": [day for _, day in rows],
            "rows": list(rows.values()),
            "own": await company_currency(connection),
        },
    )
    return {row.currency: row.rows for row in found.all()}


async def _strange(connection: AsyncConnection, origins: Collection[Triple]) -> int:
    named = {(source, campaign) for source, _, campaign in origins if campaign}
    found = await connection.execute(
        text("""
            select count(*)
            from unnest(cast(:sources as text[]), cast(:campaigns as text[])) as wanted (source, campaign)
            where not exists (
                select 1 from touch t where t.source = wanted.source and t.campaign = wanted.campaign
            )
        """),
        {
            "sources": [source for source, _ in named],
            "campaigns": [campaign for _, campaign in named],
        },
    )
    return int(found.scalar_one())
