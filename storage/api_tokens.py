"""Tokens of the REST API: only their SHA-256 is kept, so that a copy of the database opens nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.ids import new_id

SCOPES: Final = ("read", "write", "admin")
"""Each includes those before it."""
USE_NOTED_EVERY: Final = timedelta(minutes=1)
"""More often would be a write for every read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    id: UUID
    name: str
    scopes: frozenset[str]
    """What it may, the included scopes too."""
    use_is_due: bool
    """The last use noted is long enough ago to note another one."""


def token_hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()


async def keep_token(
    connection: AsyncConnection,
    *,
    name: str,
    token: str,
    scopes: Sequence[str],
    created_by: UUID | None,
    now: datetime,
) -> UUID:
    """`token` should carry at least 128 random bits: a fast hash is enough for those, and for nothing guessable."""
    id_ = new_id()
    await connection.execute(
        text("""
            insert into api_token (id, name, token_hash, scopes, created_by, created_at)
            values (:id, :name, :hash, cast(:scopes as text[]), :by, :now)
        """),
        {
            "id": id_,
            "name": name,
            "hash": token_hash(token),
            "scopes": list(scopes),
            "by": created_by,
            "now": now,
        },
    )
    return id_


async def find_token(connection: AsyncConnection, token: str, *, now: datetime) -> Token | None:
    """None for one that never was or was revoked."""
    found = await connection.execute(
        text("""
            select id, name, scopes, coalesce(used_at < :due, true) as use_is_due
            from api_token where token_hash = :hash and revoked_at is null
        """),
        {"hash": token_hash(token), "due": now - USE_NOTED_EVERY},
    )
    row = found.one_or_none()
    if row is None:
        return None
    highest = max((SCOPES.index(scope) for scope in row.scopes if scope in SCOPES), default=-1)
    return Token(
        id=row.id,
        name=row.name,
        scopes=frozenset(SCOPES[: highest + 1]),
        use_is_due=row.use_is_due,
    )


async def note_use(connection: AsyncConnection, token: UUID, *, now: datetime) -> None:
    await connection.execute(
        text("""
            update api_token set used_at = :now
            where id = :id and (used_at is null or used_at < :due)
        """),
        {"id": token, "now": now, "due": now - USE_NOTED_EVERY},
    )
