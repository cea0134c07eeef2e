"""By what a platform knows people and chats: for asking it about them, or telling it something."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_NAMELESS: Final = text(
    "select i.contact_id, i.value from unnest(cast(:contacts as uuid[])) as k(id)"
    " join contact c on c.id = k.id join identity i on i.contact_id = c.id"
    " where c.name = '' and c.kind = 'person' and i.kind = :kind and i.proved"
)
_CHAT: Final = text("select account_id, chat from conversation where id = :id")


async def nameless(
    connection: AsyncConnection, contacts: Sequence[UUID], *, kind: str
) -> dict[str, UUID]:
    """Those of the contacts whose names nobody knows, by the value of their key of that kind."""
    rows = await connection.execute(_NAMELESS, {"contacts": list(contacts), "kind": kind})
    return {row.value: row.contact_id for row in rows}


async def chat_of(connection: AsyncConnection, conversation: UUID) -> tuple[UUID, str] | None:
    """(account, the platform's id of the chat)."""
    row = (await connection.execute(_CHAT, {"id": conversation})).one_or_none()
    return (row.account_id, row.chat) if row is not None else None
