"""Calling with a button: back to who called, or a number of the person."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from inbox.desk import NotFound, Refused
from inbox.rights import Right
from inbox.visit import Page, Visit, post
from storage.reading.calls import call_by_id
from storage.reading.contacts import resolve


async def call_back(visit: Visit) -> web.Response:
    """Through the line that was called, to who called it."""
    async with visit.around.engine.connect() as connection:
        row = await call_by_id(connection, visit.id())
    if row is None:
        raise NotFound
    if not row.theirs:
        raise Refused(visit._("The number is withheld: there is nobody to call back."))
    await visit.around.telephone.call(
        row.theirs, by=visit.me, account=row.account, conversation=row.conversation_id
    )
    return visit.back(f"/conversations/{row.conversation_id}")


async def call_person(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        contact = await resolve(connection, visit.id())
    if contact is None:
        raise NotFound
    digits = visit.request.match_info["digits"]
    await visit.around.telephone.call(f"+{digits}", by=visit.me, contact=contact)
    return visit.back(f"/contacts/{contact}")


PAGES: Final[Sequence[Page]] = (
    post("/calls/{id}/back", call_back, Right.ANSWER),
    post(r"/contacts/{id}/call/{digits:\d{5,17}}", call_person, Right.ANSWER),
)
