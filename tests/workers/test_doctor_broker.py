"""What the doctor says of a broker: one that is away, one that takes nothing, one with queues of another making."""

from dataclasses import dataclass, field
from uuid import uuid4

import aio_pika
from sqlalchemy.ext.asyncio import AsyncEngine

from router.transit import BrokerDown
from storage.queue import PostgresBroker
from tests.doubles.broker_processes import BROKER_URL, rabbit_installation
from workers.doctor.broker import MANY, examine_broker
from workers.rabbitmq import RabbitBroker
from workers.topology import ATTEMPTS, DEAD, INBOUND, RECORD


@dataclass
class Told:
    """A broker that answers as the test says."""

    depths: dict[str, int] = field(default_factory=dict)
    silent: bool = False
    full: bool = False

    async def ping(self) -> None:
        if self.silent:
            raise BrokerDown("connection refused")

    async def depth(self, queue: str) -> int:
        return self.depths.get(queue, 0)

    async def broadcast(self, body: bytes) -> None:
        if self.full:
            raise BrokerDown("no answer in time")


async def examined(broker: Told) -> tuple[str, str]:
    (found,) = await examine_broker(broker, url="amqp://…")  # type: ignore[arg-type]  # what is asked of it
    return found.level, f"{found.text} {found.advice}"


async def test_a_broker_that_answers_and_takes_messages_is_in_order() -> None:
    assert await examined(Told({RECORD: 3})) == ("ok", "RabbitMQ answers; 3 messages wait in it. ")


async def test_a_broker_that_is_away_is_told_from_one_that_takes_nothing() -> None:
    level, said = await examined(Told(silent=True))
    assert (level, "cannot be reached" in said) == ("error", True)
    level, said = await examined(Told(full=True))
    assert (level, "takes no messages" in said) == ("error", True)
    assert "rabbitmq-diagnostics alarms" in said


async def test_work_that_piles_up_is_named_by_its_queue() -> None:
    level, said = await examined(Told({INBOUND[3]: MANY + 1, DEAD: MANY * 2}))
    assert level == "warning"
    assert f"{MANY + 1} in {INBOUND[3]}." in said


async def test_a_queue_of_another_making_is_said_to_be_one() -> None:
    async with rabbit_installation():
        # That the server is there is all that was needed.
        prefix = f"test-{uuid4().hex[:8]}."
    connection = await aio_pika.connect(BROKER_URL)
    async with connection, connection.channel() as channel:
        await channel.declare_queue(prefix + RECORD, durable=True)
        try:
            async with RabbitBroker(BROKER_URL, prefix=prefix) as broker:
                (found,) = await examine_broker(broker, url=BROKER_URL)
        finally:
            for queue in (*INBOUND, RECORD):
                await channel.queue_delete(prefix + queue)
    assert found.level == "error"
    assert "made otherwise" in found.text
    assert prefix + RECORD in found.text
    assert "runbook" in found.advice


async def test_the_queue_in_postgresql_is_asked_the_same(database: AsyncEngine) -> None:
    async with PostgresBroker(database, dead=DEAD, attempts=ATTEMPTS) as broker:
        (found,) = await examine_broker(broker, url="")
    assert (found.level, found.text) == (
        "ok",
        "The queue in PostgreSQL answers; 0 messages wait in it.",
    )
