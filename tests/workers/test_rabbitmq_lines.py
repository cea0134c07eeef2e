"""What only RabbitMQ has: single active consumers, its own dead-lettering, unroutable messages, lines and their noise."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from dataclasses import replace

import aio_pika
import pytest

from tests.doubles.broker_processes import BROKER_URL, OpenProcess, Process, rabbit_installation
from workers.broker import BrokerDown, Delivery, Publication
from workers.rabbitmq import RabbitBroker
from workers.rabbitmq.names import Names
from workers.rabbitmq.notes import Notes, attempt, death
from workers.topology import INBOUND, RECORD


@pytest.fixture
async def open_process() -> AsyncGenerator[OpenProcess]:
    async with rabbit_installation() as process:
        yield process


@pytest.fixture
async def here(open_process: OpenProcess) -> AsyncGenerator[Process]:
    async with open_process() as process:
        yield process


def names_of(process: Process) -> Names:
    assert isinstance(process.broker, RabbitBroker)
    return process.broker._names


async def test_a_shard_has_one_active_consumer_and_the_next_takes_over(
    open_process: OpenProcess, here: Process
) -> None:
    async with (
        open_process() as there,
        there.broker.consume(INBOUND[0], prefetch=10) as waiting,
        asyncio.TaskGroup() as group,
    ):
        async with here.broker.consume(INBOUND[1], prefetch=10) as other_shard:
            await here.broker.publish([Publication(INBOUND[1], b"elsewhere")])
            await other_shard.ack(await other_shard.receive(1))
        async with here.broker.consume(INBOUND[0], prefetch=10) as late:
            # `waiting` came first and is the active one; the late one gets nothing, however much there is.
            await here.broker.publish([Publication(INBOUND[0], b"%d" % n) for n in range(5)])
            receiving = group.create_task(late.receive(10))
            received: list[Delivery] = []
            while len(received) < 5:
                received += await waiting.receive(5)
            assert not receiving.done()
            there.line.refuse()
            async with asyncio.timeout(10):
                inherited = await receiving
                while len(inherited) < 5:
                    inherited += await late.receive(10)
            assert [d.body for d in inherited] == [d.body for d in received]
            await late.ack(inherited)


async def test_a_message_for_a_queue_that_is_gone_is_not_taken_for_published(
    here: Process,
) -> None:
    with pytest.raises(BrokerDown, match="NO_ROUTE"):
        await here.broker.publish([Publication("no.such.queue", b"x")])
    await here.broker.publish([Publication(RECORD, b"the line is fine again")])
    assert await here.broker.depth(RECORD) == 1


async def test_a_queue_that_was_deleted_is_declared_anew(here: Process) -> None:
    await here.broker.publish([Publication(RECORD, b"x")])
    connection = await aio_pika.connect(BROKER_URL)
    async with connection, connection.channel() as channel:
        await channel.queue_delete(names_of(here).queue(RECORD))
    with pytest.raises(BrokerDown):
        await here.broker.publish([Publication(RECORD, b"y")])
    await here.broker.publish([Publication(RECORD, b"z")])
    assert await here.broker.depth(RECORD) == 1


async def test_a_consumer_whose_queue_is_deleted_says_so(here: Process) -> None:
    async with here.broker.consume(RECORD, prefetch=10) as consumer:
        connection = await aio_pika.connect(BROKER_URL)
        async with connection, connection.channel() as channel:
            await channel.queue_delete(names_of(here).queue(RECORD))
        with pytest.raises(BrokerDown, match="cancelled"):
            async with asyncio.timeout(10):
                await consumer.receive(1)


async def test_a_wrong_password_is_a_broker_that_cannot_be_reached() -> None:
    url = BROKER_URL.replace("guest:guest@", "guest:wrong@")
    assert url != BROKER_URL
    async with RabbitBroker(url) as broker:
        with pytest.raises(BrokerDown, match="ACCESS_REFUSED") as refused:
            await broker.ping()
    assert "wrong" not in str(refused.value)


async def test_after_a_failure_callers_are_answered_at_once_instead_of_queueing(
    here: Process,
) -> None:
    await here.broker.ping()
    here.line.refuse()
    with pytest.raises(BrokerDown):
        await here.broker.ping()

    async def fails() -> bool:
        with pytest.raises(BrokerDown):
            await here.broker.publish([Publication(RECORD, b"x")])
        return True

    asked = time.monotonic()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(fails()) for _ in range(200)]
    assert all(task.result() for task in tasks)
    assert time.monotonic() - asked < 2


async def test_leaving_with_deliveries_under_way_makes_no_noise(
    here: Process, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("aio_pika", "aiormq"):
        caplog.set_level(logging.WARNING, logger=name)
    await here.broker.publish([Publication(RECORD, b"x" * 1000)] * 300)
    for _ in range(3):
        async with here.broker.consume(RECORD, prefetch=300) as consumer:
            await consumer.receive(1)
    await here.broker.__aexit__(None, None, None)
    assert [record.getMessage() for record in caplog.records] == []


async def test_losing_the_line_is_told_once_and_without_tracebacks(
    here: Process, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    await here.broker.ping()
    async with here.broker.consume(RECORD, prefetch=10) as consumer:
        here.line.refuse()
        with pytest.raises(BrokerDown):
            await consumer.receive(1)
        with pytest.raises(BrokerDown):
            await here.broker.publish([Publication(RECORD, b"x")])
    assert caplog.records == []
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err


def test_attempts_are_ours_and_the_brokers_together() -> None:
    assert attempt({}) == 1
    assert attempt({"x-delivery-count": 2}) == 3
    assert attempt({"allo-attempts": 2, "x-delivery-count": 1}) == 4
    assert attempt({"allo-attempts": "many"}) == 1


def test_a_death_reads_as_it_was_written() -> None:
    buried = Notes(attempts=2)
    assert buried.as_headers() == {"allo-attempts": 2}
    assert death({}, attempts=20, prefix="") is None
    assert death({"x-death": []}, attempts=20, prefix="") is None
    broker_made = death(
        {"x-death": [{"queue": "p.allo.record", "reason": "delivery_limit", "count": 1}]},
        attempts=20,
        prefix="p.",
    )
    assert broker_made is not None
    assert (broker_made.queue, broker_made.attempts) == ("allo.record", 20)
    assert "delivery_limit" in broker_made.reason
    assert death(Notes(death=broker_made).as_headers() or {}, attempts=20, prefix="p.") == replace(
        broker_made
    )


def test_a_delay_is_rounded_up_to_one_there_is() -> None:
    names = Names(prefix="p.", attempts=20, delays=(1, 5, 30, 300))
    chosen = {delay: names.retry(delay) for delay in (0, 1, 1.5, 5, 31, 10_000)}
    assert chosen == {
        0: "p.allo.retry.1s",
        1: "p.allo.retry.1s",
        1.5: "p.allo.retry.5s",
        5: "p.allo.retry.5s",
        31: "p.allo.retry.300s",
        10_000: "p.allo.retry.300s",
    }
