"""What a business wants to know of a contact or a lead: the questions. The answers are in their `fields`, by `key`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import field

Entity = Literal["contact", "lead"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRow:
    """`kind`: text, number, date, choice, yes_no, link. Answers are kept as text: 2026-11-30, yes, 18.4."""

    id: UUID
    entity: str
    key: str
    name: str
    kind: str
    choices: tuple[str, ...]
    position: int
    archived_at: datetime | None = None


async def list_fields(connection: AsyncConnection, *, of: Entity) -> list[FieldRow]:
    """Those that are asked for now, in their order; there are few, so they come whole."""
    found = await connection.execute(
        select(field)
        .where(field.c.entity == of, field.c.archived_at.is_(None))
        .order_by(field.c.position, field.c.id)
    )
    return [field_row(row) for row in found]


async def archived_fields(connection: AsyncConnection, *, of: Entity) -> list[FieldRow]:
    """Those that were put away, the latest first."""
    found = await connection.execute(
        select(field)
        .where(field.c.entity == of, field.c.archived_at.is_not(None))
        .order_by(field.c.archived_at.desc(), field.c.id)
        .limit(100)
    )
    return [field_row(row) for row in found]


async def undefined_keys(connection: AsyncConnection, *, of: Entity) -> list[str]:
    """Keys under which other doors (the API, web forms) have left answers, and that no field asks for.

    Of the newest 5 000 contacts or leads: enough to notice what comes in now.
    """
    table = "contact" if of == "contact" else "lead"
    found = await connection.execute(
        text(
            f"select distinct k.key from (select fields from {table} order by created_at desc, id desc limit 5000) seen,"  # noqa: S608  # one of two
            " lateral jsonb_object_keys(seen.fields) k(key)"
            " where not exists (select from field where entity = :entity and field.key = k.key)"
            " order by k.key limit 100"
        ),
        {"entity": of},
    )
    return list(found.scalars())


def field_row(row: Any) -> FieldRow:
    return FieldRow(
        id=row.id,
        entity=row.entity,
        key=row.key,
        name=row.name,
        kind=row.kind,
        choices=tuple(row.choices),
        position=row.position,
        archived_at=row.archived_at,
    )
