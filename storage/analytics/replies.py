"""How many replies each manager wrote on each day: `rollup_replies`, a manager's day counted anew whenever they write.

A day of one manager is a few hundred rows of an index; so it is counted and not added to: told twice, late, or by a
recorder that was not there when it happened, it is right, and equals a recount of everything.
"""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_WRITTEN: Final = "m.direction = 'out' and m.author_user is not null and m.automatic is null and m.kind not in ('call', 'service')"
"""By a colleague's own hand. As the index has it that counting reads."""
_ALONE = text("select pg_advisory_xact_lock(hashtextextended('counting replies', 0))")
_DAYS = text(
    "with touched as (select distinct m.author_user, cast(m.sent_at at time zone :zone as date) as day"  # noqa: S608  # our own names
    f"  from message m where m.id = any(:messages) and {_WRITTEN})"
    " insert into rollup_replies as r (day, manager_id, account_id, replies)"
    " select t.day, t.author_user, m.account_id, count(*) from touched t join message m on m.author_user = t.author_user"
    "  and m.sent_at >= cast(t.day as timestamp) at time zone :zone"
    "  and m.sent_at < cast(t.day + 1 as timestamp) at time zone :zone"
    f" where {_WRITTEN} group by 1, 2, 3 order by 1, 2, 3"
    " on conflict (day, manager_id, account_id) do update set replies = excluded.replies"
)
_ALL = text(
    "insert into rollup_replies (day, manager_id, account_id, replies)"  # noqa: S608  # our own names
    " select cast(m.sent_at at time zone :zone as date), m.author_user, m.account_id, count(*) from message m"
    f" where {_WRITTEN} group by 1, 2, 3"
)


async def count_replies(
    connection: AsyncConnection, messages: Collection[UUID], *, time_zone: str
) -> None:
    """Of the days on which these were written, by whoever wrote them; others among them do not matter."""
    if messages:
        await connection.execute(_ALONE)
        await connection.execute(_DAYS, {"messages": sorted(messages), "zone": time_zone})


async def recount(connection: AsyncConnection, *, time_zone: str) -> None:
    """Of all days: after the company's clock has changed, and of what was written before there was this count."""
    await connection.execute(_ALONE)
    await connection.execute(text("delete from rollup_replies"))
    await connection.execute(_ALL, {"zone": time_zone})
