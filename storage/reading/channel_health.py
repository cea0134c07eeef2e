"""How connected channels are doing: what went wrong lately, what waits, and whether anything ever came."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

LATELY: Final = timedelta(hours=24)
LOOKED_AT: Final = 500
"""Lines of a channel's log: a channel that fails all the time is not counted to the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelHealth:
    """Of the last day; both counts end at 500. `waiting`: replies not yet sent."""

    errors: int
    last_error: str
    waiting: int


_HEALTH: Final = text("""
    select a.id, lately.errors, coalesce(lately.last_error, '') as last_error, queued.waiting
    from account a
    cross join lateral (
        select count(*) as errors, (array_agg(detail order by id desc))[1] as last_error from (
            select id, level, detail from channel_log l
            where l.account_id = a.id and l.id > :since order by id desc limit :most
        ) as line where level = 'error'
    ) as lately
    cross join lateral (
        select count(*) as waiting from (
            select 1 from delivery d where d.account_id = a.id and d.state = 'queued' limit :most
        ) as reply
    ) as queued
    where a.state <> 'removed'
""")


async def channel_health(
    connection: AsyncConnection, *, now: datetime
) -> Mapping[UUID, ChannelHealth]:
    found = await connection.execute(_HEALTH, {"since": _first_id(now - LATELY), "most": LOOKED_AT})
    return {
        row.id: ChannelHealth(errors=row.errors, last_error=row.last_error, waiting=row.waiting)
        for row in found
    }


async def newest_conversation(connection: AsyncConnection, account: UUID) -> UUID | None:
    """What the first message opened, to be looked at."""
    found = await connection.execute(
        text("""
            select id from conversation where account_id = :account and status = 'open'
            order by last_message_at desc, id desc limit 1
        """),
        {"account": account},
    )
    id_: UUID | None = found.scalar()
    return id_


def _first_id(at: datetime) -> UUID:
    """The least UUIDv7 of a moment: ids of lines are in the order of time."""
    return UUID(int=int(at.timestamp() * 1000) << 80)
