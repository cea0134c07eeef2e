"""Keeps what advertising cost. An import replaces what its account had for the days that it covers, in one transaction.

    Spending ─▶ spread over days ─▶ parts of one figure added up ─▶ origins ─▶ what was there goes, what is new comes

All levels of the account go, so that campaigns and their advertisements are never both counted. The same file again changes
nothing, as long as nothing later has touched its days; of two that overlap the last wins, and the log says so.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from babel.numbers import get_currency_precision
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.ids import new_id
from router.spending import MOST, MOST_ROWS, Spending, SpendRow, folded, object_of, spread
from storage.ad_accounts import AdAccount, ad_account_by_id
from storage.audit import write_audit
from storage.driver import Statement, ask, numbered
from storage.sources import origin_ids
from storage.spend_reckoning import COUNTED, origin_of, reckoning
from storage.tables import spend_import

How = Literal["file", "hand", "pull", "api"]

PIECE: Final = 10_000
"""Rows of one statement."""
KEPT_PROBLEMS: Final = 200
HAND: Final = "hand:"
"""What the objects begin with that somebody entered: no platform has such a number."""


class CannotWrite(Exception):
    """Nothing was written; the text is the sentence that says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What an import did. `unchanged`: the same was written before, by the import with this id; nothing was done now.

    `uncounted`: of its rows, those whose currency has no rate yet.
    """

    id: UUID
    unchanged: bool = False
    covered: tuple[date, date]
    written: int
    replaced: int
    refused: int
    uncounted: int
    totals: dict[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an import would do."""

    covered: tuple[date, date]
    written: int
    replaced: int
    totals: dict[str, Decimal]
    replaced_totals: dict[str, Decimal]
    unchanged_since: datetime | None
    without_rate: Sequence[str]
    """Currencies that have no rate for some of the days."""
    strange_campaigns: int
    """Campaigns from which nobody came, so far: perhaps links are marked otherwise."""
    sample: Sequence[SpendRow]


@dataclass(frozen=True, slots=True)
class _Part:
    """A row of the table, but for what the database makes of it."""

    row: SpendRow
    object_id: str
    currency: str
    amount: Decimal
    clicks: int | None
    impressions: int | None


async def plan_spending(
    connection: AsyncConnection, account_id: UUID, said: Spending, *, file_hash: str
) -> Plan:
    """Changes nothing. Raises NoSuchAdAccount, CannotWrite."""
    account = await ad_account_by_id(connection, account_id)
    covered = _covered(said)
    parts = await asyncio.to_thread(_parts, said.rows, account)
    how = await reckoning(connection)
    found = await connection.execute(
        text("""
            select currency, count(*) as rows, sum(amount) as total from spend
            where ad_account_id = :account and day between :first and :last group by currency order by currency
        """),
        {"account": account_id, "first": covered[0], "last": covered[1]},
    )
    there = found.all()
    again = await _same_before(connection, account_id, said, covered, file_hash)
    first_days: dict[str, date] = {}
    for part in parts:
        if part.currency != how.currency:
            day = first_days.setdefault(part.currency, part.row.first_day)
            first_days[part.currency] = min(day, part.row.first_day)
    return Plan(
        covered=covered,
        written=len(parts),
        replaced=sum(row.rows for row in there),
        totals=_totals(parts),
        replaced_totals={row.currency: row.total for row in there},
        unchanged_since=again.at if again is not None else None,
        without_rate=await _without_rate(connection, first_days),
        strange_campaigns=await _strange(connection, account, parts),
        sample=said.rows[:10],
    )


