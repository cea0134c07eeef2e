"""The port's implementation, put together: two lines, the post, consumers and listeners."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from router.transit import Publication, checked_broadcast
from workers.rabbitmq.consumer import RabbitConsumer
from workers.rabbitmq.line import Line, as_broker_down
from workers.rabbitmq.listener import RabbitListener
from workers.rabbitmq.names import Names
from workers.rabbitmq.post import Letter, Post
from workers.topology import ATTEMPTS, RETRY_DELAYS


class RabbitBroker:
    """`async with RabbitBroker(url) as broker:` connects when first asked, and closes its lines on leaving."""

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "",
        name: str = "allo",
        attempts: int = ATTEMPTS,
        retry_delays: Sequence[float] = RETRY_DELAYS,
        patience: float = 5.0,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._names = Names(prefix=prefix, attempts=attempts, delays=tuple(retry_delays))
        self._patience = patience
        self._jitter = jitter

        def line(does: str) -> Line:
            return Line(
                url,
                name=f"{name} {does}",
                prepare=self._names.declare,
                patience=patience,
                jitter=jitter,
            )

        self._publishing = line("publishes")
        self._consuming = line("consumes")
        self._post = Post(self._publishing, names=self._names, patience=patience)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, it: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._consuming.close()
        await self._publishing.close()

    async def publish(self, publications: Sequence[Publication]) -> None:
        await self._post.send(
            [Letter("", self._names.queue(p.queue), p.body) for p in publications]
        )

    async def broadcast(self, body: bytes) -> None:
        letter = Letter(self._names.broadcast, "", checked_broadcast(body), durable=False)
        await self._post.send([letter])

    @asynccontextmanager
    async def consume(self, queue: str, *, prefetch: int) -> AsyncGenerator[RabbitConsumer]:
        channel = await self._consuming.channel()
        consumer = RabbitConsumer(
            queue,
            channel=channel,
            post=self._post,
            names=self._names,
            patience=self._patience,
        )
        try:
            with as_broker_down():
                async with asyncio.timeout(self._patience):
                    await consumer.start(prefetch=prefetch)
            yield consumer
        finally:
            if trouble := await consumer.stop():
                await self._consuming.give_up(channel, because=trouble)

    @asynccontextmanager
    async def listen(self) -> AsyncGenerator[AsyncIterator[bytes]]:
        listener = RabbitListener(
            self._consuming, names=self._names, patience=self._patience, jitter=self._jitter
        )
        try:
            await listener.start()
            yield listener
        finally:
            await listener.stop()

    async def depth(self, queue: str) -> int:
        channel = await self._publishing.channel()
        with as_broker_down():
            async with asyncio.timeout(self._patience):
                declared = await channel.queue_declare(self._names.queue(queue), passive=True)
                await channel.close()
                return declared.message_count or 0

    async def ping(self) -> None:
        channel = await self._publishing.channel()
        with as_broker_down():
            async with asyncio.timeout(self._patience):
                await channel.close()
