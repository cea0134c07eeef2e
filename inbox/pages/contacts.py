"""People: the list, one of them, and deciding who is who."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from inbox.pages.person_view import person_of
from inbox.rights import Right
from inbox.visit import Page, Visit, get, own_address, post
from storage.reading.contacts import ContactFilter, list_contacts, resolve
from storage.reading.conversations import STATUSES, ConversationFilter, list_conversations
from storage.reading.paging import BadCursor

LONGEST_NAME: Final = 200


async def contacts(visit: Visit) -> web.Response:
    q = visit.request.query.get("q", "").strip()[:200]
    cursor = visit.request.query.get("cursor", "")
    async with visit.around.engine.connect() as connection:
        try:
            page = await list_contacts(
                connection, ContactFilter(q=q), sight=visit.sight, cursor=cursor
            )
        except BadCursor as error:
            raise web.HTTPNotFound from error
    template = "parts/contact_rows.html" if visit.wants_fragment else "contacts.html"
    return visit.page(template, page=page, q=q)


async def contact(visit: Visit) -> web.Response:
    """A merged contact's address leads to the one who survived."""
    async with visit.around.engine.connect() as connection:
        living = await resolve(connection, visit.id())
        if living is None:
            raise web.HTTPNotFound
        if living != visit.id():
            return web.Response(status=301, headers={"Location": f"/contacts/{living}"})
        person = await person_of(visit, connection, living)
        talks = await list_conversations(
            connection,
            ConversationFilter(contact=living, statuses=STATUSES),
            sight=visit.sight,
        )
    return visit.page("contact.html", person=person, talks=talks.items)


async def change_contact(visit: Visit) -> web.Response:
    name = " ".join(visit.form.get("name", "").split())[:LONGEST_NAME]
    if not name:
        raise web.HTTPBadRequest
    await visit.around.desk.change_contact(visit.id(), {"name": name}, by=visit.me)
    return visit.back(f"/contacts/{visit.id()}")


async def decide(visit: Visit) -> web.Response:
    decision = visit.form.get("decision")
    if decision not in {"accept", "reject"}:
        raise web.HTTPBadRequest
    await visit.around.desk.decide_suggestion(visit.id(), accept=decision == "accept", by=visit.me)
    return visit.back(own_address(visit.form.get("to", ""), otherwise="/contacts"))


async def undo_merge(visit: Visit) -> web.Response:
    restored = await visit.around.desk.unmerge(visit.id(), by=visit.me)
    return visit.back(f"/contacts/{restored}")


PAGES: Final[Sequence[Page]] = (
    get("/contacts", contacts, Right.READ_CONTACTS),
    get("/contacts/{id}", contact, Right.READ_CONTACTS),
    post("/contacts/{id}", change_contact, Right.CHANGE_CONTACTS),
    post("/suggestions/{id}", decide, Right.CHANGE_CONTACTS),
    post("/merges/{id}/undo", undo_merge, Right.CHANGE_CONTACTS),
)
