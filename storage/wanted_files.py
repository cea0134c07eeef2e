"""Files that are still at the platform, claimed by one worker at a time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.facts import MessageChanged
from router.ids import new_id
from storage.outbox import tell

CLAIM: Final = timedelta(minutes=5)
"""A claim is the next attempt moved on: a worker that dies leaves the file to the next one then."""

ATTEMPTS: Final = 8

_CLAIM = text(
    "update attachment a set next_attempt_at = :until, attempts = attempts + 1 from message m"
    " where m.id = a.message_id and a.id in (select id from attachment where state = 'wanted'"
    " and next_attempt_at <= :now order by next_attempt_at, id limit :limit for update skip locked)"
    " returning a.id, a.message_id, a.ref, a.name, a.mime, a.kind, a.attempts, m.account_id"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedFile:
    id: UUID
    message_id: UUID
    account_id: UUID
    ref: str
    name: str
    mime: str
    kind: str
    attempts: int
    """With this one."""


async def claim(connection: AsyncConnection, *, now: datetime, limit: int) -> list[WantedFile]:
    rows = await connection.execute(_CLAIM, {"now": now, "until": now + CLAIM, "limit": limit})
    return [WantedFile(**row) for row in rows.mappings()]


async def stored(
    connection: AsyncConnection,
    file: WantedFile,
    *,
    sha256: str,
    size: int,
    name: str,
    mime: str,
    now: datetime,
) -> None:
    await connection.execute(
        text(
            "update attachment set state = 'stored', sha256 = :sha256, size = :size, mime = :mime,"
            " name = case when name = '' then :name else name end, error = '', next_attempt_at = null where id = :id"
        ),
        {"id": file.id, "sha256": sha256, "size": size, "name": name, "mime": mime},
    )
    await _tell(connection, file, now)


async def put_off(
    connection: AsyncConnection, file: WantedFile, *, until: datetime, reason: str
) -> None:
    await connection.execute(
        text("update attachment set next_attempt_at = :until, error = :reason where id = :id"),
        {"id": file.id, "until": until, "reason": reason},
    )


async def failed(
    connection: AsyncConnection, file: WantedFile, *, reason: str, now: datetime
) -> None:
    """It will not come; the message stays, and says why."""
    await connection.execute(
        text(
            "update attachment set state = 'failed', error = :reason, next_attempt_at = null where id = :id"
        ),
        {"id": file.id, "reason": reason},
    )
    await _tell(connection, file, now)


async def _tell(connection: AsyncConnection, file: WantedFile, now: datetime) -> None:
    place = (
        await connection.execute(
            text(
                "select c.id, c.contact_id, c.manager_id, c.team_id from message m"
                " join conversation c on c.id = m.conversation_id where m.id = :id"
            ),
            {"id": file.message_id},
        )
    ).one()
    await tell(
        connection,
        [
            MessageChanged(
                id=new_id(),
                at=now,
                message=file.message_id,
                what="attachment",
                account=file.account_id,
                conversation=place.id,
                contact=place.contact_id,
                manager=place.manager_id,
                team=place.team_id,
            )
        ],
    )
