"""An exchange and an account that reaches it; captures of real calls."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import cast
from uuid import UUID

import aiohttp

from connectors.channels.asterisk import connector
from connectors.channels.asterisk.calls import Calls
from connectors.channels.asterisk.framing import Message
from connectors.connector import Account, Polled
from router.message import CallReported
from sandbox.asterisk import Event, Manager, captures
from sandbox.asterisk.manager import SECRET, USERNAME

LATER = datetime(2027, 1, 1, tzinfo=UTC)
PAYLOADS = Path(__file__).parents[1] / "payloads" / "asterisk"
REAL = captures(PAYLOADS / "captures.jsonl") | captures(PAYLOADS / "attended_transfer.jsonl")
CUSTOMER = "+79161234567"
NO_HTTP = cast("aiohttp.ClientSession", None)


def an_account(**fields: str) -> Account:
    defaults = {each.name: each.default for each in connector.fields}
    own = {
        "host": "127.0.0.1",
        "username": USERNAME,
        "secret": SECRET,
        "inbound_context": "from-trunk",
        "recordings_url": "https://pbx.example/monitor/",
    }
    return Account(id=UUID(int=1), kind="asterisk", slug="pbx", fields=defaults | own | fields)


def a_message(event: Event) -> Message:
    return Message(dict(event))


def told(
    events: Iterable[Event], calls: Calls | None = None, *, now: datetime = LATER
) -> list[CallReported]:
    calls = calls or Calls(an_account())
    return [report for event in events for report in calls.take(a_message(event), now=now)]


@dataclass
class Watched:
    """What a held connection brought, and the cursor that was stored last."""

    manager: Manager
    account: Account
    cursor: str = ""
    reports: list[CallReported] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    coming: AsyncIterator[Polled] | None = None

    async def open(self) -> None:
        """Connected and looking: what happens from here on is told."""
        assert connector.watch is not None
        self.coming = connector.watch(self.account, self.cursor, NO_HTTP)
        await self.next()

    async def next(self) -> Polled:
        assert self.coming is not None
        async with asyncio.timeout(5):
            polled = await anext(self.coming)
        found = [each.event for each in polled.incoming]
        self.reports += [each for each in found if isinstance(each, CallReported)]
        self.ignored += polled.ignored
        self.cursor = polled.cursor
        return polled

    async def until(self, phases: int) -> list[CallReported]:
        while len(self.reports) < phases:
            await self.next()
        return self.reports

    async def close(self) -> None:
        if isinstance(self.coming, AsyncGenerator):
            await self.coming.aclose()
        self.coming = None


@asynccontextmanager
async def watched(**fields: str) -> AsyncGenerator[Watched]:
    async with Manager().running() as manager:
        found = Watched(manager, an_account(port=str(manager.port), **fields))
        await found.open()
        try:
            yield found
        finally:
            await found.close()
