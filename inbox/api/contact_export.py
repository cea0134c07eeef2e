"""/contacts/{id}/export: everything kept about one person, in one JSON document, as the law gives them the right to."""

from typing import Any

from aiohttp import web

from inbox.api import contacts, messages
from inbox.api.endpoints import Api, Call, Endpoint, Nothing
from inbox.api.problems import not_found
from inbox.person_export import parts
from storage.reading.contacts import resolve


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
        async for piece in parts(
            connection, living, contact_shown=contacts.shown, message_shown=messages.shown
        ):
            await response.write(piece)
        await response.write(b"}\n")
    await response.write_eof()
    return response


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
