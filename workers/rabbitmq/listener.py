"""What is broadcast from now on, through losses of the line: the one part that reconnects by itself."""

import asyncio
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Final, Self

import structlog
from aiormq import Channel
from aiormq.abc import DeliveredMessage

from router.transit import BrokerDown
from workers.rabbitmq.line import Line, as_broker_down
from workers.rabbitmq.names import Names

log = structlog.get_logger()

KEPT: Final = 1000
"""Broadcasts that may wait for a slow listener; then it is told to catch up instead."""
PAUSE_S: Final = (0.5, 1.0, 2.0, 5.0)
"""Between attempts to listen again; the last one repeats. Each is shortened by up to a half, so that processes spread."""


class RabbitListener:
    def __init__(
        self, line: Line, *, names: Names, patience: float, jitter: Callable[[], float]
    ) -> None:
        self._line = line
        self._names = names
        self._patience = patience
        self._jitter = jitter
        self._channel: Channel | None = None
        self._heard: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._missed = False

    async def start(self) -> None:
        try:
            await self._subscribe()
        except BrokerDown as down:
            log.warning("listening_delayed", reason=str(down))

    async def stop(self) -> None:
        channel, self._channel = self._channel, None
        if channel is None or channel.is_closed:
            return
        try:
            with as_broker_down():
                async with asyncio.timeout(self._patience):
                    for label in list(channel.consumers):
                        await channel.basic_cancel(label)
                    await channel.close()
        except BrokerDown as down:
            log.info("listener_left_a_dead_line", reason=str(down))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while not self._heard and not self._missed:
            if self._channel is None:
                await self._subscribe_again()
                self._missed = True
            else:
                self._news.clear()
                await self._news.wait()
        if self._missed:
            self._missed = False
            return b""
        return self._heard.popleft()

    async def _subscribe_again(self) -> None:
        for attempt in count():
            try:
                await self._subscribe()
            except BrokerDown:
                pause = PAUSE_S[min(attempt, len(PAUSE_S) - 1)]
                await asyncio.sleep(pause * (1 - self._jitter() / 2))
            else:
                return

    async def _subscribe(self) -> None:
        channel = await self._line.channel()
        with as_broker_down():
            async with asyncio.timeout(self._patience):
                queue = await channel.queue_declare(
                    "",
                    exclusive=True,
                    auto_delete=True,
                    arguments={"x-max-length": KEPT, "x-overflow": "drop-head"},
                )
                name = queue.queue or ""
                await channel.queue_bind(name, self._names.broadcast)
                await channel.basic_consume(name, self._take, no_ack=True)
        channel.closing.add_done_callback(lambda _: self._lose(channel))
        channel.on_consumer_cancel_callbacks.add(lambda _: self._lose(channel))
        self._channel = channel

    def _lose(self, channel: Channel) -> None:
        if self._channel is channel:
            self._channel = None
            self._news.set()

    async def _take(self, message: DeliveredMessage) -> None:
        if len(self._heard) == KEPT:
            self._heard.clear()
            self._missed = True
        self._heard.append(message.body)
        self._news.set()
