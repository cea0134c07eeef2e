"""From the outbox to the broker: durable for the recorder, broadcast for whoever is listening.

    commit ──notify──▶ take (positions) ──▶ publish, confirmed ──▶ commit ──▶ broadcast

The first fact after a silence leaves at once. While more are committed, those of PACE_S leave together: each pass costs
half a dozen round trips, whether it carries one fact or five hundred.

A crash between publish and commit publishes again: consumers are idempotent by the fact's id. The broadcast comes
after the commit, so that whoever is woken by it finds the fact in the feed.
"""

import asyncio
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from router import wire
from router.transit import BROADCAST_LIMIT, BrokerDown, Publication
from storage import outbox
from workers.broker import Broker
from workers.supervisor import pause, unless
from workers.telemetry import RELAYED
from workers.topology import RECORD

log = structlog.get_logger()

BATCH: Final = 500
LOOK_S: Final = 5.0
"""A look without being woken. The notification comes with the commit, and a listener that lost its line looks at once."""

PACE_S: Final = 0.02
"""Nobody who watches notices it, and at two hundred messages a second it saves three passes of four."""

FACTS_PER_MESSAGE: Final = 100


class Relay:
    def __init__(self, *, engine: AsyncEngine, broker: Broker) -> None:
        self._engine = engine
        self._broker = broker
        self._news = asyncio.Event()

    def wake(self, _payload: str | None = None) -> None:
        """Something was committed, or may have been."""
        self._news.set()

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._news.clear()
            told = last = await self._relay()
            while last == BATCH:
                last = await self._relay()
            if told:
                await pause(stop, PACE_S)
            try:
                async with asyncio.timeout(LOOK_S):
                    await unless(stop, self._news.wait())
            except TimeoutError:
                continue

    async def _relay(self) -> int:
        async with self._engine.begin() as connection:
            told = await outbox.take(connection, limit=BATCH)
            if not told:
                return 0
            bodies = [each.body for each in told]
            await self._broker.publish(
                [
                    Publication(RECORD, b"\n".join(bodies[n : n + FACTS_PER_MESSAGE]))
                    for n in range(0, len(bodies), FACTS_PER_MESSAGE)
                ]
            )
        RELAYED.inc(len(told))
        for body in wire.pack_facts(bodies, limit=BROADCAST_LIMIT):
            try:
                await self._broker.broadcast(body)
            except BrokerDown as error:
                # A hint was lost; its hearers catch up when they hear again.
                log.warning("broadcast_lost", error=str(error))
                await pause(asyncio.Event(), 0.2)
        return len(told)
