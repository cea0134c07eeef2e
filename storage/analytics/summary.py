"""The summary: what came in, what was sold and what is still open, against the period before.

Everything is of the day on which it happened: leads of their creation, sales and losses of their closing. So the sums are
those of the source report on the event basis, under the model `last`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from storage.analytics.measures import Measure, share, whole
from storage.analytics.wishes import Wish

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
    raise NotImplementedError
