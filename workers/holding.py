"""Work that only one process may do at a time: done while a lease is held, and given up in order."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from storage.leases import Lease, Leases
from workers.supervisor import patiently, pause

Work = Callable[[str, asyncio.Event], Awaitable[None]]
"""Does what the name stands for until the event is set."""

LOOK_S = 1.0


async def hold(
    engine: AsyncEngine,
    *,
    group: str,
    names: Callable[[], Sequence[str]],
    holder: str,
    work: Work,
    stop: asyncio.Event,
) -> None:
    """The process's share of `names` (asked for again every second), each worked on while its lease lasts."""
    wanted = list(names())
    async with (
        Leases(engine, group=group, names=wanted, holder=holder) as leases,
        asyncio.TaskGroup() as tasks,
    ):
        granting = tasks.create_task(_grant(leases, tasks, work, stop))
        while not await pause(stop, LOOK_S):
            if (now := list(names())) != wanted:
                wanted = now
                leases.want(wanted)
        granting.cancel()


async def _grant(leases: Leases, tasks: asyncio.TaskGroup, work: Work, stop: asyncio.Event) -> None:
    async for lease in leases:
        tasks.create_task(_while_held(lease, work, stop))


async def _while_held(lease: Lease, work: Work, stop: asyncio.Event) -> None:
    end = asyncio.Event()

    async def job(end: asyncio.Event) -> None:
        await work(lease.name, end)

    async with lease, asyncio.TaskGroup() as tasks:
        working = tasks.create_task(patiently(f"{lease.name}", job, end))
        ends = [tasks.create_task(lease.ending.wait()), tasks.create_task(stop.wait())]
        await asyncio.wait((working, *ends), return_when=asyncio.FIRST_COMPLETED)
        end.set()
        await asyncio.wait((working,))
        for each in ends:
            each.cancel()