async def write_spending(
    connection: AsyncConnection,
    account_id: UUID,
    said: Spending,
    *,
    how: How,
    file_hash: str,
    file_name: str = "",
    by: UUID | None,
    now: datetime,
) -> Written:
    """In the caller's transaction. Raises NoSuchAdAccount, CannotWrite."""
    account = await ad_account_by_id(connection, account_id, locked=True)
    if account.archived_at is not None:
        raise CannotWrite("This advertising account is put away: bring it back first.")
    covered = _covered(said)
    again = await _same_before(connection, account_id, said, covered, file_hash)
    if again is not None:
        return Written(
            id=again.id,
            unchanged=True,
            covered=covered,
            written=again.written,
            replaced=0,
            refused=said.refused,
            uncounted=0,
            totals={code: Decimal(total) for code, total in again.totals.items()},
        )
    # A large file takes seconds: whoever else is served here must not wait for it.
    parts = await asyncio.to_thread(_parts, said.rows, account)
    gone = await connection.execute(
        text("""
            with gone as (
                delete from spend where ad_account_id = :account and day between :first and :last returning import_id
            )
            select import_id, count(*) as rows from gone group by import_id
        """),
        {"account": account_id, "first": covered[0], "last": covered[1]},
    )
    return await _write(
        connection,
        account,
        parts,
        replaced={row.import_id: row.rows for row in gone},
        covered=covered,
        said=said,
        how=how,
        file_hash=file_hash,
        file_name=file_name,
        by=by,
        now=now,
    )


async def enter_by_hand(
    connection: AsyncConnection,
    account_id: UUID,
    row: SpendRow,
    *,
    by: UUID | None,
    now: datetime,
) -> Written:
    """An amount for a campaign over some days, in place of what was entered for it before; of 0 it is taken out.

    Where an import speaks for one of the days, what is entered would be counted beside it. Raises NoSuchAdAccount,
    CannotWrite.
    """
    account = await ad_account_by_id(connection, account_id, locked=True)
    if account.archived_at is not None:
        raise CannotWrite("This advertising account is put away: bring it back first.")
    imported = await connection.execute(
        text("""
            select 1 from spend s join spend_import i on i.id = s.import_id
            where s.ad_account_id = :account and s.day between :first and :last and i.how <> 'hand' limit 1
        """),
        {"account": account_id, "first": row.first_day, "last": row.last_day},
    )
    if imported.scalar() is not None:
        raise CannotWrite(
            "An import speaks for some of these days. What is beside it belongs to an account of its own."
        )
    object_id, currency = HAND + object_of(row), row.currency or account.currency
    gone = await connection.execute(
        text("""
            with gone as (
                delete from spend where ad_account_id = :account and day between :first and :last
                    and object_id = :object returning import_id
            )
            select import_id, count(*) as rows from gone group by import_id
        """),
        {
            "account": account_id,
            "first": row.first_day,
            "last": row.last_day,
            "object": object_id,
        },
    )
    parts = [
        _Part(each, object_id, currency, each.amount, None, None)
        for each in (spread(row, decimals=get_currency_precision(currency)) if row.amount else ())
    ]
    return await _write(
        connection,
        account,
        parts,
        replaced={each.import_id: each.rows for each in gone},
        covered=(row.first_day, row.last_day),
        said=Spending(format=""),
        how="hand",
        file_hash="",
        file_name=row.campaign,
        by=by,
        now=now,
    )


async def _write(
    connection: AsyncConnection,
    account: AdAccount,
    parts: Sequence[_Part],
    *,
    replaced: dict[UUID, int],
    covered: tuple[date, date],
    said: Spending,
    how: How,
    file_hash: str,
    file_name: str,
    by: UUID | None,
    now: datetime,
) -> Written:
    id_ = new_id()
    totals = _totals(parts)
    await connection.execute(
        insert(spend_import).values(
            id=id_,
            ad_account_id=account.id,
            how=how,
            file_name=file_name,
            file_hash=file_hash,
            format=said.format,
            covered_from=covered[0],
            covered_to=covered[1],
            written=len(parts),
            standing=len(parts),
            replaced=sum(replaced.values()),
            refused=said.refused,
            problems=msgspec.to_builtins(said.problems[:KEPT_PROBLEMS]),
            totals={code: str(total) for code, total in totals.items()},
            by_user=by,
            at=now,
        )
    )
    if replaced:
        await connection.execute(
            text("""
                update spend_import set standing = standing - gone.rows
                from unnest(cast(:ids as uuid[]), cast(:rows as int[])) as gone (id, rows)
                where spend_import.id = gone.id
            """),
            {"ids": list(replaced), "rows": list(replaced.values())},
        )
    uncounted = await _insert(connection, account, parts, import_id=id_, now=now)
    if how != "pull":
        await write_audit(
            connection,
            by=by,
            what="spend_entered" if how == "hand" else "spend_imported",
            object_kind="ad_account",
            object_id=account.id,
            now=now,
            after={
                "file": file_name,
                "first_day": covered[0].isoformat(),
                "last_day": covered[1].isoformat(),
                "rows": len(parts),
                "totals": {code: str(total) for code, total in totals.items()},
            },
        )
    return Written(
        id=id_,
        covered=covered,
        written=len(parts),
        replaced=sum(replaced.values()),
        refused=said.refused,
        uncounted=uncounted,
        totals=totals,
    )


