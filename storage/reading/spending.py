"""What advertising cost, as pages and the API show it: the accounts with their state, the log of imports, rates, overheads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.ad_accounts import AdAccount, account_of
from storage.reading.paging import DEFAULT_LIMIT, Page, key_of, page_of

_LOG: Final = "spend_imports"
SHOWN_RATES: Final = 200
SHOWN_DAYS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLine:
    """An account; `first_day` and `last_day` of what it has cost, `uncounted` rows without a rate."""

    account: AdAccount
    first_day: date | None
    last_day: date | None
    last_import_at: datetime | None
    last_how: str
    uncounted: int
    counted: int
    """In the last 30 days with figures, in minor units of the company's currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportLine:
    id: UUID
    account_id: UUID
    account: str
    how: str
    file_name: str
    format: str
    covered_from: date
    covered_to: date
    written: int
    refused: int
    standing: int
    replaced: int
    totals: Mapping[str, Decimal]
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """What was wrong with a line of an import."""

    line: int
    reason: str
    refused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    currency: str
    day: date
    rate: Decimal
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Days of spend that no rate counts."""

    currency: str
    first_day: date
    last_day: date
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Overhead:
    id: UUID
    name: str
    amount: int
    currency: str
    first_day: date
    last_day: date


async def list_ad_accounts(
    connection: AsyncConnection, *, only: UUID | None = None
) -> Sequence[AccountLine]:
    """The archived ones last."""
    rows = await connection.execute(
        text(f"""
            select a.*, days.first_day, days.last_day, last.at as last_at, last.how as last_how,
                   coalesce(sums.uncounted, 0) as uncounted, coalesce(sums.counted, 0) as counted
            from ad_account a
            left join lateral (
                select min(covered_from) as first_day, max(covered_to) as last_day from spend_import
                where ad_account_id = a.id and standing > 0
            ) days on true
            left join lateral (
                select at, how from spend_import where ad_account_id = a.id order by at desc, id desc limit 1
            ) last on true
            left join lateral (
                select count(*) filter (where counted is null) as uncounted, sum(counted) as counted
                from spend where ad_account_id = a.id and day > days.last_day - {SHOWN_DAYS}
            ) sums on true
            where cast(:only as uuid) is null or a.id = :only
            order by a.archived_at is not null, lower(a.name), a.id
        """),  # noqa: S608  # a number of ours
        {"only": only},
    )
    return [
        AccountLine(
            account=account_of(row),
            first_day=row.first_day,
            last_day=row.last_day,
            last_import_at=row.last_at,
            last_how=row.last_how or "",
            uncounted=row.uncounted,
            counted=int(row.counted),
        )
        for row in rows
    ]


async def list_imports(
    connection: AsyncConnection,
    *,
    account: UUID | None = None,
    cursor: str | None = "",
    limit: int = DEFAULT_LIMIT,
) -> Page[ImportLine]:
    """The newest first. Raises BadCursor."""
    at, id_ = key_of(cursor, _LOG, tuple[datetime, UUID]) if cursor else (None, None)
    rows = await connection.execute(
        text(f"""
            {_IMPORTS}
            where (cast(:account as uuid) is null or i.ad_account_id = :account)
              and (cast(:at as timestamptz) is null or (i.at, i.id) < (:at, cast(:id as uuid)))
            order by i.at desc, i.id desc limit :limit
        """),
        {"account": account, "at": at, "id": id_, "limit": limit + 1},
    )
    return page_of(
        [_import(row) for row in rows], limit=limit, name=_LOG, key=lambda row: (row.at, row.id)
    )


async def import_by_id(
    connection: AsyncConnection, id_: UUID
) -> tuple[ImportLine, Sequence[Noted]] | None:
    """With what was wrong with its lines, the first of them."""
    found = await connection.execute(text(f"{_IMPORTS} where i.id = :id"), {"id": id_})
    row = found.one_or_none()
    if row is None:
        return None
    return _import(row), [
        Noted(line=each["line"], reason=each["reason"], refused=each["refused"])
        for each in row.problems
    ]


async def list_rates(connection: AsyncConnection) -> Sequence[Rate]:
    """The newest first."""
    rows = await connection.execute(
        text(
            "select currency, day, rate, how from currency_rate order by day desc, currency limit :most"
        ),
        {"most": SHOWN_RATES},
    )
    return [Rate(currency=row.currency, day=row.day, rate=row.rate, how=row.how) for row in rows]


async def missing_rates(connection: AsyncConnection) -> Sequence[Missing]:
    rows = await connection.execute(
        text("""
            select currency, min(day) as first_day, max(day) as last_day, sum(amount) as amount
            from spend where counted is null group by currency order by currency
        """)
    )
    return [
        Missing(
            currency=row.currency,
            first_day=row.first_day,
            last_day=row.last_day,
            amount=row.amount,
        )
        for row in rows
    ]


async def list_overheads(connection: AsyncConnection) -> Sequence[Overhead]:
    """The latest first."""
    rows = await connection.execute(
        text("""
            select id, name, amount, currency, first_day, last_day from overhead
            order by last_day desc, first_day desc, name, id
        """)
    )
    return [
        Overhead(
            id=row.id,
            name=row.name,
            amount=row.amount,
            currency=row.currency,
            first_day=row.first_day,
            last_day=row.last_day,
        )
        for row in rows
    ]


_IMPORTS: Final = """
    select i.*, a.name as account, coalesce(u.name, '') as by_name
    from spend_import i join ad_account a on a.id = i.ad_account_id
    left join user_account u on u.id = i.by_user
"""


def _import(row: Any) -> ImportLine:
    return ImportLine(
        id=row.id,
        account_id=row.ad_account_id,
        account=row.account,
        how=row.how,
        file_name=row.file_name,
        format=row.format,
        covered_from=row.covered_from,
        covered_to=row.covered_to,
        written=row.written,
        refused=row.refused,
        standing=row.standing,
        replaced=row.replaced,
        totals={code: Decimal(total) for code, total in row.totals.items()},
        by=row.by_name,
        at=row.at,
    )
