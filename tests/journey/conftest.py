"""The platforms of the journeys: stand-ins on the loopback, one of each per test."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from uuid import uuid4

import aio_pika
import pytest
from sqlalchemy.engine import make_url

from sandbox.mailbox import Mailbox
from sandbox.telegram import Telegram
from tests.conftest import SERVICES_REQUIRED
from workers.rabbitmq.names import Names
from workers.topology import ATTEMPTS, QUEUES, RETRY_DELAYS

BROKER_URL = os.environ.get("ALLO_TEST_BROKER_URL", "amqp://guest:guest@127.0.0.1:5672")


@pytest.fixture
async def telegram() -> AsyncGenerator[Telegram]:
    """A hundredth of its waits between attempts; its limits are the real ones."""
    stand_in = Telegram(now=time.time, tempo=0.01)
    async with stand_in.running():
        yield stand_in


@pytest.fixture
async def mailbox() -> AsyncGenerator[Mailbox]:
    """The mail server of our customers."""
    async with Mailbox() as mailbox:
        yield mailbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What the processes of a distributed installation are given."""

    database_url: str
    broker_url: str
    prefix: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "ALLO_DATABASE_URL": self.database_url,
            "ALLO_BROKER_URL": self.broker_url,
            "ALLO_BROKER_PREFIX": self.prefix,
        }


@pytest.fixture
async def shared(database_url: str) -> AsyncGenerator[Shared]:
    """A database of the test's own, and queues of its own in the RabbitMQ there is."""
    url = make_url(BROKER_URL)
    try:
        _, writer = await asyncio.open_connection(url.host, url.port or 5672)
        writer.close()
    except OSError:
        if SERVICES_REQUIRED:
            pytest.fail("ALLO_REQUIRE_SERVICES=1, and no RabbitMQ answers (try `make services`)")
        # Reason: a newcomer without it still has the rest tested; the check (ALLO_REQUIRE_SERVICES=1) fails above.
        pytest.skip("no RabbitMQ answers at ALLO_TEST_BROKER_URL")
    prefix = f"journey-{uuid4().hex[:8]}."
    yield Shared(database_url=database_url, broker_url=BROKER_URL, prefix=prefix)
    names = Names(prefix=prefix, attempts=ATTEMPTS, delays=RETRY_DELAYS)
    connection = await aio_pika.connect(BROKER_URL)
    async with connection, connection.channel() as channel:
        for queue in QUEUES:
            await channel.queue_delete(names.queue(queue))
        for delay in RETRY_DELAYS:
            await channel.queue_delete(names.retry(delay))
            await channel.exchange_delete(names.retry(delay))
        await channel.exchange_delete(names.broadcast)
