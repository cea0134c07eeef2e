"""`allo bench ingest`: signed webhooks a second until they are durable, in one process.

Floor: a bare aiohttp handler that checks an HMAC and parses the JSON, without any I/O. Then the edge itself: webhook,
authentication, parsing, group publish, confirm, answer; over RabbitMQ and over the queue in PostgreSQL. Interleaved.
The load comes from a process of its own; what is measured is the serving process.
"""

import asyncio
import hashlib
import hmac
import sys
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import click
import msgspec
import uvloop
from aiohttp import web
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.channel_log import ChannelLog, Entry
from connectors.connector import Account
from connectors.registry import discover
from connectors.webhook import Webhooks
from router.ids import new_id
from workers import garbage
from workers.bench import stage
from workers.bench.people import updates
from workers.bench.stage import Series, Stopwatch
from workers.broker import Broker
from workers.clock import utc_now
from workers.edge import Edge
from workers.settings import Settings, load_settings
from workers.telemetry import EdgeCounts
from workers.topology import INBOUND

SECRET: Final = "bench-secret"  # noqa: S105  # the bench's own
CONNECTIONS: Final = 256
"""Requests under way: what some hundred accounts of a few platforms have open when thousands of messages a second come."""


@click.command()
@click.option("--events", "count", default=30_000, show_default=True)
@click.option("--rounds", default=3, show_default=True)
def bench(*, count: int, rounds: int) -> None:
    """Webhooks until durable, as a ratio of checking and parsing them."""
    uvloop.run(measure(load_settings(), count=count, rounds=rounds))


async def measure(settings: Settings, *, count: int, rounds: int) -> None:
    floor, distributed, embedded = (
        Series("floor: HMAC and JSON, no I/O"),
        Series("ingest, RabbitMQ"),
        Series("ingest, embedded queue"),
    )
    bodies = [msgspec.json.encode(update) for update in updates(count)]
    lines = b"\n".join(
        hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest().encode() + b"\t" + body
        for body in bodies
    )
    garbage.settle()  # as a process that serves does
    async with stage.server(settings) as server:
        for _ in range(rounds):
            await _under_load([web.post("/floor", _floor)], "/floor", lines, floor, count)
            async with stage.rabbit(settings) as broker:
                if broker is not None:
                    await _ingest(broker, lines, distributed, count)
            async with (
                stage.database(server) as engine,
                stage.embedded_broker(engine) as embedded_broker,
            ):
                await _ingest(embedded_broker, lines, embedded, count)
                await _count(engine, count)
    stage.say(
        [
            floor.line(),
            *([distributed.line(of=floor)] if distributed.rates else []),
            embedded.line(of=floor),
        ]
    )


async def _floor(request: web.Request) -> web.Response:
    body = await request.read()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signature, request.headers["X-Signature"]):
        return web.Response(status=403)
    msgspec.json.decode(body)
    return web.Response()


class _OneAccount:
    """`connectors.connector.Accounts` with the bench's own."""

    def __init__(self) -> None:
        self.account = Account(
            id=new_id(),
            kind="telegram",
            slug="bench",
            fields={"token": "123456:BENCH", "webhook_secret": SECRET, "mode": "webhook"},
        )

    async def look_up(self, slug: str) -> Account | None:
        return self.find(slug)

    def find(self, slug: str) -> Account | None:
        return self.account if slug == "bench" else None

    def of_kind(self, kind: str) -> Sequence[Account]:
        return [self.account] if kind == "telegram" else []


class _NoMedia:
    async def put(self, content: bytes) -> str:
        raise AssertionError("nothing in the bench has content of its own")

    async def get(self, sha256: str) -> bytes:
        raise KeyError(sha256)


class _NoLog:
    def write(self, entry: Entry) -> None:
        raise AssertionError(f"the edge noted {entry.what}: {entry.detail}")


async def _ingest(broker: Broker, lines: bytes, series: Series, count: int) -> None:
    def heard(_account: UUID, _at: object) -> None:
        return

    edge = Edge(broker=broker, media=_NoMedia(), now=utc_now, heard_from=heard)
    webhooks = Webhooks(
        connectors=discover(),
        accounts=_OneAccount(),
        intake=edge,
        now=utc_now,
        counts=EdgeCounts(),
        log=ChannelLog(sink=_NoLog(), now=utc_now),
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(edge.run())
        await _under_load(webhooks.routes(), "/hooks/telegram/bench", lines, series, count)
        edge.close()


async def _count(engine: AsyncEngine, count: int) -> None:
    """What was answered is there."""
    async with engine.connect() as connection:
        stored = (
            await connection.execute(
                text(
                    "select coalesce(sum(json_array_length(cast(convert_from(body, 'utf8') as json) -> 'events')), 0)"
                    " from queue_message where queue = any(:queues)"
                ),
                {"queues": list(INBOUND)},
            )
        ).scalar_one()
    if stored != count:
        raise AssertionError(f"{count} webhooks were answered, and {stored} events are there")


async def _under_load(
    routes: Sequence[web.RouteDef], path: str, lines: bytes, series: Series, count: int
) -> None:
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    load = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "workers.bench.load",
        str(port),
        path,
        str(CONNECTIONS),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    watch = Stopwatch()
    output, _ = await load.communicate(lines)
    watch.stop(series, count)
    said = msgspec.json.decode(output)
    if said["answers"] != {"200": count}:
        raise AssertionError(f"not every webhook was answered with 200: {said['answers']}")
    # The load's own start is not the server's time.
    series.rates[-1] = count / said["seconds"]
    await runner.cleanup()
