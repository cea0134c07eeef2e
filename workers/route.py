"""The router's process: takes what has arrived on its shards, and routes it, a batch and a transaction at a time.

    shard queues ──▶ lane ──▶ batch (up to 400 events, or what is there) ──▶ storage.world.route ──▶ commit ──▶ ack

A process holds leases on its share of the shards. Its shards are dealt to two lanes, each strictly sequential, so that
one lane decides while PostgreSQL works for the other; a conversation is always in one shard, and so in one lane. Two
transactions that meet are tried again whole; an event that fails by itself is found by halving the batch, and goes to
the dead letters alone.
"""

import asyncio
import random
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from router import wire
from router.message import Accepted
from router.transit import BrokerDown, Delivery
from storage.dead_letters import NewLetter, keep_letter
from storage.policies import Policies
from storage.world import is_conflict, route
from workers.broker import Broker, Consumer
from workers.clock import Clock
from workers.holding import hold
from workers.supervisor import is_away, pause, unless
from workers.telemetry import BURIED, ROUTE_BATCH, ROUTE_LAG, ROUTE_SECONDS, ROUTED
from workers.topology import INBOUND, shard

log = structlog.get_logger()

BATCH: Final = 400
"""Events of one transaction, about. Measured: 145 µs of Python for each at 200, 117 at 400, 111 at 600; a conflict costs
the whole batch."""

LANES: Final = 2
PREFETCH: Final = 16
"""Broker messages per shard, of up to 64 events each."""

CONFLICTS: Final = 8
"""Times a batch is tried again because it met another; after that it is taken apart."""


class _Shard:
    """A queue being consumed: what came from it and is not settled yet."""

    def __init__(self, queue: str, consumer: Consumer) -> None:
        self.queue = queue
        self.consumer = consumer
        self.settled = asyncio.Event()
        self.settled.set()
        self._unsettled = 0

    def took(self, deliveries: Sequence[Delivery]) -> None:
        self._unsettled += len(deliveries)
        self.settled.clear()

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        try:
            await self.consumer.ack(deliveries)
        except BrokerDown as error:
            # They are committed, and will come again: the database knows them.
            log.warning("ack_lost", queue=self.queue, error=str(error))
        finally:
            self._unsettled -= len(deliveries)
            if not self._unsettled:
                self.settled.set()


@dataclass(frozen=True, slots=True, eq=False)
class _Arrived:
    shard: _Shard
    deliveries: list[Delivery]
    events: list[bytes]


