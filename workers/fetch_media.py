"""Files that customers sent are fetched from their platform into the media store; the message never waits for it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import aiohttp
import puremagic
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.connector import Account, Connector
from connectors.errors import SendError, Throttled
from storage import wanted_files
from storage.media import MediaStore, TooLarge
from storage.wanted_files import ATTEMPTS, WantedFile
from workers.account_book import AccountBook
from workers.clock import Clock
from workers.supervisor import unless
from workers.telemetry import FETCHED

log = structlog.get_logger()

AT_ONCE: Final = 4
LOOK_S: Final = 2.0
FILE_S: Final = 240.0
"""For one file; its claim lasts five minutes."""

LIMIT: Final = 100 << 20
"""Bytes. Above every platform's own limit for files that it hands to bots and webhooks."""

_PACKED: Final = b"PK\x03\x04"

BACKOFF_S: Final = (2, 10, 30, 120, 600, 1800, 3600)


@dataclass(kw_only=True)
class MediaFetcher:
    engine: AsyncEngine
    connectors: Mapping[str, Connector]
    accounts: AccountBook
    media: MediaStore
    http: aiohttp.ClientSession
    now: Clock

    def __post_init__(self) -> None:
        self._news = asyncio.Event()

    def wake(self) -> None:
        self._news.set()

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._news.clear()
            async with self.engine.begin() as connection:
                files = await wanted_files.claim(connection, now=self.now(), limit=AT_ONCE)
            if files:
                async with asyncio.TaskGroup() as group:
                    for file in files:
                        group.create_task(self._fetch(file))
                continue
            try:
                async with asyncio.timeout(LOOK_S):
                    await unless(stop, self._news.wait())
            except TimeoutError:
                continue

    async def _fetch(self, file: WantedFile) -> None:
        account = self.accounts.by_id(file.account_id)
        kind = account.kind if account else "unknown"
        fetch = self.connectors[account.kind].fetch if account else None
        if account is None or fetch is None:
            # Paused or removed: it may come back, and the file may still be there.
            await self._later(file, "The channel is not connected.", BACKOFF_S[-1])
            return
        try:
            async with asyncio.timeout(FILE_S):
                await self._store(account, file)
        except SendError as error:
            wait = error.retry_after if isinstance(error, Throttled) else None
            if error.again:
                await self._later(file, str(error), wait)
            else:
                await self._fail(file, str(error))
            FETCHED.labels(kind, type(error).__name__).inc()
        except TooLarge:
            await self._fail(file, f"The file is larger than {LIMIT >> 20} MB.")
            FETCHED.labels(kind, "TooLarge").inc()
        except TimeoutError:
            await self._later(file, "The platform did not send the file in time.", None)
            FETCHED.labels(kind, "Timeout").inc()
        else:
            FETCHED.labels(kind, "stored").inc()

    async def _store(self, account: Account, file: WantedFile) -> None:
        fetch = self.connectors[account.kind].fetch
        assert fetch is not None  # noqa: S101  # _fetch has looked
        fetched = await fetch(account, file.ref, self.http)
        sha256, size = await self.media.put_stream(fetched.chunks, limit=LIMIT)
        mime = await self._found_by_content(sha256, fetched.mime or file.mime)
        async with self.engine.begin() as connection:
            await wanted_files.stored(
                connection,
                file,
                sha256=sha256,
                size=size,
                name=fetched.name or file.name,
                mime=mime,
                now=self.now(),
            )

    async def _found_by_content(self, sha256: str, said: str) -> str:
        """What the file is, whatever it is called."""
        head = b""
        async for chunk in self.media.stream(sha256):
            head += chunk
            if len(head) >= 8192:
                break
        try:
            found = str(puremagic.from_string(head, mime=True))
        except puremagic.PureError:
            found = ""
        if head.startswith(_PACKED) and said.startswith("application/"):
            # Archives, documents and programs are all packed alike: the beginning does not say which of them it is.
            return said
        return _as_browsers_call_it(found, head) or said or "application/octet-stream"

    async def _later(self, file: WantedFile, reason: str, wait: float | None) -> None:
        if file.attempts >= ATTEMPTS:
            await self._fail(file, reason)
            return
        seconds = wait if wait is not None else BACKOFF_S[min(file.attempts, len(BACKOFF_S)) - 1]
        async with self.engine.begin() as connection:
            await wanted_files.put_off(
                connection, file, until=self.now() + timedelta(seconds=seconds), reason=reason[:500]
            )

    async def _fail(self, file: WantedFile, reason: str) -> None:
        log.warning("file_not_fetched", attachment_id=str(file.id), reason=reason[:200])
        async with self.engine.begin() as connection:
            await wanted_files.failed(connection, file, reason=reason[:500], now=self.now())


def _as_browsers_call_it(found: str, head: bytes) -> str:
    """Sound by the names under which it is played; puremagic has others, and none for some of what exchanges record.

    MPEG audio (https://www.rfc-editor.org/rfc/rfc3003): a frame begins with eleven ones, or a tag with "ID3".
    """
    if found == "audio/wave":
        return "audio/wav"
    if found == "application/ogg":
        return "video/ogg" if b"theora" in head else "audio/ogg"
    if not found and (head[:3] == b"ID3" or (head[:1] == b"\xff" and head[1:2] >= b"\xe0")):
        return "audio/mpeg"
    return found
