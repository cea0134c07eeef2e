"""Those who wait for a message to appear, and note when: another connection to the database, a colleague's browser, a
program at the API. Each notes the moment by the message's id.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import asyncpg
import msgspec

from storage.outbox import OUTBOX_CHANNEL

OVERLAP: Final = 200
"""Facts looked for again: two lanes number theirs before they commit, and either may commit first."""

_ENDLESS: Final = aiohttp.ClientTimeout(total=None, sock_connect=10)


@dataclass(slots=True)
class Seen:
    """When each message was first seen, by its id. `looks`: set once nothing can be missed any more."""

    at: dict[str, float] = field(default_factory=dict)
    looks: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, message: str, at: float) -> None:
        self.at.setdefault(message, at)


@asynccontextmanager
async def at_commit(dsn: str) -> AsyncGenerator[Seen]:
    """Told by the commit's own notification, and sure once the fact can be read: later than the commit, never earlier."""
    seen, woken = Seen(), asyncio.Event()
    listening, reading = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    await listening.add_listener(OUTBOX_CHANNEL, lambda *_: woken.set())
    newest = await reading.fetchval("select coalesce(max(seq), 0) from outbox")
    look = await reading.prepare(
        "select seq, body from outbox"
        " where seq > $1 and kind = 'message_received' and seq <> all(cast($2 as bigint[]))"
    )
    known: deque[int] = deque([newest], maxlen=OVERLAP)

    async def watch() -> None:
        seen.looks.set()
        while True:
            await woken.wait()
            woken.clear()
            for row in await look.fetch(max(known) - OVERLAP, list(known)):
                known.append(row["seq"])
                seen.note(msgspec.json.decode(row["body"])["message"], time.perf_counter())

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch())
        try:
            yield seen
        finally:
            watching.cancel()
            listening.terminate()
            reading.terminate()


@asynccontextmanager
async def in_browser(url: str, *, email: str, password: str) -> AsyncGenerator[Seen]:
    """Signed in through the form; what a page that is open hears."""
    # A browser keeps cookies of an IP address; aiohttp only when asked.
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.CookieJar(unsafe=True), timeout=_ENDLESS
    ) as browser:
        async with browser.post(
            f"{url}/sign-in",
            data={"email": email, "password": password},
            allow_redirects=False,
        ) as answer:
            if answer.status != 303:
                raise AssertionError(f"the sign-in form answered {answer.status}")

        def noted(seen: Seen, data: bytes, at: float) -> None:
            for hint in msgspec.json.decode(data):
                if hint["kind"] == "message":
                    seen.note(hint["message"], at)

        async with browser.get(f"{url}/live") as stream, _streamed(stream, noted) as seen:
            yield seen


@asynccontextmanager
async def at_the_api(url: str, *, token: str) -> AsyncGenerator[Seen]:
    def noted(seen: Seen, data: bytes, at: float) -> None:
        seen.note(msgspec.json.decode(data)["data"]["message"], at)

    async with (
        aiohttp.ClientSession(timeout=_ENDLESS) as program,
        program.get(
            f"{url}/api/v1/events/stream",
            params={"type": "message_received"},
            headers={"Authorization": f"Bearer {token}"},
        ) as stream,
        _streamed(stream, noted) as seen,
    ):
        yield seen


@asynccontextmanager
async def _streamed(stream: aiohttp.ClientResponse, noted: Any) -> AsyncGenerator[Seen]:
    if stream.status != 200:
        raise AssertionError(f"{stream.url} answered {stream.status}")
    seen = Seen()

    async def read() -> None:
        # The first line comes when the stream has subscribed.
        async for line in stream.content:
            seen.looks.set()
            if line.startswith(b"data: "):
                noted(seen, line[6:], time.perf_counter())

    async with asyncio.TaskGroup() as group:
        reading = group.create_task(read())
        try:
            async with asyncio.timeout(10):
                await seen.looks.wait()
            yield seen
        finally:
            reading.cancel()
