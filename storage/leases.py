"""Who may do what only one process may do: read a shard, hold an account's long connection.

A lease is a row with a holder and a time, which the holder moves forward while it lives. When it dies the row runs
out, and whoever asks next gets it. All times are the database's. The holder counts from the moment before it asked,
on its own monotonic clock, so that it always stops believing in its lease before the database gives it to another.

    async with Leases(engine, group="inbound", names=INBOUND, holder=…) as leases, TaskGroup() as group:
        async for lease in leases:              # each is ours from now on
            group.create_task(work(lease))

    async def work(lease):
        async with lease:                       # leaving gives it back
            …until lease.ending is set: another process is due its share, or the lease is lost

`holder` is a name that no other process has, nor this one after a restart.

Each process also holds a lease on its membership of the group. From these rows everybody counts the living and takes
its share of the names, rounded up: eight shards and three routers make 3, 3 and 2.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from math import ceil
from types import TracebackType
from typing import Final, Self

import asyncpg
import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from storage.engine import transaction

log = structlog.get_logger()

TTL_S: Final = 10.0
HEARTBEAT_S: Final = 3.0
"""Three missed beats lose a lease: one may be a hiccup, two a slow database."""

_ACQUIRE = text("""
    insert into lease (name, holder, expires)
    select wanted.name, :holder, now() + make_interval(secs => :ttl)
    from (
        select wanted.name
        from unnest(cast(:names as text[])) as wanted (name)
        left join lease on lease.name = wanted.name
        where lease.name is null or lease.holder = :holder or lease.expires <= now()
        order by coalesce(lease.holder = :holder, false) desc, wanted.name
        limit :limit
    ) as wanted
    order by wanted.name
    on conflict (name) do update set holder = excluded.holder, expires = excluded.expires
    where lease.holder = excluded.holder or lease.expires <= now()
    returning name
""")
_RENEW = text("""
    with held as (
        select name from lease
        where name = any(cast(:names as text[])) and holder = :holder
        order by name for update
    )
    update lease set expires = now() + make_interval(secs => :ttl)
    from held where lease.name = held.name
    returning lease.name
""")
_RELEASE = text("""
    delete from lease where name = any(cast(:names as text[])) and holder = :holder
""")
_COUNT = text("""
    select count(*) from lease where starts_with(name, :prefix) and expires > now()
""")
_SWEEP = text("""
    delete from lease where name in (
        select name from lease
        where expires < now() - interval '1 day'
          and exists (select from unnest(cast(:prefixes as text[])) as p (prefix) where starts_with(name, prefix))
        for update skip locked
    )
""")


async def acquire(
    connection: AsyncConnection, *, names: Collection[str], holder: str, ttl: float, limit: int
) -> set[str]:
    """At most `limit` of `names` that are free, have run out, or are the holder's own already."""
    values = {"names": sorted(names), "holder": holder, "ttl": ttl, "limit": limit}
    return set((await connection.execute(_ACQUIRE, values)).scalars())


async def renew(
    connection: AsyncConnection, *, names: Collection[str], holder: str, ttl: float
) -> set[str]:
    """Those of `names` that are still the holder's, now for `ttl` seconds more."""
    values = {"names": sorted(names), "holder": holder, "ttl": ttl}
    return set((await connection.execute(_RENEW, values)).scalars())


async def release(connection: AsyncConnection, *, names: Collection[str], holder: str) -> None:
    await connection.execute(_RELEASE, {"names": sorted(names), "holder": holder})


def fair_share(total: int, *, holders: int) -> int:
    """How many of `total` names one of `holders` processes takes, so that together they take them all."""
    return ceil(total / max(holders, 1))


class Lease:
    """Ours until `ending` is set. Entering it is optional; leaving it gives the name back."""

    def __init__(self, name: str, *, leases: "Leases") -> None:
        self.name = name
        self.ending = asyncio.Event()
        self._leases = leases
        self._timer: asyncio.TimerHandle | None = None
        self._until = 0.0

    @property
    def valid(self) -> bool:
        """Whether the name is certainly ours at this moment, also while its work is being brought to an end."""
        return asyncio.get_running_loop().time() < self._until

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, it: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._leases.give_back(self)

    def holds_until(self, moment: float) -> None:
        self._until = moment
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(moment, self.ending.set)

    def end(self) -> None:
        self._until = 0.0
        self.ending.set()
        if self._timer is not None:
            self._timer.cancel()


