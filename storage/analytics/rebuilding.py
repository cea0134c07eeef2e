"""Everything that reports read, made anew from what happened: `allo rebuild-rollups`. Beside a running `allo serve`.

begin    counts per day, which are one statement each; everybody is due
go on    a few contacts at a time, each transaction of its own, here and in the worker of `serve` alike
finish   the sums, from the facts as they are now, a month at a time; whoever adds to them waits for a month's
"""

from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from storage import recording
from storage.analytics import reckoning, replies, rollups, ways
from storage.company import company_zone


async def begin(connection: AsyncConnection, *, time_zone: str, now: datetime) -> int:
    """How many contacts are due. `time_zone` is the installation's."""
    await reckoning.hold_rules(connection)
    zone = await company_zone(connection, otherwise=time_zone)
    await recording.recount(connection, time_zone=zone)
    await replies.recount(connection, time_zone=zone)
    await reckoning.everything_is_due(connection, now=now)
    return await reckoning.how_many_due(connection)


async def finish(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        months = await rollups.months(connection)
    for month in months:
        async with engine.begin() as connection:
            await recount_month(connection, month)


async def recount_month(connection: AsyncConnection, month: date) -> None:
    """All the sums that are kept of what the recorder derives."""
    await rollups.recount_month(connection, month)
    await ways.recount_month(connection, month)
