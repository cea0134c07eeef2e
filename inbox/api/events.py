"""/events and /events/stream: everything that happened, by position; the second one live.

The stream is the feed read on and on: a broadcast fact only wakes it, and what it sends is read from the outbox behind
the last position sent. So a lost or early wake-up costs at most PATIENCE_S, and resuming by Last-Event-ID misses nothing.
"""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from inbox.api.authentication import authenticate
from inbox.api.endpoints import Answer, Api, Call, Cursor, Endpoint, Limit, ListOf, Nothing, listed
from inbox.api.problems import Problem, bad_request
from inbox.live_hub import Page as Hints
from storage.reading.events import EventRow, events_after, newest_position
from storage.reading.paging import DEFAULT_LIMIT, MOST, key_of, page_of

PATIENCE_S: Final = 2.0
BEAT_EVERY: Final = timedelta(seconds=15)
"""Under the half minute after which proxies forget a quiet connection."""
WRITE_TIMEOUT_S: Final = 30.0
"""A client that reads nothing for this long is gone; it resumes where it was."""

_NAME: Final = "events"
_encode = msgspec.json.Encoder().encode

Position = Annotated[int, Meta(ge=0, le=2**62)]


class Event(Struct, frozen=True, kw_only=True):
    """`type` says what happened, `data` to what, by ids (read them for what they are now). `position` only grows."""

    position: int
    id: UUID
    type: str
    at: datetime
    data: dict[str, Any]


def shown(row: EventRow) -> Event:
    return Event(position=row.position, id=row.id, type=row.kind, at=row.at, data=row.data)


class EventsQuery(Struct, frozen=True, kw_only=True):
    after: Annotated[
        Position | None,
        Meta(description="Behind this position; from the beginning when not given."),
    ] = None
    type: Annotated[tuple[str, ...], Meta(description="Of these types only.")] = ()
    cursor: Cursor = ""
    limit: Limit = DEFAULT_LIMIT


class StreamQuery(Struct, frozen=True, kw_only=True):
    after: Annotated[
        Position | None,
        Meta(
            description="Behind this position; from now on when neither it nor Last-Event-ID is given."
        ),
    ] = None
    type: Annotated[tuple[str, ...], Meta(description="Of these types only.")] = ()


async def list_events(api: Api, call: Call[EventsQuery, Nothing]) -> Answer:
    query = call.query
    after = query.after or 0
    if query.cursor:
        (after,) = key_of(query.cursor, _NAME, tuple[int])
    async with api.engine.connect() as connection:
        rows = await events_after(
            connection, after=after, kinds=query.type, limit=query.limit + 1, for_programs=True
        )
    return listed(
        page_of(rows, limit=query.limit, name=_NAME, key=lambda row: (row.position,)), shown
    )


async def stream_events(api: Api, call: Call[StreamQuery, Nothing]) -> web.StreamResponse:
    position = await _start(api, call)
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream; charset=utf-8",
            "Cache-Control": "no-store",
            # nginx: without it, events wait in the proxy's buffer.
            "X-Accel-Buffering": "no",
        }
    )
    with api.hub.page() as hints, suppress(ConnectionResetError, TimeoutError):
        await response.prepare(call.request)
        await _write(response, b"retry: 2000\n\n")
        beat_at = api.now() + BEAT_EVERY
        # Whoever has hung up is noticed by writing, and there may be nothing to write for a while. A process that stops ends
        # its streams, and who reads them goes on at another by Last-Event-ID.
        while call.request.transport is not None and not hints.is_over():
            rows, position = await _behind(api, position, kinds=call.query.type)
            if rows:
                await _write(response, b"".join(map(_framed, rows)))
            if len(rows) < MOST:
                await _nudged(hints)
            if api.now() >= beat_at:
                # A stream outlives the moment in which its token was good.
                try:
                    await authenticate(call.request, engine=api.engine, scope="read", now=api.now)
                except Problem:
                    break
                await _write(response, b": still here\n\n")
                beat_at = api.now() + BEAT_EVERY
    return response


async def _start(api: Api, call: Call[StreamQuery, Nothing]) -> int:
    given = call.request.headers.get("Last-Event-ID", "").strip()
    if given:
        if not given.isascii() or not given.isdecimal() or len(given) > 18:
            raise bad_request("invalid", "Last-Event-ID is a position: a whole number.")
        return int(given)
    if call.query.after is not None:
        return call.query.after
    async with api.engine.connect() as connection:
        return await newest_position(connection)


async def _behind(api: Api, position: int, *, kinds: tuple[str, ...]) -> tuple[list[EventRow], int]:
    """What is to be sent, and the position up to which nothing else is: the types not asked for are not read again."""
    async with api.engine.connect() as connection:
        newest = await newest_position(connection)
        rows = await events_after(
            connection, after=position, kinds=kinds, limit=MOST, for_programs=True
        )
    if len(rows) == MOST:
        return rows, rows[-1].position
    return rows, max(position, newest, *(row.position for row in rows))


async def _nudged(hints: Hints) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            await hints.next()
            hints.waiting()


def _framed(row: EventRow) -> bytes:
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (
        row.position,
        row.kind.encode(),
        _encode(shown(row)),
    )


async def _write(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(WRITE_TIMEOUT_S):
        await response.write(data)


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/events",
        tag="Events",
        summary="Everything that happened, the oldest first",
        description="Walk it with `cursor`; come back later with `after` = the last `position` you have.",
        scope="read",
        handler=list_events,
        query=EventsQuery,
        answers=ListOf[Event],
    ),
    Endpoint(
        method="GET",
        path="/events/stream",
        tag="Events",
        summary="The same, live, as server-sent events",
        description="Each event's id is its position, its data an Event. Reconnect with Last-Event-ID to go on where "
        "you were.",
        scope="read",
        handler=stream_events,
        query=StreamQuery,
        headers=(("Last-Event-ID", "The position of the last event received."),),
        answers="text/event-stream",
    ),
)
