"""How the visitor's page learns what is new: the conversation's `seq` is the cursor, the database the truth.

Three ways with one cursor: a stream of server-sent events read by fetch (an EventSource cannot send the token's
header, and a URL must not), a long poll for proxies that hold streams back, and plain pages. Each begins a few
messages before the cursor, so that edits, deletions and ticks missed meanwhile come too; the reader replaces by id.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from aiohttp import ClientConnectionResetError, web

from connectors.channels.site_chat.door import Door, Guest, as_json
from connectors.channels.site_chat.files import link_to
from connectors.channels.site_chat.visitors import Visitor
from connectors.connector import Surroundings
from connectors.errors import Malformed
from connectors.rates import Rate
from router.thread import ThreadMessage

OVERLAP: Final = 30
PAGE: Final = 50
BATCH: Final = 200
HEARTBEAT_S: Final = 25
"""Proxies cut what is silent for 60 s."""
LIFE: Final = timedelta(minutes=30)
"""A stream ends and the widget opens the next, so that a restart never waits for one."""
READS: Final = Rate(count=4, seconds=1, burst=60)


class Stream:
    def __init__(self, surroundings: Surroundings, door: Door) -> None:
        self._surroundings = surroundings
        self._door = door

    async def messages(self, guest: Guest) -> web.Response:
        """`after` with `wait` seconds at most, or `before`, or neither: the newest page."""
        visitor = self._door.visitor(guest)
        self._door.limit("read", visitor.chat, READS)
        threads, account = self._surroundings.threads, guest.account.id
        after, before = _whole(guest, "after"), _whole(guest, "before")
        if after is None:
            found = await threads.before(account, visitor.chat, before, limit=PAGE)
            return self._page(guest, found, more=len(found) == PAGE)
        wait = min(_whole(guest, "wait") or 0, HEARTBEAT_S)
        async with threads.changes(account, visitor.chat) as changes:
            found = await self._window(guest, visitor, after)
            if wait and (not found or found[-1].seq <= after):
                with suppress(TimeoutError, StopAsyncIteration):
                    async with asyncio.timeout(wait):
                        await anext(changes)
                found = await self._window(guest, visitor, after)
        return self._page(guest, found, more=len(found) == BATCH)

    async def events(self, guest: Guest) -> web.StreamResponse:
        visitor = self._door.visitor(guest)
        self._door.limit("read", visitor.chat, READS)
        after = _whole(guest, "after") or 0
        response = web.StreamResponse(
            headers={
                **self._door.cors(guest),
                "Content-Type": "text/event-stream; charset=utf-8",
                "Cache-Control": "no-store, no-transform",
                # nginx holds responses back until a buffer is full.
                "X-Accel-Buffering": "no",
            }
        )
        await response.prepare(guest.request)
        # A visitor who closes the page is no failure.
        with suppress(ConnectionResetError, ClientConnectionResetError):
            await self._tell(guest, visitor, after, response)
        return response

    async def _tell(
        self, guest: Guest, visitor: Visitor, after: int, response: web.StreamResponse
    ) -> None:
        # The first bytes at once: by them the widget knows that no proxy holds the stream back.
        await response.write(b": allo\n\n")
        told: dict[UUID, dict[str, Any]] = {}
        end = self._surroundings.now() + LIFE
        async with (
            self._surroundings.threads.changes(guest.account.id, visitor.chat) as changes,
            asyncio.TaskGroup() as group,
        ):
            something, over = asyncio.Event(), asyncio.Event()
            listener = group.create_task(_listen(changes, something, over))
            try:
                while not over.is_set() and self._surroundings.now() < end:
                    something.clear()
                    after = await self._tell_news(guest, visitor, after, told, response)
                    try:
                        async with asyncio.timeout(HEARTBEAT_S):
                            await something.wait()
                    except TimeoutError:
                        await response.write(b": still here\n\n")
            except (ConnectionResetError, ClientConnectionResetError):
                return
            finally:
                listener.cancel()

    async def _tell_news(
        self,
        guest: Guest,
        visitor: Visitor,
        after: int,
        told: dict[UUID, dict[str, Any]],
        response: web.StreamResponse,
    ) -> int:
        while True:
            window = await self._window(guest, visitor, after)
            shown = [(each.id, self._shown(guest, each)) for each in window]
            news = [each for id_, each in shown if told.get(id_) != each]
            if news:
                body = msgspec.json.encode({"messages": news})
                await response.write(b"event: messages\ndata: " + body + b"\n\n")
            told |= dict(shown)
            after = max(after, window[-1].seq) if window else after
            if len(window) < BATCH:
                return after

    async def _window(self, guest: Guest, visitor: Visitor, after: int) -> Sequence[ThreadMessage]:
        return await self._surroundings.threads.after(
            guest.account.id, visitor.chat, max(0, after - OVERLAP), limit=BATCH
        )

    def _page(self, guest: Guest, found: Sequence[ThreadMessage], *, more: bool) -> web.Response:
        return as_json({"messages": [self._shown(guest, each) for each in found], "more": more})

    def _shown(self, guest: Guest, message: ThreadMessage) -> dict[str, Any]:
        mine = message.direction == "in"
        chat, _, posted_as = message.external_id.partition(":")
        return {
            "id": str(message.id),
            "seq": message.seq,
            "mine": mine,
            "client_msg_id": posted_as if mine and chat else "",
            "text": message.text,
            "author": message.author,
            "at": message.sent_at.isoformat(),
            "edited": message.edited,
            "deleted": message.deleted,
            "state": message.state if mine else "",
            "files": [
                {
                    "id": str(file.id),
                    "kind": file.kind,
                    "name": file.name,
                    "mime": file.mime,
                    "size": file.size,
                    "link": self._link(file.sha256, file.name, file.mime),
                }
                for file in message.files
            ],
        }

    def _link(self, sha256: str, name: str, mime: str) -> str:
        if not sha256:
            return ""
        signed = link_to(
            sha256=sha256,
            name=name,
            mime=mime,
            secret=self._surroundings.secret,
            now=self._surroundings.now(),
        )
        return f"files/{signed}"


async def _listen(
    changes: AsyncIterator[None], something: asyncio.Event, over: asyncio.Event
) -> None:
    async for _ in changes:
        something.set()
    over.set()
    something.set()


def _whole(guest: Guest, name: str) -> int | None:
    """Raises Malformed."""
    written = guest.request.query.get(name)
    if written is None:
        return None
    if not written.isascii() or not written.isdecimal() or len(written) > 9:
        raise Malformed(f"{name} is not a number")
    return int(written)
