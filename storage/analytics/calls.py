"""Calls: how many came and went, who was missed and never called back, and at which hours of the week."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.analytics.measures import Measure, share, whole
from storage.analytics.planning import plan_by_values
from storage.analytics.rules import NOBODY
from storage.analytics.wishes import Wish, narrowed

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

    def __add__(self, other: "CallSums") -> "CallSums":
        return CallSums(
            **{
                each.name: getattr(self, each.name) + getattr(other, each.name)
                for each in fields(self)
            }
        )


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
    await plan_by_values(connection)
    cells: dict[tuple[int, int], CallSums] = {}
    rows: dict[str, CallSums] = {}
    total = CallSums()
    values: dict[str, Any] = {}
    key = _KEYS[wish.by]
    found = await connection.execute(
        text(f"""
            select {key} as key, x.weekday, x.hour, {_MEASURES} from fact_call x
            where {which(wish, values)} group by 1, 2, 3
        """),  # noqa: S608  # our own names; values are parameters
        values,
    )
    for row in found:
        sums = CallSums(**{name: int(getattr(row, name)) for name in _SUMS})
        cell = (row.weekday, row.hour)
        cells[cell] = cells.get(cell, CallSums()) + sums
        rows[row.key] = rows.get(row.key, CallSums()) + sums
        total += sums
    return Calls(
        wish=wish,
        total=total,
        before=await _total(connection, wish.before()),
        cells=[
            Cell(weekday=day, hour=hour, sums=sums) for (day, hour), sums in sorted(cells.items())
        ],
        rows=await _named(connection, wish.by, rows),
    )


_SUMS: Final = {
    "incoming": "count(*) filter (where x.direction = 'in')",
    "outgoing": "count(*) filter (where x.direction = 'out')",
    "answered_in": "count(*) filter (where x.direction = 'in' and x.answered)",
    "answered_out": "count(*) filter (where x.direction = 'out' and x.answered)",
    "missed": "count(*) filter (where x.missed)",
    "not_called_back": "count(*) filter (where x.abandoned)",
    "talk_seconds": "coalesce(sum(x.talk_seconds), 0)",
    "wait_seconds": "coalesce(sum(x.wait_seconds), 0)",
}
_MEASURES: Final = ", ".join(f"{sql} as {name}" for name, sql in _SUMS.items())
_KEYS: Final[Mapping[Grouping, str]] = {
    "manager": f"case when x.manager_id = '{NOBODY}' then '' else cast(x.manager_id as text) end",
    "number": "x.number",
    "account": "cast(x.account_id as text)",
    "day": "cast(x.started_on as text)",
    "week": "cast(cast(date_trunc('week', x.started_on) as date) as text)",
    "month": "cast(cast(date_trunc('month', x.started_on) as date) as text)",
}


def which(wish: CallsWish, values: dict[str, Any]) -> str:
    """SQL over a row of `fact_call` named `x`."""
    values |= {"first": wish.first, "last": wish.last}
    if wish.source or wish.pipeline is not None:
        return "false"
    conditions = ["x.started_on between :first and :last", narrowed(wish, values)]
    for name in ("number", "weekday", "hour"):
        value = getattr(wish, name)
        if value not in {"", None}:
            values[name] = value
            conditions.append(f"x.{name} = :{name}")
    return " and ".join(conditions)


async def _total(connection: AsyncConnection, wish: CallsWish) -> CallSums:
    values: dict[str, Any] = {}
    row = (
        await connection.execute(
            text(f"select {_MEASURES} from fact_call x where {which(wish, values)}"),  # noqa: S608  # our own names
            values,
        )
    ).one()
    return CallSums(**{name: int(getattr(row, name)) for name in _SUMS})


_NAMES: Final[Mapping[Grouping, str]] = {
    "manager": "select cast(id as text) as key, name from user_account where id = any(cast(:keys as uuid[]))",
    "account": "select cast(id as text) as key, slug as name from account where id = any(cast(:keys as uuid[]))",
}


async def _named(
    connection: AsyncConnection, by: Grouping, rows: Mapping[str, CallSums]
) -> Sequence[Row]:
    """Days in order, others by how many calls there were."""
    names: dict[str, str] = {}
    if by in _NAMES:
        keys = [UUID(key) for key in rows if key]
        found = await connection.execute(text(_NAMES[by]), {"keys": keys})
        names = {row.key: row.name for row in found}
    made = [Row(key=key, name=names.get(key, ""), sums=sums) for key, sums in rows.items()]
    if by in {"day", "week", "month"}:
        return sorted(made, key=lambda row: row.key)
    return sorted(made, key=lambda row: (-row.sums.calls, row.key))
