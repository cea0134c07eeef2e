"""What every broker promises, asked of both: RabbitMQ and the queue in PostgreSQL."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from tests.doubles.broker_processes import (
    ATTEMPTS,
    PATIENCE,
    OpenProcess,
    postgres_installation,
    rabbit_installation,
)
from workers.broker import Broker, BrokerDown, Consumer, Death, Delivery, Publication
from workers.topology import DEAD, INBOUND, RECORD

BOUND = PATIENCE + 2.0
"""No call may keep its caller longer than this when the server is away."""


@pytest.fixture(params=["rabbitmq", "postgres"])
async def open_process(
    request: pytest.FixtureRequest, new_database: Callable[[], Awaitable[str]]
) -> AsyncGenerator[OpenProcess]:
    if request.param == "rabbitmq":
        async with rabbit_installation() as process:
            yield process
    else:
        async with postgres_installation(await new_database()) as process:
            yield process


async def take(consumer: Consumer, number: int, *, within: float = 10.0) -> list[Delivery]:
    """Exactly `number` deliveries, in however many helpings they come."""
    deliveries: list[Delivery] = []
    async with asyncio.timeout(within):
        while len(deliveries) < number:
            deliveries += await consumer.receive(number - len(deliveries))
    return deliveries


async def nothing_comes(consumer: Consumer, *, within: float) -> bool:
    try:
        async with asyncio.timeout(within):
            return not await consumer.receive(1)
    except TimeoutError:
        return True


async def next_hint(hints: AsyncIterator[bytes]) -> bytes:
    async with asyncio.timeout(10):
        return await anext(hints)


def numbered(queue: str, numbers: range) -> list[Publication]:
    return [Publication(queue, b"%d" % n) for n in numbers]


def bodies(deliveries: list[Delivery]) -> list[bytes]:
    return [delivery.body for delivery in deliveries]


async def until_answering(broker: Broker) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                await broker.ping()
            except BrokerDown:
                await asyncio.sleep(0.05)
            else:
                return


async def until_empty(broker: Broker, queue: str) -> None:
    """RabbitMQ counts what is acknowledged a moment later."""
    async with asyncio.timeout(10):
        while await broker.depth(queue):  # noqa: ASYNC110  # the broker tells nobody
            await asyncio.sleep(0.02)


async def test_what_is_published_is_received_once_and_in_order(open_process: OpenProcess) -> None:
    async with open_process() as here:
        await here.broker.publish(numbered(INBOUND[0], range(600)))
        async with here.broker.consume(INBOUND[0], prefetch=50) as consumer:
            received: list[Delivery] = []
            while len(received) < 600:
                helping = await consumer.receive(40)
                assert 1 <= len(helping) <= 40
                await consumer.ack(helping)
                received += helping
        assert bodies(received) == [b"%d" % n for n in range(600)]
        assert {delivery.attempt for delivery in received} == {1}
        assert {delivery.queue for delivery in received} == {INBOUND[0]}
        await until_empty(here.broker, INBOUND[0])


async def test_queues_are_separate(open_process: OpenProcess) -> None:
    async with open_process() as here:
        await here.broker.publish([Publication(INBOUND[1], b"one"), Publication(RECORD, b"two")])
        async with here.broker.consume(RECORD, prefetch=10) as consumer:
            assert bodies(await take(consumer, 1)) == [b"two"]
            assert await nothing_comes(consumer, within=0.3)
        assert await here.broker.depth(INBOUND[1]) == 1


async def test_publishing_nothing_is_fine(open_process: OpenProcess) -> None:
    async with open_process() as here:
        await here.broker.publish([])


async def test_a_waiting_consumer_is_woken_by_a_publication(open_process: OpenProcess) -> None:
    async with (
        open_process() as here,
        open_process() as there,
        here.broker.consume(RECORD, prefetch=10) as consumer,
        asyncio.TaskGroup() as group,
    ):
        receiving = group.create_task(consumer.receive(10))
        assert await nothing_comes_of(receiving, within=0.2)
        published = time.monotonic()
        await there.broker.publish([Publication(RECORD, b"hello")])
        delivered = await receiving
        assert bodies(delivered) == [b"hello"]
        assert time.monotonic() - published < 2
        await consumer.ack(delivered)


async def nothing_comes_of(task: asyncio.Task[list[Delivery]], *, within: float) -> bool:
    done, _ = await asyncio.wait([task], timeout=within)
    return not done


async def test_a_cancelled_receive_loses_nothing(open_process: OpenProcess) -> None:
    async with open_process() as here:
        async with here.broker.consume(RECORD, prefetch=100) as consumer:
            received: list[Delivery] = []
            for n in range(40):
                await here.broker.publish([Publication(RECORD, b"%d" % n)])
                try:
                    async with asyncio.timeout(0.0005 * (n % 8)):
                        received += await consumer.receive(10)
                except TimeoutError:
                    continue
            received += await take(consumer, 40 - len(received), within=5)
            await consumer.ack(received)
        assert bodies(received) == [b"%d" % n for n in range(40)]
        assert {delivery.attempt for delivery in received} == {1}


async def test_what_a_consumer_leaves_unsettled_comes_again(open_process: OpenProcess) -> None:
    async with open_process() as here:
        await here.broker.publish(numbered(RECORD, range(4)))
        async with here.broker.consume(RECORD, prefetch=10) as consumer:
            first = await take(consumer, 4)
            await consumer.ack([first[1], first[3]])
        async with here.broker.consume(RECORD, prefetch=10) as consumer:
            again = await take(consumer, 2)
            assert bodies(again) == [b"0", b"2"]
            assert [delivery.attempt for delivery in again] == [2, 2]
            await consumer.ack(again)
            assert await nothing_comes(consumer, within=0.3)


async def test_acknowledging_a_run_leaves_its_gaps_alone(open_process: OpenProcess) -> None:
    async with open_process() as here:
        await here.broker.publish(numbered(RECORD, range(9)))
        async with here.broker.consume(RECORD, prefetch=10) as consumer:
            d = await take(consumer, 9)
            await consumer.ack([d[4], d[5]])
            await consumer.ack([d[1], d[0], d[2]])
            await consumer.ack([d[7]])
            await consumer.ack([])
        async with here.broker.consume(RECORD, prefetch=10) as consumer:
            assert bodies(await take(consumer, 3)) == [b"3", b"6", b"8"]


async def test_what_a_dead_process_held_comes_to_another(open_process: OpenProcess) -> None:
    async with open_process() as here, open_process() as there:
        await here.broker.publish(numbered(RECORD, range(3)))
        async with there.broker.consume(RECORD, prefetch=10) as doomed:
            await take(doomed, 3)
            there.line.refuse()
            async with here.broker.consume(RECORD, prefetch=10) as consumer:
                again = await take(consumer, 3)
                assert bodies(again) == [b"0", b"1", b"2"]
                assert [delivery.attempt for delivery in again] == [2, 2, 2]
                await consumer.ack(again)


async def test_a_slow_consumer_keeps_what_it_holds(open_process: OpenProcess) -> None:
    async with open_process() as here, open_process() as there:
        await here.broker.publish(numbered(RECORD, range(2)))
        async with (
            here.broker.consume(RECORD, prefetch=10) as slow,
            there.broker.consume(RECORD, prefetch=10) as idle,
        ):
            held = await take(slow, 2)
            assert await nothing_comes(idle, within=3)
            await slow.ack(held)
        await until_empty(here.broker, RECORD)


async def test_a_retry_comes_after_its_delay_with_its_new_body(open_process: OpenProcess) -> None:
    async with open_process() as here:
        await here.broker.publish(numbered(RECORD, range(2)))
        async with here.broker.consume(RECORD, prefetch=10) as consumer:
            first, second = await take(consumer, 2)
            asked = time.monotonic()
            await consumer.retry(first, delay=0.3, body=b"only the part that failed")
            await consumer.ack([second])
            (again,) = await take(consumer, 1)
            assert 0.25 < time.monotonic() - asked < 5
            assert again.body == b"only the part that failed"
            assert again.attempt == 2
            await consumer.ack([again])
            assert await nothing_comes(consumer, within=0.5)


async def test_a_retry_keeps_its_body_unless_told_otherwise(open_process: OpenProcess) -> None:
    async with open_process() as here:
        await here.broker.publish([Publication(RECORD, b"as it was")])
        async with here.broker.consume(RECORD, prefetch=10) as consumer:
            (first,) = await take(consumer, 1)
            await consumer.retry(first, delay=0.1)
            (again,) = await take(consumer, 1)
            assert again.body == b"as it was"


async def test_what_waits_to_be_retried_does_not_hold_up_the_queue(
    open_process: OpenProcess,
) -> None:
    async with open_process() as here:
        await here.broker.publish(numbered(RECORD, range(3)))
        async with here.broker.consume(RECORD, prefetch=1) as consumer:
            (first,) = await take(consumer, 1)
            await consumer.retry(first, delay=1)
            for expected in (b"1", b"2", b"0"):
                (delivery,) = await take(consumer, 1)
                assert delivery.body == expected
                await consumer.ack([delivery])


async def test_the_buried_lie_among_the_dead_with_their_reason(open_process: OpenProcess) -> None:
    async with open_process() as here:
        await here.broker.publish(
            [Publication(INBOUND[3], b"broken"), Publication(INBOUND[3], b"b")]
        )
        async with here.broker.consume(INBOUND[3], prefetch=10) as consumer:
            first, second = await take(consumer, 2)
            await consumer.bury(first, reason="Не разобрать: no such account")
            await consumer.bury(second, reason="x" * 100_000, body=b"the one bad event")
        async with here.broker.consume(DEAD, prefetch=10) as undertaker:
            dead = await take(undertaker, 2)
            assert bodies(dead) == [b"broken", b"the one bad event"]
            assert dead[0].death == Death(
                queue=INBOUND[3], reason="Не разобрать: no such account", attempts=1
            )
            assert dead[0].attempt == 1
            assert dead[1].death is not None
            assert dead[1].death.reason == "x" * 2000
            await undertaker.ack(dead)
        await until_empty(here.broker, DEAD)
        await until_empty(here.broker, INBOUND[3])


async def test_the_living_have_no_death(open_process: OpenProcess) -> None:
    async with open_process() as here:
        await here.broker.publish([Publication(RECORD, b"x"), Publication(DEAD, b"y")])
        for queue in (RECORD, DEAD):
            async with here.broker.consume(queue, prefetch=1) as consumer:
                assert (await take(consumer, 1))[0].death is None


async def test_what_kills_every_consumer_ends_among_the_dead(open_process: OpenProcess) -> None:
    async with open_process() as here:
        await here.broker.publish([Publication(RECORD, b"poison")])
        for attempt in range(1, ATTEMPTS + 1):
            async with here.broker.consume(RECORD, prefetch=10) as consumer:
                (delivery,) = await take(consumer, 1)
                assert delivery.attempt == attempt
        async with here.broker.consume(RECORD, prefetch=10) as consumer:
            assert await nothing_comes(consumer, within=0.5)
        async with here.broker.consume(DEAD, prefetch=10) as undertaker:
            (dead,) = await take(undertaker, 1)
            assert dead.body == b"poison"
            assert dead.death is not None
            assert dead.death.queue == RECORD
            assert dead.death.attempts == ATTEMPTS
            assert dead.death.reason


async def test_what_is_retried_too_often_ends_among_the_dead(open_process: OpenProcess) -> None:
    async with open_process() as here:
        await here.broker.publish([Publication(RECORD, b"again and again")])
        async with here.broker.consume(RECORD, prefetch=10) as consumer:
            for attempt in range(1, ATTEMPTS + 1):
                (delivery,) = await take(consumer, 1)
                assert delivery.attempt == attempt
                await consumer.retry(delivery, delay=0.1)
        async with here.broker.consume(DEAD, prefetch=10) as undertaker:
            (dead,) = await take(undertaker, 1)
            assert dead.death == Death(
                queue=RECORD, reason=f"given up after {ATTEMPTS} attempts", attempts=ATTEMPTS
            )


async def test_crashes_and_retries_count_together(open_process: OpenProcess) -> None:
    async with open_process() as here:
        await here.broker.publish([Publication(RECORD, b"unlucky")])
        for settled in ("left", "retried", "left"):
            async with here.broker.consume(RECORD, prefetch=10) as consumer:
                (delivery,) = await take(consumer, 1)
                if settled == "retried":
                    await consumer.retry(delivery, delay=0.1)
        async with here.broker.consume(RECORD, prefetch=10) as consumer:
            assert await nothing_comes(consumer, within=0.5)
        async with here.broker.consume(DEAD, prefetch=10) as undertaker:
            (dead,) = await take(undertaker, 1)
            assert dead.death is not None
            assert dead.death.attempts == ATTEMPTS


async def test_the_dead_are_never_given_up(open_process: OpenProcess) -> None:
    async with open_process() as here:
        await here.broker.publish([Publication(RECORD, b"x")])
        async with here.broker.consume(RECORD, prefetch=10) as consumer:
            await consumer.bury((await take(consumer, 1))[0], reason="bad")
        async with here.broker.consume(DEAD, prefetch=10) as undertaker:
            for attempt in range(1, ATTEMPTS + 3):
                (dead,) = await take(undertaker, 1)
                assert dead.attempt == attempt
                assert dead.death == Death(queue=RECORD, reason="bad", attempts=1)
                await undertaker.retry(dead, delay=0.1)


async def test_no_more_than_the_prefetch_is_out_at_a_time(open_process: OpenProcess) -> None:
    async with open_process() as here:
        await here.broker.publish(numbered(RECORD, range(10)))
        async with here.broker.consume(RECORD, prefetch=3) as consumer:
            first = await take(consumer, 3)
            assert await nothing_comes(consumer, within=0.3)
            await consumer.ack(first[:2])
            more = await take(consumer, 2)
            assert bodies(more) == [b"3", b"4"]
            assert await nothing_comes(consumer, within=0.3)


async def test_two_consumers_by_mistake_cost_no_message_and_double_none(
    open_process: OpenProcess,
) -> None:
    async with open_process() as here, open_process() as there:
        await here.broker.publish(numbered(INBOUND[2], range(200)))
        seen: list[bytes] = []

        async def work(broker: Broker) -> None:
            async with broker.consume(INBOUND[2], prefetch=5) as consumer:
                while len(seen) < 200:
                    try:
                        async with asyncio.timeout(0.2):
                            deliveries = await consumer.receive(5)
                    except TimeoutError:
                        continue
                    seen.extend(bodies(deliveries))
                    await consumer.ack(deliveries)

        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            group.create_task(work(here.broker))
            group.create_task(work(there.broker))
        assert sorted(seen) == sorted(b"%d" % n for n in range(200))


async def test_settling_twice_is_a_mistake_worth_an_error(open_process: OpenProcess) -> None:
    async with open_process() as here:
        await here.broker.publish([Publication(RECORD, b"x")])
        async with here.broker.consume(RECORD, prefetch=10) as consumer:
            (delivery,) = await take(consumer, 1)
            await consumer.ack([delivery])
            with pytest.raises(ValueError, match="settled already"):
                await consumer.ack([delivery])
            with pytest.raises(ValueError, match="settled already"):
                await consumer.retry(delivery, delay=1)
            with pytest.raises(ValueError, match="settled already"):
                await consumer.bury(delivery, reason="no")
        await until_empty(here.broker, RECORD)
        await until_empty(here.broker, DEAD)


async def test_a_delivery_outlived_by_its_consumer_cannot_be_settled(
    open_process: OpenProcess,
) -> None:
    async with open_process() as here:
        await here.broker.publish([Publication(RECORD, b"x")])
        async with here.broker.consume(RECORD, prefetch=10) as consumer:
            (old,) = await take(consumer, 1)
        async with here.broker.consume(RECORD, prefetch=10) as consumer:
            (new,) = await take(consumer, 1)
            with pytest.raises(BrokerDown):
                await consumer.ack([old])
            await consumer.ack([new])


async def test_depth_counts_what_waits(open_process: OpenProcess) -> None:
    async with open_process() as here:
        assert await here.broker.depth(RECORD) == 0
        await here.broker.publish(numbered(RECORD, range(7)))
        assert await here.broker.depth(RECORD) == 7


async def test_a_body_of_a_megabyte_comes_through(open_process: OpenProcess) -> None:
    async with open_process() as here:
        body = os.urandom(1_000_000)
        await here.broker.publish([Publication(RECORD, body), Publication(RECORD, b"")])
        async with here.broker.consume(RECORD, prefetch=10) as consumer:
            assert bodies(await take(consumer, 2)) == [body, b""]


async def test_a_broadcast_reaches_every_listener(open_process: OpenProcess) -> None:
    async with (
        open_process() as here,
        open_process() as there,
        here.broker.listen() as near,
        there.broker.listen() as far,
    ):
        async with here.broker.listen() as second_near:
            await here.broker.broadcast('{"привет": 1}'.encode())
            await there.broker.broadcast(b"x" * 7168)
            for hints in (near, far, second_near):
                heard = {await next_hint(hints), await next_hint(hints)}
                assert heard == {'{"привет": 1}'.encode(), b"x" * 7168}
        await here.broker.broadcast(b"after one left")
        assert await next_hint(near) == b"after one left"
        assert await next_hint(far) == b"after one left"


async def test_a_broadcast_to_nobody_is_no_error(open_process: OpenProcess) -> None:
    async with open_process() as here:
        await here.broker.broadcast(b"anybody?")


@pytest.mark.parametrize("body", [b"", b"x" * 7169])
async def test_a_broadcast_has_limits(open_process: OpenProcess, body: bytes) -> None:
    async with open_process() as here:
        with pytest.raises(ValueError, match="a broadcast is 1 to 7168 bytes"):
            await here.broker.broadcast(body)


async def test_everything_says_in_bounded_time_that_the_server_is_away(
    open_process: OpenProcess,
) -> None:
    async with open_process() as here:
        await here.broker.ping()
        here.line.refuse()
        for _ in range(2):
            for call in (
                lambda: here.broker.publish([Publication(RECORD, b"lost?")]),
                lambda: here.broker.broadcast(b"x"),
                lambda: here.broker.depth(RECORD),
                here.broker.ping,
                lambda: here.broker.consume(RECORD, prefetch=1).__aenter__(),
            ):
                asked = time.monotonic()
                with pytest.raises(BrokerDown):
                    await call()
                assert time.monotonic() - asked < BOUND


async def test_a_line_gone_silent_is_as_good_as_a_broken_one(open_process: OpenProcess) -> None:
    async with open_process() as here:
        await here.broker.publish([Publication(RECORD, b"before")])
        here.line.silence()
        asked = time.monotonic()
        async with asyncio.TaskGroup() as group:
            publishing = [group.create_task(_says_down(here.broker, b"%d" % n)) for n in range(20)]
        assert all(task.result() for task in publishing)
        assert time.monotonic() - asked < 2 * BOUND
        here.line.refuse()
        await here.line.restore()
        await until_answering(here.broker)
        await here.broker.publish([Publication(RECORD, b"after")])


async def _says_down(broker: Broker, body: bytes) -> bool:
    try:
        await broker.publish([Publication(RECORD, body)])
    except BrokerDown:
        return True
    return False


async def test_what_was_confirmed_survives_the_loss_of_the_line(open_process: OpenProcess) -> None:
    async with open_process() as here:
        await here.broker.publish([Publication(RECORD, b"durable")])
        here.line.refuse()
        await here.line.restore()
        await until_answering(here.broker)
        async with here.broker.consume(RECORD, prefetch=10) as consumer:
            assert bodies(await take(consumer, 1)) == [b"durable"]


async def test_no_publication_passes_for_durable_when_the_line_is_cut(
    open_process: OpenProcess,
) -> None:
    async with open_process() as here, open_process() as there:
        claimed: set[bytes] = set()
        failed: set[bytes] = set()

        async def cut() -> None:
            for _ in range(4):
                await asyncio.sleep(0.05)
                here.line.cut()

        async def publish(worker: int) -> None:
            n = 0
            while not (cutting.done() and failed):
                n += 1
                pair = [b"%d-%d-%d" % (worker, n, part) for part in range(2)]
                try:
                    await here.broker.publish([Publication(RECORD, body) for body in pair])
                except BrokerDown:
                    failed.update(pair)
                    await asyncio.sleep(0.01)
                else:
                    claimed.update(pair)
                if cutting.done() and not failed:
                    here.line.cut()

        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            cutting = group.create_task(cut())
            for worker in range(8):
                group.create_task(publish(worker))
        await until_answering(here.broker)
        await here.broker.publish([Publication(RECORD, b"the last")])
        arrived: set[bytes] = set()
        async with there.broker.consume(RECORD, prefetch=500) as consumer:
            async with asyncio.timeout(20):
                while b"the last" not in arrived or not claimed <= arrived:
                    deliveries = await consumer.receive(500)
                    arrived.update(bodies(deliveries))
                    await consumer.ack(deliveries)
        assert claimed <= arrived


async def test_a_consumer_says_that_its_line_is_lost_and_can_be_entered_again(
    open_process: OpenProcess,
) -> None:
    async with open_process() as here:
        await here.broker.publish([Publication(RECORD, b"x")])
        async with here.broker.consume(RECORD, prefetch=10) as consumer:
            (delivery,) = await take(consumer, 1)
            here.line.refuse()
            with pytest.raises(BrokerDown):
                async with asyncio.timeout(BOUND):
                    await consumer.receive(10)
            with pytest.raises(BrokerDown):
                await consumer.ack([delivery])
        await here.line.restore()
        await until_answering(here.broker)
        async with asyncio.timeout(20), AsyncExitStack() as stack:
            while True:
                try:
                    consumer = await stack.enter_async_context(
                        here.broker.consume(RECORD, prefetch=10)
                    )
                except BrokerDown:
                    await asyncio.sleep(0.05)
                else:
                    break
            (again,) = await take(consumer, 1)
            assert again.body == b"x"
            await consumer.ack([again])


async def test_a_listener_goes_on_after_a_loss_and_is_told_to_catch_up(
    open_process: OpenProcess,
) -> None:
    async with open_process() as here, open_process() as there, here.broker.listen() as hints:
        await there.broker.broadcast(b"before")
        assert await next_hint(hints) == b"before"
        here.line.refuse()
        await there.broker.broadcast(b"missed")
        await here.line.restore()
        assert await next_hint(hints) == b""
        await there.broker.broadcast(b"after")
        assert await next_hint(hints) == b"after"


async def test_a_listener_that_came_while_the_server_was_away_is_told_to_catch_up(
    open_process: OpenProcess,
) -> None:
    async with open_process() as here, open_process() as there:
        here.line.refuse()
        with pytest.raises(BrokerDown):
            await here.broker.ping()
        async with here.broker.listen() as hints:
            await here.line.restore()
            assert await next_hint(hints) == b""
            await there.broker.broadcast(b"after")
            assert await next_hint(hints) == b"after"
