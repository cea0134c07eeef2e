"""A file of a message, as far as serving it needs to know."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import attachment


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    id: UUID
    message_id: UUID
    name: str
    mime: str
    size: int | None
    sha256: str
    state: str


async def file_by_id(connection: AsyncConnection, id_: UUID) -> FileRow | None:
    found = await connection.execute(
        select(*(attachment.c[name] for name in FileRow.__dataclass_fields__)).where(
            attachment.c.id == id_
        )
    )
    row = found.one_or_none()
    return None if row is None else FileRow(**row._mapping)  # noqa: SLF001  # a Row's public mapping
