"""What the benches stand on: databases of their own on the configured server or an embedded one, and a broker."""

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from uuid import UUID, uuid4

import asyncpg
import click
import psutil
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from router.ids import new_id
from router.transit import BrokerDown
from storage.embedded import embedded_postgres
from storage.engine import migrate, open_engine
from storage.queue import PostgresBroker
from workers.broker import Broker
from workers.clock import utc_now
from workers.rabbitmq import RabbitBroker
from workers.rabbitmq.forget import forget
from workers.settings import Settings
from workers.topology import ATTEMPTS, DEAD

LOCAL_BROKER = "amqp://guest:guest@127.0.0.1:5672"
MANAGERS = 10


@dataclass(slots=True)
class Series:
    """The rounds of one measurement: events a second, and the Python process's CPU for each event."""

    name: str
    rates: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)

    def line(self, *, of: "Series | None" = None) -> str:
        ratio = f"  {self.rate / of.rate:5.2f} of {of.name}" if of is not None else ""
        return (
            f"{self.name:<34} {self.rate:>9,.0f}/s   min {min(self.rates):>9,.0f}   max {max(self.rates):>9,.0f}"
            f"   {median(self.cpu_us):6.0f} µs CPU{ratio}"
        )

    @property
    def rate(self) -> float:
        return median(self.rates)


class Stopwatch:
    """Wall clock, and the CPU of this process."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._at, self._cpu = time.perf_counter(), self._used()

    def stop(self, series: Series, events: int) -> None:
        seconds = time.perf_counter() - self._at
        series.rates.append(events / seconds)
        series.cpu_us.append((self._used() - self._cpu) / events * 1e6)

    def _used(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)


@asynccontextmanager
async def server(settings: Settings) -> AsyncGenerator[str]:
    """The URL of a server where databases may be made: the configured one, or an embedded one of the bench's own."""
    if settings.database_url:
        yield settings.database_url
        return
    with tempfile.TemporaryDirectory(prefix="allo-bench-") as folder:
        # The server may run as another user, who must find its way in.
        await asyncio.to_thread(Path(folder).chmod, 0o755)
        async with embedded_postgres(Path(folder) / "postgres") as url:
            yield url


@asynccontextmanager
async def database(server_url: str) -> AsyncGenerator[AsyncEngine]:
    """A migrated database, dropped afterwards."""
    async with empty_database(server_url) as url:
        engine = open_engine(url)
        try:
            await migrate(engine)
            yield engine
        finally:
            await engine.dispose()


@asynccontextmanager
async def empty_database(server_url: str) -> AsyncGenerator[str]:
    """Its URL; dropped afterwards."""
    name = f"allo_bench_{uuid4().hex[:10]}"
    url = make_url(server_url).set(drivername="postgresql")
    server = url.render_as_string(hide_password=False)
    await _admin(server, f"create database {name} template template0 encoding 'UTF8'")
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        await _admin(server, f"drop database if exists {name} with (force)")


async def found(engine: AsyncEngine) -> UUID:
    """A small business: a team, ten managers, a pipeline, one Telegram account, which it returns."""
    team, pipeline, account = new_id(), new_id(), new_id()
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "insert into team (id, name, is_default, created_at) values (:id, 'Sales', true, :now)"
            ),
            {"id": team, "now": utc_now()},
        )
        for n in range(MANAGERS):
            user = new_id()
            await connection.execute(
                text(
                    "insert into user_account (id, email, name, role, created_at)"
                    " values (:id, :email, :name, 'manager', :now)"
                ),
                {
                    "id": user,
                    "email": f"m{n}@example.com",
                    "name": f"Manager {n}",
                    "now": utc_now(),
                },
            )
            await connection.execute(
                text(
                    "insert into team_member (team_id, user_id, joined_at) values (:team, :user, :now)"
                ),
                {"team": team, "user": user, "now": utc_now()},
            )
        await connection.execute(
            text("insert into pipeline (id, name, position) values (:id, 'Sales', 1)"),
            {"id": pipeline},
        )
        await connection.execute(
            text(
                "insert into stage (id, pipeline_id, name, position) values (:id, :pipeline, 'New', 1)"
            ),
            {"id": new_id(), "pipeline": pipeline},
        )
        await connection.execute(
            text(
                "insert into account (id, kind, slug, sealed, team_id, created_at)"
                " values (:id, 'telegram', 'bench', '', :team, :now)"
            ),
            {"id": account, "team": team, "now": utc_now()},
        )
    return account


@asynccontextmanager
async def rabbit(settings: Settings) -> AsyncGenerator[Broker | None]:
    """RabbitMQ with queues of the bench's own, or None when none answers."""
    async with rabbit_queues(settings) as queues:
        if queues is None:
            yield None
            return
        async with RabbitBroker(queues.url, prefix=queues.prefix) as broker:
            yield broker


@dataclass(frozen=True, slots=True)
class RabbitQueues:
    """Where processes of the bench meet: nobody else uses the prefix."""

    url: str
    prefix: str


@asynccontextmanager
async def rabbit_queues(settings: Settings) -> AsyncGenerator[RabbitQueues | None]:
    """Taken off the server afterwards; None when none answers."""
    queues = RabbitQueues(settings.broker_url or LOCAL_BROKER, f"bench.{uuid4().hex[:8]}.")
    try:
        async with RabbitBroker(queues.url, prefix=queues.prefix) as broker:
            await broker.ping()
    except BrokerDown:
        yield None
        return
    try:
        yield queues
    finally:
        await forget(queues.url, prefix=queues.prefix)


@asynccontextmanager
async def embedded_broker(engine: AsyncEngine) -> AsyncGenerator[Broker]:
    async with PostgresBroker(engine, dead=DEAD, attempts=ATTEMPTS) as broker:
        yield broker


def say(lines: Sequence[str]) -> None:
    for line in lines:
        click.echo(line)


async def _admin(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