class _Lane:
    """One batch after the other."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[_Arrived] = asyncio.Queue(2 * PREFETCH)

    async def batch(self) -> list[_Arrived]:
        """Waits for something, then takes what is there, without lingering."""
        taken = [await self.arrived.get()]
        size = len(taken[0].events)
        while size < BATCH and not self.arrived.empty():
            taken.append(self.arrived.get_nowait())
            size += len(taken[-1].events)
        return taken


class Router:
    def __init__(
        self,
        *,
        engine: AsyncEngine,
        broker: Broker,
        now: Clock,
        holder: str,
        receive_only: frozenset[str] = frozenset(),
    ) -> None:
        self._holder = holder
        self._engine = engine
        self._broker = broker
        self._now = now
        self._policies = Policies(receive_only=receive_only)
        self._lanes = [_Lane() for _ in range(LANES)]
        self.routed = 0
        """Events committed by this process."""

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`: then what was taken is finished and acknowledged, the shards are given back, the lanes end."""
        end = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes:
                group.create_task(self._work(lane, end, stop))
            await hold(
                self._engine,
                group="inbound",
                names=lambda: INBOUND,
                holder=self._holder,
                work=self._serve_shard,
                stop=stop,
            )
            end.set()

    async def _serve_shard(self, queue: str, stop: asyncio.Event) -> None:
        """Feeds what arrives on the queue to its lane until `stop`, and waits until all of it is settled."""
        lane = self._lanes[int(queue.rpartition(".")[2]) % LANES]
        async with self._broker.consume(queue, prefetch=PREFETCH) as consumer:
            taken = _Shard(queue, consumer)
            while (deliveries := await unless(stop, consumer.receive(PREFETCH))) is not None:
                taken.took(deliveries)
                for delivery in deliveries:
                    await self._feed(lane, taken, delivery)
            await taken.settled.wait()

    async def _feed(self, lane: _Lane, taken: _Shard, delivery: Delivery) -> None:
        try:
            events = wire.split_events(delivery.body)
        except (wire.Undecodable, wire.UnknownVersion) as error:
            await self._bury(delivery.queue, delivery.body, error, event=None)
            await taken.ack([delivery])
            return
        await lane.arrived.put(_Arrived(taken, [delivery], events))

    async def _work(self, lane: _Lane, end: asyncio.Event, stop: asyncio.Event) -> None:
        while (arrived := await unless(end, lane.batch())) is not None:
            events = []
            for each in arrived:
                for body in each.events:
                    try:
                        events.append(wire.decode_event(body))
                    except wire.Undecodable as error:
                        await self._bury(
                            each.shard.queue, wire.pack_events([body]), error, event=None
                        )
            await self._route_surely(events, stop)
            for taken in {each.shard for each in arrived}:
                await taken.ack(
                    [one for each in arrived if each.shard is taken for one in each.deliveries]
                )

    async def _route_surely(self, events: Sequence[Accepted], stop: asyncio.Event) -> None:
        """Routes the events, however long the database is away; what fails by itself is buried."""
        if not events:
            return
        conflicts = absences = 0
        while True:
            try:
                await self._route(events)
            except Exception as error:  # every reason has its answer below
                if is_away(error):
                    if stop.is_set():
                        # Not acknowledged, so it comes again, in the next process.
                        raise
                    if not absences:
                        log.warning("database_away", error=repr(error)[:300])
                    absences += 1
                    await pause(stop, 0.5)
                    continue
                if isinstance(error, DBAPIError) and is_conflict(error) and conflicts < CONFLICTS:
                    conflicts += 1
                    await pause(asyncio.Event(), random.uniform(0, 0.01 * 2**conflicts))  # noqa: S311  # spread
                    continue
                if len(events) == 1:
                    await self._give_up(events[0], error)
                    return
                half = len(events) // 2
                log.warning("batch_halved", events=len(events), error=repr(error)[:300])
                await self._route_surely(events[:half], stop)
                await self._route_surely(events[half:], stop)
            return

    async def _route(self, events: Sequence[Accepted]) -> None:
        ROUTE_BATCH.observe(len(events))
        with ROUTE_SECONDS.time():
            async with self._engine.begin() as connection:
                routed = await route(connection, events, policies=self._policies, now=self._now())
        self.routed += len(events)
        ROUTED.labels("stored").inc(routed.fresh)
        ROUTED.labels("repeated").inc(routed.repeated)
        ROUTE_LAG.observe((self._now() - events[0].received_at).total_seconds())

    async def _give_up(self, event: Accepted, error: Exception) -> None:
        await self._bury(
            shard(event.account, event.event.order_by),
            wire.encode_events([event]),
            error,
            event=event,
        )

    async def _bury(
        self, queue: str, body: bytes, error: Exception, *, event: Accepted | None
    ) -> None:
        """To the dead-letter desk, with the reason; a person replays or drops it."""
        letter = NewLetter(
            stage="route",
            queue=queue,
            body=body,
            reason=f"{type(error).__name__}: {error}"[:1000],
            traceback="".join(traceback.format_exception(error))[-8000:],
            account_id=event.account if event else None,
            channel=event.channel if event else "",
            event_id=event.id if event else None,
        )
        while True:
            try:
                async with self._engine.begin() as connection:
                    await keep_letter(connection, letter, now=self._now())
            except DBAPIError as away:
                if not is_away(away):
                    raise
                await pause(asyncio.Event(), 0.5)
                continue
            BURIED.labels("route").inc()
            log.error("event_buried", queue=queue, reason=letter.reason[:200])
            return
