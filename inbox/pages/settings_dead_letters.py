"""What could not be processed: why, and what to do with it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from aiohttp import web

from inbox.rights import Right
from inbox.visit import Page, Visit, get, post
from storage.dead_letters import (
    count_open_letters,
    find_letter,
    kinds_of_letters,
    open_letters,
)

PAGE: Final = 50
SHOWN_BYTES: Final = 20_000


async def letters(visit: Visit) -> web.Response:
    after = _place(visit.request.query.get("after", ""))
    async with visit.around.engine.connect() as connection:
        found = await open_letters(connection, after=after, limit=PAGE + 1)
        count = await count_open_letters(connection)
        kinds = await kinds_of_letters(connection)
    more = found[PAGE - 1] if len(found) > PAGE else None
    return visit.page(
        "settings/dead_letters.html",
        letters=found[:PAGE],
        count=count,
        kinds=kinds,
        more=f"{more.first_seen.isoformat()}~{more.id}" if more else "",
    )


async def letter(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        found = await find_letter(connection, visit.id())
    if found is None:
        raise web.HTTPNotFound
    return visit.page(
        "settings/dead_letter.html",
        letter=found.letter,
        traceback=found.traceback,
        body=_readable(found.body)[:SHOWN_BYTES],
        cut=len(found.body) > SHOWN_BYTES,
    )


async def replay(visit: Visit) -> web.Response:
    await visit.around.dead_letters.replay(visit.id(), by=visit.me)
    return visit.done("/settings/dead-letters", said=visit._("It is tried again."))


async def replay_alike(visit: Visit) -> web.Response:
    count = await visit.around.dead_letters.replay_alike(visit.id(), by=visit.me)
    return visit.done(
        "/settings/dead-letters",
        said=visit.language.n("%(num)s is tried again.", "%(num)s are tried again.", count)
        % {"num": count},
    )


async def drop(visit: Visit) -> web.Response:
    await visit.around.dead_letters.drop(visit.id(), by=visit.me)
    return visit.back("/settings/dead-letters")


def _readable(body: bytes) -> str:
    """JSON on lines of its own; anything else as it is."""
    try:
        return msgspec.json.format(body, indent=2).decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body.decode(errors="replace")


def _place(written: str) -> tuple[datetime, UUID] | None:
    at, _, id_ = written.partition("~")
    if not id_:
        return None
    try:
        return datetime.fromisoformat(at.replace(" ", "+")), UUID(id_)
    except ValueError as error:
        raise web.HTTPNotFound from error


PAGES: Final[Sequence[Page]] = (
    get("/settings/dead-letters", letters, Right.MANAGE_DEAD_LETTERS),
    get("/settings/dead-letters/{id}", letter, Right.MANAGE_DEAD_LETTERS),
    post("/settings/dead-letters/{id}/replay", replay, Right.MANAGE_DEAD_LETTERS),
    post("/settings/dead-letters/{id}/replay-alike", replay_alike, Right.MANAGE_DEAD_LETTERS),
    post("/settings/dead-letters/{id}/drop", drop, Right.MANAGE_DEAD_LETTERS),
)
