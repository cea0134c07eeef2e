"""Leads: the list, what narrows it, one of them and those of one person."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, any_, func, literal, literal_column, select, true
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP, UUID as PG_UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.lead_rows import LeadRow, dressed, row_of
from storage.reading.lead_sources import came_from
from storage.reading.paging import DEFAULT_LIMIT, Page, key_of, page_of
from storage.reading.searching import people, wanted
from storage.reading.sight import Sight, lead_in_sight, leads_in_sight
from storage.tables import account, conversation, lead, stage, task, team_member

LIVING: Final = ("open", "won", "lost")


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadFilter:
    """Merged leads are in a list only when asked for by status. `value_from` and `value_to` are in minor units; `channel` is
    an account's kind; `late_before` and `today_until` are what "late" and "today" mean to whoever asks.
    """

    statuses: tuple[str, ...] = LIVING
    pipeline: UUID | None = None
    stage: UUID | None = None
    manager: UUID | None = None
    contact: UUID | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    q: str = ""
    unassigned: bool = False
    team: UUID | None = None
    source: str = ""
    channel: str = ""
    label: str = ""
    value_from: int | None = None
    value_to: int | None = None
    task: Literal["", "none", "late", "today"] = ""
    late_before: datetime | None = None
    today_until: datetime | None = None
    in_stage_since: datetime | None = None
    """In its stage at least since then."""
    forgotten: bool = False
    """In its stage for longer than the stage's norm."""


_NAME: Final = "leads"

Sort = Literal["created", "value", "age", "task"]

_NOTHING: Final = -1
"""What a lead without a value is sorted as."""


async def list_leads(
    connection: AsyncConnection,
    wish: LeadFilter,
    *,
    sight: Sight,
    sort: Sort = "created",
    cursor: str = "",
    limit: int = DEFAULT_LIMIT,
) -> Page[LeadRow]:
    """The newest first; or the dearest, those longest in their stage, those whose task is due first. Raises BadCursor.

    Sorted by task, only those with an open task are there.
    """
    conditions = [
        *_conditions(wish),
        *await found_by(connection, wish.q, sight),
        # As of contacts: found ones are looked up.
        lead_in_sight(sight) if wish.q else await leads_in_sight(connection, sight),
    ]
    name = _NAME if sort == "created" else f"{_NAME}.{sort}"
    statement = dressed(*conditions)
    match sort:
        case "value":
            worth = func.coalesce(lead.c.value, literal_column(str(_NOTHING)))
            order: list[ColumnElement[Any]] = [worth.desc(), lead.c.id.desc()]
            place = func.row(worth, lead.c.id)
        case "age":
            order = [lead.c.stage_since, lead.c.id]
            place = func.row(lead.c.stage_since, lead.c.id)
        case "task":
            return await _by_task(
                connection, conditions, sight=sight, name=name, cursor=cursor, limit=limit
            )
        case _:
            order = [lead.c.created_at.desc(), lead.c.id.desc()]
            place = func.row(lead.c.created_at, lead.c.id)
    if cursor and sort == "value":
        worth_there, id_ = key_of(cursor, name, tuple[int, UUID])
        statement = statement.where(
            place < func.row(literal(worth_there, BigInteger), literal(id_, PG_UUID))
        )
    elif cursor:
        at, id_ = key_of(cursor, name, tuple[datetime, UUID])
        there = func.row(literal(at, TIMESTAMP(timezone=True)), literal(id_, PG_UUID))
        statement = statement.where(place < there if sort == "created" else place > there)
    statement = statement.order_by(*order).limit(limit + 1)
    if not sight.whole:
        # Picked before they are dressed: those gathered are sorted, and each would be dressed for that.
        found = true() if statement.whereclause is None else statement.whereclause
        picked = select(lead.c.id).where(found).order_by(*order).limit(limit + 1)
        statement = dressed(lead.c.id.in_(picked.subquery("picked").select())).order_by(*order)
    rows = await connection.execute(statement)
    return page_of(
        [row_of(row, sight) for row in rows],
        limit=limit,
        name=name,
        key=lambda row: (_sorted_by(row, sort), row.id),
    )


async def _by_task(
    connection: AsyncConnection,
    conditions: list[ColumnElement[bool]],
    *,
    sight: Sight,
    name: str,
    cursor: str,
    limit: int,
) -> Page[LeadRow]:
    """Along the tasks as they are due: to sort the leads by theirs, all of them would be read."""
    # By names of their own: a filter by task asks about `task`, and is not meant to be of these.
    due, sooner = task.alias("due"), task.alias("sooner")
    is_next = ~(
        select(sooner.c.id)
        .where(
            sooner.c.lead_id == due.c.lead_id,
            sooner.c.done_at.is_(None),
            func.row(sooner.c.due_at, sooner.c.id) < func.row(due.c.due_at, due.c.id),
        )
        .exists()
    )
    picked = (
        select(due.c.lead_id)
        .select_from(due.join(lead, lead.c.id == due.c.lead_id))
        .where(due.c.done_at.is_(None), due.c.lead_id.is_not(None), is_next, *conditions)
    )
    if cursor:
        at, id_ = key_of(cursor, name, tuple[datetime, UUID])
        there = func.row(literal(at, TIMESTAMP(timezone=True)), literal(id_, PG_UUID))
        picked = picked.where(func.row(due.c.due_at, due.c.lead_id) > there)
    picked = picked.order_by(due.c.due_at, due.c.lead_id).limit(limit + 1)
    rows = await connection.execute(dressed(lead.c.id.in_(picked.subquery("picked").select())))
    found = sorted((row_of(row, sight) for row in rows), key=lambda row: (_due(row), row.id))
    return page_of(found, limit=limit, name=name, key=lambda row: (row.next_task_at, row.id))


