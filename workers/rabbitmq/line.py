"""A connection that is opened when somebody needs it, and every way in which it can fail told as BrokerDown."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any, Final

import aio_pika
import structlog
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq import Channel

from router.transit import BrokerDown

log = structlog.get_logger()

HEARTBEAT_S: Final = 10
"""A silent line is noticed after three of these; aio-pika's own choice of 60 would mean three minutes."""
BREATH_S: Final = 1.0
"""After a failed attempt to connect, those who ask meanwhile are told so at once instead of queueing for the next."""
PARTING_S: Final = 1.0
"""For a polite goodbye on a line that has just failed us."""

for _name in ("aio_pika", "aiormq"):
    # They log each lost line with its traceback and each refused attempt; Line says it once, with the reason.
    logging.getLogger(_name).setLevel(logging.CRITICAL)


@contextmanager
def as_broker_down() -> Generator[None]:
    """Every way in which AMQP can fail, as BrokerDown."""
    try:
        yield
    except asyncio.CancelledError:
        # aiormq rejects what waits on a closing channel with CancelledError. Believing it would end the caller's task
        # in silence; in a TaskGroup, an unconfirmed publication would even pass for done.
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise BrokerDown("the connection was closed") from None
    except BrokerDown:
        raise
    except TimeoutError as error:
        raise BrokerDown("no answer in time") from error
    except CONNECTION_EXCEPTIONS as error:
        raise BrokerDown(f"{type(error).__name__}: {error}") from error


class Line:
    """One connection; its topology is declared before anybody gets a channel of it."""

    def __init__(
        self,
        url: str,
        *,
        name: str,
        prepare: Callable[[Channel], Awaitable[None]],
        patience: float,
        jitter: Callable[[], float],
    ) -> None:
        self._url = url
        self._name = name
        self._prepare = prepare
        self._patience = patience
        self._jitter = jitter
        self._opening = asyncio.Lock()
        self._connection: AbstractConnection | None = None
        self._confirming: Channel | None = None
        self._no_attempt_before = 0.0
        self._trouble = ""

    async def confirming(self) -> Channel:
        """The one channel on which everybody publishes, in confirm mode."""
        channel = self._confirming
        if channel is not None and not channel.is_closed and self._is_open():
            return channel
        await self._open()
        if self._confirming is None:  # given up in the same moment by somebody else
            raise BrokerDown(self._trouble)
        return self._confirming

    async def channel(self) -> Channel:
        """A new channel without confirms, to be closed by the caller."""
        # Open is not enough: while somebody else is still declaring, the queues are not there yet.
        if not self._is_open() or self._confirming is None:
            await self._open()
        with as_broker_down():
            async with asyncio.timeout(self._patience):
                return await _new_channel(self._connection, confirms=False)

    async def give_up(self, channel: Channel, *, because: str) -> None:
        """After a failure on `channel`: the next caller gets a new connection, unless somebody made one already."""
        connection = self._connection
        if connection is None or connection.transport is None:
            return
        if connection.transport.connection is channel.connection:
            await self.close(because=because)

    async def close(self, *, because: str = "") -> None:
        connection, self._connection, self._confirming = self._connection, None, None
        if connection is None:
            return
        self._trouble = because
        if because:
            log.warning("broker_line_lost", line=self._name, reason=because)
        try:
            with as_broker_down():
                async with asyncio.timeout(PARTING_S if because else self._patience):
                    await connection.close()
        except BrokerDown as down:
            log.info("broker_line_closed_rudely", line=self._name, reason=str(down))

    def _is_open(self) -> bool:
        connection = self._connection
        return (
            connection is not None
            and connection.transport is not None
            and not connection.transport.connection.is_closed
            and connection.connected.is_set()
        )

    async def _open(self) -> None:
        async with self._opening:
            if self._is_open() and self._confirming and not self._confirming.is_closed:
                return
            now = asyncio.get_running_loop().time
            if now() < self._no_attempt_before:
                raise BrokerDown(self._trouble)
            await self.close(because=_why_closed(self._connection))
            try:
                with as_broker_down():
                    async with asyncio.timeout(self._patience):
                        await self._connect()
            except BrokerDown as down:
                await self.close(because=str(down))
                self._trouble = str(down)
                self._no_attempt_before = now() + BREATH_S * (0.5 + self._jitter() / 2)
                raise
            log.info("broker_line_opened", line=self._name)

    async def _connect(self) -> None:
        options: dict[str, Any] = {"client_properties": {"connection_name": self._name}}
        if "heartbeat=" not in self._url:
            options["heartbeat"] = HEARTBEAT_S
        self._connection = await aio_pika.connect(self._url, **options)
        topology = await _new_channel(self._connection, confirms=False)
        await self._prepare(topology)
        await topology.close()
        self._confirming = await _new_channel(self._connection, confirms=True)


def _why_closed(connection: AbstractConnection | None) -> str:
    if connection is None or connection.transport is None:
        return "found closed"
    closing = connection.transport.connection.closing
    if not closing.done() or closing.cancelled():
        return "found closed"
    return repr(closing.exception())


async def _new_channel(connection: AbstractConnection | None, *, confirms: bool) -> Channel:
    if connection is None or connection.transport is None:
        raise BrokerDown("the connection was closed")
    channel = await connection.transport.connection.channel(
        publisher_confirms=confirms, on_return_raises=True
    )
    if not isinstance(channel, Channel):
        raise TypeError(f"aio-pika speaks through {type(channel).__name__}, not through aiormq")
    return channel
