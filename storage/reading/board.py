"""The board: each stage with its first cards, and what they come to.

A column counts at most MOST_COUNTED of its cards, so that a board with a million leads opens as fast as one with a
hundred; it says so when there are more. Cards come by key: open ones as somebody put them, closed ones by when.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Double,
    Select,
    and_,
    func,
    literal,
    or_,
    select,
    text,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP, UUID as PG_UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.lead_rows import LeadRow, dressed, row_of
from storage.reading.leads import LeadFilter, found_by, narrowed
from storage.reading.paging import Page, cursor_at, key_of
from storage.reading.pipelines import PipelineRow, StageRow
from storage.reading.sight import EVERYTHING, Sight, lead_counted, leads_in_sight
from storage.tables import lead, stage, task

CLOSED_SHOWN: Final = timedelta(days=30)
"""How long a won or lost card stays on the board."""
MOST_COUNTED: Final = 10_000
PER_STAGE: Final = 20
_CLOSED: Final = ("won", "lost")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardColumn:
    """`count`, `value` and `without_task` are of the first MOST_COUNTED cards (closed ones: of the last CLOSED_SHOWN);
    `is_more` says that there are others. `next_cursor` goes on behind `leads`.
    """

    stage: StageRow
    count: int
    is_more: bool
    value: int
    without_task: int
    leads: tuple[LeadRow, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    count: int = 0
    is_more: bool = False
    value: int = 0
    without_task: int = 0


async def board(
    connection: AsyncConnection,
    pipeline: PipelineRow,
    wish: LeadFilter,
    *,
    now: datetime,
    sight: Sight,
    hidden: Sequence[str] = (),
    per_stage: int = PER_STAGE,
) -> list[BoardColumn]:
    """The columns of a pipeline, but those of the kinds `hidden`."""
    wanted = await _wanted(connection, wish, sight)
    sums = await totals(connection, pipeline, wish, now=now, sight=sight)
    shown = [each for each in pipeline.stages if each.kind not in hidden]
    first = await _first(connection, shown, wanted, now=now, limit=per_stage + 1, sight=sight)
    return [
        BoardColumn(
            stage=each,
            count=(total := sums.get(each.id, Total())).count,
            is_more=total.is_more,
            value=total.value,
            without_task=total.without_task,
            leads=(page := _page(first.get(each.id, []), each, limit=per_stage)).items,
            next_cursor=page.next_cursor,
        )
        for each in shown
    ]


async def totals(
    connection: AsyncConnection,
    pipeline: PipelineRow,
    wish: LeadFilter,
    *,
    now: datetime,
    sight: Sight,
) -> dict[UUID, Total]:
    """By stage."""
    if sight.whole:
        wanted = await _wanted(connection, wish, sight)
        return await _totals(connection, pipeline, wanted, now=now)
    return await _totals_of_many(
        connection, pipeline, await _wanted(connection, wish, EVERYTHING), now=now, sight=sight
    )


async def column_page(
    connection: AsyncConnection,
    of: StageRow,
    wish: LeadFilter,
    *,
    now: datetime,
    sight: Sight,
    cursor: str,
    limit: int = PER_STAGE,
) -> Page[LeadRow]:
    """Further cards of a column. Raises BadCursor."""
    wanted = [*await _wanted(connection, wish, sight), *_of(of.is_closed, now=now)]
    by: ColumnElement[Any]
    if of.is_closed:
        at, id_ = key_of(cursor, _name(of), tuple[datetime, UUID])
        by, there = lead.c.closed_at, literal(at, TIMESTAMP(timezone=True))
    else:
        position, id_ = key_of(cursor, _name(of), tuple[float, UUID])
        by, there = lead.c.position, literal(position, Double)
    behind = func.row(by, lead.c.id) < func.row(there, literal(id_, PG_UUID))
    rows = await connection.execute(
        dressed(lead.c.stage_id == of.id, behind, *wanted)
        .order_by(by.desc(), lead.c.id.desc())
        .limit(limit + 1)
    )
    return _page([row_of(row, sight) for row in rows], of, limit=limit)


async def lost_for(
    connection: AsyncConnection, pipeline: PipelineRow, *, now: datetime, sight: Sight
) -> list[tuple[str, int]]:
    """Why the leads of the last CLOSED_SHOWN were lost, the most frequent first; counted over MOST_COUNTED of them; of a limited
    reader those in their own or their team's hands.
    """
    stages = [each.id for each in pipeline.stages if each.kind == "lost"]
    rows = await connection.execute(
        text("""
            select lost_reason, count(*) as leads from (
                select lost_reason from lead where stage_id = any(:stages) and status in ('won', 'lost')
                and closed_at > :since and (:whole or manager_id = cast(:me as uuid) or manager_id in (
                    select user_id from team_member where team_id = any(cast(:teams as uuid[])))) limit :most) as gone
            group by 1 order by 2 desc, 1
        """),
        {
            "stages": stages,
            "since": now - CLOSED_SHOWN,
            "most": MOST_COUNTED,
            "whole": sight.whole,
            "me": sight.user,
            "teams": list(sight.teams),
        },
    )
    return [(row.lost_reason, row.leads) for row in rows]


def is_on_board(row: LeadRow, *, now: datetime) -> bool:
    return row.status == "open" or (
        row.closed_at is not None and row.closed_at > now - CLOSED_SHOWN
    )


def sorted_by(row: LeadRow) -> float:
    """The higher stands above."""
    at = row.closed_at
    return row.position if row.status == "open" or at is None else at.timestamp()


async def _wanted(
    connection: AsyncConnection, wish: LeadFilter, sight: Sight
) -> list[ColumnElement[bool]]:
    conditions = [*narrowed(wish), *await found_by(connection, wish.q, sight)]
    if not sight.whole:
        conditions.append(await leads_in_sight(connection, sight))
    if wish.manager is not None:
        conditions.append(lead.c.manager_id == wish.manager)
    if wish.created_from is not None:
        conditions.append(lead.c.created_at >= wish.created_from)
    if wish.created_to is not None:
        conditions.append(lead.c.created_at < wish.created_to)
    return conditions


def _of(is_closed: bool, *, now: datetime) -> list[ColumnElement[bool]]:  # noqa: FBT001  # which kind of column
    if is_closed:
        return [lead.c.status.in_(_CLOSED), lead.c.closed_at > now - CLOSED_SHOWN]
    return [lead.c.status == "open"]


async def _totals(
    connection: AsyncConnection,
    pipeline: PipelineRow,
    wanted: Sequence[ColumnElement[bool]],
    *,
    now: datetime,
) -> dict[UUID, Total]:
    counted: dict[UUID, Total] = {}
    for is_closed in (False, True):
        ids = [each.id for each in pipeline.stages if each.is_closed == is_closed]
        if not ids:
            continue
        picked = (
            select(lead.c.id, lead.c.value)
            .where(lead.c.stage_id == stage.c.id, *_of(is_closed, now=now), *wanted)
            .limit(MOST_COUNTED + 1)
            .lateral("picked")
        )
        todo = select(task.c.id).where(task.c.lead_id == picked.c.id, task.c.done_at.is_(None))
        without = func.count().filter(~todo.exists()) if not is_closed else literal(0)
        rows = await connection.execute(
            select(
                stage.c.id,
                func.count().label("cards"),
                func.coalesce(func.sum(picked.c.value), 0).label("value"),
                without.label("without_task"),
            )
            .select_from(stage.join(picked, true()))
            .where(stage.c.id.in_(ids))
            .group_by(stage.c.id)
        )
        counted |= {
            row.id: Total(
                count=min(row.cards, MOST_COUNTED),
                is_more=row.cards > MOST_COUNTED,
                value=int(row.value),
                without_task=row.without_task,
            )
            for row in rows
        }
    return counted


async def _totals_of_many(
    connection: AsyncConnection,
    pipeline: PipelineRow,
    wanted: Sequence[ColumnElement[bool]],
    *,
    now: datetime,
    sight: Sight,
) -> dict[UUID, Total]:
    """As `_totals`, of what is in sight: to look up the person of each card would take longer than to gather them all."""
    todo = select(task.c.id).where(task.c.lead_id == lead.c.id, task.c.done_at.is_(None))
    kinds = []
    for is_closed in (False, True):
        ids = [each.id for each in pipeline.stages if each.is_closed == is_closed]
        kinds.append(and_(lead.c.stage_id.in_(ids), *_of(is_closed, now=now)))
    rows = await connection.execute(
        select(
            lead.c.stage_id,
            func.count().label("cards"),
            func.coalesce(func.sum(lead.c.value), 0).label("value"),
            func.count().filter(lead.c.status == "open", ~todo.exists()).label("without_task"),
        )
        .where(or_(*kinds), *wanted, lead_counted(sight))
        .group_by(lead.c.stage_id)
    )
    return {
        row.stage_id: Total(
            count=min(row.cards, MOST_COUNTED),
            is_more=row.cards > MOST_COUNTED,
            value=int(row.value),
            without_task=row.without_task,
        )
        for row in rows
    }


async def _first(
    connection: AsyncConnection,
    shown: Sequence[StageRow],
    wanted: Sequence[ColumnElement[bool]],
    *,
    now: datetime,
    limit: int,
    sight: Sight,
) -> dict[UUID, list[LeadRow]]:
    picked: list[Select[Any]] = []
    for is_closed in (False, True):
        by = lead.c.closed_at if is_closed else lead.c.position
        first = (
            select(lead.c.id)
            .where(lead.c.stage_id == stage.c.id, *_of(is_closed, now=now), *wanted)
            .order_by(by.desc(), lead.c.id.desc())
            .limit(limit)
            .lateral(f"first_{'closed' if is_closed else 'open'}")
        )
        ids = [each.id for each in shown if each.is_closed == is_closed]
        picked.append(
            select(first.c.id).select_from(stage.join(first, true())).where(stage.c.id.in_(ids))
        )
    rows = await connection.execute(dressed(lead.c.id.in_(union_all(*picked))))
    found: dict[UUID, list[LeadRow]] = {}
    for row in (row_of(each, sight) for each in rows):
        found.setdefault(row.stage_id, []).append(row)
    for each in found.values():
        each.sort(key=lambda row: (sorted_by(row), row.id), reverse=True)
    return found


def _name(of: StageRow) -> str:
    return f"board.{'closed' if of.is_closed else 'open'}"


def _page(rows: Sequence[LeadRow], of: StageRow, *, limit: int) -> Page[LeadRow]:
    items = tuple(rows[:limit])
    if len(rows) <= limit:
        return Page(items=items)
    last = items[-1]
    key = last.closed_at if of.is_closed else last.position
    return Page(items=items, next_cursor=cursor_at(_name(of), (key, last.id)))