def _due(row: LeadRow) -> datetime:
    if row.next_task_at is None:
        raise AssertionError("picked by its task")
    return row.next_task_at


def _sorted_by(row: LeadRow, sort: Sort) -> object:
    match sort:
        case "value":
            return _NOTHING if row.value is None else row.value
        case "age":
            return row.stage_since
        case _:
            return row.created_at


async def found_by(connection: AsyncConnection, q: str, sight: Sight) -> list[ColumnElement[bool]]:
    """Of leads whose number, title or person somebody typed; nothing typed: all. A title that may not be read is not found."""
    sought = wanted(q)
    if sought is None:
        return []
    of = lead.c.contact_id == any_(literal(await people(connection, sought), ARRAY(PG_UUID)))
    part = "%" + re.sub(r"([%_\\])", r"\\\1", sought.text) + "%"
    named = of | literal_column("lower(lead.title)").like(part) if sight.reads else of
    number = sought.text.lstrip("#№")
    if number != sought.text and number.isdecimal() and len(number) < 18:
        return [lead.c.number == int(number)]
    known = number.isdecimal() and len(number) < 18
    return [named | (lead.c.number == int(number)) if known else named]


async def leads_by_ids(
    connection: AsyncConnection, wish: LeadFilter, ids: Collection[UUID], *, sight: Sight
) -> list[LeadRow]:
    """Those of them that the wish is for."""
    conditions = [
        *_conditions(wish),
        *await found_by(connection, wish.q, sight),
        lead_in_sight(sight),
    ]
    rows = await connection.execute(dressed(lead.c.id.in_(ids), *conditions))
    return [row_of(row, sight) for row in rows]


async def lead_by_id(connection: AsyncConnection, id_: UUID, *, sight: Sight) -> LeadRow | None:
    of = (lead.c.id == id_, lead_in_sight(sight))
    row = (await connection.execute(dressed(*of))).one_or_none()
    return None if row is None else row_of(row, sight)


async def leads_of(
    connection: AsyncConnection, contact_id: UUID, *, sight: Sight, limit: int = 50
) -> list[LeadRow]:
    """A person's leads: the open ones first, then the newest."""
    rows = await connection.execute(
        dressed(lead.c.contact_id == contact_id, lead.c.status.in_(LIVING))
        .order_by((lead.c.status != "open"), lead.c.created_at.desc(), lead.c.id.desc())
        .limit(limit)
    )
    return [row_of(row, sight) for row in rows]


def _conditions(wish: LeadFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [lead.c.status.in_(wish.statuses or LIVING)]
    if wish.pipeline is not None:
        conditions.append(lead.c.pipeline_id == wish.pipeline)
    if wish.stage is not None:
        conditions.append(lead.c.stage_id == wish.stage)
    if wish.manager is not None:
        conditions.append(lead.c.manager_id == wish.manager)
    if wish.contact is not None:
        conditions.append(lead.c.contact_id == wish.contact)
    if wish.created_from is not None:
        conditions.append(lead.c.created_at >= wish.created_from)
    if wish.created_to is not None:
        conditions.append(lead.c.created_at < wish.created_to)
    return [*conditions, *narrowed(wish)]


def narrowed(wish: LeadFilter) -> list[ColumnElement[bool]]:
    """What the board and the list can both be narrowed to."""
    conditions: list[ColumnElement[bool]] = []
    if wish.unassigned:
        conditions.append(lead.c.manager_id.is_(None))
    if wish.team is not None:
        theirs = select(team_member.c.user_id).where(team_member.c.team_id == wish.team)
        conditions.append(lead.c.manager_id.in_(theirs))
    if wish.source:
        conditions.append(came_from(wish.source))
    if wish.channel:
        ours = select(account.c.id).where(account.c.kind == wish.channel)
        conditions.append(lead.c.account_id.in_(ours))
    if wish.label:
        conditions.append(
            select(conversation.c.id)
            .where(
                conversation.c.id == lead.c.conversation_id,
                literal(wish.label) == any_(conversation.c.labels),
            )
            .exists()
        )
    if wish.value_from is not None:
        conditions.append(lead.c.value >= wish.value_from)
    if wish.value_to is not None:
        conditions.append(lead.c.value <= wish.value_to)
    if wish.in_stage_since is not None:
        conditions.append(lead.c.stage_since <= wish.in_stage_since)
    if wish.forgotten and wish.late_before is not None:
        forgotten = (
            select(stage.c.id)
            .where(
                stage.c.id == lead.c.stage_id,
                lead.c.stage_since
                < literal(wish.late_before, TIMESTAMP(timezone=True))
                - func.make_interval(0, 0, 0, stage.c.norm_days),
            )
            .exists()
        )
        conditions += [lead.c.status == "open", forgotten]
    return [*conditions, *_with_task(wish)]


def _with_task(wish: LeadFilter) -> list[ColumnElement[bool]]:
    if not wish.task:
        return []
    todo = select(task.c.id).where(task.c.lead_id == lead.c.id, task.c.done_at.is_(None))
    match wish.task:
        case "none":
            return [lead.c.status == "open", ~todo.exists()]
        case "late":
            return [todo.where(task.c.due_at < wish.late_before).exists()]
        case _:
            return [todo.where(task.c.due_at < wish.today_until).exists()]
