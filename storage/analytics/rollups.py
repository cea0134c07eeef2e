"""The sums that reports read: `rollup_source`, of `fact_credit`, per day and per month, model and basis.

What a row of `fact_credit` adds is said once, in `_ADDS`; keeping the sums and counting them anew are both made of it.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

DIMENSIONS: Final = ("origin_id", "channel", "account_id", "manager_id", "pipeline_id")
MEASURES: Final = (
    "inquiries",
    "leads",
    "qualified",
    "won",
    "lost",
    "open",
    "new_customers",
    "revenue",
    "cycle_minutes",
    "responded",
    "response_seconds",
)
"""All add up. Counts are in millionths, money in minor units, the two times are multiplied by the weight in millionths."""
_CREDITED: Final = (
    "subject_id",
    "contact_id",
    "created_on",
    "content",
    "term",
    "landing",
    *DIMENSIONS,
)
_KEY: Final = ("grain", "basis", "model", "day", *DIMENSIONS)

# Basis, day, then a value for each of the measures, of one row `r` under one model: `w` its weight, `m` its money.
# Cohort: everything on the day the lead was created. Event: each on its own day, and nothing is open.
_ADDS: Final = """
    ('cohort', r.created_on, r.inquiry * w, r.lead * w, r.lead * w * (r.qualified_on is not null)::int, r.did_win * w,
     r.did_lose * w, r.lead * w - r.did_win * w - r.did_lose * w, r.new * w, m, coalesce(r.cycle_minutes, 0) * w,
     r.lead * w * (r.response_seconds is not null)::int, coalesce(r.response_seconds, 0) * w),
    ('event', r.created_on, r.inquiry * w, r.lead * w, 0, 0, 0, 0, 0, 0, 0,
     r.lead * w * (r.response_seconds is not null)::int, coalesce(r.response_seconds, 0) * w),
    ('event', r.qualified_on, 0, 0, r.lead * w, 0, 0, 0, 0, 0, 0, 0, 0),
    ('event', r.closed_on, 0, 0, 0, r.did_win * w, r.did_lose * w, 0, r.new * w, m, coalesce(r.cycle_minutes, 0) * w, 0, 0)
"""


def credited(rows: str, *, where: str, place: str = ":place") -> str:
    """SQL of what `rows`, columns of `fact_credit`, add under the one model at `place` of their arrays, not yet summed:
    whose and where from, `basis`, `day` and the measures.
    """
    return f"""
        select {", ".join(f"r.{name}" for name in _CREDITED)}, a.*
        from ({_flagged(rows)}) r
        cross join lateral (select cast(r.weights[{place}] as bigint) as w, coalesce(r.money[{place}], 0) as m) part
        cross join lateral (values {_ADDS}) as a(basis, day, {", ".join(MEASURES)})
        where a.day is not null and {where}
    """  # noqa: S608  # our own names


def _flagged(rows: str) -> str:
    """With the ones and zeros that `_ADDS` multiplies, and without the columns whose names the measures have."""
    return f"""
        select f.*, (kind = 'inquiry')::int as inquiry, (kind = 'lead')::int as lead,
               (status = 'won')::int as did_win, (status = 'lost')::int as did_lose, first_win::int as new
        from {rows} f
    """  # noqa: S608  # our own names


def _summed(rows: str, *, where: str = "a.day is not null") -> str:
    """SQL of what `rows`, the columns of `fact_credit` and a `sign`, add to the sums under all models, by their key."""
    dimensions = ", ".join(DIMENSIONS)
    measures = ", ".join(MEASURES)
    of_day = ", ".join(f"sum(a.{name} * r.sign) as {name}" for name in MEASURES)
    more = ", ".join(f"sum({name}) as {name}" for name in MEASURES)
    return f"""
        with of_day as (
            select a.basis, number - 1 as model, a.day, {", ".join(f"r.{name}" for name in DIMENSIONS)}, {of_day}
            from ({_flagged(rows)}) r
            cross join lateral unnest(r.weights) with ordinality as given(weight, number)
            cross join lateral (select cast(weight as bigint) as w, coalesce(r.money[number], 0) as m) part
            cross join lateral (values {_ADDS}) as a(basis, day, {measures})
            where weight <> 0 and {where}
            group by 1, 2, 3, {dimensions}
        )
        select 'd' as grain, basis, model, day, {dimensions}, {measures} from of_day
        union all
        select 'm', basis, model, cast(date_trunc('month', day) as date), {dimensions}, {more}
        from of_day group by basis, model, date_trunc('month', day), {dimensions}
    """  # noqa: S608  # our own names


def grow(rows: str, **only: str) -> str:
    """SQL that adds them, in the order of the key: who does so at once waits and does not deadlock."""
    columns = ", ".join((*_KEY, *MEASURES))
    changes = ", ".join(f"{name} = s.{name} + excluded.{name}" for name in MEASURES)
    something = " or ".join(f"{name} <> 0" for name in MEASURES)
    return f"""
        insert into rollup_source as s ({columns})
        select {columns} from ({_summed(rows, **only)}) more where {something} order by {", ".join(_KEY)}
        on conflict ({", ".join(_KEY)}) do update set {changes}
    """  # noqa: S608  # our own names


_ANEW: Final = grow("(select *, 1 as sign from fact_credit)")
_WITHIN: Final = "between cast(:first as date) and cast(:last as date)"
_MONTH_ANEW: Final = grow(
    "(select *, 1 as sign from fact_credit"  # noqa: S608  # our own names
    f" where created_on {_WITHIN} or qualified_on {_WITHIN} or closed_on {_WITHIN})",
    where=f"a.day {_WITHIN}",
)
_MONTHS: Final = """
    select cast(month as date) as month from (
        select min(first) as first, max(last) as last from (
            select min(created_on) as first, greatest(max(created_on), max(qualified_on), max(closed_on)) as last
            from fact_credit
            union all select min(day), max(day) from rollup_source
        ) both_ends
    ) ends, generate_series(date_trunc('month', ends.first), ends.last, interval '1 month') as month
"""


async def recount(connection: AsyncConnection) -> None:
    """Makes the sums anew from `fact_credit`. Whoever adds to them waits."""
    await connection.execute(_HELD)
    await connection.execute(text("delete from rollup_source"))
    await connection.execute(text(_ANEW))


async def months(connection: AsyncConnection) -> Sequence[date]:
    """All in which there is anything, or were sums of it."""
    return (await connection.execute(text(_MONTHS))).scalars().all()


async def recount_month(connection: AsyncConnection, month: date) -> None:
    """The same of one month: what an installation of years can do without holding up its recorder for minutes."""
    values = {
        "first": month,
        "last": (month + timedelta(days=32)).replace(day=1) - timedelta(days=1),
    }
    await connection.execute(_HELD)
    await connection.execute(text(f"delete from rollup_source where day {_WITHIN}"), values)  # noqa: S608
    await connection.execute(text(_MONTH_ANEW), values)


_HELD: Final = text("lock table rollup_source in share row exclusive mode")
