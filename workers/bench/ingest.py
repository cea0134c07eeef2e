"""`allo bench ingest`: webhooks a second until they are durable, in one process, for every channel that has them.

Floor: a bare aiohttp handler that checks an HMAC and parses the JSON, without any I/O. Then the edge itself: webhook,
authentication, parsing, group publish, confirm, answer; over RabbitMQ and over the queue in PostgreSQL. Interleaved.
The load comes from a process of its own; what is measured is the serving process. What the platforms' requests look
like is in `hooks/`, a module for each channel.
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
from workers import garbage
from workers.bench import hooks, stage
from workers.bench.hooks import Called, Hook
from workers.bench.load import framed
from workers.bench.stage import Series, Stopwatch
from workers.broker import Broker
from workers.clock import utc_now
from workers.edge import Edge
from workers.settings import Settings, load_settings
from workers.telemetry import EdgeCounts
from workers.topology import INBOUND

SECRET: Final = b"bench-secret"
FLOOR: Final = "telegram"
"""Whose bodies the floor is measured with."""
CONNECTIONS: Final = 256
"""Requests under way: what some hundred accounts of a few platforms have open when thousands of messages a second come."""


@click.command()
@click.option("--events", "count", default=30_000, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--channel", "kinds", multiple=True, help="Only these; all by default.")
def bench(*, count: int, rounds: int, kinds: Sequence[str]) -> None:
    """Webhooks until durable, as a ratio of checking and parsing them."""
    uvloop.run(measure(load_settings(), kinds=kinds or hooks.kinds(), count=count, rounds=rounds))


async def measure(settings: Settings, *, kinds: Sequence[str], count: int, rounds: int) -> None:
    floor = Series("floor: HMAC and JSON, no I/O")
    series = {
        (kind, broker): Series(f"{kind}, {broker}")
        for kind in kinds
        for broker in ("RabbitMQ", "embedded queue")
    }
    floor_load = _floor_load(count)
    loads = {kind: _load_of(hooks.hook_of(kind, count)) for kind in kinds}
    garbage.settle()  # as a process that serves does
    async with stage.server(settings) as server:
        for _ in range(rounds):
            await _under_load([web.post("/floor", _floor)], floor_load, floor, count)
            for kind, (hook, load) in loads.items():
                async with stage.rabbit(settings) as broker:
                    if broker is not None:
                        await _ingest(broker, hook, load, series[kind, "RabbitMQ"], count)
                async with (
                    stage.database(server) as engine,
                    stage.embedded_broker(engine) as embedded_broker,
                ):
                    await _ingest(
                        embedded_broker, hook, load, series[kind, "embedded queue"], count
                    )
                    await _count(engine, count)
    stage.say([floor.line(), *(each.line(of=floor) for each in series.values() if each.rates)])


def _load_of(hook: Hook) -> tuple[Hook, bytes]:
    """What is measured, and the requests as the load sends them."""
    place = f"/hooks/{discover()[hook.account.kind].hook}/{hook.account.slug}"
    return hook, framed((f"{place}{each.path}", each) for each in hook.requests)


def _floor_load(count: int) -> bytes:
    return framed(
        (
            "/floor",
            Called(
                body=each.body,
                headers={
                    **each.headers,
                    "X-Signature": hmac.new(SECRET, each.body, hashlib.sha256).hexdigest(),
                },
            ),
        )
        for each in hooks.hook_of(FLOOR, count).requests
    )


async def _floor(request: web.Request) -> web.Response:
    body = await request.read()
    signature = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signature, request.headers["X-Signature"]):
        return web.Response(status=403)
    msgspec.json.decode(body)
    return web.Response()


class _OneAccount:
    """`connectors.connector.Accounts` with the bench's own."""

    def __init__(self, account: Account) -> None:
        self.account = account

    async def look_up(self, slug: str) -> Account | None:
        return self.find(slug)

    def find(self, slug: str) -> Account | None:
        return self.account if slug == self.account.slug else None

    def of_kind(self, kind: str) -> Sequence[Account]:
        return [self.account] if kind == self.account.kind else []


class _NoMedia:
    async def put(self, content: bytes) -> str:
        raise AssertionError("nothing in the bench has content of its own")

    async def get(self, sha256: str) -> bytes:
        raise KeyError(sha256)


class _NoLog:
    def write(self, entry: Entry) -> None:
        raise AssertionError(f"the edge noted {entry.what}: {entry.detail}")


async def _ingest(broker: Broker, hook: Hook, load: bytes, series: Series, count: int) -> None:
    def heard(_account: UUID, _at: object) -> None:
        return

    edge = Edge(broker=broker, media=_NoMedia(), now=utc_now, heard_from=heard)
    webhooks = Webhooks(
        connectors=discover(),
        accounts=_OneAccount(hook.account),
        intake=edge,
        # The signatures stay fresh, however long the bench takes.
        now=lambda: hooks.MADE_AT,
        counts=EdgeCounts(),
        log=ChannelLog(sink=_NoLog(), now=utc_now),
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(edge.run())
        await _under_load(webhooks.routes(), load, series, count)
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
    routes: Sequence[web.RouteDef], requests: bytes, series: Series, count: int
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
        str(CONNECTIONS),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    watch = Stopwatch()
    output, _ = await load.communicate(requests)
    watch.stop(series, count)
    said = msgspec.json.decode(output)
    if said["answers"] != {"200": count}:
        raise AssertionError(f"not every webhook was answered with 200: {said['answers']}")
    # The load's own start is not the server's time.
    series.rates[-1] = count / said["seconds"]
    await runner.cleanup()
