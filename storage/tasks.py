"""Writing down what somebody has to do, and that it is done."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from router.ids import new_id
from storage.tables import task

CHANGEABLE: Final = frozenset({"text", "due_at", "manager_id", "done_at"})


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
    kind: str = "todo",
    created_by: UUID | None = None,
) -> UUID:
    """Raises NoSuchThing, CallbackExists."""
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
                kind=kind,
                created_by=created_by,
                created_at=now,
            )
        )
    except IntegrityError as error:
        raise _meaning(error) from error
    return id_


async def change_task(connection: AsyncConnection, id_: UUID, changes: Mapping[str, Any]) -> bool:
    """Of CHANGEABLE; False when there is no such task. Raises NoSuchThing, CallbackExists."""
    if unknown := changes.keys() - CHANGEABLE:
        raise ValueError(f"not of a task: {', '.join(sorted(unknown))}")
    try:
        found = await connection.execute(
            update(task).where(task.c.id == id_).values(dict(changes)).returning(task.c.id)
        )
    except IntegrityError as error:
        raise _meaning(error) from error
    return found.one_or_none() is not None


def _meaning(error: IntegrityError) -> Exception:
    if "uq_task_callback" in str(error.orig):
        return CallbackExists("the contact has an open callback task already")
    return NoSuchThing("the lead, contact or manager named is not there")
