"""What PostgreSQL calls out to us (LISTEN/NOTIFY): one connection per process, heard by whoever subscribes.

A notification is a hint. While the connection is down none is heard; when it is back every subscriber is told None:
something may have been missed, go and look.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import asyncpg
import structlog
from sqlalchemy.engine import URL

log = structlog.get_logger()

CHECK_S: Final = 15.0
"""A connection that only listens does not notice a dead line by itself."""
ANSWER_S: Final = 5.0
PAUSE_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Between attempts to connect; the last one repeats. Each is shortened by up to a half, so that processes spread."""

Ear = Callable[[str | None], None]
"""Called with the payload, or with None after a gap. It may not wait, and may not raise."""


class Notifications:
    """`keep_listening` runs for as long as somebody may subscribe; the caller owns the task."""

    def __init__(self, url: URL, *, channels: Sequence[str], jitter: Callable[[], float]) -> None:
        self._dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._channels = channels
        self._jitter = jitter
        self._ears: defaultdict[str, list[Ear]] = defaultdict(list)
        self._listening = asyncio.Event()

    @contextmanager
    def subscribed(self, channel: str, ear: Ear) -> Generator[None]:
        self._ears[channel].append(ear)
        try:
            yield
        finally:
            self._ears[channel].remove(ear)

    async def wait_until_listening(self, *, patience: float) -> None:
        """For no longer than `patience`: starting must not hang on a hint."""
        try:
            async with asyncio.timeout(patience):
                await self._listening.wait()
        except TimeoutError:
            log.warning("notifications_delayed")

    async def keep_listening(self) -> None:
        failures = 0
        while True:
            try:
                connection = await self._connect()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                if failures == 0:
                    log.warning("notifications_unreachable", error=repr(error))
                pause = PAUSE_S[min(failures, len(PAUSE_S) - 1)]
                failures += 1
                await asyncio.sleep(pause * (1 - self._jitter() / 2))
                continue
            failures = 0
            try:
                await self._until_lost(connection)
            finally:
                self._listening.clear()
                connection.terminate()
            log.warning("notifications_lost")

    async def _connect(self) -> Any:
        async with asyncio.timeout(ANSWER_S):
            connection = await asyncpg.connect(
                self._dsn, server_settings={"application_name": "allo listens"}
            )
        try:
            async with asyncio.timeout(ANSWER_S):
                for channel in self._channels:
                    await connection.add_listener(channel, self._hear)
        except (
            BaseException
        ):  # rises; a cancelled caller, too, would leave the connection to nobody
            connection.terminate()
            raise
        return connection

    async def _until_lost(self, connection: Any) -> None:
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        self._listening.set()
        for channel in self._channels:
            self._tell(channel, None)
        while not connection.is_closed():
            try:
                async with asyncio.timeout(CHECK_S):
                    await lost.wait()
            except TimeoutError:
                if not await _answers(connection):
                    return

    def _hear(self, connection: Any, pid: int, channel: str, payload: str) -> None:
        self._tell(channel, payload)

    def _tell(self, channel: str, payload: str | None) -> None:
        for ear in tuple(self._ears[channel]):
            ear(payload)


async def _answers(connection: Any) -> bool:
    try:
        async with asyncio.timeout(ANSWER_S):
            await connection.execute("select 1")
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    return True
