"""Who may do what only one may do: leases that are never two people's, and shares that find their level."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from random import Random

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.engine import open_engine, transaction
from storage.leases import Lease, Leases, acquire, fair_share, release, renew
from tests.doubles.tcp_proxy import Streams, TcpProxy, tcp_proxy

TTL = 1.5
HEARTBEAT = 0.2
SHARDS = [f"shard-{n}" for n in range(8)]

Count = Callable[..., Awaitable[int]]


async def acquired(
    engine: AsyncEngine, holder: str, names: Sequence[str], *, ttl: float = 30, limit: int = 100
) -> set[str]:
    async with transaction(engine) as connection:
        return await acquire(connection, names=names, holder=holder, ttl=ttl, limit=limit)


async def test_a_free_name_goes_to_who_asks_first(database: AsyncEngine) -> None:
    assert await acquired(database, "a", ["x", "y"]) == {"x", "y"}
    assert await acquired(database, "b", ["x", "y", "z"]) == {"z"}


async def test_asking_again_for_ones_own_is_fine(database: AsyncEngine) -> None:
    await acquired(database, "a", ["x"])
    assert await acquired(database, "a", ["x"]) == {"x"}


async def test_no_more_are_taken_than_asked_for(database: AsyncEngine) -> None:
    assert len(await acquired(database, "a", SHARDS, limit=3)) == 3
    assert len(await acquired(database, "b", SHARDS, limit=3)) == 3
    assert len(await acquired(database, "c", SHARDS, limit=3)) == 2
    assert await acquired(database, "d", SHARDS, limit=3) == set()


async def test_a_lease_that_ran_out_is_anybodys(database: AsyncEngine) -> None:
    await acquired(database, "a", ["x"], ttl=0)
    assert await acquired(database, "b", ["x"]) == {"x"}


async def test_only_ones_own_is_renewed(database: AsyncEngine) -> None:
    await acquired(database, "a", ["x", "y"], ttl=0)
    await acquired(database, "b", ["y"])
    async with transaction(database) as connection:
        assert await renew(connection, names=["x", "y", "z"], holder="a", ttl=30) == {"x"}
    assert await acquired(database, "b", ["x"]) == set()


async def test_only_ones_own_is_released(database: AsyncEngine, count: Count) -> None:
    await acquired(database, "a", ["x"])
    await acquired(database, "b", ["y"])
    async with transaction(database) as connection:
        await release(connection, names=["x", "y"], holder="a")
    assert await count("lease") == 1
    assert await acquired(database, "c", ["x", "y"]) == {"x"}


async def test_of_many_who_ask_at_once_exactly_one_gets_each_name(database: AsyncEngine) -> None:
    for n in range(10):
        names = [f"{n}-{name}" for name in SHARDS]
        async with asyncio.TaskGroup() as group:
            asking = [
                group.create_task(acquired(database, f"holder-{i}", names, limit=3))
                for i in range(10)
            ]
        got = [name for task in asking for name in task.result()]
        assert len(got) == len(set(got))
        assert got


@pytest.mark.parametrize(
    ("total", "holders", "share"),
    [(8, 1, 8), (8, 3, 3), (8, 8, 1), (8, 9, 1), (0, 2, 0), (8, 0, 8)],
)
def test_shares_are_rounded_up_so_that_nothing_is_left_over(
    total: int, holders: int, share: int
) -> None:
    assert fair_share(total, holders=holders) == share


@dataclass
class Router:
    """A process that takes what it is given, and lets go when asked."""

    holder: str
    leases: Leases
    line: TcpProxy
    working: dict[str, Lease] = field(default_factory=dict)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            async for lease in self.leases:
                group.create_task(self._work(lease))

    async def _work(self, lease: Lease) -> None:
        async with lease:
            self.working[lease.name] = lease
            await lease.ending.wait()
            del self.working[lease.name]


OpenRouter = Callable[[str], Awaitable[Router]]


@asynccontextmanager
async def routers(database_url: str) -> AsyncGenerator[OpenRouter]:
    url = make_url(database_url)
    socket_directory = url.query.get("host")

    async def upstream() -> Streams:
        if isinstance(socket_directory, str):
            return await asyncio.open_unix_connection(
                f"{socket_directory}/.s.PGSQL.{url.query.get('port', url.port or 5432)}"
            )
        return await asyncio.open_connection(url.host, url.port or 5432)

    async with AsyncExitStack() as stack:

        async def open_router(holder: str) -> Router:
            line = await stack.enter_async_context(tcp_proxy(upstream))
            engine = open_engine(
                url.set(host="127.0.0.1", port=line.port, query={}).render_as_string(
                    hide_password=False
                ),
                pool_size=2,
            )
            stack.push_async_callback(engine.dispose)
            leases = Leases(
                engine, group="inbound", names=SHARDS, holder=holder, ttl=TTL, heartbeat=HEARTBEAT
            )
            return Router(holder, leases, line)

        yield open_router
    await asyncio.sleep(0)  # asyncpg closes its transports on the next turn of the loop


async def until(condition: Callable[[], bool], *, within: float = 15) -> float:
    """Seconds it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110  # many processes' states, no one event
            await asyncio.sleep(0.005)
    return loop.time() - began


