"""How the parts of a process live and die: nothing runs alone, and nothing gives up for a bad minute.

A process is one TaskGroup of jobs, each `run(stop)` until the event is set. A job whose database or broker is away
waits for it (`patiently`); any other exception is a bug, ends the process, and its work goes on in the next one from
where it was durable. Stopping is: stop taking, finish, acknowledge, close; then a watchdog.
"""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import structlog

from router.transit import BrokerDown
from storage.absence import is_database_away

T = TypeVar("T")

log = structlog.get_logger()

PAUSES: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between attempts while something is away; the last repeats, and each is shortened by up to a half."""

Job = Callable[[asyncio.Event], Coroutine[Any, Any, None]]


def is_away(error: BaseException) -> bool:
    """The database or the broker cannot be reached now; what was tried may be tried again."""
    return isinstance(error, BrokerDown | OSError) or is_database_away(error)


STEADY_S: Final = 30.0
"""A job that ran for so long had recovered: what comes now is another trouble."""


async def patiently(name: str, job: Job, stop: asyncio.Event, *, steady: float = STEADY_S) -> None:
    """Runs the job until `stop`; when something it needs is away, waits and begins it again."""
    failures = 0
    time = asyncio.get_running_loop().time
    while not stop.is_set():
        began = time()
        try:
            await job(stop)
        except* Exception as errors:  # away is waited for, the rest rises
            if not all(is_away(each) for each in leaves(errors)):
                raise
            if time() - began >= steady:
                failures = 0
            if failures == 0:
                log.warning("job_waits", job=name, error=repr(next(leaves(errors)))[:300])
        else:
            return
        await pause(stop, PAUSES[min(failures, len(PAUSES) - 1)] * random.uniform(0.5, 1))  # noqa: S311  # spread, not secrecy
        failures += 1


async def pause(stop: asyncio.Event, seconds: float) -> bool:
    """Waits, at most until `stop`; True when it was stopped."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True


async def unless(stop: asyncio.Event, awaitable: Awaitable[T]) -> T | None:
    """What the awaitable gives, or None when `stop` comes first; the awaitable is then cancelled."""
    work = asyncio.ensure_future(awaitable)
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((work, stopped), return_when=asyncio.FIRST_COMPLETED)
        # When both are there, what was taken is not thrown away.
        return work.result() if work.done() else None
    finally:
        stopped.cancel()
        if not work.done():
            work.cancel()
            await asyncio.wait((work,))


def leaves(errors: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """The exceptions in a group of groups, in order."""
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield error


@asynccontextmanager
async def signals() -> AsyncIterator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set; a second one ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked(number: int) -> None:
        if stop.is_set():
            signal.raise_signal(signal.SIGKILL)
        log.info("stopping", signal=signal.Signals(number).name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked, number)
    try:
        yield stop
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
