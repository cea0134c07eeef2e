"""What somebody does with their notices: read, unread again, and no more of a conversation."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.notices import ring_no_more, tell_of_notices


async def mark_read(
    connection: AsyncConnection,
    user: UUID,
    *,
    now: datetime,
    notice: UUID | None = None,
    conversation: UUID | None = None,
) -> int:
    """One, those about one conversation, or all; how many were unread. The person's other pages learn of it."""
    rows = await connection.execute(
        text(
            "update notification set read_at = :now where user_id = :user and read_at is null"
            " and (cast(:notice as uuid) is null or id = :notice)"
            " and (cast(:talk as uuid) is null or conversation_id = :talk)"
            " returning id"
        ),
        {"now": now, "user": user, "notice": notice, "talk": conversation},
    )
    ids = list(rows.scalars())
    if ids:
        await ring_no_more(connection, ids)
        await tell_of_notices(connection, {user}, now=now)
    return len(ids)


async def mark_unread(
    connection: AsyncConnection, user: UUID, *, read_at: datetime, now: datetime
) -> None:
    """Those that were marked read in that moment: takes "all read" back."""
    await connection.execute(
        text("update notification set read_at = null where user_id = :user and read_at = :at"),
        {"user": user, "at": read_at},
    )
    await tell_of_notices(connection, {user}, now=now)


async def set_mute(
    connection: AsyncConnection, user: UUID, conversation: UUID, *, muted: bool, now: datetime
) -> None:
    if muted:
        await connection.execute(
            text(
                "insert into conversation_mute (user_id, conversation_id, at)"
                " select :user, id, :now from conversation where id = :talk on conflict do nothing"
            ),
            {"user": user, "talk": conversation, "now": now},
        )
    else:
        await connection.execute(
            text("delete from conversation_mute where user_id = :user and conversation_id = :talk"),
            {"user": user, "talk": conversation},
        )
