"""/contacts/{id}/export: everything kept about one person, in one JSON document, as the law gives them the right to."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.api import contacts, messages
from inbox.api.endpoints import Api, Call, Endpoint, Nothing
from inbox.api.problems import not_found
from storage.reading.contacts import claims_of, contact_by_id, merges_of, resolve
from storage.reading.conversations import ConversationFilter, list_conversations
from storage.reading.leads import lead_history, leads_of
from storage.reading.messages import timeline
from storage.reading.paging import MOST
from storage.reading.sight import EVERYTHING
from storage.reading.tasks import TaskFilter, list_tasks
from storage.reading.touches import touches_of

_json = msgspec.json.Encoder()


async def export_contact(api: Api, call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Written as it is read, a page at a time: years of messages need no memory."""
    async with api.engine.connect() as connection:
        living = await resolve(connection, call.id)
        if living is None:
            raise not_found("contact")
        response = web.StreamResponse(
            headers={
                "Content-Type": "application/json",
                "Cache-Control": "no-store",
                "Content-Disposition": f'attachment; filename="contact-{living}.json"',
            }
        )
        await response.prepare(call.request)
        await response.write(b"{")
        async for piece in _parts(connection, living):
            await response.write(piece)
        await response.write(b"}\n")
    await response.write_eof()
    return response


async def _parts(connection: AsyncConnection, id_: UUID) -> AsyncIterator[bytes]:
    contact = await contact_by_id(connection, id_, sight=EVERYTHING)
    if contact is not None:
        yield _part("contact", contacts.shown(contact), first=True)
    yield _part("claims", await claims_of(connection, id_, sight=EVERYTHING))
    yield _part("merges", await merges_of(connection, id_))
    leads = await leads_of(connection, id_, limit=MOST)
    yield _part(
        "leads",
        [{"lead": lead, "history": await lead_history(connection, lead.id)} for lead in leads],
    )
    yield _part("touches", await touches_of(connection, id_, limit=MOST))
    yield b',"tasks":['
    first, cursor = True, ""
    while True:
        tasks = await list_tasks(
            connection,
            TaskFilter(done=None, contact=id_),
            sight=EVERYTHING,
            cursor=cursor,
            limit=MOST,
        )
        yield _row_list(tasks.items, first=first)
        first = first and not tasks.items
        if tasks.next_cursor is None:
            break
        cursor = tasks.next_cursor
    yield b'],"conversations":['
    first, cursor = True, ""
    while True:
        talks = await list_conversations(
            connection,
            ConversationFilter(statuses=(), contact=id_),
            sight=EVERYTHING,
            cursor=cursor,
            limit=MOST,
        )
        yield _row_list(talks.items, first=first)
        first = first and not talks.items
        if talks.next_cursor is None:
            break
        cursor = talks.next_cursor
    yield b'],"messages":['
    page = await timeline(
        connection, sight=EVERYTHING, contact_id=id_, from_the_start=True, limit=MOST
    )
    first = True
    while True:
        yield _row_list([messages.shown(row) for row in page.messages], first=first)
        first = first and not page.messages
        if page.later is None:
            break
        page = await timeline(
            connection, sight=EVERYTHING, contact_id=id_, after=page.later, limit=MOST
        )
    yield b"]"


def _part(name: str, value: Any, *, first: bool = False) -> bytes:
    return (b"" if first else b",") + _json.encode(name) + b":" + _json.encode(value)


def _row_list(rows: Any, *, first: bool) -> bytes:
    joined = b",".join(_json.encode(row) for row in rows)
    return joined if first or not joined else b"," + joined


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/contacts/{id}/export",
        tag="Contacts",
        summary="Everything kept about a person",
        scope="admin",
        handler=export_contact,
        what="contact",
        answers=dict[str, Any],
    ),
)
