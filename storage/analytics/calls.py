"""Calls: how many came and went, who was missed and never called back, and at which hours of the week."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from storage.analytics.measures import Measure, share, whole
from storage.analytics.wishes import Wish

Grouping = Literal["manager", "number", "account", "day", "week", "month"]
GROUPINGS: Final[tuple[Grouping, ...]] = ("manager", "number", "account", "day", "week", "month")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsWish(Wish):
    """`number` is ours. `weekday` (0 is Monday) and `hour` are a cell of the heat map. Source and pipeline do not narrow
    calls: with either there are none.
    """

    by: Grouping = "manager"
    number: str = ""
    weekday: int | None = None
    hour: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSums:
    incoming: int = 0
    outgoing: int = 0
    answered_in: int = 0
    answered_out: int = 0
    missed: int = 0
    not_called_back: int = 0
    talk_seconds: int = 0
    wait_seconds: int = 0
    """Until a person answered, of incoming calls that were answered."""

    @property
    def calls(self) -> int:
        return self.incoming + self.outgoing


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Of the heat map: `weekday` 0 is Monday. Cells without calls are left out."""

    weekday: int
    hour: int
    sums: CallSums


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`key` narrows: a manager's id ("" is nobody), our number, an account's id, a day."""

    key: str
    name: str
    sums: CallSums


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    wish: CallsWish
    total: CallSums
    before: CallSums
    cells: Sequence[Cell]
    rows: Sequence[Row]


FIGURES: Final[tuple[Measure[CallSums], ...]] = (
    Measure(
        name="incoming", label="Calls in", formula="calls from customers",
        kind="count", value=lambda s: whole(s.incoming), better="", counted="incoming",
    ),
    Measure(
        name="outgoing", label="Calls out", formula="calls to customers, answered or not",
        kind="count", value=lambda s: whole(s.outgoing), counted="outgoing",
    ),
    Measure(
        name="missed", label="Missed", formula="calls from customers that no person answered",
        kind="count", value=lambda s: whole(s.missed), better="less", counted="missed",
    ),
    Measure(
        name="missed_share", label="% missed", formula="missed ÷ calls in",
        kind="percent", value=lambda s: share(s.missed, s.incoming), better="less", counted="missed",
    ),
    Measure(
        name="not_called_back", label="Not called back",
        formula="missed calls of known customers with whom nobody has talked by telephone since",
        kind="count", value=lambda s: whole(s.not_called_back), better="less", counted="not_called_back",
    ),
    Measure(
        name="talk_seconds", label="Talk time", formula="sum of all talks",
        kind="seconds", value=lambda s: whole(s.talk_seconds), better="", counted="answered",
    ),
    Measure(
        name="average_talk", label="Average talk", formula="talk time ÷ answered calls",
        kind="seconds", value=lambda s: share(s.talk_seconds, s.answered_in + s.answered_out),
        better="", counted="answered",
    ),
    Measure(
        name="average_wait", label="Average wait", formula="mean time until a person answered a call in",
        kind="seconds", value=lambda s: share(s.wait_seconds, s.answered_in), better="less", counted="answered_in",
    ),
    Measure(
        name="reached_share", label="% reached", formula="answered calls out ÷ calls out",
        kind="percent", value=lambda s: share(s.answered_out, s.outgoing), counted="answered_out",
    ),
)  # fmt: skip
BY_NAME: Final = {figure.name: figure for figure in FIGURES}


async def calls(connection: AsyncConnection, wish: CallsWish) -> Calls:
    raise NotImplementedError
