"""Keeps what advertising cost. An import replaces what its account had for the days that it covers, in one transaction.

    Spending ─▶ spread over days ─▶ parts of one figure added up ─▶ origins ─▶ what was there goes, what is new comes

All levels of the account go, so that campaigns and their advertisements are never both counted. The same file again changes
nothing, as long as nothing later has touched its days; of two that overlap the last wins, and the log says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.ids import new_id
from router.spending import Spending, SpendRow, folded, object_of
from storage.ad_accounts import AdAccount, ad_account_by_id
from storage.audit import write_audit
from storage.driver import Statement, ask, numbered
from storage.sources import origin_ids
from storage.spend_parts import CannotWrite, Part, days_of, parts_of, totals_of
from storage.spend_reckoning import COUNTED, reckoning
from storage.tables import spend_import

How = Literal["file", "hand", "pull", "api"]

PIECE: Final = 10_000
"""Rows of one statement."""
KEPT_PROBLEMS: Final = 200
HAND: Final = "hand:"
"""What the objects begin with that somebody entered: no platform has such a number."""


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
    totals: Mapping[str, Decimal]


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
    covered = days_of(said)
    parts = await parts_of(connection, said.rows, account)
    totals = totals_of(parts)
    again = await same_before(
        connection, account_id, said, file_hash=file_hash, covered=covered, totals=totals
    )
    if again is not None:
        return Written(
            id=again.id,
            unchanged=True,
            covered=covered,
            written=again.written,
            replaced=0,
            refused=said.refused,
            uncounted=await _waiting(connection, account_id, again.id, covered),
            totals=totals,
        )
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
    object_id = HAND + object_of(row)
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
        replace(part, object_id=object_id)
        for part in (await parts_of(connection, [row], account) if row.amount else ())
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
    parts: Sequence[Part],
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
    totals = totals_of(parts)
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
            totals=_told(totals),
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
                "totals": _told(totals),
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
    parts: Sequence[Part],
    *,
    import_id: UUID,
    now: datetime,
) -> int:
    """How many have no rate."""
    how = await reckoning(connection)
    origins = await origin_ids(connection, {part.origin for part in parts}, now=now)
    uncounted = 0
    for first in range(0, len(parts), PIECE):
        piece = parts[first : first + PIECE]
        rows = await ask(
            connection,
            _INSERT,
            account=account.id,
            import_id=import_id,
            **how.parameters,
            levels=[part.row.level for part in piece],
            objects=[part.object_id for part in piece],
            days=[part.row.first_day for part in piece],
            currencies=[part.currency for part in piece],
            names=[part.row.object_name for part in piece],
            amounts=[part.amount for part in piece],
            origins=[origins[part.origin] for part in piece],
            contents=[folded(part.row.content) for part in piece],
            terms=[folded(part.row.term) for part in piece],
            sources=[part.row.source for part in piece],
            mediums=[part.row.medium for part in piece],
            campaigns=[part.row.campaign for part in piece],
            campaign_ids=[part.row.campaign_id for part in piece],
            vats=[part.row.vat_included for part in piece],
            clicks=[part.clicks for part in piece],
            impressions=[part.impressions for part in piece],
        )
        uncounted += rows[0]["uncounted"]
    return uncounted


async def _waiting(
    connection: AsyncConnection, account_id: UUID, import_id: UUID, covered: tuple[date, date]
) -> int:
    """Rows of an earlier import that wait for a rate still."""
    found = await connection.execute(
        text("""
            select count(*) from spend
            where ad_account_id = :account and day between :first and :last and import_id = :import and counted is null
        """),
        {"account": account_id, "import": import_id, "first": covered[0], "last": covered[1]},
    )
    return int(found.scalar_one())


async def same_before(
    connection: AsyncConnection,
    account_id: UUID,
    said: Spending,
    *,
    file_hash: str,
    covered: tuple[date, date],
    totals: Mapping[str, Decimal],
) -> Any:
    """The import that wrote the very same, unless a later one has touched its days.

    Of the same file the same is not made when the account has another currency since.
    """
    if not file_hash:
        return None
    found = await connection.execute(
        text("""
            select i.id, i.at, i.written from spend_import i
            where i.ad_account_id = :account and i.file_hash = :hash and i.format = :format
              and i.covered_from = :first and i.covered_to = :last and i.totals = cast(:totals as jsonb)
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
            "totals": msgspec.json.encode(_told(totals)).decode(),
        },
    )
    return found.one_or_none()


def _told(totals: Mapping[str, Decimal]) -> dict[str, str]:
    """As the log keeps them."""
    return {code: str(total) for code, total in totals.items()}
