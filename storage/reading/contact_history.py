"""What was done about a contact, and by whom: its part of the audit."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """`by_name`: "" for a program or a rule."""

    id: UUID
    what: str
    before: Any
    after: Any
    by_name: str
    at: datetime


async def changes_of_contact(
    connection: AsyncConnection, contact_id: UUID, *, limit: int = 50
) -> list[ChangeRow]:
    """The latest first."""
    rows = await connection.execute(
        text("""
            select a.id, a.what, a.before, a.after, coalesce(u.name, '') as by_name, a.at
            from audit a left join user_account u on u.id = a.user_id
            where a.object_id = :id and a.object_kind = 'contact' order by a.id desc limit :limit
        """).columns(before=JSONB, after=JSONB),
        {"id": contact_id, "limit": limit},
    )
    return [ChangeRow(**row._mapping) for row in rows]  # noqa: SLF001  # a Row's public mapping
