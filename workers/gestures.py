"""Small courtesies to platforms that nobody waits for: a pressed button stops spinning."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import aiohttp
import structlog

from connectors.connector import Connector
from connectors.errors import SendError
from router.facts import ButtonWasPressed, Fact
from workers.account_book import AccountBook
from workers.supervisor import unless

log = structlog.get_logger()

WAITING: Final = 1000
PATIENCE_S: Final = 10.0


@dataclass(kw_only=True)
class Gestures:
    connectors: Mapping[str, Connector]
    accounts: AccountBook
    http: aiohttp.ClientSession

    def __post_init__(self) -> None:
        self._pressed: asyncio.Queue[ButtonWasPressed] = asyncio.Queue(WAITING)

    def hear(self, fact: Fact | None) -> None:
        if isinstance(fact, ButtonWasPressed) and not self._pressed.full():
            self._pressed.put_nowait(fact)

    async def run(self, stop: asyncio.Event) -> None:
        while (pressed := await unless(stop, self._pressed.get())) is not None:
            account = self.accounts.by_id(pressed.account) if pressed.account else None
            if account is None:
                continue
            acknowledge = self.connectors[account.kind].acknowledge
            if acknowledge is None:
                continue
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await acknowledge(account, pressed.callback, self.http)
            except (SendError, TimeoutError) as error:
                # The button spins a little longer; nothing else depends on it.
                log.info("button_not_acknowledged", account=account.slug, error=repr(error)[:200])
