"""Processes that share a broker, each over a line of its own which a test can cut: for RabbitMQ and for PostgreSQL."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import aio_pika
import pytest
from sqlalchemy.engine import make_url

from storage.engine import open_engine
from storage.queue import PostgresBroker
from tests.doubles.tcp_proxy import Streams, TcpProxy, tcp_proxy
from workers.broker import Broker
from workers.rabbitmq import RabbitBroker
from workers.rabbitmq.names import Names
from workers.topology import DEAD, QUEUES

BROKER_URL = os.environ.get("ALLO_TEST_BROKER_URL", "amqp://guest:guest@127.0.0.1:5672")
ATTEMPTS = 3
DELAYS = (0.3, 1)
PATIENCE = 2.0


@dataclass
class Process:
    broker: Broker
    line: TcpProxy


OpenProcess = Callable[[], AbstractAsyncContextManager[Process]]


@asynccontextmanager
async def rabbit_installation() -> AsyncGenerator[OpenProcess]:
    url = make_url(BROKER_URL)
    try:
        _, writer = await asyncio.open_connection(url.host, url.port or 5672)
        writer.close()
    except OSError:
        if os.environ.get("ALLO_REQUIRE_SERVICES") == "1":
            pytest.fail("ALLO_REQUIRE_SERVICES=1, and no RabbitMQ answers (try `make services`)")
        # Reason: a newcomer without it still has the rest tested; the check (ALLO_REQUIRE_SERVICES=1) fails above.
        pytest.skip("no RabbitMQ answers at ALLO_TEST_BROKER_URL")
    prefix = f"test-{uuid4().hex[:8]}."

    async def upstream() -> Streams:
        return await asyncio.open_connection(url.host, url.port or 5672)

    @asynccontextmanager
    async def process() -> AsyncGenerator[Process]:
        async with (
            tcp_proxy(upstream) as line,
            RabbitBroker(
                url.set(host="127.0.0.1", port=line.port).render_as_string(hide_password=False),
                prefix=prefix,
                attempts=ATTEMPTS,
                retry_delays=DELAYS,
                patience=PATIENCE,
                jitter=lambda: 0.5,
            ) as broker,
        ):
            yield Process(broker, line)

    yield process
    names = Names(prefix=prefix, attempts=ATTEMPTS, delays=DELAYS)
    connection = await aio_pika.connect(BROKER_URL)
    async with connection, connection.channel() as channel:
        for queue in QUEUES:
            await channel.queue_delete(names.queue(queue))
        for delay in DELAYS:
            await channel.queue_delete(names.retry(delay))
            await channel.exchange_delete(names.retry(delay))
        await channel.exchange_delete(names.broadcast)


@asynccontextmanager
async def postgres_installation(database_url: str) -> AsyncGenerator[OpenProcess]:
    url = make_url(database_url)
    socket_directory = url.query.get("host")

    async def upstream() -> Streams:
        if isinstance(socket_directory, str):
            path = f"{socket_directory}/.s.PGSQL.{url.query.get('port', url.port or 5432)}"
            return await asyncio.open_unix_connection(path)
        return await asyncio.open_connection(url.host, url.port or 5432)

    @asynccontextmanager
    async def process() -> AsyncGenerator[Process]:
        async with tcp_proxy(upstream) as line, AsyncExitStack() as stack:
            proxied = url.set(host="127.0.0.1", port=line.port, query={})
            engine = open_engine(proxied.render_as_string(hide_password=False), pool_size=5)
            stack.push_async_callback(engine.dispose)
            broker = PostgresBroker(
                engine,
                dead=DEAD,
                attempts=ATTEMPTS,
                lock=1.5,
                look=0.5,
                patience=PATIENCE,
                jitter=lambda: 0.5,
            )
            await stack.enter_async_context(broker)
            yield Process(broker, line)
        await asyncio.sleep(0)  # asyncpg closes its transports on the next turn of the loop

    yield process
