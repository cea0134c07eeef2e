"""How PostgreSQL plans what reports ask."""

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# After a few times a statement would be planned once for any days and filters: such a plan read a month's sums once for
# every origin, and every stay of three years for the days around whole months, of which there were none.
_BY_VALUES: Final = text("set local plan_cache_mode = force_custom_plan")


async def plan_by_values(connection: AsyncConnection) -> None:
    """For the days and filters that are asked for, until the transaction ends: planning costs a millisecond."""
    await connection.execute(_BY_VALUES)
