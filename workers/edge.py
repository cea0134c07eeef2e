"""The edge: where events become durable before their platform is answered.

    accept ──▶ pending ──▶ (one publish under way; what arrives meanwhile leaves together with the next) ──▶ broker
       ▲                                                                                                │
       └──────────────────────── answered when its own batch is confirmed ◀──────────────────────────────┘

Events leave in broker messages of one shard each, up to 64 events. Nothing lingers: at light load a batch is one event.
Back-pressure: when more is pending than the broker takes, or its queues are too long, the platform is told to come
again.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from msgspec.structs import replace

from connectors.connector import Account, Incoming, Media, NotDurable
from router import wire
from router.ids import new_id
from router.message import Accepted, Event, InboundMessage, MessageEdited
from router.transit import BrokerDown, Publication
from workers.broker import Broker
from workers.clock import Clock
from workers.telemetry import EDGE_BATCH, EDGE_PENDING, RECEIVED
from workers.topology import shard

log = structlog.get_logger()

PER_MESSAGE: Final = 64
"""Events in one broker message."""

MESSAGE_BYTES: Final = 1 << 20
PENDING: Final = 20_000
"""Events waiting for the broker; at 5 000 a second that is four seconds of its absence."""

RAW_INLINE: Final = 32 << 10
"""A raw payload that is longer travels through the media store."""


@dataclass(slots=True)
class _Parcel:
    """What one `accept` gave, and who waits for it."""

    events: list[tuple[str, bytes]]
    done: "asyncio.Future[None]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Edge:
    """`connectors.connector.Intake`. `run` it for as long as anybody accepts."""

    def __init__(
        self,
        *,
        broker: Broker,
        media: Media,
        now: Clock,
        heard_from: Callable[[UUID, datetime], None],
    ) -> None:
        self._heard_from = heard_from
        self._broker = broker
        self._media = media
        self._now = now
        self._pending: list[_Parcel] = []
        self._count = 0
        self._news = asyncio.Event()
        self._closed = False
        self._broker_is_down = False
        self.refuses = ""
        """Why nothing is taken at the moment (the queues are full); "" when it is."""

    async def accept(self, account: Account, incoming: Sequence[Incoming]) -> None:
        """Returns when all of it is durable. Raises NotDurable."""
        if not incoming:
            return
        self._must_take(len(incoming))
        received_at = self._now()
        self._heard_from(account.id, received_at)
        await self._leave(
            [
                Accepted(
                    id=new_id(),
                    account=account.id,
                    channel=account.kind,
                    received_at=received_at,
                    event=each.event,
                    raw=each.raw,
                )
                for each in incoming
            ]
        )

    async def accept_kept(self, kept: Sequence[Accepted]) -> None:
        """What came earlier and waited (workers/spool.py), with its own id and time. Raises NotDurable."""
        self._must_take(len(kept))
        await self._leave(kept)

    def _must_take(self, count: int) -> None:
        """Raises NotDurable."""
        if self.refuses or self._closed:
            raise NotDurable(self.refuses or "stopping")
        if self._count + count > PENDING:
            raise NotDurable("more is waiting for the broker than it can take")

    async def _leave(self, came: Sequence[Accepted]) -> None:
        """Raises NotDurable."""
        events = []
        for each in came:
            accepted = each
            if _has_content(each.event):
                accepted = replace(each, event=await without_content(each.event, self._media))
            if each.raw is not None and len(each.raw) > RAW_INLINE:
                accepted = replace(accepted, raw=None, raw_ref=await self._media.put(each.raw))
            events.append((shard(each.account, each.event.order_by), wire.encode_event(accepted)))
        parcel = _Parcel(events)
        self._pending.append(parcel)
        self._count += len(events)
        self._news.set()
        await parcel.done
        for each in came:
            RECEIVED.labels(each.channel).inc()

    async def run(self) -> None:
        """Publishes what is pending, group after group, until `close`."""
        while not (self._closed and not self._pending):
            await self._news.wait()
            self._news.clear()
            while self._pending:
                parcels, self._pending = self._pending, []
                self._count = 0
                await self._publish(parcels)

    def close(self) -> None:
        """Nothing more is accepted; what is pending still leaves."""
        self._closed = True
        self._news.set()

    async def _publish(self, parcels: list[_Parcel]) -> None:
        by_queue: dict[str, list[bytes]] = defaultdict(list)
        for parcel in parcels:
            for queue, event in parcel.events:
                by_queue[queue].append(event)
        publications = [
            Publication(queue, body)
            for queue, events in by_queue.items()
            for body in _bodies(events)
        ]
        EDGE_BATCH.observe(sum(map(len, by_queue.values())))
        EDGE_PENDING.set(self._count)
        try:
            await self._broker.publish(publications)
        except BrokerDown as error:
            if not self._broker_is_down:
                # Once: platforms come again by the hundred while it lasts.
                log.warning("events_not_durable", error=str(error))
            self._broker_is_down = True
            for parcel in parcels:
                if not parcel.done.done():
                    parcel.done.set_exception(NotDurable(str(error)))
            return
        if self._broker_is_down:
            log.info("events_durable_again")
            self._broker_is_down = False
        for parcel in parcels:
            if not parcel.done.done():
                parcel.done.set_result(None)


async def without_content(event: Event, media: Media) -> Event:
    """The bytes that came with the event are stored, and their hash travels instead."""
    if not isinstance(event, InboundMessage | MessageEdited):
        return event
    attachments = []
    for each in event.attachments:
        if each.content is not None:
            sha256 = await media.put(each.content)
            attachments.append(replace(each, content=None, sha256=sha256, size=len(each.content)))
        else:
            attachments.append(each)
    return replace(event, attachments=tuple(attachments))


def _has_content(event: Event) -> bool:
    return isinstance(event, InboundMessage | MessageEdited) and any(
        each.content is not None for each in event.attachments
    )


def _bodies(events: list[bytes]) -> list[bytes]:
    bodies: list[bytes] = []
    chunk: list[bytes] = []
    size = 0
    for event in events:
        if chunk and (len(chunk) == PER_MESSAGE or size + len(event) > MESSAGE_BYTES):
            bodies.append(wire.pack_events(chunk))
            chunk, size = [], 0
        chunk.append(event)
        size += len(event)
    bodies.append(wire.pack_events(chunk))
    return bodies
