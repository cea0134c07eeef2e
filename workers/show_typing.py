"""A colleague writes an answer: where the platform can show it, the customer sees that somebody is typing.

    composer ─▶ draft ─▶ AnnounceTyping ─broadcast─▶ ShowTyping ─▶ connector.show_typing

One process does it at a time, so that what is counted here is counted once. Nothing waits: what cannot be shown at once
is not worth showing later.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

import aiohttp
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.connector import Connector
from connectors.errors import SendError
from router.facts import Fact, ReplyBegun
from storage.platform_keys import open_chat
from workers.account_book import AccountBook
from workers.clock import Clock
from workers.supervisor import is_away
from workers.telemetry import TYPING

log = structlog.get_logger()

EVERY_S: Final = 4.0
"""Between two in one conversation: Telegram shows it for 5 seconds, VK for 10, WhatsApp for 25."""
PATIENCE_S: Final = 5.0
MOST_AT_ONCE: Final = 50
STALE: Final = timedelta(seconds=10)
"""A broadcast that was held up: they may have sent it long since."""


@dataclass(kw_only=True)
class ShowTyping:
    engine: AsyncEngine
    connectors: Mapping[str, Connector]
    accounts: AccountBook
    http: aiohttp.ClientSession
    now: Clock
    elapsed: Callable[[], float]
    """Seconds that only grow."""

    def __post_init__(self) -> None:
        self._group: asyncio.TaskGroup | None = None
        self._under_way = 0
        self._last: dict[UUID, float] = {}

    def hear(self, fact: Fact | None) -> None:
        if not isinstance(fact, ReplyBegun) or fact.conversation is None or self._group is None:
            return
        if self._under_way >= MOST_AT_ONCE or self.now() - fact.at > STALE:
            TYPING.labels("", "dropped").inc()
        elif self._is_due(fact.conversation):
            self._under_way += 1
            self._group.create_task(self._show(fact.conversation))

    async def run(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                await stop.wait()
            finally:
                self._group = None

    def _is_due(self, conversation: UUID) -> bool:
        since = self.elapsed() - EVERY_S
        # The oldest first: each was put in at the end.
        while self._last and (oldest := next(iter(self._last.items())))[1] <= since:
            del self._last[oldest[0]]
        if conversation in self._last:
            return False
        self._last[conversation] = since + EVERY_S
        return True

    async def _show(self, conversation: UUID) -> None:
        kind = ""
        try:
            async with asyncio.timeout(PATIENCE_S):
                async with self.engine.connect() as connection:
                    found = await open_chat(connection, conversation, now=self.now())
                account = self.accounts.by_id(found.account_id) if found is not None else None
                show = self.connectors[account.kind].show_typing if account is not None else None
                if found is None or account is None or show is None:
                    return
                kind = account.kind
                await show(account, found.chat, self.http, message_id=found.last_inbound)
            TYPING.labels(kind, "shown").inc()
        except (SendError, TimeoutError) as error:
            # The customer sees the answer without it; nothing else depends on it.
            TYPING.labels(kind, type(error).__name__).inc()
            log.debug(
                "typing_not_shown", conversation_id=str(conversation), error=repr(error)[:200]
            )
        except Exception as error:
            if not is_away(error):
                raise
            TYPING.labels(kind, "away").inc()
        finally:
            self._under_way -= 1
