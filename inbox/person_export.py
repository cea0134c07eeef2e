"""Everything kept about one person, as pieces of one JSON object, read and written a page at a time."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.contact_keys import claims_of
from storage.reading.contact_merges import merges_of
from storage.reading.contacts import contact_by_id
from storage.reading.conversations import ConversationFilter, list_conversations
from storage.reading.lead_history import lead_history
from storage.reading.leads import leads_of
from storage.reading.messages import timeline
from storage.reading.paging import MOST, Page
from storage.reading.sight import EVERYTHING
from storage.reading.tasks import TaskFilter, list_tasks
from storage.reading.touches import touches_of

_json = msgspec.json.Encoder()


async def parts(
    connection: AsyncConnection,
    id_: UUID,
    *,
    contact_shown: Callable[[Any], Any] = lambda row: row,
    message_shown: Callable[[Any], Any] = lambda row: row,
) -> AsyncIterator[bytes]:
    """`…_shown`: the shape in which whoever asks shows a contact and a message."""
    contact = await contact_by_id(connection, id_, sight=EVERYTHING)
    if contact is not None:
        yield _part("contact", contact_shown(contact), first=True)
    yield _part("claims", await claims_of(connection, id_, sight=EVERYTHING))
    yield _part("merges", await merges_of(connection, id_))
    leads = await leads_of(connection, id_, sight=EVERYTHING, limit=MOST)
    yield _part(
        "leads",
        [{"lead": lead, "history": await lead_history(connection, lead.id)} for lead in leads],
    )
    yield _part("touches", await touches_of(connection, id_, limit=MOST))
    yield b',"tasks":['
    tasks = partial(
        list_tasks,
        connection,
        TaskFilter(done=None, contact=id_),
        limit=MOST,
        sight=EVERYTHING,
    )
    async for piece in _all_pages(tasks):
        yield piece
    yield b'],"conversations":['
    talks = partial(
        list_conversations,
        connection,
        ConversationFilter(statuses=(), contact=id_),
        limit=MOST,
        sight=EVERYTHING,
    )
    async for piece in _all_pages(talks):
        yield piece
    yield b'],"messages":['
    page = await timeline(
        connection, contact_id=id_, from_the_start=True, limit=MOST, sight=EVERYTHING
    )
    first = True
    while True:
        yield _row_list([message_shown(row) for row in page.messages], first=first)
        first = first and not page.messages
        if page.later is None:
            break
        page = await timeline(
            connection, contact_id=id_, after=page.later, limit=MOST, sight=EVERYTHING
        )
    yield b"]"


async def _all_pages(page_after: Callable[..., Awaitable[Page[Any]]]) -> AsyncIterator[bytes]:
    first, cursor = True, ""
    while True:
        page = await page_after(cursor=cursor)
        yield _row_list(page.items, first=first)
        first = first and not page.items
        if page.next_cursor is None:
            return
        cursor = page.next_cursor


def _part(name: str, value: Any, *, first: bool = False) -> bytes:
    return (b"" if first else b",") + _json.encode(name) + b":" + _json.encode(value)


def _row_list(rows: Any, *, first: bool) -> bytes:
    joined = b",".join(_json.encode(row) for row in rows)
    return joined if first or not joined else b"," + joined
