"""A figure of the reports of sales: what it is called, how it is made, how it is read.

As in the source report, a figure is a number or None, which is shown as "—".
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, Literal, TypeVar

from storage.analytics.figures import Kind, Value

Of = TypeVar("Of")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure(Generic[Of]):
    """`label` and `formula` are English, to be translated where they are shown. `better`: which way is good news.

    `counted`: what a drill-down is asked for to see what it counts; "" when there is nothing to list.
    """

    name: str
    label: str
    formula: str
    kind: Kind
    value: Callable[[Of], Value]
    better: Literal["more", "less", ""] = "more"
    counted: str = ""


def whole(number: int | None) -> Value:
    return None if number is None else Fraction(number)


def share(part: int | None, of: int | None) -> Value:
    return None if part is None or not of else Fraction(part, of)
