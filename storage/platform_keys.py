"""By what a platform knows people and chats: for asking it about them, or telling it something."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_NAMELESS: Final = text(
    "select i.contact_id, i.value from unnest(cast(:contacts as uuid[])) as k(id)"
    " join contact c on c.id = k.id join identity i on i.contact_id = c.id"
    " where c.name = '' and c.kind = 'person' and i.kind = :kind and i.proved"
)
_OPEN_CHAT: Final = text("""
    select v.account_id, v.chat, coalesce((
        select m.external_id from message m
        where m.conversation_id = v.id and m.direction = 'in' and m.external_id <> ''
        order by m.seq desc limit 1
    ), '') as last_inbound
    from conversation v join contact c on c.id = v.contact_id
    where v.id = :id and v.status not in ('resolved', 'spam') and v.unreachable = '' and not c.blocked
      and (v.window_until is null or v.window_until > :now)
""")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenChat:
    """`chat` and `last_inbound` (the customer's last message, "" if none) by the platform's ids."""

    account_id: UUID
    chat: str
    last_inbound: str


async def open_chat(
    connection: AsyncConnection, conversation: UUID, *, now: datetime
) -> OpenChat | None:
    """None for a conversation that is closed, or in which a free reply would not arrive now."""
    row = (await connection.execute(_OPEN_CHAT, {"id": conversation, "now": now})).one_or_none()
    return None if row is None else OpenChat(**row._mapping)  # noqa: SLF001  # a Row's public mapping
