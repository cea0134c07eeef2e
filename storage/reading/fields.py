"""What a business wants to know of a contact or a lead: the questions. The answers are in their `fields`, by `key`."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import select
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


async def list_fields(connection: AsyncConnection, *, of: Entity) -> list[FieldRow]:
    """Those that are asked for now, in their order; there are few, so they come whole."""
    found = await connection.execute(
        select(field)
        .where(field.c.entity == of, field.c.archived_at.is_(None))
        .order_by(field.c.position, field.c.id)
    )
    return [
        FieldRow(
            id=row.id,
            entity=row.entity,
            key=row.key,
            name=row.name,
            kind=row.kind,
            choices=tuple(row.choices),
            position=row.position,
        )
        for row in found
    ]
