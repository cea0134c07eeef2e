"""A colleague opened a conversation: where the platform can show it, the customer sees that they were read."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import aiohttp
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.connector import Connector
from connectors.errors import SendError
from router.facts import ConversationChanged, Fact
from storage import platform_keys
from workers.account_book import AccountBook
from workers.supervisor import is_away, unless

log = structlog.get_logger()

WAITING: Final = 1000
PATIENCE_S: Final = 15.0


@dataclass(kw_only=True)
class ReadMarks:
    engine: AsyncEngine
    connectors: Mapping[str, Connector]
    accounts: AccountBook
    http: aiohttp.ClientSession

    def __post_init__(self) -> None:
        self._read: asyncio.Queue[UUID] = asyncio.Queue(WAITING)
        self._at_work = False

    def hear(self, fact: Fact | None) -> None:
        if not self._at_work or not isinstance(fact, ConversationChanged) or fact.what != "read":
            return
        account = self.accounts.by_id(fact.account) if fact.account is not None else None
        if account is None or self.connectors[account.kind].mark_read is None:
            return
        if fact.conversation is not None and not self._read.full():
            self._read.put_nowait(fact.conversation)

    async def run(self, stop: asyncio.Event) -> None:
        self._at_work = True
        try:
            while (conversation := await unless(stop, self._read.get())) is not None:
                await self._mark(conversation)
        finally:
            self._at_work = False

    async def _mark(self, conversation: UUID) -> None:
        try:
            async with self.engine.connect() as connection:
                found = await platform_keys.chat_of(connection, conversation)
            account = self.accounts.by_id(found[0]) if found is not None else None
            mark = self.connectors[account.kind].mark_read if account is not None else None
            if account is None or found is None or mark is None:
                return
            async with asyncio.timeout(PATIENCE_S):
                await mark(account, found[1], self.http)
        except (SendError, TimeoutError) as error:
            # The customer sees it a little later, or with the answer; nothing else depends on it.
            log.info(
                "read_mark_not_set", conversation_id=str(conversation), error=repr(error)[:200]
            )
        except Exception as error:
            if not is_away(error):
                raise