async def test_shares_find_their_level_as_routers_come_go_and_die(database_url: str) -> None:
    async with routers(database_url) as open_router, AsyncExitStack() as stack:
        a, b, c = [await open_router(name) for name in "abc"]
        async with asyncio.TaskGroup() as group:

            async def start(router: Router) -> asyncio.Task[None]:
                await stack.enter_async_context(router.leases)
                return group.create_task(router.run())

            running = [await start(a)]
            await until(lambda: len(a.working) == 8)
            running.append(await start(b))
            await until(lambda: (len(a.working), len(b.working)) == (4, 4))
            running.append(await start(c))
            await until(lambda: sorted(len(router.working) for router in (a, b, c)) == [2, 3, 3])
            b.line.refuse()
            took = await until(lambda: (len(a.working), len(c.working)) == (4, 4))
            assert took < TTL + 4 * HEARTBEAT + 4
            assert not b.leases.held
            await b.line.restore()
            await until(lambda: sorted(len(router.working) for router in (a, b, c)) == [2, 3, 3])
            for task in running:
                task.cancel()


async def test_leaving_hands_over_at_once(database_url: str) -> None:
    async with routers(database_url) as open_router:
        a, b = await open_router("a"), await open_router("b")
        async with asyncio.TaskGroup() as group, b.leases:
            async with a.leases:
                running = [group.create_task(router.run()) for router in (a, b)]
                await until(lambda: (len(a.working), len(b.working)) == (4, 4))
            took = await until(lambda: len(b.working) == 8)
            assert took < TTL
            for task in running:
                task.cancel()


async def test_a_list_of_names_may_change(database_url: str) -> None:
    async with routers(database_url) as open_router:
        a = await open_router("a")
        async with asyncio.TaskGroup() as group, a.leases:
            running = group.create_task(a.run())
            await until(lambda: len(a.working) == 8)
            a.leases.want(["shard-1", "new"])
            await until(lambda: a.working.keys() == {"shard-1", "new"})
            assert a.leases.held == {"shard-1", "new"}
            running.cancel()


async def test_a_lease_ends_by_itself_when_the_database_is_away(database_url: str) -> None:
    async with routers(database_url) as open_router:
        a = await open_router("a")
        async with asyncio.TaskGroup() as group, a.leases:
            running = group.create_task(a.run())
            await until(lambda: len(a.working) == 8)
            lease = a.working["shard-3"]
            a.line.silence()
            async with asyncio.timeout(TTL + 0.5):
                await lease.ending.wait()
            assert not lease.valid
            assert not a.leases.held
            a.line.refuse()
            running.cancel()


class Watcher:
    """Looks again and again whether anybody shares a name with anybody."""

    def __init__(self, routers: Sequence[Router]) -> None:
        self._routers = routers
        self._last: dict[str, str] = {}
        self.moments = 0
        self.handovers = 0

    def look(self) -> None:
        self.moments += 1
        for name in SHARDS:
            holders = [router.holder for router in self._routers if name in router.leases.held]
            assert len(holders) <= 1, f"{name} is held by {holders}"
            for holder in holders:
                self.handovers += self._last.setdefault(name, holder) != holder
                self._last[name] = holder


async def make_trouble(routers: Sequence[Router], *, chance: Random) -> None:
    for _ in range(25):
        line = routers[chance.randrange(len(routers))].line
        match chance.randrange(4):
            case 0:
                line.refuse()
            case 1:
                line.cut()
            case 2:
                line.silence()
            case _:
                line.cut()
                await line.restore()
        await asyncio.sleep(chance.uniform(0, TTL / 3))
    for router in routers:
        router.line.refuse()
        await router.line.restore()


async def test_there_are_never_two_holders_whatever_happens_to_the_lines(
    database_url: str,
) -> None:
    async with routers(database_url) as open_router:
        everyone = [await open_router(f"router-{n}") for n in range(4)]
        watcher = Watcher(everyone)
        async with asyncio.TaskGroup() as group, AsyncExitStack() as stack:
            for router in everyone:
                await stack.enter_async_context(router.leases)
            running = [group.create_task(router.run()) for router in everyone]
            trouble = group.create_task(make_trouble(everyone, chance=Random(20261121)))
            while not trouble.done():
                watcher.look()
                await asyncio.sleep(0.003)
            await until(lambda: [len(router.working) for router in everyone] == [2, 2, 2, 2])
            for task in running:
                task.cancel()
    assert watcher.moments > 300
    assert watcher.handovers > 5, "nothing changed hands, so nothing was tried"
