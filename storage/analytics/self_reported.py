"""Which field of leads holds how they heard of us. What customers say of it is a dimension beside what was found."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from router.asking import NotFound, Refused
from storage.company import put, setting
from storage.reading.fields import FieldRow, field_row
from storage.tables import field

SELF_REPORTED: Final = "self_reported_field"


async def self_reported_field(connection: AsyncConnection) -> FieldRow | None:
    """None when none was chosen, or the one that was is asked no more."""
    chosen = await setting(connection, SELF_REPORTED)
    row = await _choice_of_leads(connection, UUID(chosen)) if chosen else None
    return field_row(row) if row is not None else None


async def choose_self_reported(connection: AsyncConnection, id_: UUID, *, chosen: bool) -> FieldRow:
    """Reports group by this field and no other, or by it no more. The recorder notices, and counts anew."""
    row = await _choice_of_leads(connection, id_)
    if row is None:
        if (await connection.execute(select(field.c.id).where(field.c.id == id_))).one_or_none():
            raise Refused("Reports can group by a field of leads whose answers are chosen.")
        raise NotFound("There is no such field.")
    if chosen:
        await put(connection, SELF_REPORTED, str(id_))
    elif await setting(connection, SELF_REPORTED) == str(id_):
        await put(connection, SELF_REPORTED, None)
    return field_row(row)


async def _choice_of_leads(connection: AsyncConnection, id_: UUID) -> Any:
    found = await connection.execute(
        select(field).where(
            field.c.id == id_,
            field.c.entity == "lead",
            field.c.kind == "choice",
            field.c.archived_at.is_(None),
        )
    )
    return found.one_or_none()
