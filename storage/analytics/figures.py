"""Every figure of the source report, defined once: pages, API, command line and exports all ask here.

A figure is a number or None, which is shown as "—": there is nothing to divide by. It is never infinite, and 0 only where
it is truly nothing. Additive ones add up over rows, under every model; the others are made of sums and never of each
other's averages.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any, Final, Literal

from router.attribution_models import WHOLE
from storage.analytics.rollups import Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What adds up. Counts in millionths (a lead may be shared), money in minor units; `cycle_minutes` and
    `response_seconds` multiplied by the weight in millionths. What cannot be told is None: `spend` where it cannot be told
    apart, `open` by event date.
    """

    inquiries: int = 0
    leads: int = 0
    qualified: int = 0
    won: int = 0
    lost: int = 0
    open: int | None = 0
    new_customers: int = 0
    revenue: int = 0
    cycle_minutes: int = 0
    responded: int = 0
    response_seconds: int = 0
    spend: int | None = 0

    def __add__(self, other: "Sums") -> "Sums":
        added: dict[str, Any] = {
            each.name: _added(getattr(self, each.name), getattr(other, each.name))
            for each in fields(self)
        }
        return Sums(**added)


def _added(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def summed(rows: Iterable[Sums], *, onto: Sums) -> Sums:
    total = onto
    for row in rows:
        total += row
    return total


Kind = Literal["count", "money", "percent", "ratio", "days", "seconds"]
"""How a value is read: pieces, minor units, hundredths as parts of one (0.153 is 15.3 %), times, days, seconds."""
Value = Fraction | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What some figures need beside the sums: the margin in percent, and overheads of the period in minor units."""

    margin: Fraction | None = None
    overheads: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`label` and `formula` are English, to be translated where they are shown. `by_event` is the formula by event date,
    where that divides what happened on days of different kinds. `better`: which way is good news.
    """

    name: str
    label: str
    formula: str
    kind: Kind
    value: Callable[[Sums, Terms], Value]
    by_event: str = ""
    additive: bool = False
    better: Literal["more", "less", ""] = "more"

    def formula_on(self, basis: Basis) -> str:
        return self.by_event if basis == "event" and self.by_event else self.formula


def _count(of: int) -> Fraction:
    return Fraction(of, WHOLE)


def _share(part: Value, whole: Value) -> Value:
    return None if part is None or not whole else part / whole


def _cost(spend: int | None, pieces: int) -> Value:
    """Nothing was spent: it cost nothing, if there is any. Something was spent for nothing: there is no price."""
    return None if spend is None or not pieces else Fraction(spend * WHOLE, pieces)


def _spend(sums: Sums) -> Value:
    return None if sums.spend is None else Fraction(sums.spend)


def _romi(sums: Sums, part: Fraction) -> Value:
    if not sums.spend:
        return None
    return (sums.revenue * part - sums.spend) / sums.spend


FIGURES: Final = (
    Figure(
        name="inquiries", label="Inquiries", formula="messages that begin a conversation or come after a day, and calls",
        kind="count", value=lambda s, _: _count(s.inquiries), additive=True,
    ),
    Figure(
        name="leads", label="Leads", formula="lead cards, duplicates that were merged left out",
        kind="count", value=lambda s, _: _count(s.leads), additive=True,
    ),
    Figure(
        name="qualified", label="Qualified", formula="leads that reached a qualifying stage",
        kind="count", value=lambda s, _: _count(s.qualified), additive=True,
    ),
    Figure(
        name="qualified_share", label="% qualified", formula="qualified ÷ leads",
        by_event="leads qualified in the period ÷ leads created in it: partly different leads",
        kind="percent", value=lambda s, _: _share(_count(s.qualified), _count(s.leads)),
    ),
    Figure(
        name="won", label="Won", formula="leads that became a sale",
        kind="count", value=lambda s, _: _count(s.won), additive=True,
    ),
    Figure(
        name="lost", label="Lost", formula="leads closed without a sale",
        kind="count", value=lambda s, _: _count(s.lost), additive=True, better="less",
    ),
    Figure(
        name="open", label="Open", formula="leads neither won nor lost yet",
        kind="count", value=lambda s, _: None if s.open is None else _count(s.open), additive=True, better="",
    ),
    Figure(
        name="conversion", label="Conversion", formula="won ÷ leads",
        by_event="leads won in the period ÷ leads created in it: partly different leads",
        kind="percent", value=lambda s, _: _share(_count(s.won), _count(s.leads)),
    ),
    Figure(
        name="new_customers", label="New customers", formula="contacts who bought for the first time",
        kind="count", value=lambda s, _: _count(s.new_customers), additive=True,
    ),
    Figure(
        name="revenue", label="Revenue", formula="sum of won leads",
        kind="money", value=lambda s, _: Fraction(s.revenue), additive=True,
    ),
    Figure(
        name="average_sale", label="Average sale", formula="revenue ÷ won",
        kind="money", value=lambda s, _: _share(Fraction(s.revenue), _count(s.won)),
    ),
    Figure(
        name="spend", label="Spend", formula="what advertising cost",
        kind="money", value=lambda s, _: _spend(s), additive=True, better="",
    ),
    Figure(
        name="cpl", label="CPL", formula="spend ÷ leads",
        kind="money", value=lambda s, _: _cost(s.spend, s.leads), better="less",
    ),
    Figure(
        name="cpql", label="CPQL", formula="spend ÷ qualified leads",
        by_event="spend in the period ÷ leads qualified in it, whenever they were created",
        kind="money", value=lambda s, _: _cost(s.spend, s.qualified), better="less",
    ),
    Figure(
        name="cac", label="CAC", formula="spend ÷ new customers",
        by_event="spend in the period ÷ new customers of it, whenever their leads were created",
        kind="money", value=lambda s, _: _cost(s.spend, s.new_customers), better="less",
    ),
    Figure(
        name="romi", label="ROMI", formula="(revenue − spend) ÷ spend",
        by_event="(revenue − spend) ÷ spend: sales of the period, whenever their leads were created, by its spend",
        kind="percent", value=lambda s, _: _romi(s, Fraction(1)),
    ),
    Figure(
        name="romi_margin", label="ROMI by margin", formula="(revenue × margin − spend) ÷ spend",
        by_event="(revenue × margin − spend) ÷ spend: sales of the period, whenever their leads were created, by its spend",
        kind="percent", value=lambda s, t: _romi(s, t.margin) if t.margin is not None else None,
    ),
    Figure(
        name="roas", label="ROAS", formula="revenue ÷ spend",
        by_event="revenue ÷ spend: sales of the period, whenever their leads were created, by its spend",
        kind="ratio", value=lambda s, _: _share(Fraction(s.revenue), _spend(s)),
    ),
    Figure(
        name="spend_share", label="Spend to revenue", formula="spend ÷ revenue",
        by_event="spend ÷ revenue: spend of the period by its sales, whenever their leads were created",
        kind="percent", value=lambda s, _: _share(_spend(s), Fraction(s.revenue)), better="less",
    ),
    Figure(
        name="days_to_sale", label="Days to sale", formula="mean of days from the lead to the sale",
        kind="days", value=lambda s, _: _share(Fraction(s.cycle_minutes, 24 * 60), Fraction(s.won)), better="less",
    ),
    Figure(
        name="first_response", label="First response", formula="mean time until a person answered a new lead",
        kind="seconds", value=lambda s, _: _share(Fraction(s.response_seconds), Fraction(s.responded)), better="less",
    ),
)  # fmt: skip
FULL_CAC: Final = Figure(
    name="full_cac", label="Full CAC", formula="(spend + overheads) ÷ new customers",
    by_event="(spend + overheads) ÷ new customers of the period, whenever their leads were created",
        kind="money", better="less",
    value=lambda s, t: _cost(None if s.spend is None else s.spend + t.overheads, s.new_customers),
)  # fmt: skip
"""Of a whole period only: nobody's salary belongs to one source."""
BY_NAME: Final = {figure.name: figure for figure in (*FIGURES, FULL_CAC)}


def values(sums: Sums, terms: Terms) -> Mapping[str, Value]:
    return {figure.name: figure.value(sums, terms) for figure in FIGURES}
