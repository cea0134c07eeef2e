"""A colleague named in a note has looked."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


async def see_mentions(
    connection: AsyncConnection, *, user_id: UUID, conversation_id: UUID, now: datetime
) -> int:
    """How many were new."""
    done = await connection.execute(
        text(
            "update mention set seen_at = :now where user_id = :user and conversation_id = :conversation"
            " and seen_at is null"
        ),
        {"now": now, "user": user_id, "conversation": conversation_id},
    )
    return int(done.rowcount)
