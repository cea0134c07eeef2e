"""What a conversation was before somebody changed it, exactly: closing forgets that the customer waits, since when, and that
nobody has read it, and taking that back must not.

It is kept under the key of the action (`bulk_action`), whether that was about one conversation or about many.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.asking import BulkOutcome
from router.records import Conversation, Status
from router.world import World

_KEPT: Final = (
    "status", "manager_id", "team_id", "snoozed_until", "unread", "waiting_since", "silence_due_at",
    "silence_moves", "resolved_at",
)  # fmt: skip
_KEEP_ONE: Final = text(
    "insert into bulk_action (id, user_id, what, before, outcome, at)"
    " values (:id, :user, :what, cast(:before as jsonb), cast(:outcome as jsonb), :now)"
)


class Had(msgspec.Struct, frozen=True, kw_only=True):
    """`after` is the revision that the change left: another one means that somebody has been there since."""

    id: UUID
    after: str
    status: Status
    manager_id: UUID | None
    team_id: UUID | None
    snoozed_until: datetime | None
    unread: int
    unread_after: int
    waiting_since: datetime | None
    silence_due_at: datetime | None
    silence_moves: int
    resolved_at: datetime | None
    lead_id: UUID | None = None
    lead_manager_id: UUID | None = None
    contact_manager_id: UUID | None = None
    relabelled: str = ""
    """The label that was put on or taken off."""


def kept_of(found: Conversation) -> dict[str, Any]:
    """To be taken before the change; `Had` of it is made when the change is done."""
    return {"id": found.id, **{name: getattr(found, name) for name in _KEPT}}


def restore(world: World, found: Conversation, had: Had) -> None:
    """Who waits for us, and since when."""
    found.waiting_since, found.silence_due_at = had.waiting_since, had.silence_due_at
    found.silence_moves = had.silence_moves
    world.change(found)


def restore_closed(world: World, found: Conversation, had: Had) -> None:
    """As `restore`, of one that was put away: also whether it has been read."""
    restore(world, found, had)
    found.unread, found.resolved_at = had.unread, had.resolved_at


async def keep_one(
    connection: AsyncConnection, key: UUID, what: str, had: Had, *, by: UUID | None, now: datetime
) -> None:
    await connection.execute(
        _KEEP_ONE,
        {
            "id": key,
            "user": by,
            "what": what,
            "before": msgspec.json.encode([had]).decode(),
            "outcome": msgspec.json.encode(BulkOutcome(done=1)).decode(),
            "now": now,
        },
    )
