"""The summary: what came in, what was sold and what is still open, against the period before.

Everything is of the day on which it happened: leads of their creation, sales and losses of their closing. So the sums are
those of the source report on the event basis, under the model `last`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.attribution_models import WHOLE
from storage.analytics.measures import Measure, share, whole
from storage.analytics.models import PLACES
from storage.analytics.wishes import Wish, narrowed

Step = Literal["day", "week", "month"]
STEPS: Final[tuple[Step, ...]] = ("day", "week", "month")


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
    day = _begin(first, by)
    found = []
    while day <= last:
        found.append(day)
        day = _begin(day + timedelta(days={"day": 1, "week": 7, "month": 32}[by]), by)
    return found


def _begin(day: date, by: Step) -> date:
    match by:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)


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
    values: dict[str, Any] = {"first": wish.first, "last": wish.last}
    conditions = narrowed(wish, values)
    found = await connection.execute(
        text(f"""
            select cast(date_trunc('{by}', x.day) as date) as day, sum(x.leads) as leads, sum(x.won) as won,
                   sum(x.lost) as lost, sum(x.revenue) as revenue
            from {happened(wish, values)} x
            where x.day between :first and :last and {conditions} group by 1
        """),  # noqa: S608  # our own names; values are parameters
        values,
    )
    return {
        row.day: Sums(
            leads=int(row.leads) // WHOLE,
            won=int(row.won) // WHOLE,
            lost=int(row.lost) // WHOLE,
            revenue=int(row.revenue),
        )
        for row in found
    }


def happened(wish: Wish, values: dict[str, Any], *, by_owner: bool = False) -> str:
    """SQL of what happened on each day, by whoever `wish` narrows to: from the sums by owner or by origin; who asks for
    both reads the leads, of which each has one origin: that of its last touch.
    """
    sums = "leads, event_won as won, event_lost as lost, event_revenue as revenue"
    values["model"] = PLACES["last"]
    if not wish.source:
        return f"(select day, account_id, manager_id, pipeline_id, {sums} from rollup_owner where model = :model)"  # noqa: S608
    narrow = wish.manager or wish.team or wish.pipeline or wish.account or wish.channel
    if not (by_owner or narrow):
        return f"(select day, origin_id, null::uuid as manager_id, {sums} from rollup_origin where model = :model)"  # noqa: S608
    del values["model"]
    whose = "origin_id, account_id, manager_id, pipeline_id"
    return f"""(
        select created_on as day, {whose}, {WHOLE} as leads, 0 as won, 0 as lost, 0 as revenue
        from fact_lead where created_on between :first and :last
        union all
        select closed_on, {whose}, 0, (status = 'won')::int * {WHOLE}, (status = 'lost')::int * {WHOLE},
               case when status = 'won' then coalesce(worth, 0) else 0 end
        from fact_lead where closed_on between :first and :last
    )"""  # noqa: S608  # our own names


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
