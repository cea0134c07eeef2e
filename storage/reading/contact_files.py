"""The files of a person, of all their conversations, the newest first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.paging import Page, key_of, page_of
from storage.reading.sight import Sight

A_PAGE: Final = 24
_NAME: Final = "contact_files"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactFileRow:
    id: UUID
    kind: str
    name: str
    mime: str
    size: int | None
    width: int | None
    height: int | None
    conversation_id: UUID
    channel: str
    ours: bool
    at: datetime


async def files_of_contact(
    connection: AsyncConnection,
    contact_id: UUID,
    *,
    sight: Sight,
    cursor: str = "",
    limit: int = A_PAGE,
) -> Page[ContactFileRow]:
    """Stored ones, of the conversations in sight. Raises BadCursor. Ids are in the order of time, so that they are the key."""
    (behind,) = key_of(cursor, _NAME, tuple[UUID]) if cursor else (None,)
    rows = await connection.execute(
        text("""
            select a.id, a.kind, a.name, a.mime, a.size, a.width, a.height, c.id as conversation_id, k.kind as channel,
                   m.direction = 'out' as ours, m.sent_at as at
            from conversation c
            join account k on k.id = c.account_id
            join message m on m.conversation_id = c.id
            join attachment a on a.message_id = m.id
            where c.contact_id = :contact and a.state = 'stored' and a.sha256 <> '' and a.cid = ''
              and m.deleted_at is null and m.direction <> 'note'
              and (:whole or c.manager_id = cast(:me as uuid) or c.team_id = any(cast(:teams as uuid[])))
              and (cast(:behind as uuid) is null or a.id < cast(:behind as uuid))
            order by a.id desc limit :limit
        """),
        {
            "contact": contact_id,
            "behind": behind,
            "limit": limit + 1,
            "whole": sight.whole,
            "me": sight.user,
            "teams": list(sight.teams),
        },
    )
    return page_of(
        [ContactFileRow(**row._mapping) for row in rows],  # noqa: SLF001  # a Row's public mapping
        limit=limit,
        name=_NAME,
        key=lambda row: (row.id,),
    )
