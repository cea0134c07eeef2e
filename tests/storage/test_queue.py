"""What only the queue in PostgreSQL has: locks that run out, fences, group commit, and how little it does when idle."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from router.transit import BrokerDown, Delivery, Publication
from storage.driver import Statement
from storage.engine import open_engine, transaction
from storage.queue import PostgresBroker
from storage.queue_consumer import PostgresConsumer, _row
from storage.queue_statements import ACK, CLAIM, PING, PUBLISH, Statements

Count = Callable[..., Awaitable[int]]
Q = "allo.record"
DEAD = "allo.dead"


def a_broker(
    engine: AsyncEngine, *, lock: float = 30, look: float = 30, attempts: int = 20
) -> PostgresBroker:
    return PostgresBroker(
        engine, dead=DEAD, attempts=attempts, lock=lock, look=look, jitter=lambda: 0.5
    )


@pytest.fixture
async def broker(database: AsyncEngine) -> AsyncGenerator[PostgresBroker]:
    async with a_broker(database) as broker:
        yield broker


async def take(consumer: PostgresConsumer, number: int) -> list[Delivery]:
    taken: list[Delivery] = []
    async with asyncio.timeout(10):
        while len(taken) < number:
            taken += await consumer.receive(number - len(taken))
    return taken


def noted(monkeypatch: pytest.MonkeyPatch) -> list[Statement]:
    """What the queue asks PostgreSQL from now on."""
    asked: list[Statement] = []
    run = Statements.run

    async def noting(self: Statements, statement: Statement, **values: Any) -> list[Any]:
        asked.append(statement)
        return await run(self, statement, **values)

    monkeypatch.setattr(Statements, "run", noting)
    return asked


async def run(engine: AsyncEngine, statement: str) -> None:
    async with transaction(engine) as connection:
        await connection.execute(text(statement))


async def test_publications_are_woken_for_and_not_polled_for(
    broker: PostgresBroker, database: AsyncEngine
) -> None:
    async with (
        a_broker(database) as publisher,
        broker.consume(Q, prefetch=10) as consumer,
        asyncio.TaskGroup() as group,
    ):
        receiving = group.create_task(consumer.receive(10))
        await asyncio.sleep(0.2)
        published = time.monotonic()
        await publisher.publish([Publication(Q, b"x")])
        await receiving
        assert time.monotonic() - published < 2  # and the next look would be in 30 s


async def test_an_idle_consumer_asks_the_database_next_to_nothing(
    broker: PostgresBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements = noted(monkeypatch)
    async with broker.listen(), broker.consume(Q, prefetch=10) as consumer:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):
                await consumer.receive(10)
    # One to see that the server is there, one to claim; and then silence.
    assert statements == [PING, CLAIM]


async def test_a_message_costs_its_consumer_a_claim_and_a_settlement(
    broker: PostgresBroker, database: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        a_broker(database) as publisher,
        # Listening before there is a consumer: a connection made later would tell it to look once more.
        broker.listen(),
        broker.consume(Q, prefetch=10) as consumer,
        asyncio.TaskGroup() as group,
    ):
        receiving = group.create_task(consumer.receive(10))
        await _nothing_was_found(consumer)
        statements = noted(monkeypatch)
        await publisher.publish([Publication(Q, b"x")])
        await consumer.ack(await receiving)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await consumer.receive(10)
    assert statements == [PUBLISH, CLAIM, ACK]


async def _nothing_was_found(consumer: PostgresConsumer) -> None:
    async with asyncio.timeout(10):
        while consumer._more:  # noqa: ASYNC110  # its own state, of which it tells nobody
            await asyncio.sleep(0.01)


async def test_a_full_consumer_goes_on_as_soon_as_there_is_room(broker: PostgresBroker) -> None:
    async with broker.consume(Q, prefetch=2) as consumer, asyncio.TaskGroup() as group:
        await broker.publish([Publication(Q, b"%d" % n) for n in range(5)])
        held = await take(consumer, 2)
        receiving = group.create_task(consumer.receive(2))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await asyncio.shield(receiving)
        await consumer.ack(held)
        async with asyncio.timeout(5):  # and the next look would be in 30 s
            assert [d.body for d in await receiving] == [b"2", b"3"]


async def test_news_that_come_while_there_is_no_room_are_not_forgotten(
    broker: PostgresBroker,
) -> None:
    async with broker.consume(Q, prefetch=1) as consumer, asyncio.TaskGroup() as group:
        await broker.publish([Publication(Q, b"0")])
        held = await take(consumer, 1)
        receiving = group.create_task(consumer.receive(1))
        await broker.publish([Publication(Q, b"1")])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await asyncio.shield(receiving)
        await consumer.ack(held)
        async with asyncio.timeout(5):  # as above
            assert [d.body for d in await receiving] == [b"1"]


async def test_a_lock_that_ran_out_is_claimed_again_and_the_late_settling_does_no_harm(
    broker: PostgresBroker, database: AsyncEngine, count: Count
) -> None:
    async with (
        broker.consume(Q, prefetch=10) as frozen,
        a_broker(database, look=0.1) as other,
        other.consume(Q, prefetch=10) as consumer,
    ):
        await broker.publish([Publication(Q, b"%d" % n) for n in range(3)])
        stale = await take(frozen, 3)
        await run(database, "update queue_message set locked_until = now() - interval '1 second'")
        fresh = await take(consumer, 3)
        assert [d.body for d in fresh] == [b"0", b"1", b"2"]
        assert [d.attempt for d in fresh] == [2, 2, 2]
        await frozen.ack([stale[0]])
        await frozen.retry(stale[1], delay=1, body=b"stale")
        await frozen.bury(stale[2], reason="stale")
        assert await count("queue_message", f"queue = '{Q}' and body <> 'stale'") == 3
        await consumer.ack(fresh)
    assert await count("queue_message") == 0


async def test_a_claim_is_kept_for_as_long_as_the_work_takes(
    database: AsyncEngine, count: Count
) -> None:
    async with (
        a_broker(database, lock=1) as broker,
        broker.consume(Q, prefetch=10) as slow,
        broker.consume(Q, prefetch=10) as idle,
    ):
        await broker.publish([Publication(Q, b"x")])
        held = await take(slow, 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2.2):
                await idle.receive(1)
        await slow.ack(held)
    assert await count("queue_message") == 0


async def test_what_expired_while_its_server_was_down_keeps_its_place_in_the_queue(
    database: AsyncEngine,
) -> None:
    async with a_broker(database) as broker:
        await broker.publish([Publication(Q, b"%d" % n) for n in range(4)])
        async with broker.consume(Q, prefetch=10) as consumer:
            await take(consumer, 2)
        await broker.publish([Publication(Q, b"4")])
        async with broker.consume(Q, prefetch=10) as consumer:
            assert [d.body for d in await take(consumer, 5)] == [b"0", b"1", b"2", b"3", b"4"]


async def test_what_a_cancelled_receive_had_claimed_is_handed_back_on_leaving(
    broker: PostgresBroker, count: Count
) -> None:
    await broker.publish([Publication(Q, b"x")] * 5)
    for _ in range(5):
        async with broker.consume(Q, prefetch=10) as consumer:
            try:
                async with asyncio.timeout(0.0005):
                    await consumer.receive(5)
            except TimeoutError:
                continue
    assert await count("queue_message", "locked_until is null") == 5


async def test_publishers_at_the_same_moment_share_transactions(
    broker: PostgresBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements = noted(monkeypatch)
    async with asyncio.TaskGroup() as group:
        for worker in range(100):
            group.create_task(broker.publish([Publication(Q, b"%d" % worker)]))
    assert 0 < statements.count(PUBLISH) <= 3
    async with broker.consume(Q, prefetch=100) as consumer:
        taken = await take(consumer, 100)
    assert [d.body for d in taken] == [b"%d" % n for n in range(100)]


async def test_a_big_publication_leaves_in_helpings_and_in_order(broker: PostgresBroker) -> None:
    await broker.publish([Publication(Q, b"%d" % n) for n in range(2500)])
    async with broker.consume(Q, prefetch=2500) as consumer:
        assert [d.body for d in await take(consumer, 2500)] == [b"%d" % n for n in range(2500)]


async def test_a_caller_who_went_away_takes_nobody_along(
    broker: PostgresBroker, database: AsyncEngine
) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(broker.publish([Publication(Q, b"%d" % n)])) for n in range(10)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
    assert [task.cancelled() for task in tasks] == [True, False] * 5
    async with broker.consume(Q, prefetch=100) as consumer:
        bodies = {d.body for d in await take(consumer, 5)}
    assert {b"1", b"3", b"5", b"7", b"9"} <= bodies


async def test_a_broken_schema_is_no_broker_that_is_down(
    broker: PostgresBroker, database: AsyncEngine
) -> None:
    await run(database, "alter table queue_message rename to something_else")
    with pytest.raises(Exception, match="queue_message") as raised:
        await broker.publish([Publication(Q, b"x")])
    assert not isinstance(raised.value, BrokerDown)
    await run(database, "alter table something_else rename to queue_message")
    await broker.publish([Publication(Q, b"x")])


async def test_what_the_caller_raises_leaves_the_broker_as_it_is(database: AsyncEngine) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with a_broker(database):
            raise KeyError("mine")


async def test_a_statement_killed_by_the_server_is_a_broker_that_is_down(
    database: AsyncEngine, database_url: str
) -> None:
    engine = open_engine(database_url, pool_size=2)
    async with (
        a_broker(engine) as broker,
        database.connect() as lock,
        asyncio.timeout(10),
        asyncio.TaskGroup() as group,
    ):
        await lock.execute(text("lock table queue_message in access exclusive mode"))
        publishing = group.create_task(_is_down(broker))
        while not await _kill_who_waits(database):  # noqa: ASYNC110  # another server process's state
            await asyncio.sleep(0.01)
    assert publishing.result()
    await engine.dispose()
    await asyncio.sleep(0)


async def _kill_who_waits(engine: AsyncEngine) -> bool:
    async with transaction(engine) as connection:
        killed = await connection.execute(
            text(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where wait_event_type = 'Lock' and datname = current_database()"
            )
        )
        return bool(killed.all())


async def _is_down(broker: PostgresBroker) -> bool:
    try:
        await broker.publish([Publication(Q, b"x")])
    except BrokerDown:
        return True
    return False


async def test_keeping_claims_does_not_hold_back_what_was_just_retried(
    broker: PostgresBroker, count: Count
) -> None:
    async with broker.consume(Q, prefetch=10) as consumer:
        await broker.publish([Publication(Q, b"x")])
        (delivery,) = await take(consumer, 1)
        await consumer.retry(delivery, delay=60)
        consumer._unsettled[_row(delivery)] = (
            delivery  # as a beat that began before the retry saw it
        )
        await consumer.keep_claims()
        assert await count("queue_message", "locked_until is null") == 1


async def test_a_connection_beyond_the_pool_s_size_is_closed_when_its_question_is_answered(
    database_url: str,
) -> None:
    engine = open_engine(database_url, pool_size=1, application="beyond the pool")
    statements = Statements(engine, patience=10)
    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(statements.run(PING))
    async with asyncio.timeout(10):
        while await _connected(engine, "beyond the pool") > 1:  # noqa: ASYNC110  # the server calls out nothing
            await asyncio.sleep(0.01)
    await engine.dispose()
    await asyncio.sleep(0)


async def _connected(engine: AsyncEngine, application: str) -> int:
    async with engine.connect() as connection:
        found = await connection.execute(
            text("select count(*) from pg_stat_activity where application_name = :application"),
            {"application": application},
        )
        return int(found.scalar_one())
