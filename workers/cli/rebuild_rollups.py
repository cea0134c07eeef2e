"""`allo rebuild-rollups`: what reports read, made anew from everything that happened."""

import asyncio
from typing import Final

import click

from storage.analytics import rebuilding, reckoning
from workers.cli.installation import Installation, in_records
from workers.reckon import Reckoner

LOOK_S: Final = 0.2


@click.command("rebuild-rollups")
def rebuild_rollups() -> None:
    """Count anew everything that reports read, from what happened.

    May run beside `allo serve`, and be stopped at any time: what is left to do is done by `allo serve`. Reports are right
    all the while, except for what was wrong before.
    """
    click.echo(
        f"{in_records(_rebuild)} contacts were reckoned anew; the sums are what they add up to."
    )


async def _rebuild(here: Installation) -> int:
    reckoner = Reckoner(engine=here.engine, now=here.now, time_zone=here.settings.time_zone)
    async with here.engine.begin() as connection:
        due = await rebuilding.begin(connection, time_zone=here.settings.time_zone, now=here.now())
    left = due
    with click.progressbar(length=due, label="Contacts") as bar:
        while left:
            done = await reckoner.reckon_some()
            async with here.engine.connect() as connection:
                now_left = await reckoning.how_many_due(connection)
            # Somebody may have become due meanwhile.
            bar.update(max(0, left - now_left))
            left = now_left
            if not done and left:
                # The worker of a running `serve` has the last of them in hand.
                await asyncio.sleep(LOOK_S)
    await rebuilding.finish(here.engine)
    return due