class Leases:
    """A process's share of `names`: an iterator over the leases it gets, for as long as it is entered."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        group: str,
        names: Sequence[str],
        holder: str,
        ttl: float = TTL_S,
        heartbeat: float = HEARTBEAT_S,
    ) -> None:
        self._engine = engine
        self._members = f"member/{group}/"
        self._prefix = f"{group}/"
        self._names = frozenset(names)
        self._holder = holder
        self._ttl = ttl
        self._heartbeat = heartbeat
        self._held: dict[str, Lease] = {}
        self._granted: deque[Lease] = deque()
        self._news = asyncio.Event()
        self._beat_now = asyncio.Event()
        self._in_trouble = False
        self._swept = False  # of those who died without a word, days ago
        # One conversation with the database at a time: a beat must not renew what is just being given back.
        self._talking = asyncio.Lock()
        self._tasks = asyncio.TaskGroup()
        self._beating: asyncio.Task[None] | None = None

    @property
    def held(self) -> frozenset[str]:
        """The names that are certainly ours at this moment."""
        return frozenset(name for name, lease in self._held.items() if lease.valid)

    def want(self, names: Collection[str]) -> None:
        """Another list of names from now on: accounts come and go. Leases on what left it are ended."""
        self._names = frozenset(names)
        for name, lease in self._held.items():
            if name not in self._names:
                lease.ending.set()
        self._beat_now.set()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._beating = self._tasks.create_task(self._beat())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, it: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._beating is not None:
            self._beating.cancel()
        if kind is not None and issubclass(kind, asyncio.CancelledError):
            await self._tasks.__aexit__(kind, it, at)
        else:
            await self._tasks.__aexit__(None, None, None)
        await self._leave()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Lease:
        while True:
            while not self._granted:
                self._news.clear()
                await self._news.wait()
            lease = self._granted.popleft()
            if lease.valid and not lease.ending.is_set():
                return lease
            await self.give_back(lease)

    async def give_back(self, lease: Lease) -> None:
        """At once, so that another process need not wait for it to run out."""
        async with self._talking:
            if self._held.get(lease.name) is not lease:
                return
            lease.end()  # before the database hears of it: nobody may hold it while we still think we do
            names = [self._prefix + lease.name]
            try:
                async with (
                    asyncio.timeout(self._heartbeat),
                    transaction(self._engine) as connection,
                ):
                    await release(connection, names=names, holder=self._holder)
            except _UNREACHABLE as error:
                log.warning("lease_not_released", name=lease.name, error=repr(error))
            finally:
                del self._held[lease.name]

    async def _beat(self) -> None:
        while True:
            self._beat_now.clear()
            try:
                async with self._talking, asyncio.timeout(self._heartbeat):
                    await self._renew_and_share()
            except _UNREACHABLE as error:
                # What we hold ends by itself when its time has come.
                if not self._in_trouble:
                    log.warning("leases_not_renewed", held=len(self._held), error=repr(error))
                self._in_trouble = True
            else:
                self._in_trouble = False
            try:
                async with asyncio.timeout(self._heartbeat):
                    await self._beat_now.wait()
            except TimeoutError:
                continue

    async def _renew_and_share(self) -> None:
        until = asyncio.get_running_loop().time() + self._ttl
        mine = self._members + self._holder
        async with transaction(self._engine) as connection:
            await acquire(connection, names=[mine], holder=self._holder, ttl=self._ttl, limit=1)
            kept = await renew(
                connection,
                names=[self._prefix + name for name in self._held],
                holder=self._holder,
                ttl=self._ttl,
            )
            holders = (await connection.execute(_COUNT, {"prefix": self._members})).scalar_one()
            share = fair_share(len(self._names), holders=holders)
            room = share - len(self._held)
            free = self._names - self._held.keys()
            won: set[str] = set()
            if room > 0 and free:
                won = await acquire(
                    connection,
                    names=[self._prefix + name for name in free],
                    holder=self._holder,
                    ttl=self._ttl,
                    limit=room,
                )
            if not self._swept:
                await connection.execute(_SWEEP, {"prefixes": [self._prefix, self._members]})
        self._swept = True
        self._note(kept=kept, won=won, until=until, share=share)

    def _note(self, *, kept: set[str], won: set[str], until: float, share: int) -> None:
        for name, lease in list(self._held.items()):
            if self._prefix + name in kept:
                lease.holds_until(until)
            else:
                log.warning("lease_lost", name=name)
                lease.end()
                del self._held[name]
        for full_name in sorted(won):
            name = full_name.removeprefix(self._prefix)
            lease = self._held[name] = Lease(name, leases=self)
            lease.holds_until(until)
            self._granted.append(lease)
            self._news.set()
            log.debug("lease_taken", name=name)
        staying = [lease for lease in self._held.values() if not lease.ending.is_set()]
        for lease in staying[share:]:
            log.info("lease_asked_back", name=lease.name, share=share)
            lease.ending.set()

    async def _leave(self) -> None:
        async with self._talking:
            names = [self._prefix + name for name in self._held] + [self._members + self._holder]
            for lease in self._held.values():
                lease.end()
            self._held.clear()
            try:
                async with (
                    asyncio.timeout(self._heartbeat),
                    transaction(self._engine) as connection,
                ):
                    await release(connection, names=names, holder=self._holder)
            except _UNREACHABLE as error:
                log.warning("leases_not_released", error=repr(error))


_UNREACHABLE: Final = (
    DBAPIError,
    PoolTimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    OSError,
    TimeoutError,
)
