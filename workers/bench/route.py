"""`allo bench route`: events a second through the router, from the queue to the commit, in one process; and what the
recorder makes of them.

Floor: the same broker messages from the same queues, decoded, and inserted in batches of 200 into one table. Then the
router itself over RabbitMQ and PostgreSQL, and over the queue in PostgreSQL; and the recorder with the facts of the latter,
as large helpings of them as the relay gives it. Interleaved, each round on a fresh database, where a few thousand events
have been routed before: a server that has never looked at its tables plans for empty ones.
"""

import asyncio
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

import click
import uvloop
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from router import wire
from router.facts import Fact
from router.transit import Publication
from storage import bulk, recording, tables
from storage.analytics.taking_in import take_in
from workers import garbage
from workers.bench import stage
from workers.bench.people import events
from workers.bench.stage import Series, Stopwatch
from workers.broker import Broker
from workers.clock import utc_now
from workers.edge import PER_MESSAGE
from workers.record import PREFETCH as RECORD_PREFETCH
from workers.relay import FACTS_PER_MESSAGE
from workers.route import PREFETCH, Router
from workers.settings import Settings, load_settings
from workers.topology import INBOUND

FLOOR_BATCH: Final = 200
PER_BROKER_MESSAGE: Final = 16
"""Events of one broker message: what the edge makes of a few thousand webhooks a second."""

WARM_UP: Final = 4_000
"""Events routed before those that count."""

TICK_S: Final = 0.002


@click.command()
@click.option("--events", "count", default=20_000, show_default=True)
@click.option("--rounds", default=3, show_default=True)
def bench(*, count: int, rounds: int) -> None:
    """Routing, as a ratio of reading and storing the same bytes."""
    uvloop.run(measure(load_settings(), count=count, rounds=rounds))


async def measure(settings: Settings, *, count: int, rounds: int) -> None:
    floor, distributed, embedded, recorder = (
        Series("floor: consume, decode, insert"),
        Series("router, RabbitMQ and PostgreSQL"),
        Series("router, embedded queue"),
        Series("recorder"),
    )
    garbage.settle()  # as a process that serves does
    async with stage.server(settings) as server:
        for _ in range(rounds):
            async with stage.rabbit(settings) as broker, stage.database(server) as engine:
                if broker is not None:
                    await _floor(broker, engine, floor, count)
            async with stage.rabbit(settings) as broker, stage.database(server) as engine:
                if broker is not None:
                    await _route(broker, engine, distributed, count)
            async with (
                stage.database(server) as engine,
                stage.embedded_broker(engine) as embedded_broker,
            ):
                await _route(embedded_broker, engine, embedded, count)
                await _record(engine, recorder, count)
    if floor.rates:
        lines = [floor.line(), distributed.line(of=floor), embedded.line(of=distributed)]
    else:
        lines = ["No RabbitMQ answers: only the embedded mode was measured.", embedded.line()]
    stage.say([*lines, recorder.line(of=embedded)])


async def _fill(broker: Broker, arriving: Iterable[tuple[str, bytes]]) -> None:
    waiting: dict[str, list[bytes]] = {queue: [] for queue in INBOUND}
    publications = []
    for queue, event in arriving:
        waiting[queue].append(event)
        if len(waiting[queue]) == min(PER_BROKER_MESSAGE, PER_MESSAGE):
            publications.append(Publication(queue, wire.pack_events(waiting[queue])))
            waiting[queue] = []
    publications += [
        Publication(queue, wire.pack_events(rest)) for queue, rest in waiting.items() if rest
    ]
    for n in range(0, len(publications), 200):
        await broker.publish(publications[n : n + 200])


async def _floor(broker: Broker, engine: AsyncEngine, series: Series, count: int) -> None:
    await _fill(broker, events(count, await stage.found(engine)))
    async with engine.begin() as connection:
        await connection.execute(text("create table floor (id uuid, body text)"))
    done = 0

    async def consume(queue: str) -> None:
        nonlocal done
        async with broker.consume(queue, prefetch=PREFETCH) as consumer:
            while done < count:
                try:
                    async with asyncio.timeout(1):
                        deliveries = await consumer.receive(
                            max(1, FLOOR_BATCH // PER_BROKER_MESSAGE)
                        )
                except TimeoutError:
                    continue
                rows = [
                    {"id": str(wire.decode_event(event).id), "body": event.decode()}
                    for delivery in deliveries
                    for event in wire.split_events(delivery.body)
                ]
                async with engine.begin() as connection:
                    await connection.execute(
                        text(
                            "insert into floor select id, body from json_to_recordset(cast(cast(:rows as text) as json))"
                            " as given(id uuid, body text)"
                        ),
                        {"rows": bulk.as_json(rows)},
                    )
                await consumer.ack(deliveries)
                done += len(rows)

    watch = Stopwatch()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(consume(queue)) for queue in INBOUND]
        while done < count:  # noqa: ASYNC110  # as below
            await asyncio.sleep(TICK_S)
        watch.stop(series, count)
        for task in tasks:
            task.cancel()


async def _route(broker: Broker, engine: AsyncEngine, series: Series, count: int) -> None:
    arriving = events(WARM_UP + count, await stage.found(engine))
    await _fill(broker, islice(arriving, WARM_UP))
    await _run_router(broker, engine, WARM_UP)
    async with engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(
            text("analyze")
        )
    await _fill(broker, arriving)
    watch = Stopwatch()
    await _run_router(broker, engine, count, done=lambda: watch.stop(series, count))
    async with engine.connect() as connection:
        stored = (
            await connection.execute(text(f"select count(*) from {tables.message.name}"))  # noqa: S608  # our own table
        ).scalar_one()
    if stored != WARM_UP + count:
        raise AssertionError(f"{WARM_UP + count} events were routed, {stored} messages are there")


async def _record(engine: AsyncEngine, series: Series, count: int) -> None:
    """All that was told of the events; first what was told while warming up."""
    async with engine.begin() as connection:
        await recording.make_partitions(connection, now=utc_now())
        told = (await connection.execute(text("select body from outbox order by seq"))).scalars()
        facts = [wire.decode_fact(body) for body in told]
    helping = RECORD_PREFETCH * FACTS_PER_MESSAGE
    warm = len(facts) * WARM_UP // (WARM_UP + count)

    async def record(those: list[Fact]) -> None:
        for n in range(0, len(those), helping):
            async with engine.begin() as connection:
                await take_in(
                    connection, those[n : n + helping], time_zone="Europe/Moscow", now=utc_now()
                )

    await record(facts[:warm])
    watch = Stopwatch()
    await record(facts[warm:])
    watch.stop(series, count)


async def _run_router(
    broker: Broker, engine: AsyncEngine, count: int, *, done: Callable[[], None] = lambda: None
) -> None:
    stop = asyncio.Event()
    router = Router(engine=engine, broker=broker, now=utc_now, holder="bench")
    async with asyncio.TaskGroup() as group:
        group.create_task(router.run(stop))
        while router.routed < count:  # noqa: ASYNC110  # an event would cost the router something for every batch
            await asyncio.sleep(TICK_S)
        done()
        stop.set()
