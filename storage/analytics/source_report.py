"""The source report: what each source, campaign, manager, day… brought and cost, on one basis and under one model.

    spend is not shared among touches: it belongs to whoever it was paid for, by source, campaign, content and term; grouped by anything else
    it stands in a row of its own, so that the rows add up to the total

Where people came from, who had them and what they say of it themselves are read from the daily sums of the one or the
other. Where they came from by who had them is read from the monthly sums, landing pages from the weekly ones, and the days
around whole months or weeks from the credits themselves; so are content and term, and what people say by anything else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.analytics import rollups, spans
from storage.analytics.figures import Sums, summed
from storage.analytics.models import PLACES
from storage.analytics.planning import plan_by_values
from storage.analytics.rollups import Basis

Grouping = Literal[
    "source", "campaign", "content", "term", "landing", "said", "channel", "account", "manager",
    "pipeline", "day", "week", "month",
]  # fmt: skip
GROUPINGS: Final[tuple[Grouping, ...]] = (
    "source", "campaign", "content", "term", "landing", "said", "channel", "account", "manager",
    "pipeline", "day", "week", "month",
)  # fmt: skip
UNSHARED: Final = "unshared"
"""The key of the row of spend that cannot be told apart by what the report is grouped by."""
ROWS_LIMIT: Final = 5000
"""More groups than this nobody reads; the last row sums up the rest."""
REST: Final = "rest"

_ORIGINS: Final = frozenset({"source", "campaign"})
_OWNERS: Final = frozenset({"channel", "account", "manager", "pipeline"})
_TIMES: Final = frozenset({"day", "week", "month"})
_WITH_SPEND: Final = frozenset({"source", "campaign", "content", "term", "day", "week", "month"})

# What a row is grouped by, as text, over the columns of `x` (a sum, a credit or a spend) and `o`, its origin.
_SOURCE_KEY: Final = "coalesce(cast(o.source_id as text), o.source || ' / ' || o.medium)"
_KEYS: Final[Mapping[str, str]] = {
    "source": _SOURCE_KEY,
    "campaign": "o.campaign",
    "content": "x.content",
    "term": "x.term",
    "landing": "x.landing",
    "said": "x.said",
    "channel": "coalesce((select kind from account where id = x.account_id), '')",
    "account": "cast(x.account_id as text)",
    "manager": "cast(x.manager_id as text)",
    "pipeline": "cast(x.pipeline_id as text)",
    "day": "cast(x.day as text)",
    "week": "cast(cast(date_trunc('week', x.day) as date) as text)",
    "month": "cast(cast(date_trunc('month', x.day) as date) as text)",
}
_WITHIN: Final = "{day} between :first and :last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked. Days are whole ones of the company, `last` included. `only` narrows: by grouping, the key of a row
    as it was given (a source's id or "source / medium", a campaign, a manager's id…).
    """

    first: date
    last: date
    by: Grouping = "source"
    basis: Basis = "cohort"
    model: str = "last"
    only: Mapping[str, str] | None = None

    @property
    def nothing(self) -> Sums:
        """What a row of which there is nothing comes to: a 0 stands only where it is told."""
        told = not self.only or self.only.keys() <= _WITH_SPEND
        return Sums(open=None if self.basis == "event" else 0, spend=0 if told else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`key` is what a wish narrows by; `name` the source's name when a rule knows it, else ""."""

    key: str
    name: str
    sums: Sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Rows by leads and spend, greatest first; days, weeks and months in order."""

    wish: Wish
    rows: Sequence[Row]
    total: Sums


async def source_report(connection: AsyncConnection, wish: Wish) -> Report:
    await plan_by_values(connection)
    found = await _counted(connection, wish)
    spent = await _spent(connection, wish)
    keys = {**found, **dict.fromkeys(spent or ())}
    rows = []
    for key in keys:
        name, sums = found.get(key, ("", wish.nothing))
        spend = spent.get(key, ("", 0)) if spent is not None else ("", None)
        rows.append(Row(key=key, name=name or spend[0], sums=replace(sums, spend=spend[1])))
    rows = _in_order(rows, wish)
    return Report(
        wish=wish, rows=_cut(rows), total=summed((row.sums for row in rows), onto=wish.nothing)
    )


def _in_order(rows: list[Row], wish: Wish) -> list[Row]:
    if wish.by in {"day", "week", "month"}:
        return sorted(rows, key=lambda row: row.key)
    return sorted(
        rows,
        key=lambda row: (
            row.key == UNSHARED,
            -row.sums.leads,
            -(row.sums.spend or 0),
            -row.sums.inquiries,
            row.key,
        ),
    )


def _cut(rows: Sequence[Row]) -> Sequence[Row]:
    if len(rows) <= ROWS_LIMIT:
        return rows
    first, *others = (row.sums for row in rows[ROWS_LIMIT:])
    rest = Row(key=REST, name="", sums=summed(others, onto=first))
    return [*rows[:ROWS_LIMIT], rest]


async def _counted(connection: AsyncConnection, wish: Wish) -> dict[str, tuple[str, Sums]]:
    """(source's name, sums without spend) by key."""
    only = dict(wish.only or {})
    asked = {wish.by, *only}
    values: dict[str, Any] = {"first": wish.first, "last": wish.last}
    statement = f"""
        select {_KEYS[wish.by]} as key, {_name(wish.by)} as name, {rollups.measures("x", wish.basis)}
        from ({_rows(wish, asked, values)}) x join origin o on o.id = x.origin_id
        where {narrowed(only, values)} group by 1
    """  # noqa: S608  # our own names; values are parameters
    counted = {
        row.key: (row.name or "", _sums_of(row))
        for row in await connection.execute(text(statement), values)
    }
    # What has moved away has left a sum of nothing behind.
    nothing = replace(wish.nothing, spend=0)
    return {key: found for key, found in counted.items() if found[1] != nothing}


def _sums_of(row: Any) -> Sums:
    shown = {each.name: getattr(row, each.name) for each in fields(Sums) if each.name != "spend"}
    counted: dict[str, Any] = {
        name: None if total is None else int(total) for name, total in shown.items()
    }
    return Sums(**counted)


def _name(by: str) -> str:
    return (
        "(select name from source where id = (array_agg(o.source_id))[1])"
        if by == "source"
        else "''"
    )


def _rows(wish: Wish, asked: set[str], values: dict[str, Any]) -> str:
    """SQL of the rows that add up to the answer: as few as its dimensions and days allow."""
    # The words of an advertisement are hardly ever the same twice: their sums would be as many as the credits.
    if asked & {"content", "term"} or ("landing" in asked and asked & _OWNERS):
        return _credits(wish, _WITHIN, values)
    if "said" in asked:
        if asked - _TIMES == {"said"}:
            return _daily("rollup_said", wish, asked, values)
        return _credits(wish, _WITHIN, values)
    if "landing" in asked:
        return _kept_and_around("rollup_landing", wish, asked, values)
    if asked & _OWNERS and asked & _ORIGINS:
        return _kept_and_around("rollup_month", wish, asked, values)
    return _daily("rollup_owner" if asked & _OWNERS else "rollup_origin", wish, asked, values)


def _kept_and_around(table: str, wish: Wish, asked: set[str], values: dict[str, Any]) -> str:
    """The sums of whole weeks or months, and the credits of the days around them."""
    step = rollups.STEPS[table]
    begin, end = spans.whole(wish.first, wish.last, step)
    if begin >= end or asked & _TIMES - {step}:
        return _credits(wish, _WITHIN, values)
    values |= {"begin": begin, "end": end, "model": PLACES[wish.model]}
    columns = ", ".join(("day", *rollups.DIMENSIONS[table], *rollups.STORED))
    around = _credits(wish, f"({_WITHIN} and ({{day}} < :begin or {{day}} >= :end))", values)
    return (
        f"select {columns} from {table} where model = :model and day >= :begin and day < :end"  # noqa: S608  # our own names
        f" union all select {columns} from ({around}) around"
    )


def _daily(table: str, wish: Wish, asked: set[str], values: dict[str, Any]) -> str:
    """Summed by all that the answer needs at once, so that what is joined to it is little."""
    values["model"] = PLACES[wish.model]
    kept = [*rollups.DIMENSIONS[table], *(["day"] if asked & _TIMES else [])]
    columns = ", ".join(kept)
    sums = ", ".join(f"sum({name}) as {name}" for name in rollups.STORED)
    # Sums by owner know no origin: any will do, and only one.
    origin = "" if "origin_id" in kept else ", cast(0 as bigint) as origin_id"
    return (
        f"select {columns}{origin}, {sums} from {table}"  # noqa: S608  # our own names
        f" where model = :model and day between :first and :last group by {columns}"
    )


def _credits(wish: Wish, when: str, values: dict[str, Any]) -> str:
    values["place"] = PLACES[wish.model] + 1
    days = (
        ("created_on",) if wish.basis == "cohort" else ("created_on", "qualified_on", "closed_on")
    )
    touched = " or ".join(when.format(day=day) for day in days)
    return rollups.credited(
        f"(select * from fact_credit where weights[:place] <> 0 and ({touched}))",  # noqa: S608  # our own names
        basis=wish.basis,
        where=when,
    )


def narrowed(only: Mapping[str, str], values: dict[str, Any]) -> str:
    """SQL over `x` and its origin `o`, its parameters put into `values`."""
    conditions = ["true"]
    for n, (name, key) in enumerate(sorted(only.items())):
        conditions.append(_condition(name, key, f"only{n}", values))
    return " and ".join(conditions)


def _condition(name: str, key: str, parameter: str, values: dict[str, Any]) -> str:
    """As a comparison of the column itself where there is one, so that an index can help."""
    if name in {"account", "manager", "pipeline"}:
        values[parameter] = UUID(key)
        return f"x.{name}_id = :{parameter}"
    values[parameter] = key
    return f"{_KEYS[name]} = :{parameter}"


async def _spent(connection: AsyncConnection, wish: Wish) -> dict[str, tuple[str, int]] | None:
    """(source's name, spend) by key; None when it is narrowed to what spend knows nothing of."""
    if wish.nothing.spend is None:
        return None
    only = dict(wish.only or {})
    values: dict[str, Any] = {"first": wish.first, "last": wish.last}
    conditions = narrowed(only, values)
    key = _KEYS[wish.by] if wish.by in _WITH_SPEND else f"'{UNSHARED}'"
    fine = "content, term, " if {"content", "term"} & {wish.by, *only} else ""
    daily = "day, " if wish.by in {"day", "week", "month"} else ""
    statement = f"""
        select {key} as key, {_name(wish.by)} as name, coalesce(sum(x.counted), 0) as spend
        from (select {fine}{daily}origin_id, sum(counted) as counted from spend
              where day between :first and :last group by {fine}{daily}origin_id) x
        join origin o on o.id = x.origin_id
        where {conditions} group by 1
    """  # noqa: S608  # our own names; values are parameters
    return {
        row.key: (row.name or "", int(row.spend))
        for row in await connection.execute(text(statement), values)
    }
