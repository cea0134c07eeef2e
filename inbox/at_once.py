"""Readings that do not depend on each other, under way at the same time, each on a connection of its own.

Nobody who calls this holds a connection meanwhile: of many who hold one and wait for another, none would go on.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")


@overload
async def at_once(
    engine: AsyncEngine,
    first: Callable[[AsyncConnection], Awaitable[A]],
    second: Callable[[AsyncConnection], Awaitable[B]],
    /,
) -> tuple[A, B]: ...
@overload
async def at_once(
    engine: AsyncEngine,
    first: Callable[[AsyncConnection], Awaitable[A]],
    second: Callable[[AsyncConnection], Awaitable[B]],
    third: Callable[[AsyncConnection], Awaitable[C]],
    /,
) -> tuple[A, B, C]: ...
async def at_once(
    engine: AsyncEngine, *readings: Callable[[AsyncConnection], Awaitable[object]]
) -> tuple[object, ...]:
    """What each has read. The first error is raised as itself, and ends the others."""

    async def reading(read: Callable[[AsyncConnection], Awaitable[object]]) -> object:
        async with engine.connect() as connection:
            return await read(connection)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(reading(each)) for each in readings]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return tuple(task.result() for task in tasks)
