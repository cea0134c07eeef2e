"""Tells colleagues what concerns them: the feed of facts read on and on, reminders, promises that are broken,
advertising accounts that tell nothing.

The work is `storage.notice_feed` and `storage.reminders`; here is when it is done: as soon as a fact is told, and every
second for what falls due.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from router.facts import Fact, NoticeChanged
from storage import notice_feed, notices, reminders
from storage.company import company_zone
from storage.world import is_conflict
from workers.clock import Clock
from workers.supervisor import pause, unless

log = structlog.get_logger()

LOOK_S: Final = 1.0
GATHER_S: Final = 0.05
"""Facts of one moment are read together; nobody sees a bell move earlier than that."""
PROMISES_EVERY: Final = timedelta(seconds=15)
DAY: Final = timedelta(days=1)


class Notifier:
    def __init__(self, *, engine: AsyncEngine, now: Clock, time_zone: str) -> None:
        self._engine = engine
        self._now = now
        self._zone = time_zone
        self._news = asyncio.Event()
        self._promises_at: datetime | None = None
        self._pruned_at: datetime | None = None

    def hear(self, fact: Fact | None) -> None:
        if not isinstance(fact, NoticeChanged):
            self._news.set()

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._news.clear()
            await self.turn()
            try:
                async with asyncio.timeout(LOOK_S):
                    await unless(stop, self._news.wait())
            except TimeoutError:
                continue
            await pause(stop, GATHER_S)

    async def turn(self) -> None:
        """Everything there is to tell at the moment."""
        while await self._done(notice_feed.follow) == notice_feed.BATCH:
            pass
        await self._done(reminders.remind)
        now = self._now()
        if self._promises_at is None or now - self._promises_at >= PROMISES_EVERY:
            await self._done(reminders.tell_of_broken_promises)
            await self._done(reminders.tell_of_ad_accounts)
            self._promises_at = now
        if self._pruned_at is None or now - self._pruned_at >= DAY:
            async with self._engine.begin() as connection:
                await notices.prune(connection, now=now)
            self._pruned_at = now

    async def _done(self, what: Callable[..., Awaitable[int]]) -> int:
        try:
            async with self._engine.begin() as connection:
                zone = await company_zone(connection, otherwise=self._zone)
                return await what(connection, now=self._now(), zone=zone)
        except DBAPIError as error:
            if not is_conflict(error):
                raise
            log.info("notices_met_another", what=what.__name__)
            return 0  # what is not told yet is told in the next turn
