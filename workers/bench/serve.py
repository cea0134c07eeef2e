"""`allo bench serve`: what a whole `allo serve` takes and how quickly it tells, measured from outside.

    start ──▶ set up ──▶ stop ──▶ start again ──▶ nobody writes ──▶ 200 a second: latency ──▶ 1 000 a second: memory

Absolute figures and what was promised for an idle machine of two cores; what else the machine does is in them, so its
load average stands beside them. In one process with the embedded database; and, when RabbitMQ answers, in four.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import quantiles
from typing import Final

import asyncpg
import click
import uvloop
from sqlalchemy.engine import make_url

from inbox.channel_desk import ChannelOptions
from inbox.passwords import hash_password
from storage.api_tokens import keep_token
from storage.colleagues import create_user
from storage.engine import transaction
from workers import garbage
from workers.bench import stage
from workers.bench.hooks.telegram import SECRET
from workers.bench.onlookers import Seen, at_commit, at_the_api, in_browser
from workers.bench.open_loop import Platform, Sent
from workers.bench.people import updates
from workers.bench.served import Served, Usage, installed
from workers.cli.failures import Failed
from workers.cli.installation import records
from workers.settings import ROLES, Settings, load_settings

SECOND_START_S: Final = 5.0
IDLE_MB: Final = 300.0
BUSY_MB: Final = 600.0
COMMIT_MS: Final = 50.0
LIVE_MS: Final = 200.0
"""What was promised."""

RATE: Final = 200
BUSY_RATE: Final = 1000
WARM_UP_S: Final = 3
SETTLE_S: Final = 10.0
IDLE_S: Final = 20.0
LOOK_S: Final = 1.0
CALM_S: Final = 5.0
"""The calmest stretch of this length is told too: on a shared machine it says most about Allo itself."""
DRAINED_WITHIN_S: Final = 120.0

EMAIL: Final = "bench@example.com"
PASSWORD: Final = "correct horse battery"  # noqa: S105  # the bench's own
TOKEN: Final = "bench-token-of-a-throw-away-installation"  # noqa: S105  # the same
ENOUGH: Final = 1_000_000


@click.command()
@click.option("--seconds", default=20, show_default=True, help="Of each rate.")
@click.option(
    "--distributed/--no-distributed",
    default=None,
    help="Also four processes over RabbitMQ; by default when one answers.",
)
def bench(*, seconds: int, distributed: bool | None) -> None:
    """Start, memory, and the time until a message is stored and shown."""
    with tempfile.TemporaryDirectory(prefix="allo-bench-") as folder:
        one, four = Path(folder) / "one", Path(folder) / "four"
        # The embedded database may run as another user, who must find its way in.
        for each in (Path(folder), one, four):
            each.mkdir(exist_ok=True)
            each.chmod(0o755)
        uvloop.run(measure(load_settings(), one, four, seconds=seconds, distributed=distributed))


async def measure(
    settings: Settings, one: Path, four: Path, *, seconds: int, distributed: bool | None
) -> None:
    await _measured(one, (), {}, seconds=seconds)
    if distributed is False:
        return
    async with AsyncExitStack() as stack:
        queues = await stack.enter_async_context(stage.rabbit_queues(settings))
        if queues is None:
            if distributed:
                raise Failed("No RabbitMQ answers at ALLO_BROKER_URL.")
            stage.say(["", "No RabbitMQ answers: only the embedded mode was measured."])
            return
        server = await stack.enter_async_context(stage.server(settings))
        environment = {
            "ALLO_DATABASE_URL": await stack.enter_async_context(stage.empty_database(server)),
            "ALLO_BROKER_URL": queues.url,
            "ALLO_BROKER_PREFIX": queues.prefix,
        }
        await _measured(four, ROLES, environment, seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """A running installation, an eye on its database, and the people who write to it."""

    served: Served
    dsn: str
    database: asyncpg.Connection
    customers: Iterator[dict[str, object]]
    seconds: int
    alone: bool
    """One process with everything: what was promised is promised for it."""

    def next(self, count: int) -> list[dict[str, object]]:
        return list(islice(self.customers, count))

    def platform(self) -> Platform:
        port = make_url(self.served.urls["connectors"]).port
        return Platform(port=port or 0, path="/hooks/telegram/bench")

    async def transactions(self) -> int:
        count: int = await self.database.fetchval(
            "select xact_commit + xact_rollback from pg_stat_database where datname = current_database()"
        )
        return count

    async def stored(self) -> int:
        count: int = await self.database.fetchval(
            "select count(*) from message where direction = 'in'"
        )
        return count

    async def until_stored(self, count: int) -> None:
        async with asyncio.timeout(DRAINED_WITHIN_S):
            while await self.stored() < count:  # noqa: ASYNC110  # an event would be for other processes
                await asyncio.sleep(LOOK_S / 10)


async def _measured(
    directory: Path, roles: Sequence[str], environment: Mapping[str, str], *, seconds: int
) -> None:
    _title(
        "Four processes over RabbitMQ; of PostgreSQL what the bench started"
        if roles
        else "One process, embedded database"
    )
    async with installed(directory, roles=roles, environment=environment) as served:
        _say("first start, until ready", f"{await served.start():6.2f} s")
        dsn = await _set_up(served)
        _say("stop", f"{await served.stop():6.2f} s")
        again = await served.start()
        _say("second start", _judged(again, "s", most=None if roles else SECOND_START_S))
        database = await asyncpg.connect(dsn)
        try:
            scene = _Scene(
                served=served,
                dsn=dsn,
                database=database,
                customers=updates(ENOUGH),
                seconds=seconds,
                alone=not roles,
            )
            await _idle(scene)
            await _latency(scene)
            await _busy(scene)
        finally:
            await database.close()


async def _set_up(served: Served) -> str:
    """A colleague, a program and a channel; the database's URL."""
    settings = load_settings(
        **{name.removeprefix("ALLO_").lower(): value for name, value in served.environment.items()},
        http=served.addresses[0],
    )
    async with records(settings) as here:
        password = await hash_password(PASSWORD)
        async with transaction(here.engine) as connection:
            await create_user(
                connection,
                email=EMAIL,
                name="Bench",
                role="manager",
                password=password,
                must_change_password=False,
                now=here.now(),
            )
            await keep_token(
                connection,
                name="bench",
                token=TOKEN,
                scopes=("read",),
                created_by=None,
                now=here.now(),
            )
        fields = {
            "token": "123456:BENCH",
            "webhook_secret": SECRET,
            "mode": "webhook",
            # Nobody is there: the bench's customers are not answered.
            "api_base": "http://127.0.0.1:9",
        }
        await here.channels.add("telegram", "bench", fields, ChannelOptions(), by=None)
        return make_url(here.url).set(drivername="postgresql").render_as_string(hide_password=False)


