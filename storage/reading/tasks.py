"""What somebody has to do by when."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, literal, select
from sqlalchemy.dialects.postgresql import TIMESTAMP, UUID as PG_UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.paging import DEFAULT_LIMIT, Page, key_of, page_of
from storage.reading.sight import Sight, task_in_sight
from storage.tables import contact, lead, task, user_account


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    id: UUID
    lead_id: UUID | None
    lead_number: int | None
    contact_id: UUID | None
    contact_name: str
    manager_id: UUID | None
    manager_name: str
    kind: str
    text: str
    due_at: datetime
    done_at: datetime | None
    origin: str
    conversation_id: UUID | None
    details: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """`done` None: both."""

    done: bool | None = False
    manager: UUID | None = None
    lead: UUID | None = None
    contact: UUID | None = None


_NAME: Final = "tasks"


async def list_tasks(
    connection: AsyncConnection,
    wish: TaskFilter,
    *,
    sight: Sight,
    cursor: str = "",
    limit: int = DEFAULT_LIMIT,
) -> Page[TaskRow]:
    """The most urgent first. Raises BadCursor."""
    conditions: list[ColumnElement[bool]] = [task_in_sight(sight)]
    if cursor:
        at, id_ = key_of(cursor, _NAME, tuple[datetime, UUID])
        behind = func.row(literal(at, TIMESTAMP(timezone=True)), literal(id_, PG_UUID))
        conditions.append(func.row(task.c.due_at, task.c.id) > behind)
    if wish.done is not None:
        conditions.append(task.c.done_at.is_not(None) if wish.done else task.c.done_at.is_(None))
    if wish.manager is not None:
        conditions.append(task.c.manager_id == wish.manager)
    if wish.lead is not None:
        conditions.append(task.c.lead_id == wish.lead)
    if wish.contact is not None:
        conditions.append(task.c.contact_id == wish.contact)
    picked = (
        select(task.c.id)
        .where(*conditions)
        .order_by(task.c.due_at, task.c.id)
        .limit(limit + 1)
        .subquery("picked")
    )
    rows = await connection.execute(
        _dressed(task.c.id.in_(select(picked.c.id))).order_by(task.c.due_at, task.c.id)
    )
    return page_of(
        [_row(row) for row in rows],
        limit=limit,
        name=_NAME,
        key=lambda row: (row.due_at, row.id),
    )


async def open_tasks_of(
    connection: AsyncConnection, contact_id: UUID, *, limit: int = 20
) -> list[TaskRow]:
    """The contact's, and those of their leads; the most urgent first."""
    leads = select(lead.c.id).where(lead.c.contact_id == contact_id)
    rows = await connection.execute(
        _dressed(
            (task.c.contact_id == contact_id) | task.c.lead_id.in_(leads), task.c.done_at.is_(None)
        )
        .order_by(task.c.due_at, task.c.id)
        .limit(limit)
    )
    return [_row(row) for row in rows]


async def task_by_id(connection: AsyncConnection, id_: UUID) -> TaskRow | None:
    row = (await connection.execute(_dressed(task.c.id == id_))).one_or_none()
    return None if row is None else _row(row)


def _dressed(*conditions: ColumnElement[bool]) -> Select[Any]:
    return (
        select(
            task,
            lead.c.number.label("lead_number"),
            contact.c.name.label("contact_name"),
            user_account.c.name.label("manager_name"),
        )
        .select_from(task)
        .outerjoin(lead, lead.c.id == task.c.lead_id)
        .outerjoin(contact, contact.c.id == func.coalesce(task.c.contact_id, lead.c.contact_id))
        .outerjoin(user_account, user_account.c.id == task.c.manager_id)
        .where(*conditions)
    )


def _row(row: Any) -> TaskRow:
    return TaskRow(
        id=row.id,
        lead_id=row.lead_id,
        lead_number=row.lead_number,
        contact_id=row.contact_id,
        contact_name=row.contact_name or "",
        manager_id=row.manager_id,
        manager_name=row.manager_name or "",
        kind=row.kind,
        text=row.text,
        due_at=row.due_at,
        done_at=row.done_at,
        origin=row.origin,
        conversation_id=row.conversation_id,
        details=row.details,
        created_at=row.created_at,
    )
