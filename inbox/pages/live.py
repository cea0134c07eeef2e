"""GET /live: what changed, as server-sent events, for as long as the page is open.

Whose page it is is checked when it subscribes and again with every heartbeat, because a stream outlives the moment in
which somebody was allowed to read: a colleague who is disabled or signs out hears nothing more. Each hint is filtered by
the reader's rights; it names ids only, and what they stand for is asked for by an ordinary request.

The event id is a position of the outbox that the page has certainly seen (the one read a heartbeat ago: every fact up to
it has been broadcast since). A browser that reconnects sends it as Last-Event-ID, and is told what happened after it;
when that is too long ago, it is told to refresh.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec
from aiohttp import web

from inbox import security_headers, sessions
from inbox.live_hub import REFRESH, Hint, hint_of
from inbox.rights import Right
from inbox.visit import Page, Visit, get
from router import wire
from storage.reading.events import events_after, newest_position

HEARTBEAT_S: Final = 20
"""Under the half minute after which proxies and mobile networks forget a quiet connection."""
REPLAYED: Final = 200

_NEED_MESSAGES: Final = frozenset({"message", "changed", "conversation", "company"})
_encode = msgspec.json.Encoder().encode


async def live(visit: Visit) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={
            **security_headers.PAGE,
            "Content-Type": "text/event-stream; charset=utf-8",
            "Cache-Control": "no-store",
            # nginx: without it, hints wait in the proxy's buffer.
            "X-Accel-Buffering": "no",
        }
    )
    with visit.around.hub.page() as page, suppress(ConnectionResetError):
        # Subscribed before the past is read: what happens between the two comes twice rather than not at all.
        position = await _position(visit)
        missed = await _missed(visit)
        await response.prepare(visit.request)
        await response.write(b"retry: 2000\n\n" + _event(missed))
        while await _still_allowed(visit):
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    while True:
                        hints = [await page.next(), *page.waiting()]
                        shown = [each for each in hints if _concerns(visit, each)]
                        if shown:
                            await response.write(_event(shown))
            except TimeoutError:
                await response.write(b"id: %d\nevent: beat\ndata:\n\n" % position)
                position = await _position(visit)
    return response


async def me(visit: Visit) -> web.Response:
    """Who is signed in, and their session's token: for a page that lost its connection or its session, and found it again."""
    return web.json_response({"user": str(visit.me), "csrf": visit.colleague.csrf})


def _event(hints: Sequence[Hint]) -> bytes:
    return b"data: %b\n\n" % _encode(hints)


def _concerns(visit: Visit, hint: Hint) -> bool:
    if hint.kind in _NEED_MESSAGES:
        return visit.may(Right.READ_MESSAGES)
    if hint.kind == "contact":
        return visit.may(Right.READ_CONTACTS)
    return True


async def _missed(visit: Visit) -> list[Hint]:
    """What happened after the position the browser names; nothing for a page that has just been loaded."""
    given = visit.request.headers.get("Last-Event-ID", "")
    if not given.isdecimal() or len(given) > 18:
        return []
    async with visit.around.engine.connect() as connection:
        events = await events_after(connection, after=int(given), limit=REPLAYED + 1)
    if len(events) > REPLAYED:
        return [REFRESH]
    try:
        facts = [wire.decode_fact(msgspec.json.encode(each.data)) for each in events]
    except wire.Undecodable:
        return [REFRESH]
    hints = [hint_of(each) for each in facts]
    return [each for each in hints if each is not None and _concerns(visit, each)]


async def _position(visit: Visit) -> int:
    async with visit.around.engine.connect() as connection:
        return await newest_position(connection)


async def _still_allowed(visit: Visit) -> bool:
    who = await sessions.whose(visit.around, visit.request, now=visit.around.now())
    return who is not None and who.user_id == visit.me and who.role == visit.colleague.role


PAGES: Final[Sequence[Page]] = (
    get("/live", live, Right.SIGNED_IN),
    get("/live/me", me, Right.SIGNED_IN),
)
