"""Writing down what somebody has to do, and that it is done."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from router.facts import TaskChanged
from router.ids import new_id
from storage.outbox import tell
from storage.tables import lead, task

CHANGEABLE: Final = frozenset(
    {"text", "due_at", "manager_id", "done_at", "cancelled_at", "remind_before"}
)
AT_DUE: Final = (0,)


class NoSuchThing(Exception):
    """The lead, contact or manager named is not there."""


class CallbackExists(Exception):
    """The contact has an open callback task already."""


async def create_task(
    connection: AsyncConnection,
    *,
    text: str,
    due_at: datetime,
    now: datetime,
    lead_id: UUID | None = None,
    contact_id: UUID | None = None,
    manager_id: UUID | None = None,
    conversation_id: UUID | None = None,
    kind: str = "todo",
    origin: str = "hand",
    remind_before: Sequence[int] = AT_DUE,
    created_by: UUID | None = None,
) -> UUID:
    """`remind_before` is minutes. Raises NoSuchThing, CallbackExists."""
    id_ = new_id()
    try:
        await connection.execute(
            insert(task).values(
                id=id_,
                text=text,
                due_at=due_at,
                lead_id=lead_id,
                contact_id=contact_id,
                manager_id=manager_id,
                conversation_id=conversation_id,
                kind=kind,
                origin=origin,
                remind_before=list(remind_before),
                created_by=created_by,
                created_at=now,
            )
        )
    except IntegrityError as error:
        raise _meaning(error) from error
    await _tell(connection, id_, "opened", now=now, by=created_by)
    return id_


async def change_task(
    connection: AsyncConnection,
    id_: UUID,
    changes: Mapping[str, Any],
    *,
    now: datetime,
    by: UUID | None = None,
) -> bool:
    """Of CHANGEABLE; False when there is no such task. Raises NoSuchThing, CallbackExists."""
    if unknown := changes.keys() - CHANGEABLE:
        raise ValueError(f"not of a task: {', '.join(sorted(unknown))}")
    try:
        found = await connection.execute(
            update(task).where(task.c.id == id_).values(_columns(changes)).returning(task.c.id)
        )
    except IntegrityError as error:
        raise _meaning(error) from error
    if found.one_or_none() is None:
        return False
    await _tell(connection, id_, "done" if changes.get("done_at") else "changed", now=now, by=by)
    return True


def _columns(changes: Mapping[str, Any]) -> dict[str, Any]:
    # An array is a list for the driver.
    return {
        name: list(value) if name == "remind_before" else value for name, value in changes.items()
    }


async def _tell(
    connection: AsyncConnection,
    id_: UUID,
    what: Literal["opened", "changed", "done"],
    *,
    now: datetime,
    by: UUID | None,
) -> None:
    row = (
        await connection.execute(
            select(
                task.c.manager_id,
                task.c.conversation_id,
                func.coalesce(task.c.contact_id, lead.c.contact_id).label("contact_id"),
            )
            .select_from(task)
            .outerjoin(lead, lead.c.id == task.c.lead_id)
            .where(task.c.id == id_)
        )
    ).one()
    await tell(
        connection,
        [
            TaskChanged(
                id=new_id(),
                at=now,
                task=id_,
                what=what,
                contact=row.contact_id,
                conversation=row.conversation_id,
                manager=row.manager_id,
                by=by,
            )
        ],
    )


def _meaning(error: IntegrityError) -> Exception:
    if "uq_task_callback" in str(error.orig):
        return CallbackExists("the contact has an open callback task already")
    return NoSuchThing("the lead, contact or manager named is not there")
