"""Where a feed in the order of storing may end without stepping over something that commits late.

A row's time is when its transaction began (`now()` of the database). A reader who follows the end of such a list would
never see a row of a transaction that began earlier and committed later; so whatever is not older than the oldest
transaction under way waits for the next page. That is a minute at most: no transaction of ours is let last longer
(`statement_timeout`, `idle_in_transaction_session_timeout`). With nothing else under way, nothing waits.
"""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


async def settled_before(connection: AsyncConnection) -> datetime | None:
    """None: everything there is has settled."""
    found = await connection.execute(
        text("""
            select case when min(xact_start) is not null
                        then greatest(min(xact_start), now() - interval '60 seconds') end
            from pg_stat_activity
            where datname = current_database() and backend_type = 'client backend'
              and pid <> pg_backend_pid() and xact_start is not null
        """)
    )
    bound: datetime | None = found.scalar_one()
    return bound