_INSERT: Final[Statement] = numbered(f"""
    with n as (
        select * from unnest(
            cast(:levels as text[]), cast(:objects as text[]), cast(:days as date[]), cast(:currencies as text[]),
            cast(:names as text[]), cast(:amounts as numeric[]), cast(:origins as bigint[]), cast(:contents as text[]),
            cast(:terms as text[]), cast(:sources as text[]), cast(:mediums as text[]), cast(:campaigns as text[]),
            cast(:campaign_ids as text[]), cast(:vats as boolean[]), cast(:clicks as bigint[]),
            cast(:impressions as bigint[])
        ) as n (level, object_id, day, currency, object_name, amount, origin_id, content, term, source, medium, campaign,
                campaign_id, vat_included, clicks, impressions)
    ), done as (
        insert into spend (
            ad_account_id, import_id, level, object_id, day, currency, object_name, amount, origin_id, content, term,
            source, medium, campaign, campaign_id, vat_included, clicks, impressions, counted
        )
        select a.id, cast(:import_id as uuid), n.level, n.object_id, n.day, n.currency, n.object_name, n.amount,
            n.origin_id, n.content, n.term, n.source, n.medium, n.campaign, n.campaign_id, n.vat_included, n.clicks,
            n.impressions, {COUNTED}
        from n join ad_account a on a.id = cast(:account as uuid)
        returning counted
    )
    select count(*) filter (where counted is null) as uncounted from done
""")  # noqa: S608  # our own words


async def _insert(
    connection: AsyncConnection,
    account: AdAccount,
    parts: Sequence[_Part],
    *,
    import_id: UUID,
    now: datetime,
) -> int:
    """How many have no rate."""
    how = await reckoning(connection)
    triples = [_triple(account, part.row) for part in parts]
    origins = await origin_ids(connection, triples, now=now)
    uncounted = 0
    for piece in _pieces(list(zip(parts, triples, strict=True)), PIECE):
        rows = await ask(
            connection,
            _INSERT,
            account=account.id,
            import_id=import_id,
            **how.parameters,
            levels=[part.row.level for part, _ in piece],
            objects=[part.object_id for part, _ in piece],
            days=[part.row.first_day for part, _ in piece],
            currencies=[part.currency for part, _ in piece],
            names=[part.row.object_name for part, _ in piece],
            amounts=[part.amount for part, _ in piece],
            origins=[origins[triple] for _, triple in piece],
            contents=[folded(part.row.content) for part, _ in piece],
            terms=[folded(part.row.term) for part, _ in piece],
            sources=[part.row.source for part, _ in piece],
            mediums=[part.row.medium for part, _ in piece],
            campaigns=[part.row.campaign for part, _ in piece],
            campaign_ids=[part.row.campaign_id for part, _ in piece],
            vats=[part.row.vat_included for part, _ in piece],
            clicks=[part.clicks for part, _ in piece],
            impressions=[part.impressions for part, _ in piece],
        )
        uncounted += rows[0]["uncounted"]
    return uncounted


def _covered(said: Spending) -> tuple[date, date]:
    """Raises CannotWrite when there is nothing to write."""
    if said.covered is None:
        why = next((each.reason for each in said.problems if each.refused), "")
        raise CannotWrite(why or "There is nothing in it that could be written.")
    return said.covered


