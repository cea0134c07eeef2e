"""What could not be processed: why, and what to do with it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from aiohttp import web

from inbox.rights import Right
from inbox.visit import Page, Visit, get, post
from storage.dead_letters import count_open_letters, find_letter, open_letters

PAGE: Final = 50
SHOWN_BYTES: Final = 20_000


async def letters(visit: Visit) -> web.Response:
    after = _place(visit.request.query.get("after", ""))
    async with visit.around.engine.connect() as connection:
        found = await open_letters(connection, after=after, limit=PAGE + 1)
        count = await count_open_letters(connection)
    more = found[PAGE - 1] if len(found) > PAGE else None
    return visit.page(
        "settings/dead_letters.html",
        letters=found[:PAGE],
        count=count,
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
        body=found.body[:SHOWN_BYTES].decode(errors="replace"),
        cut=len(found.body) > SHOWN_BYTES,
    )


async def replay(visit: Visit) -> web.Response:
    await visit.around.dead_letters.replay(visit.id(), by=visit.me)
    return visit.back("/settings/dead-letters")


async def drop(visit: Visit) -> web.Response:
    await visit.around.dead_letters.drop(visit.id(), by=visit.me)
    return visit.back("/settings/dead-letters")


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
    post("/settings/dead-letters/{id}/drop", drop, Right.MANAGE_DEAD_LETTERS),
)
