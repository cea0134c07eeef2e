"""The recorder: facts from the broker into what reports count and search looks through."""

import asyncio
import traceback
from typing import Final

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from router import wire
from router.facts import Fact
from router.transit import Delivery
from storage import recording
from storage.analytics.taking_in import take_in
from storage.dead_letters import NewLetter, keep_letter
from storage.world import is_conflict
from workers.broker import Broker, Consumer
from workers.clock import Clock
from workers.supervisor import is_away, pause, unless
from workers.telemetry import BURIED, RECORDED
from workers.topology import RECORD

log = structlog.get_logger()

PREFETCH: Final = 20
GATHER_S: Final = 0.25
"""Nobody waits for what is recorded, and twenty messages cost about what one does."""
CONFLICT_DELAY_S: Final = 1.0


class Recorder:
    def __init__(self, *, engine: AsyncEngine, broker: Broker, now: Clock, time_zone: str) -> None:
        self._engine = engine
        self._broker = broker
        self._now = now
        self._time_zone = time_zone

    async def run(self, stop: asyncio.Event) -> None:
        async with self._engine.begin() as connection:
            await recording.make_partitions(connection, now=self._now())
        async with self._broker.consume(RECORD, prefetch=PREFETCH) as consumer:
            while (taken := await unless(stop, consumer.receive(PREFETCH))) is not None:
                try:
                    await self._record(taken)
                except Exception as error:
                    if is_away(error):
                        raise
                    await self._one_by_one(consumer, taken)
                else:
                    await consumer.ack(taken)
                if len(taken) < PREFETCH:
                    await pause(stop, GATHER_S)

    async def _record(self, deliveries: list[Delivery]) -> None:
        facts: list[Fact] = [
            wire.decode_fact(body)
            for delivery in deliveries
            for body in wire.unpack_facts(delivery.body)
        ]
        async with self._engine.begin() as connection:
            fresh = await take_in(connection, facts, time_zone=self._time_zone, now=self._now())
        RECORDED.inc(fresh)

    async def _one_by_one(self, consumer: Consumer, deliveries: list[Delivery]) -> None:
        """Something among them cannot be recorded: the rest is, and it goes to the dead letters."""
        for delivery in deliveries:
            try:
                await self._record([delivery])
            except Exception as error:
                if is_away(error):
                    raise
                if isinstance(error, DBAPIError) and is_conflict(error):
                    await consumer.retry(delivery, delay=CONFLICT_DELAY_S)
                    continue
                async with self._engine.begin() as connection:
                    await keep_letter(
                        connection,
                        NewLetter(
                            stage="record",
                            queue=RECORD,
                            body=delivery.body,
                            reason=f"{type(error).__name__}: {error}"[:1000],
                            traceback="".join(traceback.format_exception(error))[-8000:],
                        ),
                        now=self._now(),
                    )
                BURIED.labels("record").inc()
                log.exception("facts_buried")
            await consumer.ack([delivery])
