"""Routers for tests: as `workers.route` does it, a batch at a time, tried again when two met, without a broker."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from router.message import Accepted
from storage.policies import Policies
from storage.world import is_conflict, route
from workers.topology import INBOUND, shard

ATTEMPTS = 30


async def route_surely(
    engine: AsyncEngine, batch: Sequence[Accepted], *, policies: Policies, now: datetime
) -> None:
    for attempt in range(ATTEMPTS):
        try:
            async with engine.begin() as connection:
                await route(connection, batch, policies=policies, now=now)
        except DBAPIError as error:
            if not is_conflict(error) or attempt == ATTEMPTS - 1:
                raise
            continue
        return


async def run_routers(
    engines: Sequence[AsyncEngine],
    arriving: Sequence[Accepted],
    *,
    sizes: Sequence[int],
    now: datetime,
) -> None:
    """Each router its own shards, one batch after the other; several routers at the same time."""

    async def one(number: int, engine: AsyncEngine) -> None:
        mine = [
            each
            for each in arriving
            if INBOUND.index(shard(each.account, each.event.order_by)) % len(engines) == number
        ]
        policies, turn = Policies(), 0
        while mine:
            size = sizes[turn % len(sizes)]
            await route_surely(engine, mine[:size], policies=policies, now=now)
            mine, turn = mine[size:], turn + 1

    async with asyncio.TaskGroup() as group:
        for number, engine in enumerate(engines):
            group.create_task(one(number, engine))