async def _idle(scene: _Scene) -> None:
    served = scene.served
    await asyncio.sleep(SETTLE_S)
    _say("memory, idle", _judged(served.memory(), "MB", most=IDLE_MB if scene.alone else None))
    before, transactions, began = served.usage(), await scene.transactions(), time.perf_counter()
    await asyncio.sleep(IDLE_S)
    seconds = time.perf_counter() - began
    after, more = served.usage(), await scene.transactions()
    _say("transactions, idle", f"{(more - transactions) / seconds:6.1f} /s")
    _say(
        "CPU, idle",
        f"{(after.allo - before.allo) / seconds:6.1%} of a core;"
        f" PostgreSQL {(after.postgres - before.postgres) / seconds:.1%}",
    )


async def _latency(scene: _Scene) -> None:
    served, platform = scene.served, scene.platform()
    inbox = served.urls["inbox"]
    garbage.settle()
    _title(f"{RATE} webhooks a second for {scene.seconds} s")
    async with (
        at_commit(scene.dsn) as committed,
        in_browser(inbox, email=EMAIL, password=PASSWORD) as shown,
        at_the_api(inbox, token=TOKEN) as told,
    ):
        # What a process does once in its life is not what its customers meet.
        await platform.send(scene.next(RATE * WARM_UP_S), rate=RATE)
        before = served.usage()
        sent = await platform.send(scene.next(RATE * scene.seconds), rate=RATE)
        await scene.until_stored(RATE * (WARM_UP_S + scene.seconds))
        used = served.usage()
        names = await _all_seen(scene.database, sent, (committed, shown, told))
    await platform.close()
    _say("CPU of an event", _cost(before, used, len(sent.at)))
    _say("sent behind its time", _spread([late * 1000 for late in sent.late]))
    _tell("until answered", sent, sent.answered.__getitem__)
    _tell("until committed", sent, lambda name: committed.at[names[name]], most=COMMIT_MS)
    _tell("until a browser hears (/live)", sent, lambda name: shown.at[names[name]], most=LIVE_MS)
    _tell("until the API's stream tells", sent, lambda name: told.at[names[name]], most=LIVE_MS)


