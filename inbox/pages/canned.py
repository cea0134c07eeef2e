"""Canned replies beside the field: found while one types, filled in, and written into it."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from inbox.desk import NotFound
from inbox.pages.shelves import may_use
from inbox.reply_variables import Filled, fill, spoken
from inbox.rights import Right
from inbox.uuids import required_uuid
from inbox.visit import Page, Visit, get, post
from storage.canned_replies import canned_by_id, count_use, find_canned
from storage.engine import transaction
from storage.reading.colleagues import list_teams
from storage.reading.reply_values import ReplyValues, values_for

MOST_SHOWN: Final = 20


async def found(visit: Visit) -> web.Response:
    """The list for what was typed behind the slash, with each text as it would be written."""
    q = visit.request.query.get("q", "")[:100]
    async with visit.around.engine.connect() as connection:
        values = await values_for(connection, visit.id(), by=visit.me)
        if values is None:
            raise NotFound
        rows = await find_canned(connection, me=visit.me, q=q, most=MOST_SHOWN)
    known = spoken(values, visit.formats)
    shown = [(row, fill(row.text, known)) for row in rows]
    return visit.page("parts/canned.html", shown=shown, q=q)


async def take(visit: Visit) -> web.Response:
    """The text to write into the field; counts as a use."""
    conversation = required_uuid(visit.form.get("conversation", ""))
    async with transaction(visit.around.engine) as connection:
        reply = await canned_by_id(connection, visit.id())
        if reply is None or not may_use(visit, reply, await list_teams(connection)):
            raise NotFound
        filled = filled_for(
            visit, await values_for(connection, conversation, by=visit.me), reply.text
        )
        await count_use(connection, reply.id, now=visit.now)
    return web.json_response({"text": filled.text, "missing": list(filled.missing)})


def filled_for(visit: Visit, values: ReplyValues | None, text: str) -> Filled:
    if values is None:
        raise NotFound
    return fill(text, spoken(values, visit.formats))


PAGES: Final[Sequence[Page]] = (
    get("/conversations/{id}/canned", found, Right.READ_MESSAGES),
    post("/canned-replies/{id}/fill", take, Right.ANSWER),
)
