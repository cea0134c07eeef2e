"""A stage on which everything goes on by itself, as in a running installation: what happens is told to every page, notices are
made of it, gestures are carried, replies go out.

    async with at_work(stage):
        await stage.shop.route(…)       the customer writes; nobody has to publish
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from storage import deliveries, notice_feed
from storage.engine import transaction
from tests.inbox.stage import Stage

EVERY_S = 0.03


@asynccontextmanager
async def at_work(stage: Stage) -> AsyncGenerator[None]:
    stop = asyncio.Event()

    async def tell() -> None:
        while not stop.is_set():
            await stage.publish()
            async with stage.engine.begin() as connection:
                await notice_feed.follow(connection, now=stage.now(), zone="UTC")
            await _send(stage)
            await asyncio.sleep(EVERY_S)

    async with asyncio.TaskGroup() as group:
        group.create_task(tell())
        group.create_task(stage.typing.run(stop))
        try:
            yield
        finally:
            stop.set()


async def _send(stage: Stage) -> None:
    """The channel takes every reply at once; what it is called there is `out:` and the reply's own id."""
    async with transaction(stage.engine) as connection:
        for account in await deliveries.due_accounts(connection, now=stage.now()):
            for due in await deliveries.claim(
                connection, account, by="stage", identity="telegram", now=stage.now(), limit=10
            ):
                await deliveries.begin(connection, due, by="stage", now=stage.now())
                await deliveries.settle(
                    connection, due, "sent", now=stage.now(), external_id=f"out:{due.message_id}"
                )
