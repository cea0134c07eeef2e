"""Counts that the funnel reads over years, by the month in which leads were created.

    rollup_way_origin   leads by how far they came, and where they came from
    rollup_way_owner    leads by how far they came, and who had them
    rollup_stay         stays in a stage, by the class of their length

`at_id` is the stage in which an open lead is, or from which a lost one was lost. Kept by differences: what the facts of
some contacts came to before they were made anew is taken away, what they come to now is added.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import bulk, tables
from storage.analytics.rules import NOBODY
from storage.analytics.spans import begun_in_month, whole
from storage.driver import ask, numbered

_MONTH: Final = "cast(date_trunc('month', x.created_on) as date)"
_AT: Final = f"case x.status when 'open' then x.stage_id when 'lost' then coalesce(x.lost_from_id, '{NOBODY}') else '{NOBODY}' end"
"""SQL over a row `x` of `fact_lead`."""
_WAY: Final = {
    "month": _MONTH,
    "pipeline_id": "x.pipeline_id",
    "status": "x.status",
    "furthest_id": "x.furthest_id",
    "at_id": _AT,
}
_KEYS: Final[Mapping[str, Mapping[str, str]]] = {
    "rollup_way_origin": {**_WAY, "origin_id": "x.origin_id"},
    "rollup_way_owner": {**_WAY, "account_id": "x.account_id", "manager_id": "x.manager_id"},
    "rollup_stay": {"month": _MONTH, "stage_id": "x.stage_id", "length": "x.length"},
}
TABLES: Final = tuple(_KEYS)
_FACTS: Final = {
    "rollup_way_origin": "fact_lead",
    "rollup_way_owner": "fact_lead",
    "rollup_stay": "fact_stage",
}


def counts(table: str, rows: str) -> str:
    """SQL of what `rows`, columns of the facts that it counts, come to: its key and `n`."""
    told = ", ".join(f"{sql} as {name}" for name, sql in _KEYS[table].items())
    key = ", ".join(str(n + 1) for n in range(len(_KEYS[table])))
    # A stay that goes on has no length yet.
    ended = "where x.length is not null" if table == "rollup_stay" else ""
    return f"select {told}, count(*) as n from {rows} x {ended} group by {key}"  # noqa: S608  # our own names


def within(table: str, first: date, last: date, values: dict[str, Any]) -> str:
    """SQL of the counts of a period, whose parameters are put into `values`: whole months as they are kept, the days around
    them counted of the facts.
    """
    values |= {"first": first, "last": last}
    begin, end = whole(first, last, "month")
    days = "created_on between :first and :last"
    if begin >= end:
        return counts(table, f"(select * from {_FACTS[table]} where {days})")  # noqa: S608  # our own names
    values |= {"begin": begin, "end": end}
    around = f"(select * from {_FACTS[table]} where {days} and (created_on < :begin or created_on >= :end))"  # noqa: S608
    columns = ", ".join((*_KEYS[table], "n"))
    return (
        f"select {columns} from {table} where month >= :begin and month < :end"  # noqa: S608  # our own names
        f" union all {counts(table, around)}"
    )


def of_leads(first: date, last: date, values: dict[str, Any]) -> str:
    """SQL of the same of leads with all that is known of them, one by one."""
    values |= {"first": first, "last": last}
    told = ", ".join(f"{sql} as {name}" for name, sql in _WAY.items())
    return (
        f"select {told}, x.origin_id, x.account_id, x.manager_id, 1 as n from fact_lead x"  # noqa: S608  # our own names
        " where x.created_on between :first and :last"
    )


def as_counted(rows: Mapping[str, str]) -> str:
    """SQL of one JSON text for each table, named as it: `rows` by the name of the facts."""
    return ", ".join(
        f"(select cast(coalesce(json_agg(c), '[]') as text) from ({counts(table, rows[_FACTS[table]])}) c) as {table}"  # noqa: S608  # our own names
        for table in TABLES
    )


def _change(table: str) -> str:
    key = ", ".join(_KEYS[table])
    columns = [*_KEYS[table], "n"]
    theirs = f"(select * from {_FACTS[table]} where contact_id = any(cast(:contacts as uuid[])))"  # noqa: S608  # our own names
    before = bulk.given(tables.metadata.tables[table], columns).replace(":rows", f":{table}")
    return (
        f"insert into {table} as s ({key}, n)"  # noqa: S608  # our own names
        f" select {key}, sum(n) from ({counts(table, theirs)} union all select {key}, -n from {before}) both_ways"
        f" group by {key} having sum(n) <> 0"
        # In the order of the key: those who do so at once wait for each other and do not deadlock.
        f" order by {key} on conflict ({key}) do update set n = s.n + excluded.n"
    )


_CHANGE: Final = numbered(
    "with " + ", ".join(f"in_{table} as ({_change(table)})" for table in TABLES) + " select 1"
)


async def count_change(
    connection: AsyncConnection, contacts: list[UUID], before: Mapping[str, str]
) -> None:
    """Of contacts whose facts have been made anew; `before` as `as_counted` told it of what was taken away."""
    await ask(connection, _CHANGE, contacts=contacts, **before)


_WITHIN: Final = "between cast(:first as date) and cast(:last as date)"


async def recount_month(connection: AsyncConnection, month: date) -> None:
    """Anew from the facts. Whoever adds to them waits."""
    first, last = begun_in_month(month, "month")
    values = {"first": first, "last": last}
    for table, facts in _FACTS.items():
        key = ", ".join(_KEYS[table])
        of_month = f"(select * from {facts} where created_on {_WITHIN})"  # noqa: S608  # our own names
        await connection.execute(text(f"lock table {table} in share row exclusive mode"))
        await connection.execute(text(f"delete from {table} where month {_WITHIN}"), values)  # noqa: S608
        await connection.execute(
            text(f"insert into {table} ({key}, n) {counts(table, of_month)}"),  # our own names
            values,
        )
