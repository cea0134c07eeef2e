"""Channels that say nothing: nothing has come for so many working hours as the account allows.

Nobody notices a webhook that was forgotten in a move, or a number that was not paid for: silence looks like a quiet day. So
an account may say how much of it is strange (`silent_hours`), in the working hours of the team that answers there. It
counts from the last event, or from when the channel was connected, resumed or mended.
"""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.clean_text import clean_line
from router.facts import ChannelChanged, Fact
from router.ids import new_id
from router.working_hours import add_working_minutes
from storage.channel_log import LogLine, write_lines
from storage.outbox import tell
from storage.policies import Policies

_WATCHED = text("""
    select a.id, a.state, a.silent_hours, a.silent_since, a.last_event_at,
           greatest(a.last_event_at, coalesce(a.active_since, a.created_at)) as since,
           t.hours, t.time_zone, t.holidays
    from account a
    left join team t on t.id = coalesce(a.team_id, (select id from team where is_default))
    where a.state <> 'removed' and (a.silent_hours is not null or a.silent_since is not null)
    order by a.id
    for no key update of a skip locked
""")
_SET = text("update account set silent_since = :since where id = :id")


async def watch_channels(connection: AsyncConnection, *, policies: Policies, now: datetime) -> int:
    """Those that became silent, and those that are heard of again; how many."""
    facts: list[Fact] = []
    lines: list[LogLine] = []
    for row in (await connection.execute(_WATCHED)).all():
        silent = row.state == "active" and row.silent_hours is not None and _due(row) <= now
        if silent == (row.silent_since is not None):
            continue
        await connection.execute(_SET, {"id": row.id, "since": row.since if silent else None})
        facts.append(
            ChannelChanged(
                id=new_id(), at=now, account=row.id, what="silent" if silent else "heard"
            )
        )
        lines.append(
            LogLine(
                account=row.id,
                at=now,
                direction="in",
                what="silent" if silent else "no longer silent",
                level="warning" if silent else "info",
                detail=clean_line(f"nothing came for {row.silent_hours} working hours")
                if silent
                else "",
            )
        )
    await tell(connection, facts)
    await write_lines(connection, lines)
    return len(facts)


def _due(row: object) -> datetime:
    """When its silence is too long."""
    return add_working_minutes(
        row.hours,  # type: ignore[attr-defined]
        row.time_zone or "UTC",  # type: ignore[attr-defined]
        frozenset(row.holidays or ()),  # type: ignore[attr-defined]
        row.since,  # type: ignore[attr-defined]
        row.silent_hours * 60,  # type: ignore[attr-defined]
    )
