"""The summary: what came in, what was sold and what is still open, against the period before.

Everything is of the day on which it happened: leads of their creation, sales and losses of their closing. So the sums are
those of the source report on the event basis, and are read there (`happened`). What is open is read from the leads.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.analytics import spans
from storage.analytics.happened import happened
from storage.analytics.measures import Measure, share, whole
from storage.analytics.planning import plan_by_values
from storage.analytics.spans import Step, begin_of, following
from storage.analytics.wishes import Wish, narrowed


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryWish(Wish):
    by: Step = "day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Pieces, and money in minor units of the company's currency. `open` and `open_value` are of the period's last day;
    None in the series.
    """

    leads: int = 0
    won: int = 0
    lost: int = 0
    revenue: int = 0
    open: int | None = None
    open_value: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """`day` is the first of its week or month; it may lie before the period, whose days alone are counted."""

    day: date
    sums: Sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    wish: SummaryWish
    total: Sums
    before: Sums
    series: Sequence[Point]
    """Every day, week or month of the period, those without anything too."""


FIGURES: Final[tuple[Measure[Sums], ...]] = (
    Measure(
        name="leads", label="New leads", formula="lead cards created in the period",
        kind="count", value=lambda s: whole(s.leads), counted="leads",
    ),
    Measure(
        name="won", label="Won", formula="leads that became a sale in the period",
        kind="count", value=lambda s: whole(s.won), counted="won",
    ),
    Measure(
        name="lost", label="Lost", formula="leads closed without a sale in the period",
        kind="count", value=lambda s: whole(s.lost), better="less", counted="lost",
    ),
    Measure(
        name="revenue", label="Revenue", formula="sum of leads won in the period",
        kind="money", value=lambda s: whole(s.revenue), counted="won",
    ),
    Measure(
        name="average_sale", label="Average sale", formula="revenue ÷ won",
        kind="money", value=lambda s: share(s.revenue, s.won), counted="won",
    ),
    Measure(
        name="win_rate", label="Win rate", formula="won ÷ (won + lost), both closed in the period",
        kind="percent", value=lambda s: share(s.won, s.won + s.lost), counted="closed",
    ),
    Measure(
        name="open", label="Open leads", formula="leads neither won nor lost by the end of the period",
        kind="count", value=lambda s: whole(s.open), better="", counted="open",
    ),
    Measure(
        name="open_value", label="Value of open leads",
        formula="sum of leads neither won nor lost by the end of the period, at the value they have now",
        kind="money", value=lambda s: whole(s.open_value), counted="open",
    ),
)  # fmt: skip
BY_NAME: Final = {figure.name: figure for figure in FIGURES}


async def summary(connection: AsyncConnection, wish: SummaryWish) -> Summary:
    await plan_by_values(connection)
    found = await _happened(connection, wish, by=wish.by)
    series = [
        Point(day=day, sums=found.get(day, Sums())) for day in steps(wish.first, wish.last, wish.by)
    ]
    earlier = wish.before()
    return Summary(
        wish=wish,
        total=await _with_open(connection, wish, _summed(found.values())),
        before=await _with_open(
            connection,
            earlier,
            _summed((await _happened(connection, earlier, by="month")).values()),
        ),
        series=series,
    )


def steps(first: date, last: date, by: Step) -> Sequence[date]:
    """The first day of every day, week or month that the period touches."""
    day = begin_of(first, by)
    found = []
    while day <= last:
        found.append(day)
        day = following(day, by)
    return found


def _summed(parts: Iterable[Sums]) -> Sums:
    leads = won = lost = revenue = 0
    for part in parts:
        leads += part.leads
        won += part.won
        lost += part.lost
        revenue += part.revenue
    return Sums(leads=leads, won=won, lost=lost, revenue=revenue)


async def _happened(connection: AsyncConnection, wish: Wish, *, by: Step) -> dict[date, Sums]:
    """By the first day of each `by`."""
    rows = await connection.execute(*happened(wish, spans.first_day("x.day", by)))
    return {
        row.key: Sums(
            leads=int(row.leads), won=int(row.won), lost=int(row.lost), revenue=int(row.revenue)
        )
        for row in rows
    }


OPEN_THEN: Final = "((x.status = 'open' and x.created_on <= :last) or (x.closed_on > :last and x.created_on <= :last))"
"""SQL over a row of `fact_lead`: neither won nor lost by the end of the period's last day."""


async def _with_open(connection: AsyncConnection, wish: Wish, sums: Sums) -> Sums:
    values: dict[str, Any] = {"last": wish.last}
    conditions = narrowed(wish, values)
    row = (
        await connection.execute(
            text(f"""
                select sum(n) as n, sum(worth) as worth from (
                    select count(*) as n, sum(x.worth) as worth from fact_lead x
                    where x.status = 'open' and x.created_on <= :last and {conditions}
                    union all
                    select count(*), sum(x.worth) from fact_lead x
                    where x.closed_on > :last and x.created_on <= :last and {conditions}
                ) both_kinds
            """),  # noqa: S608  # our own names; values are parameters
            values,
        )
    ).one()
    return replace(sums, open=int(row.n), open_value=int(row.worth or 0))
