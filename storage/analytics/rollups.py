"""The sums that reports read, of `fact_credit`, under every model.

    rollup_origin   by day and origin                                  where people came from
    rollup_owner    by day and account, manager, pipeline              who had them
    rollup_month    by month and all of these together                 the one by the other, over whole months
    rollup_landing  by week, origin and landing page                   which page whoever came from there saw first
    rollup_said     by day and what they say themselves                how they heard of us

What a credit adds is said once, in `_ADDS`; keeping the sums, counting them anew, and reading the credits themselves are
all made of it.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.analytics import spans
from storage.analytics.models import ALL

Basis = Literal["cohort", "event"]

_OF_CREATION: Final = ("inquiries", "leads", "responded", "response_seconds")
_OUTCOMES: Final = ("qualified", "won", "lost", "new_customers", "revenue", "cycle_minutes")
STORED: Final = (*_OF_CREATION, *_OUTCOMES, *(f"event_{name}" for name in _OUTCOMES))
"""All add up. Counts are in millionths, money in minor units, the two times are multiplied by the weight in millionths."""
DIMENSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "rollup_origin": ("origin_id",),
    "rollup_owner": ("account_id", "manager_id", "pipeline_id"),
    "rollup_month": ("origin_id", "account_id", "manager_id", "pipeline_id"),
    "rollup_landing": ("origin_id", "landing"),
    "rollup_said": ("said",),
}
STEPS: Final[Mapping[str, spans.Step]] = {"rollup_month": "month", "rollup_landing": "week"}
"""What a row of the sums is of, where that is not a day: its `day` is the first one."""
CREDITED: Final = (
    "subject_id", "contact_id", "origin_id", "content", "term", "landing", "said", "account_id", "manager_id",
    "pipeline_id",
)  # fmt: skip
"""What `credited` tells of a credit beside what it adds."""

# By the day on which it counts: what a credit `r` adds there under a model, of which {w} is its weight and {m} its money.
# What became of a lead stands on the day it was created, and once more on the day it happened.
_ADDS: Final[Mapping[str, Mapping[str, str]]] = {
    "created_on": {
        "inquiries": "r.inquiry * {w}",
        "leads": "r.lead * {w}",
        "responded": "r.lead * {w} * (r.response_seconds is not null)::int",
        "response_seconds": "coalesce(r.response_seconds, 0) * {w}",
        "qualified": "r.lead * {w} * (r.qualified_on is not null)::int",
        "won": "r.won * {w}",
        "lost": "r.lost * {w}",
        "new_customers": "r.new * {w}",
        "revenue": "{m}",
        "cycle_minutes": "coalesce(r.cycle_minutes, 0) * {w}",
    },
    "qualified_on": {"event_qualified": "r.lead * {w}"},
    "closed_on": {
        "event_won": "r.won * {w}",
        "event_lost": "r.lost * {w}",
        "event_new_customers": "r.new * {w}",
        "event_revenue": "{m}",
        "event_cycle_minutes": "coalesce(r.cycle_minutes, 0) * {w}",
    },
}


def measures(whose: str, basis: Basis) -> str:
    """SQL of the sums that a report shows, by the names of `figures.Sums`."""
    prefix = "" if basis == "cohort" else "event_"
    shown = [
        *(f"sum({whose}.{name}) as {name}" for name in _OF_CREATION),
        *(f"sum({whose}.{prefix}{name}) as {name}" for name in _OUTCOMES),
        # What is open did not happen on any day.
        f"sum({whose}.leads - {whose}.won - {whose}.lost) as open"
        if basis == "cohort"
        else "null as open",
    ]
    return ", ".join(shown)


def credited(rows: str, *, basis: Basis, where: str) -> str:
    """SQL of what `rows`, columns of `fact_credit`, add under the model at `:place` of their arrays, one by one:
    CREDITED, `day` and STORED. By the cohort only what stands on the day of creation is asked for.
    """
    days = {"created_on": _ADDS["created_on"]} if basis == "cohort" else _ADDS
    told = ", ".join(f"r.{name}" for name in CREDITED)
    weight, money = "cast(r.weights[:place] as bigint)", "coalesce(r.money[:place], 0)"
    return " union all ".join(
        f"select {told}, r.{day} as day, {_columns(adds, weight, money)}"  # noqa: S608  # our own names
        f" from ({_flagged(rows)}) r where {where.format(day=f'r.{day}')}"
        for day, adds in days.items()
    )


def _columns(adds: Mapping[str, str], weight: str, money: str) -> str:
    """All of STORED; what is not of this day is 0."""
    return ", ".join(
        f"{adds[name].format(w=weight, m=money) if name in adds else '0'} as {name}"
        for name in STORED
    )


def grown(rows: str, *, only: str = "r.{day} is not null") -> Mapping[str, str]:
    """SQL, by table, that adds to its sums what `rows`, the columns of `fact_credit` and a `sign`, come to on the days
    that `only` allows: in the order of the key, so that those who do so at once wait and do not deadlock.
    """
    return {table: _grow(table, rows, only) for table in DIMENSIONS}


def _grow(table: str, rows: str, only: str) -> str:
    dimensions = DIMENSIONS[table]
    key = ("model", "day", *dimensions)
    sums = ", ".join(f"sum({name}) as {name}" for name in STORED)
    changes = ", ".join(f"{name} = s.{name} + excluded.{name}" for name in STORED)
    parts = " union all ".join(
        _by_model(day, adds, rows, only=only, dimensions=dimensions, step=STEPS.get(table, "day"))
        for day, adds in _ADDS.items()
    )
    return f"""
        insert into {table} as s ({", ".join((*key, *STORED))})
        select {", ".join((*key, *STORED))}
        from (select {", ".join(key)}, {sums} from ({parts}) part group by {", ".join(key)}) more
        where {" or ".join(f"{name} <> 0" for name in STORED)} order by {", ".join(key)}
        on conflict ({", ".join(key)}) do update set {changes}
    """  # noqa: S608  # our own names


def _by_model(
    day: str,
    adds: Mapping[str, str],
    rows: str,
    *,
    only: str,
    dimensions: Sequence[str],
    step: spans.Step,
) -> str:
    """Summed in one pass, a column for each model and measure, and then turned into a row for each model: of a million
    leads there are a hundred times fewer days and origins than credits times models.
    """
    when = spans.first_day(f"r.{day}", step)
    models = range(len(ALL))
    wide = ", ".join(
        f"sum({add.format(w=f'r.weights[{model + 1}]', m=f'coalesce(r.money[{model + 1}], 0)')} * r.sign)"
        f" as {name}_{model}"
        for name, add in adds.items()
        for model in models
    )
    each = ", ".join(
        f"({model}, {', '.join(f'g.{name}_{model}' for name in adds)})" for model in models
    )
    told = ", ".join(dimensions)
    shown = ", ".join(f"v.{name}" if name in adds else f"0 as {name}" for name in STORED)
    return f"""
        select v.model, g.day, {told}, {shown}
        from (select {when} as day, {told}, {wide} from ({_flagged(rows)}) r where {only.format(day=day)} group by 1, {told}) g
        cross join lateral (values {each}) as v(model, {", ".join(adds)})
    """  # noqa: S608  # our own names


def _flagged(rows: str) -> str:
    """With the ones and zeros that `_ADDS` multiplies."""
    return f"""
        select f.*, (kind = 'inquiry')::int as inquiry, (kind = 'lead')::int as lead,
               (status = 'won')::int as won, (status = 'lost')::int as lost, first_win::int as new
        from {rows} f
    """  # noqa: S608  # our own names


_WITHIN: Final = "between cast(:first as date) and cast(:last as date)"
_OF_MONTH: Final = (
    "(select *, 1 as sign from fact_credit"  # noqa: S608  # our own names
    f" where created_on {_WITHIN} or qualified_on {_WITHIN} or closed_on {_WITHIN})"
)
_MONTH_ANEW: Final = grown(_OF_MONTH, only=f"r.{{day}} {_WITHIN}")
_MONTHS: Final = """
    select cast(month as date) as month from (
        select cast(date_trunc('week', min(first)) as date) as first, max(last) as last from (
            select min(created_on) as first, greatest(max(created_on), max(qualified_on), max(closed_on)) as last
            from fact_credit
            union all select min(day), max(day) from rollup_month
        ) both_ends
    ) ends, generate_series(date_trunc('month', ends.first), ends.last, interval '1 month') as month
"""


async def months(connection: AsyncConnection) -> Sequence[date]:
    """All in which there is anything, or were sums of it."""
    return (await connection.execute(text(_MONTHS))).scalars().all()


async def recount_month(connection: AsyncConnection, month: date) -> None:
    """Makes the sums of a month anew from `fact_credit`; a week is of the month in which it begins. Whoever adds to them
    waits: month by month, so that an installation of years does not hold up its recorder for minutes.
    """
    for table, statement in _MONTH_ANEW.items():
        first, last = spans.begun_in_month(month, STEPS.get(table, "day"))
        values = {"first": first, "last": last}
        await _hold(connection, table)
        await connection.execute(text(f"delete from {table} where day {_WITHIN}"), values)  # noqa: S608
        await connection.execute(text(statement), values)


async def _hold(connection: AsyncConnection, table: str) -> None:
    await connection.execute(text(f"lock table {table} in share row exclusive mode"))
