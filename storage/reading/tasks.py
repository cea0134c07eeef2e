"""What somebody has to do by when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, literal, select
from sqlalchemy.dialects.postgresql import TIMESTAMP, UUID as PG_UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.paging import DEFAULT_LIMIT, Page, key_of, page_of
from storage.reading.sight import Sight, leads_in_sight, task_in_sight
from storage.tables import contact, lead, task, user_account


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    id: UUID
    lead_id: UUID | None
    lead_number: int | None
    lead_title: str
    contact_id: UUID | None
    whose_id: UUID | None
    """The contact it is about, also when it is a lead's."""
    contact_name: str
    manager_id: UUID | None
    manager_name: str
    kind: str
    text: str
    due_at: datetime
    done_at: datetime | None
    cancelled_at: datetime | None
    remind_before: tuple[int, ...]
    origin: str
    conversation_id: UUID | None
    details: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """`done` None: both; done ones come the last done first when they are asked for alone. `due_from` is the first
    moment that counts, `due_before` the first that does not.
    """

    done: bool | None = False
    manager: UUID | None = None
    lead: UUID | None = None
    contact: UUID | None = None
    due_from: datetime | None = None
    due_before: datetime | None = None


_NAME: Final = "tasks"
_DONE: Final = "tasks_done"


async def list_tasks(
    connection: AsyncConnection,
    wish: TaskFilter,
    *,
    sight: Sight,
    cursor: str = "",
    limit: int = DEFAULT_LIMIT,
    last_done_first: bool = False,
) -> Page[TaskRow]:
    """The most urgent first; or, of those that are done, what was done last. Raises BadCursor."""
    name, column = (_DONE, task.c.done_at) if last_done_first else (_NAME, task.c.due_at)
    order = (column.desc(), task.c.id.desc()) if last_done_first else (column, task.c.id)
    conditions = [task_in_sight(sight), *_conditions(wish)]
    if cursor:
        at, id_ = key_of(cursor, name, tuple[datetime, UUID])
        behind = func.row(literal(at, TIMESTAMP(timezone=True)), literal(id_, PG_UUID))
        place = func.row(column, task.c.id)
        conditions.append(place < behind if last_done_first else place > behind)
    picked = (
        select(task.c.id).where(*conditions).order_by(*order).limit(limit + 1).subquery("picked")
    )
    rows = await connection.execute(_dressed(task.c.id.in_(select(picked.c.id))).order_by(*order))
    return page_of(
        [_row(row) for row in rows],
        limit=limit,
        name=name,
        key=lambda row: ((row.done_at if last_done_first else row.due_at), row.id),
    )


def _conditions(wish: TaskFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wish.done is not None:
        conditions.append(task.c.done_at.is_not(None) if wish.done else task.c.done_at.is_(None))
    for column, wanted in (
        (task.c.manager_id, wish.manager),
        (task.c.lead_id, wish.lead),
        (task.c.contact_id, wish.contact),
    ):
        if wanted is not None:
            conditions.append(column == wanted)
    if wish.due_from is not None:
        conditions.append(task.c.due_at >= wish.due_from)
    if wish.due_before is not None:
        conditions.append(task.c.due_at < wish.due_before)
    return conditions


async def count_tasks(
    connection: AsyncConnection, wishes: Sequence[TaskFilter], *, sight: Sight, most: int
) -> list[int]:
    """How many each of them finds, `most` at most."""
    counted = [
        select(func.count())
        .select_from(
            select(task.c.id).where(task_in_sight(sight), *_conditions(wish)).limit(most).subquery()
        )
        .scalar_subquery()
        for wish in wishes
    ]
    row = (await connection.execute(select(*counted))).one()
    return list(row)


async def open_tasks_of(
    connection: AsyncConnection, contact_id: UUID, *, sight: Sight, limit: int = 20
) -> list[TaskRow]:
    """The contact's, and those of their leads, as far as they are in sight or nobody's; the most urgent first."""
    leads = select(lead.c.id).where(lead.c.contact_id == contact_id)
    rows = await connection.execute(
        _dressed(
            (task.c.contact_id == contact_id) | task.c.lead_id.in_(leads),
            task.c.done_at.is_(None),
            task_in_sight(sight) | task.c.manager_id.is_(None),
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
            lead.c.title.label("lead_title"),
            contact.c.id.label("whose_id"),
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
        lead_title=row.lead_title or "",
        contact_id=row.contact_id,
        whose_id=row.whose_id,
        contact_name=row.contact_name or "",
        manager_id=row.manager_id,
        manager_name=row.manager_name or "",
        kind=row.kind,
        text=row.text,
        due_at=row.due_at,
        done_at=row.done_at,
        cancelled_at=row.cancelled_at,
        remind_before=tuple(row.remind_before),
        origin=row.origin,
        conversation_id=row.conversation_id,
        details=row.details,
        created_at=row.created_at,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LoneLead:
    """An open lead that nobody has anything to do for."""

    id: UUID
    number: int
    title: str
    contact_id: UUID
    contact_name: str
    manager_id: UUID | None
    manager_name: str
    created_at: datetime
    stage_since: datetime


_LONE: Final = "leads_without_a_task"


async def leads_without_a_task(
    connection: AsyncConnection,
    *,
    sight: Sight,
    manager: UUID | None,
    cursor: str = "",
    limit: int = DEFAULT_LIMIT,
) -> Page[LoneLead]:
    """The newest first; of everybody without `manager`. Raises BadCursor."""
    conditions = [lead.c.status == "open", await leads_in_sight(connection, sight)]
    if manager is not None:
        conditions.append(lead.c.manager_id == manager)
    if cursor:
        at, id_ = key_of(cursor, _LONE, tuple[datetime, UUID])
        behind = func.row(literal(at, TIMESTAMP(timezone=True)), literal(id_, PG_UUID))
        conditions.append(func.row(lead.c.created_at, lead.c.id) < behind)
    of_lead = exists().where(task.c.lead_id == lead.c.id, task.c.done_at.is_(None))
    of_contact = exists().where(
        task.c.contact_id == lead.c.contact_id, task.c.lead_id.is_(None), task.c.done_at.is_(None)
    )
    rows = await connection.execute(
        select(
            lead.c.id,
            lead.c.number,
            lead.c.title,
            lead.c.contact_id,
            contact.c.name.label("contact_name"),
            lead.c.manager_id,
            func.coalesce(user_account.c.name, "").label("manager_name"),
            lead.c.created_at,
            lead.c.stage_since,
        )
        .select_from(lead)
        .join(contact, contact.c.id == lead.c.contact_id)
        .outerjoin(user_account, user_account.c.id == lead.c.manager_id)
        .where(*conditions, ~of_lead, ~of_contact)
        .order_by(lead.c.created_at.desc(), lead.c.id.desc())
        .limit(limit + 1)
    )
    found = [LoneLead(**row._mapping) for row in rows]  # noqa: SLF001  # a Row's public mapping
    return page_of(found, limit=limit, name=_LONE, key=lambda row: (row.created_at, row.id))
