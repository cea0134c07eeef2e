"""What the broker gave up on is moved to the dead-letter desk, where a person sees it."""

import asyncio
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.dead_letters import NewLetter, keep_letter
from workers.broker import Broker
from workers.clock import Clock
from workers.supervisor import unless
from workers.telemetry import BURIED
from workers.topology import DEAD

log = structlog.get_logger()

PREFETCH: Final = 10


class Undertaker:
    def __init__(self, *, engine: AsyncEngine, broker: Broker, now: Clock) -> None:
        self._engine = engine
        self._broker = broker
        self._now = now

    async def run(self, stop: asyncio.Event) -> None:
        async with self._broker.consume(DEAD, prefetch=PREFETCH) as consumer:
            while (dead := await unless(stop, consumer.receive(PREFETCH))) is not None:
                async with self._engine.begin() as connection:
                    for each in dead:
                        death = each.death
                        await keep_letter(
                            connection,
                            NewLetter(
                                stage="broker",
                                queue=death.queue if death else "",
                                body=each.body,
                                reason=death.reason if death else "The broker does not say why.",
                                attempts=death.attempts if death else each.attempt,
                            ),
                            now=self._now(),
                        )
                        BURIED.labels("broker").inc()
                        log.error("message_buried", queue=death.queue if death else "")
                await consumer.ack(dead)