def _parts(rows: Iterable[SpendRow], account: AdAccount) -> list[_Part]:
    """By day, the parts of one figure added up. Raises CannotWrite."""
    found: dict[tuple[str, str, date, str], _Part] = {}
    for row in rows:
        object_id, currency = object_of(row), row.currency or account.currency
        for each in spread(row, decimals=get_currency_precision(currency)):
            key = (each.level, object_id, each.first_day, currency)
            before = found.get(key)
            if before is None:
                found[key] = _Part(
                    each, object_id, currency, each.amount, each.clicks, each.impressions
                )
                continue
            found[key] = _Part(
                before.row,
                object_id,
                currency,
                before.amount + each.amount,
                _sum(before.clicks, each.clicks),
                _sum(before.impressions, each.impressions),
            )
        if len(found) > MOST_ROWS:
            raise CannotWrite(f"The file has more than {MOST_ROWS} lines: split it into several.")
    if any(abs(part.amount) >= MOST for part in found.values()):
        raise CannotWrite("No advertising costs that much.")
    return list(found.values())


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other


def _totals(parts: Iterable[_Part]) -> dict[str, Decimal]:
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    for part in parts:
        totals[part.currency] += part.amount
    return dict(sorted(totals.items()))


def _triple(account: AdAccount, row: SpendRow) -> tuple[str, str, str]:
    return origin_of(
        account,
        source=row.source,
        medium=row.medium,
        campaign=row.campaign,
        campaign_id=row.campaign_id,
    )


async def _same_before(
    connection: AsyncConnection,
    account_id: UUID,
    said: Spending,
    covered: tuple[date, date],
    file_hash: str,
) -> Any:
    """The import that wrote the very same, unless a later one has touched its days."""
    if not file_hash:
        return None
    found = await connection.execute(
        text("""
            select i.id, i.at, i.written, i.totals from spend_import i
            where i.ad_account_id = :account and i.file_hash = :hash and i.format = :format
              and i.covered_from = :first and i.covered_to = :last
              and not exists (
                  select 1 from spend_import later
                  where later.ad_account_id = i.ad_account_id and (later.at, later.id) > (i.at, i.id)
                    and later.covered_from <= i.covered_to and later.covered_to >= i.covered_from
              )
            order by i.at desc, i.id desc limit 1
        """),
        {
            "account": account_id,
            "hash": file_hash,
            "format": said.format,
            "first": covered[0],
            "last": covered[1],
        },
    )
    return found.one_or_none()


async def _without_rate(connection: AsyncConnection, first_days: dict[str, date]) -> Sequence[str]:
    found = await connection.execute(
        text("""
            select wanted.currency
            from unnest(cast(:currencies as text[]), cast(:days as date[])) as wanted (currency, day)
            where not exists (
                select 1 from currency_rate r where r.currency = wanted.currency and r.day <= wanted.day
            ) order by 1
        """),
        {"currencies": list(first_days), "days": list(first_days.values())},
    )
    return list(found.scalars())


async def _strange(connection: AsyncConnection, account: AdAccount, parts: Iterable[_Part]) -> int:
    triples = sorted({_triple(account, part.row) for part in parts})
    found = await connection.execute(
        text("""
            select count(*)
            from unnest(cast(:sources as text[]), cast(:mediums as text[]), cast(:campaigns as text[]))
                as wanted (source, medium, campaign)
            where campaign <> '' and not exists (
                select 1 from touch t
                where t.source = wanted.source and t.campaign = wanted.campaign
            )
        """),
        {
            "sources": [each[0] for each in triples],
            "mediums": [each[1] for each in triples],
            "campaigns": [each[2] for each in triples],
        },
    )
    return int(found.scalar_one())


def _pieces(
    rows: Sequence[tuple[_Part, tuple[str, str, str]]], size: int
) -> Iterator[list[tuple[_Part, tuple[str, str, str]]]]:
    left = iter(rows)
    while piece := list(islice(left, size)):
        yield piece