async def _all_seen(
    database: asyncpg.Connection, sent: Sent, everybody: Sequence[Seen]
) -> Mapping[str, str]:
    """Waits until all are; the messages' ids by their names at the platform."""
    rows = await database.fetch(
        "select external_id, id from message where external_id = any($1)", list(sent.at)
    )
    names = {row["external_id"]: str(row["id"]) for row in rows}
    if len(names) < len(sent.at):
        raise AssertionError(f"{len(sent.at)} were answered, and {len(names)} are there")
    wanted = set(names.values())
    async with asyncio.timeout(DRAINED_WITHIN_S):
        while any(wanted - seen.at.keys() for seen in everybody):  # noqa: ASYNC110  # as above
            await asyncio.sleep(LOOK_S / 10)
    return names


async def _busy(scene: _Scene) -> None:
    served, platform = scene.served, scene.platform()
    bodies = scene.next(BUSY_RATE * scene.seconds)
    _title(f"{BUSY_RATE} webhooks a second for {scene.seconds} s")
    most = 0.0

    async def look() -> None:
        nonlocal most
        while True:
            most = max(most, await asyncio.to_thread(served.memory))
            await asyncio.sleep(LOOK_S)

    there = await scene.stored()
    async with asyncio.TaskGroup() as group:
        looking = group.create_task(look())
        before = served.usage()
        sent = await platform.send(bodies, rate=BUSY_RATE)
        answered = time.perf_counter()
        await scene.until_stored(there + len(bodies))
        behind, used = time.perf_counter() - answered, served.usage()
        looking.cancel()
    await platform.close()
    _say("sent", f"{len(sent.at) / sent.seconds:6,.0f} /s")
    _say("all stored, after the last answer", f"{behind:6.2f} s")
    _say("memory, at most", _judged(most, "MB", most=BUSY_MB if scene.alone else None))
    _say("CPU of an event", _cost(before, used, len(bodies)))


# Telling.


def _tell(
    what: str, sent: Sent, moment: Callable[[str], float], *, most: float | None = None
) -> None:
    times = [(moment(name) - at) * 1000 for name, at in sent.at.items()]
    stretch = int(CALM_S * RATE)
    calmest = min(
        (
            _percentiles(times[n : n + stretch])[1]
            for n in range(0, max(len(times) - stretch, 0) + 1, RATE)
        ),
    )
    promised = f"   {_kept(_percentiles(times)[1], most)}: p99 < {most:g} ms" if most else ""
    _say(what, f"{_spread(times)}   p99 of the calmest {CALM_S:g} s {calmest:6.1f}{promised}")


def _spread(times: Sequence[float]) -> str:
    p50, p99 = _percentiles(times)
    return f"p50 {p50:6.1f}   p99 {p99:6.1f}   worst {max(times):7.1f} ms"


def _percentiles(times: Sequence[float]) -> tuple[float, float]:
    cuts = quantiles(times, n=100, method="inclusive")
    return cuts[49], cuts[98]


def _cost(before: Usage, after: Usage, events: int) -> str:
    return (
        f"{(after.allo - before.allo) / events * 1e6:6,.0f} µs;"
        f" PostgreSQL {(after.postgres - before.postgres) / events * 1e6:,.0f} µs"
    )


def _judged(value: float, unit: str, *, most: float | None) -> str:
    promised = f"   {_kept(value, most)}: < {most:g} {unit}" if most else ""
    return f"{value:6.2f} {unit}{promised}" if unit == "s" else f"{value:6.0f} {unit}{promised}"


def _kept(value: float, most: float) -> str:
    return "as promised" if value < most else "NOT AS PROMISED"


def _title(text: str) -> None:
    load, *_ = os.getloadavg()
    stage.say(["", f"{text} (load average {load:.1f})"])


def _say(what: str, figures: str) -> None:
    stage.say([f"  {what:<36}{figures}".rstrip()])
