"""What happens because time passes, in one process at a time.

Each turn looks only at what an index says is due, so that a quiet installation costs next to nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from storage import recording, timers
from storage.erasure import Files
from storage.policies import Policies
from storage.waiting_room import hand_out_queues
from storage.world import is_conflict
from workers.clock import Clock
from workers.supervisor import pause

log = structlog.get_logger()

TURN_S: Final = 1.0
EVERY_TURN: Final = (hand_out_queues,)
"""Somebody waits, and somebody is free."""
UNHURRIED: Final = (
    timers.move_on_the_silent,
    timers.wake_the_snoozed,
    timers.settle_orphans,
    timers.settle_calls,
)
"""Minutes have passed before they are due: every third turn is soon enough."""
DAY: Final = timedelta(days=1)


class Timers:
    def __init__(
        self,
        *,
        engine: AsyncEngine,
        now: Clock,
        media: Files,
        receive_only: frozenset[str] = frozenset(),
    ) -> None:
        self._engine = engine
        self._media = media
        self._now = now
        self._policies = Policies(receive_only=receive_only)
        self._daily_at: datetime | None = None

    async def run(self, stop: asyncio.Event) -> None:
        for turn in count():
            if await pause(stop, TURN_S):
                return
            for what in (*EVERY_TURN, *(UNHURRIED if turn % 3 == 0 else ())):
                await self._turn(what)
            now = self._now()
            if self._daily_at is None or now - self._daily_at >= DAY:
                await self._daily(now)
                self._daily_at = now

    async def _turn(self, what: Callable[..., Awaitable[Any]]) -> None:
        try:
            async with self._engine.begin() as connection:
                done = await what(connection, policies=self._policies, now=self._now())
        except DBAPIError as error:
            if not is_conflict(error):
                raise
            return  # it met the router; what is due is still due in the next turn
        if done:
            log.info("time_passed", what=what.__name__, conversations=done)

    async def _daily(self, now: datetime) -> None:
        async with self._engine.begin() as connection:
            for file in await timers.forget_the_old(connection, now=now):
                await self._media.delete(file)
        async with self._engine.begin() as connection:
            await recording.make_partitions(connection, now=now)
        await self._recount()

    async def _recount(self) -> None:
        async with self._engine.begin() as connection:
            wrong = await timers.recount_open(connection)
        for email, (kept, counted) in wrong.items():
            log.error("counter_was_wrong", manager=email, kept=kept, counted=counted)
