"""GET /live: what changed, as server-sent events, for as long as the page is open.

Whose page it is is checked when it subscribes, with every heartbeat, and whenever something changes about the reader,
because a stream outlives the moment in which somebody was allowed to read: a colleague who is disabled or signs out hears
nothing more. Each hint is filtered by the reader's rights and by what they see; it names ids only, and what they stand for
is asked for by an ordinary request. Of what has just left their sight they are told, so that it leaves the page.

The event id is a position of the outbox that the page has certainly seen (the one read a heartbeat ago: every fact up to
it has been broadcast since). A browser that reconnects sends it as Last-Event-ID, and is told what happened after it;
when that is too long ago, it is told to refresh.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final
from uuid import UUID

import msgspec
from aiohttp import web

from inbox import security_headers, sessions
from inbox.live_hub import REFRESH, Hint, Page as OpenPage, hint_of
from inbox.rights import Right
from inbox.visit import Page, Visit, get
from router import wire
from storage.reading.events import events_after, newest_position
from storage.reading.sight import Kind, once_led, once_seen, seen

HEARTBEAT_S: Final = 20
"""Under the half minute after which proxies and mobile networks forget a quiet connection."""
REPLAYED: Final = 200

_NEED_MESSAGES: Final = frozenset({"message", "changed", "conversation", "company"})
_ONLY_INSIDE: Final = frozenset({"message", "changed", "company"})
"""What goes on in a conversation. That it has left their sight is told to those who had it, and after that no more of it."""
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
        while not page.is_over() and await _still_allowed(visit):
            beat = asyncio.get_running_loop().time() + HEARTBEAT_S
            while hints := await _heard(page, until=beat):
                if page.is_over():
                    break
                if any(each.kind == "labels" for each in hints):
                    # What the page asks for next is drawn in the new colours, also when another process changed them.
                    visit.around.house.forget()
                if shown := await _shown(visit, hints):
                    await response.write(_event(shown))
                if any(_is_about_me(visit, each) for each in hints):
                    break
            else:
                await response.write(b"id: %d\nevent: beat\ndata:\n\n" % position)
                position = await _position(visit)
    return response


async def _heard(page: OpenPage, *, until: float) -> list[Hint]:
    """At least one, or none when the heart has to beat."""
    try:
        async with asyncio.timeout_at(until):
            return [await page.next(), *page.waiting()]
    except TimeoutError:
        return []


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
    if hint.kind == "notice":
        return hint.manager == visit.me
    return True


async def _shown(visit: Visit, hints: Iterable[Hint]) -> list[Hint]:
    """Those that this page is told. What a limited reader may hear of is asked for once for all that came together."""
    concerning = [each for each in hints if _concerns(visit, each)]
    sight = visit.sight
    if sight.whole:
        return concerning
    unknown = [each for each in concerning if each.manager != visit.me]
    about = {each: _about(each) for each in unknown}
    if not any(id_ for id_, _ in about.values()):
        return concerning
    async with visit.around.engine.connect() as connection:
        heard: set[UUID | None] = {
            None,
            *await once_seen(connection, sight, _talks(about, "conversation")),
            *await once_led(connection, sight, _ids(about.values(), of="lead")),
            *await seen(connection, sight, "contact", _ids(about.values(), of="contact")),
        }
        there = await seen(connection, sight, "conversation", _talks(about, *_NEED_MESSAGES))
    return [
        each
        for each in concerning
        if each not in about
        or (
            about[each][0] in heard
            and (each.kind not in _ONLY_INSIDE or each.conversation in there)
        )
    ]


def _talks(about: Mapping[Hint, tuple[UUID | None, Kind]], *kinds: str) -> set[UUID]:
    return _ids((each for hint, each in about.items() if hint.kind in kinds), of="conversation")


def _about(hint: Hint) -> tuple[UUID | None, Kind]:
    """What decides whether a hint is for a reader's eyes."""
    if hint.kind in _NEED_MESSAGES or (hint.lead is None and hint.contact is None):
        return hint.conversation, "conversation"
    return (hint.lead, "lead") if hint.lead is not None else (hint.contact, "contact")


def _ids(about: Iterable[tuple[UUID | None, Kind]], *, of: Kind) -> set[UUID]:
    return {id_ for id_, kind in about if id_ is not None and kind == of}


def _is_about_me(visit: Visit, hint: Hint) -> bool:
    """Also when somebody is signed out or given another role: the stream ends, or begins anew, at once."""
    return hint.kind == "presence" and hint.manager == visit.me


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
    return await _shown(visit, [each for each in hints if each is not None])


async def _position(visit: Visit) -> int:
    async with visit.around.engine.connect() as connection:
        return await newest_position(connection)


async def _still_allowed(visit: Visit) -> bool:
    who = await sessions.whose(visit.around, visit.request, now=visit.around.now())
    return (
        who is not None
        and who.user_id == visit.me
        and (who.role, who.sight) == (visit.colleague.role, visit.sight)
    )


PAGES: Final[Sequence[Page]] = (
    get("/live", live, Right.SIGNED_IN),
    get("/live/me", me, Right.SIGNED_IN),
)
