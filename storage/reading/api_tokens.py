"""The tokens of the REST API as the settings show them; the tokens themselves are nowhere."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    id: UUID
    name: str
    scopes: tuple[str, ...]
    created_by_name: str
    created_at: datetime
    used_at: datetime | None


async def list_tokens(connection: AsyncConnection) -> list[TokenRow]:
    """Those that still open something, newest first."""
    rows = await connection.execute(
        text("""
            select t.id, t.name, t.scopes, coalesce(u.name, '') as created_by_name, t.created_at, t.used_at
            from api_token t left join user_account u on u.id = t.created_by
            where t.revoked_at is null order by t.created_at desc, t.id desc limit 500
        """)
    )
    return [
        TokenRow(
            id=row.id,
            name=row.name,
            scopes=tuple(row.scopes),
            created_by_name=row.created_by_name,
            created_at=row.created_at,
            used_at=row.used_at,
        )
        for row in rows
    ]
