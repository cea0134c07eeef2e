"""The feed of facts, read on behind a cursor: whom a fact concerns is told, and what it settles counts as read.

The cursor moves in the transaction that writes the notices: a restart tells nobody twice, and two processes wait for each
other.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router import wire
from router.facts import Assigned, ConversationChanged, Fact, TaskChanged
from router.notices import concerned
from storage.notices import give, ring_no_more, tell_of_notices
from storage.reminders import sync_reminders

log = structlog.get_logger()

BATCH: Final = 500

_POSITION = text("select position from notice_cursor where id = 1 for update")
_BEGIN = text(
    "insert into notice_cursor (id, position) select 1, coalesce(max(position), 0) from outbox on conflict do nothing"
)
_NEXT = text(
    "select position, body from outbox where position > :after order by position limit :limit"
)
_READ_TALK = text("""
    update notification n set read_at = :now
    from unnest(cast(:users as uuid[]), cast(:talks as uuid[]), cast(:ats as timestamptz[])) as k(user_id, talk, at)
    where n.user_id = k.user_id and n.conversation_id = k.talk and n.read_at is null and n.at <= k.at
    returning n.user_id
""")
_READ_TASKS = text("""
    update notification set read_at = :now where task_id = any(:tasks) and read_at is null returning user_id
""")
# What was theirs to answer is somebody else's now. What a colleague said to them, and what they failed to send, stays.
_READ_GONE = text("""
    update notification n set read_at = :now
    from unnest(cast(:talks as uuid[]), cast(:managers as uuid[]), cast(:ats as timestamptz[])) as k(talk, manager, at)
    where n.conversation_id = k.talk and n.read_at is null and n.at <= k.at and n.user_id is distinct from k.manager
      and (n.kind in ('assigned', 'message', 'waiting') or n.kind = 'unassigned' and k.manager is not null)
    returning n.id, n.user_id
""")


async def follow(
    connection: AsyncConnection, *, now: datetime, zone: str, limit: int = BATCH
) -> int:
    """Reads on in the feed; how many facts there were."""
    found = await connection.execute(_POSITION)
    position = found.scalar_one_or_none()
    if position is None:
        await connection.execute(_BEGIN)
        return 0
    rows = (await connection.execute(_NEXT, {"after": position, "limit": limit})).all()
    if not rows:
        return 0
    facts: list[Fact] = []
    for row in rows:
        try:
            facts.append(wire.decode_fact(row.body))
        except wire.Undecodable as error:
            # Written by a newer process of a rolling update, which tells of it when it reads the feed.
            log.warning("fact_not_understood", error=str(error)[:200])
    await connection.execute(
        text("update notice_cursor set position = :position where id = 1"),
        {"position": rows[-1].position},
    )
    await take(connection, facts, now=now, zone=zone)
    return len(rows)


async def take(
    connection: AsyncConnection, facts: Sequence[Fact], *, now: datetime, zone: str
) -> None:
    """Tells whom the facts concern."""
    tasks = [each for each in facts if isinstance(each, TaskChanged)]
    if tasks:
        await sync_reminders(connection, tasks)
    told = await give(
        connection, [notice for fact in facts for notice in concerned(fact)], now=now, zone=zone
    )
    told |= await _read_what_went_to_others(connection, facts, now=now)
    read = {
        (each.by, each.conversation): each.at
        for each in facts
        if isinstance(each, ConversationChanged)
        and each.what == "read"
        and each.by is not None
        and each.conversation is not None
    }
    if read:
        rows = await connection.execute(
            _READ_TALK,
            {
                "now": now,
                "users": [user for user, _ in read],
                "talks": [talk for _, talk in read],
                "ats": list(read.values()),
            },
        )
        told |= set(rows.scalars())
    done = [each.task for each in tasks if each.what == "done"]
    if done:
        told |= set((await connection.execute(_READ_TASKS, {"now": now, "tasks": done})).scalars())
    await tell_of_notices(connection, told, now=now)


async def _read_what_went_to_others(
    connection: AsyncConnection, facts: Sequence[Fact], *, now: datetime
) -> set[UUID]:
    gone = {
        each.conversation: each
        for each in facts
        if isinstance(each, Assigned) and each.conversation is not None
    }
    if not gone:
        return set()
    rows = (
        await connection.execute(
            _READ_GONE,
            {
                "now": now,
                "talks": list(gone),
                "managers": [each.manager for each in gone.values()],
                "ats": [each.at for each in gone.values()],
            },
        )
    ).all()
    await ring_no_more(connection, [row.id for row in rows])
    return {row.user_id for row in rows}
