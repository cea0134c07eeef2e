"""Taking an API token back: from the next request on it opens nothing."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


async def revoke_token(connection: AsyncConnection, token_id: UUID, *, now: datetime) -> bool:
    """False when there was no such token any more."""
    found = await connection.execute(
        text(
            "update api_token set revoked_at = :now where id = :id and revoked_at is null returning id"
        ),
        {"id": token_id, "now": now},
    )
    return found.scalar() is not None
