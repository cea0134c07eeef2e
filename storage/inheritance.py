"""What a killed process held is free at once for the one that follows it.

Only where there is one process at a time: the embedded database belongs to whoever holds the lock of its directory, and
that lock dies with its holder. Where there are several, leases and claims run out by themselves, within seconds.
"""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


async def inherit(connection: AsyncConnection, *, now: datetime) -> None:
    """Before anything else begins: leases, messages taken from queues, replies being sent."""
    await connection.execute(text("delete from lease"))
    await connection.execute(
        text("update queue_message set locked_until = null where locked_until is not null")
    )
    # A reply that was being sent may have been: it is judged as after any death (`deliveries.abandoned`), only sooner.
    await connection.execute(
        text(
            "update delivery set claimed_until = :now where state in ('queued', 'sending') and claimed_until > :now"
        ),
        {"now": now},
    )
