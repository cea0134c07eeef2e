"""What managers did in a period, source by source: each adds its figures to a dictionary by manager.

Everything is read for all managers at once from an index that holds what is needed; replies, of which there are many, from
the counts per day.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.activity_plans import offer_stages
from storage.analytics.answer_times import answer_times
from storage.analytics.happened import happened
from storage.analytics.rules import NOBODY
from storage.analytics.wishes import Wish, by_account, by_conversation, by_whom, narrowed

ACTIVITY: Final = (
    "assigned", "answered", "first_answers", "first_median", "first_p90", "messages", "calls_in", "calls_out",
    "calls_missed", "talk_seconds", "tasks_done", "tasks_late",
)  # fmt: skip
"""What has neither a source nor a pipeline."""
Work = dict[UUID | None, dict[str, Any]]
"""Figures by manager; those of everybody together by None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """`begin` and `end` as moments, the end not included."""

    begin: datetime
    end: datetime
    now: datetime
    today: date

    @classmethod
    def of(cls, wish: Wish, *, zone: ZoneInfo, now: datetime) -> Self:
        begin, end = wish.moments(zone)
        return cls(begin=begin, end=end, now=now, today=now.astimezone(zone).date())

    def values(self) -> dict[str, Any]:
        return {"begin": self.begin, "end": self.end}


def _add(work: Work, rows: Iterable[Any]) -> None:
    for row in rows:
        own = dict(row._mapping)  # noqa: SLF001  # a Row's public mapping
        who = own.pop("who")
        if who != NOBODY:
            work[who].update(
                {name: None if value is None else int(value) for name, value in own.items()}
            )


async def add_leads(connection: AsyncConnection, wish: Wish, work: Work) -> None:
    rows = await connection.execute(*happened(wish, "x.manager_id"))
    for row in rows:
        if row.key != NOBODY:
            work[row.key].update(
                leads=int(row.leads), won=int(row.won), lost=int(row.lost), revenue=int(row.revenue)
            )


async def add_offers(connection: AsyncConnection, wish: Wish, period: Period, work: Work) -> None:
    values = period.values()
    conditions = narrowed(wish, values)
    offers = offered(await offer_stages(connection), values)
    statement = f"""
        select x.manager_id as who, count(*) as offers from fact_stage x
        where x.entered_at >= :begin and x.entered_at < :end and {offers} and {conditions} group by 1
    """  # noqa: S608  # our own names; values are parameters
    _add(work, await connection.execute(text(statement), values))


def offered(stages: list[UUID], values: dict[str, Any]) -> str:
    """SQL over a row of `fact_stage` named `x`: the lead came into one of the stages, and had never been in any."""
    match stages:
        case []:
            return "false"
        case [stage]:
            # As a comparison: so an index gives them newest first.
            values["offer"] = stage
            return "x.first and x.stage_id = :offer"
        case _:
            values["offers"] = stages
            return (
                "x.first and x.stage_id = any(:offers) and not exists (select from fact_stage e"
                " where e.lead_id = x.lead_id and e.stage_id = any(:offers)"
                " and (e.entered_at, e.place) < (x.entered_at, x.place))"
            )


async def add_activity(connection: AsyncConnection, wish: Wish, period: Period, work: Work) -> None:
    await _assigned(connection, wish, period, work)
    for who, own in (await answer_times(connection, wish, period.values())).items():
        work[who].update(own)
    await _messages(connection, wish, work)
    await _calls(connection, wish, work)
    await _tasks(connection, wish, period, work)


async def _assigned(connection: AsyncConnection, wish: Wish, period: Period, work: Work) -> None:
    values = period.values()
    statement = f"""
        select x.manager_id as who, count(*) as assigned from assignment x
        where x.at >= :begin and x.at < :end and x.manager_id is not null
         and {by_whom(wish, values, column="x.manager_id")}
         and {by_conversation(wish, values, column="x.conversation_id")}
        group by 1
    """  # noqa: S608  # our own names; values are parameters
    _add(work, await connection.execute(text(statement), values))


async def _messages(connection: AsyncConnection, wish: Wish, work: Work) -> None:
    values: dict[str, Any] = {"first": wish.first, "last": wish.last}
    statement = f"""
        select x.manager_id as who, sum(x.replies) as messages from rollup_replies x
        where x.day between :first and :last and {by_whom(wish, values, column="x.manager_id")}
         and {by_account(wish, values, column="x.account_id")}
        group by 1
    """  # noqa: S608  # our own names; values are parameters
    _add(work, await connection.execute(text(statement), values))


CALLS_OF: Final = {
    "calls_in": "x.direction = 'in' and x.answered",
    "calls_out": "x.direction = 'out'",
    "calls_missed": "x.missed",
    "talked": "(x.answered or x.direction = 'out')",
}
"""SQL over a row of `fact_call` named `x`."""


async def _calls(connection: AsyncConnection, wish: Wish, work: Work) -> None:
    values: dict[str, Any] = {"first": wish.first, "last": wish.last}
    conditions = narrowed(wish, values)
    statement = f"""
        select x.manager_id as who, count(*) filter (where {CALLS_OF["calls_in"]}) as calls_in,
               count(*) filter (where {CALLS_OF["calls_out"]}) as calls_out,
               count(*) filter (where {CALLS_OF["calls_missed"]}) as calls_missed,
               coalesce(sum(x.talk_seconds), 0) as talk_seconds
        from fact_call x where x.started_on between :first and :last and {conditions} group by 1
    """  # noqa: S608  # our own names; values are parameters
    _add(work, await connection.execute(text(statement), values))


TASKS_OF: Final = {
    "tasks_done": "x.done_at >= :begin and x.done_at < :end and x.cancelled_at is null",
    "tasks_late": (
        "x.due_at >= :begin and x.due_at < :end and x.due_at < :now and x.cancelled_at is null"
        " and (x.done_at is null or x.done_at > x.due_at)"
    ),
}
"""SQL over a `task` named `x`."""


async def _tasks(connection: AsyncConnection, wish: Wish, period: Period, work: Work) -> None:
    # One after the other: each reads an index that holds all it asks, both at once would read the tasks themselves.
    for name, which in TASKS_OF.items():
        values = period.values()
        if ":now" in which:
            values["now"] = period.now
        statement = f"""
            select x.manager_id as who, count(*) as {name} from task x
            where {which} and x.manager_id is not null and {by_whom(wish, values, column="x.manager_id")}
             and {by_conversation(wish, values, column="x.conversation_id")}
            group by 1
        """  # noqa: S608  # our own names; values are parameters
        _add(work, await connection.execute(text(statement), values))
