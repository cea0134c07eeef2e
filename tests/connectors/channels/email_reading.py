"""A mailbox that is read as in earnest: Polling around the channel, with the intake and the cursors in memory."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from connectors.channel_log import ChannelLog, Entry
from connectors.channels.email import connector
from connectors.connector import Account, Incoming, NotDurable
from connectors.outgoing import open_http
from connectors.polling import Pace, Polling
from tests.conftest import NOON
from tests.connectors.channels.email_world import Connected

PACE = Pace(lease=30, look=0.02, first_wait=0.02, longest_wait=0.1, least=0.0)


@dataclass
class Reader:
    """What was made durable, and what the list of channels was told. `gate`: opened, it lets batches be taken."""

    keys: list[str] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    ignored_reasons: list[str] = field(default_factory=list)
    cursor: str = ""
    told: list[tuple[str, str]] = field(default_factory=list)
    not_durable: int = 0
    forgets: int = 0
    """So many times the cursor cannot be stored after what came was made durable."""
    gate: asyncio.Event | None = None
    keep: bool = False
    incoming: list[Incoming] = field(default_factory=list)

    async def accept(self, account: Account, incoming: Sequence[Incoming]) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.not_durable:
            self.not_durable -= 1
            raise NotDurable
        self.batches.append(len(incoming))
        for each in incoming:
            self.keys.append(each.event.key)
            self.subjects.append(getattr(each.event, "subject", ""))
        if self.keep:
            self.incoming += incoming

    async def load(self, account: UUID, what: str) -> str:
        return self.cursor

    async def save(self, account: UUID, what: str, value: str) -> None:
        if self.forgets:
            self.forgets -= 1
            raise OSError("no database")
        self.cursor = value

    async def take(self, name: str, *, seconds: float) -> bool:
        return True

    async def give_back(self, name: str) -> None: ...

    async def works(self, account: Account) -> None:
        self.told.append(("works", ""))

    async def troubled(self, account: Account, reason: str) -> None:
        self.told.append(("troubled", reason))

    async def broken(self, account: Account, reason: str) -> None:
        self.told.append(("broken", reason))

    def received(self, kind: str) -> None: ...

    def refused(self, kind: str, status: int) -> None:
        raise AssertionError

    def ignored(self, kind: str, reason: str) -> None:
        self.ignored_reasons.append(reason)

    def write(self, entry: Entry) -> None: ...

    async def has(self, count: int) -> None:
        await until(lambda: len(set(self.keys)) >= count)


@asynccontextmanager
async def reading(account: Account, reader: Reader) -> AsyncGenerator[None]:
    async with open_http() as http, asyncio.TaskGroup() as group:
        polling = Polling(
            connectors={"email": connector},
            accounts=Connected([account]),
            intake=reader,
            leases=reader,
            cursors=reader,
            conditions=reader,
            counts=reader,
            log=ChannelLog(reader, lambda: NOON),
            http=http,
            chance=lambda: 0.5,
            pace=PACE,
        )
        task = group.create_task(polling.run())
        try:
            yield
        finally:
            task.cancel()


async def until(true: Callable[[], Any], *, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.01)
