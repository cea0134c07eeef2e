"""The broker in PostgreSQL, for an installation without RabbitMQ: the same promises from one table.

    publish ──▶ queue_message ──▶ claim (locked_until) ──▶ ack: deleted
                 ▲                    │ retry: visible_at moves on
                 └────────────────────┤ bury: the row moves to the queue of the dead, with its death
                                      └ neither, and its consumer is gone: the lock expires, it comes again

Every step is one statement and its own transaction. A claim raises `attempts`, and whoever settles must name the
number it was given: a consumer that was taken for dead can do no harm afterwards. NOTIFY wakes consumers; a look
every few seconds makes up for what a NOTIFY can miss.

The shape is that of workers.broker.Broker, which this layer does not import.
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Final, Self

from sqlalchemy.ext.asyncio import AsyncEngine

from router.transit import Publication, checked_broadcast
from storage.notifications import Notifications
from storage.queue_consumer import PostgresConsumer
from storage.queue_publishing import GroupCommit
from storage.queue_statements import BROADCAST, DEPTH, HINTS, NEWS, PING, Statements

HINTS_KEPT: Final = 1000
"""Broadcasts that may wait for a slow listener; then it is told to catch up instead."""


class PostgresBroker:
    """`async with PostgresBroker(engine, …) as broker:` listens, and keeps claims alive, until it is left."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        dead: str,
        attempts: int,
        lock: float = 15.0,
        look: float = 5.0,
        patience: float = 5.0,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._statements = Statements(engine, patience=patience)
        self._dead = dead
        self._attempts = attempts
        self._lock = lock
        self._look = look
        self._patience = patience
        self._news = Notifications(engine.url, channels=(NEWS, HINTS), jitter=jitter)
        self._consumers: list[PostgresConsumer] = []
        self._group = asyncio.TaskGroup()
        self._publishing = GroupCommit(self._statements, group=self._group)
        self._side_tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        self._side_tasks = [
            self._group.create_task(self._news.keep_listening()),
            self._group.create_task(self._keep_claims()),
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, it: BaseException | None, at: TracebackType | None
    ) -> None:
        for task in self._side_tasks:
            task.cancel()
        if kind is not None and issubclass(kind, asyncio.CancelledError):
            await self._group.__aexit__(kind, it, at)
        else:
            # What the caller raised is not the group's: it leaves as it is, and in no ExceptionGroup.
            await self._group.__aexit__(None, None, None)

    async def publish(self, publications: Sequence[Publication]) -> None:
        await self._publishing.publish(publications)

    @asynccontextmanager
    async def consume(self, queue: str, *, prefetch: int) -> AsyncGenerator[PostgresConsumer]:
        await self.ping()
        consumer = PostgresConsumer(
            queue,
            statements=self._statements,
            group=self._group,
            prefetch=prefetch,
            dead=self._dead,
            attempts=self._attempts,
            lock=self._lock,
            look=self._look,
        )
        self._consumers.append(consumer)
        try:
            with self._news.subscribed(NEWS, consumer.hear):
                yield consumer
        finally:
            self._consumers.remove(consumer)
            await consumer.stop()

    async def broadcast(self, body: bytes) -> None:
        await self._statements.run(BROADCAST, body=checked_broadcast(body).decode())

    @asynccontextmanager
    async def listen(self) -> AsyncGenerator[AsyncIterator[bytes]]:
        listener = _Listener()
        # Whether it listens by then or not: what connects later tells every subscriber to catch up.
        await self._news.wait_until_listening(patience=self._patience)
        with self._news.subscribed(HINTS, listener.hear):
            yield listener

    async def depth(self, queue: str) -> int:
        rows = await self._statements.run(DEPTH, queue=queue)
        return int(rows[0][0])

    async def ping(self) -> None:
        await self._statements.run(PING)

    async def _keep_claims(self) -> None:
        """A consumer that is alive keeps what it claimed, however long a batch takes."""
        while True:
            await asyncio.sleep(self._lock / 3)
            for consumer in tuple(self._consumers):
                await consumer.keep_claims()


class _Listener:
    def __init__(self) -> None:
        self._heard: deque[bytes] = deque()
        self._news = asyncio.Event()

    def hear(self, payload: str | None) -> None:
        if len(self._heard) == HINTS_KEPT:
            payload = None
        if payload is None:
            self._heard.clear()
        self._heard.append((payload or "").encode())
        self._news.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while not self._heard:
            self._news.clear()
            await self._news.wait()
        return self._heard.popleft()
