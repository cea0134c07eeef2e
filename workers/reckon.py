"""Makes anew, in the background, what reports count of those for whom it is due: what changed without a fact to tell.

a rule has changed (storage.analytics.rule_changes) ─┐
a visitor's touches were adopted, a person erased    ├─▶ reckoning_due ──▶ a few contacts at a time
a rate was entered, an installation is updated      ─┘

And then takes away the words that nothing has any more of those who were erased (storage.origins).
"""

import asyncio
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.analytics import reckoning
from storage.analytics.rule_changes import notice_changes, rules_now
from storage.origins import forget_unused
from storage.world import is_conflict
from workers.clock import Clock
from workers.supervisor import pause

log = structlog.get_logger()

TURN_S: Final = 1.0
AT_ONCE: Final = 100
"""Contacts in a transaction: the recorder may wait for the sums that it holds."""
LOOK_EVERY: Final = timedelta(seconds=5)
"""Settings change rarely, and reports may be so late."""
FORGET_EVERY: Final = timedelta(minutes=1)


class Reckoner:
    def __init__(self, *, engine: AsyncEngine, now: Clock, time_zone: str) -> None:
        self._engine = engine
        self._now = now
        self._time_zone = time_zone
        self._looked_at: datetime | None = None
        self._forgot_at: datetime | None = None

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            done = 0
            try:
                await self._look()
                done = await self.reckon_some()
                await self._forget()
            except DBAPIError as error:
                if not is_conflict(error):
                    raise
                # It met the recorder; who is due is still due in the next turn.
            if done < AT_ONCE:
                await pause(stop, TURN_S)

    async def _look(self) -> None:
        now = self._now()
        if self._looked_at is not None and now - self._looked_at < LOOK_EVERY:
            return
        async with self._engine.begin() as connection:
            if await notice_changes(connection, time_zone=self._time_zone, now=now):
                log.info("reports_counted_anew")
        self._looked_at = now

    async def _forget(self) -> None:
        now = self._now()
        if self._forgot_at is not None and now - self._forgot_at < FORGET_EVERY:
            return
        async with self._engine.begin() as connection:
            if forgotten := await forget_unused(connection):
                log.info("origins_forgotten", count=forgotten)
        self._forgot_at = now

    async def reckon_some(self) -> int:
        """How many contacts were due, AT_ONCE at most."""
        async with self._engine.begin() as connection:
            rules = await rules_now(connection, time_zone=self._time_zone, now=self._now())
            return await reckoning.reckon_due(connection, rules, now=self._now(), limit=AT_ONCE)
