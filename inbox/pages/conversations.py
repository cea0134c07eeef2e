"""The inbox itself: the list, and the conversation opened from it.

Every piece is drawn by one partial, which the whole page includes and the live page asks for by itself:
rows (`parts/row.html`), messages (`parts/messages.html`), the head, the person.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.at_once import at_once
from inbox.list_wish import ListWish, list_wish
from inbox.pages.at_hand import AtHand, at_hand_of
from inbox.pages.conversation_view import (
    CHANNELS_COOKIE,
    PAGE,
    Opened,
    head_of,
    one_channel_only,
    open_conversation,
    page_of,
    reached_of,
)
from inbox.pages.first_steps import first_steps
from inbox.pages.list_view import beside_rows, list_of, shown_counts
from inbox.pages.person_view import Person, person_of
from inbox.pages.ways import ways_of
from inbox.rights import Right
from inbox.timeline_view import sections
from inbox.uuids import uuid_or_none
from inbox.visit import Page, Visit, get
from storage.mentions_seen import see_mentions
from storage.reading.conversation_counts import count_tabs, has_any
from storage.reading.conversation_rows import ConversationRow
from storage.reading.conversations import (
    conversation_by_id,
    conversations_by_id,
    list_conversations,
    matches,
)
from storage.reading.messages import (
    Timeline,
    cursor_of,
    messages_by_id,
    messages_since,
    timeline_around,
)
from storage.reading.paging import BadCursor
from storage.reading.ways import ways_to

MOST_AT_ONCE: Final = 100
"""Rows or messages a live page may ask for by id in one go."""


async def inbox(visit: Visit) -> web.Response:
    """The whole page, or only its list and views for a page that narrows them."""
    frame = await _frame(visit)
    if visit.wants_fragment:
        return _fragment(visit, "parts/list_panes.html", **frame)
    return visit.page("inbox.html", **frame)


async def conversation(visit: Visit) -> web.Response:
    """The whole page, or only its two right panes for a page that has the list already."""
    async with visit.around.engine.connect() as connection:
        row = await conversation_by_id(connection, visit.id(), sight=visit.sight)
        if row is None:
            raise web.HTTPNotFound
        # Somebody who looks has seen that they were named; a reload or a prefetch makes it no less true.
        if await see_mentions(connection, user_id=visit.me, conversation_id=row.id, now=visit.now):
            await connection.commit()
        at_hand = await at_hand_of(visit, connection)
    shown = await _shown(visit, row, at_hand)
    if visit.wants_fragment:
        wish = list_wish(visit.request.query, me=visit.me)
        panes = visit.html("parts/panes.html", wish=wish, **shown)
        response = web.Response(text=panes, content_type="text/html")
    else:
        response = visit.page("inbox.html", **shown)
    if visit.request.query.get("channels") in {"one", "all"}:
        kept = visit.request.query["channels"]
        response.set_cookie(
            CHANNELS_COOKIE, kept, max_age=31536000, path="/", samesite="Lax", httponly=True
        )
    return response


async def _shown(visit: Visit, row: ConversationRow, at_hand: AtHand) -> Mapping[str, Any]:
    """The two panes, and for a whole page what is around them."""

    async def opened(connection: AsyncConnection) -> Opened:
        return await open_conversation(
            visit,
            connection,
            row,
            at_hand=at_hand,
            before=visit.request.query.get("before", ""),
            found=uuid_or_none(visit.request.query.get("at", "")),
        )

    async def person(connection: AsyncConnection) -> Person:
        return await person_of(visit, connection, row.contact_id, colleagues=at_hand.colleagues)

    try:
        pane, who = await at_once(visit.around.engine, opened, person)
    except BadCursor as error:
        raise web.HTTPNotFound from error
    shown = {"opened": pane, "person": who, "in_group": row.chat_kind != "private"}
    if visit.wants_fragment:
        return shown
    return {**await _frame(visit, current=row.id, at_hand=at_hand), **shown}


async def rows(visit: Visit) -> web.Response:
    """A further page of the list."""
    wish = list_wish(visit.request.query, me=visit.me)
    async with visit.around.engine.connect() as connection:
        try:
            page = await list_conversations(
                connection,
                wish.filter,
                sight=visit.sight,
                sort=wish.sort,
                cursor=wish.cursor,
            )
        except BadCursor as error:
            raise web.HTTPNotFound from error
        beside = await beside_rows(visit, connection, page.items, wish, instead=page.instead)
    return _fragment(visit, "parts/rows.html", page=page, wish=wish, **beside, current=None)


async def changed_rows(visit: Visit) -> web.Response:
    """What a live page does with conversations it heard about: their rows, those that left, and the counts.

    Without ids it is the catching up: the first page as it is now. What a search found stays found: searching all of the
    history again because somebody has written would cost more than it tells.
    """
    wish = list_wish(visit.request.query, me=visit.me)
    ids = _ids(visit)
    async with visit.around.engine.connect() as connection:
        if ids:
            belong = (
                set(ids)
                if wish.filter.q
                else await matches(connection, wish.filter, ids, sight=visit.sight)
            )
            found: Sequence[ConversationRow] = await conversations_by_id(
                connection, [each for each in ids if each in belong], sight=visit.sight
            )
        else:
            found = (
                await list_conversations(connection, wish.filter, sight=visit.sight, sort=wish.sort)
            ).items
        beside = await beside_rows(visit, connection, found, wish)
        counts = await count_tabs(connection, me=visit.me, sight=visit.sight)
    current = uuid_or_none(visit.request.query.get("current", ""))
    return web.json_response(
        {
            "rows": [
                {
                    "id": str(row.id),
                    "html": visit.html(
                        "parts/row.html", row=row, wish=wish, **beside, current=current
                    ),
                }
                for row in found
            ],
            "gone": [str(each) for each in ids if each not in {row.id for row in found}],
            "counts": shown_counts(counts),
            "unread": counts.mine_unread,
        }
    )


async def messages(visit: Visit) -> web.Response:
    """Pieces of the timeline: before or after a cursor (or a message's id), around a message, by ids, what came since
    (`since` names each conversation and the seq it had reached), or the newest page.

    `X-Earlier` and `X-Later` say where it goes on; `X-More` that more has come than is given here.
    """
    query = visit.request.query
    async with visit.around.engine.connect() as connection:
        row = await conversation_by_id(connection, visit.id(), sight=visit.sight)
        if row is None:
            raise web.HTTPNotFound
        only = one_channel_only(visit)
        earlier: str | None = None
        later: str | None = None
        reached = ""
        more = False
        entries: Sequence[Any]
        if ids := _ids(visit):
            entries = [
                each
                for each in await messages_by_id(connection, ids, sight=visit.sight)
                if each.contact_id == row.contact_id
                and (not only or each.conversation_id == row.id)
            ]
        elif "since" in query:
            entries, more = await messages_since(
                connection,
                contact_id=row.contact_id,
                reached=_reached(query["since"]),
                only=row.id if only else None,
                sight=visit.sight,
            )
        else:
            # Before the messages: see `open_conversation`.
            reached = reached_of(await ways_to(connection, row.id, sight=visit.sight))
            try:
                shown = await _window(visit, connection, row)
            except BadCursor as error:
                raise web.HTTPNotFound from error
            entries, earlier, later = shown.entries(), shown.earlier, shown.later
    drawn = sections(entries, formats=visit.formats, here=(row.id, row.channel, row.account))
    response = _fragment(
        visit,
        "parts/messages.html",
        opened={"sections": drawn},
        in_group=row.chat_kind != "private",
    )
    if earlier:
        response.headers["X-Earlier"] = f"/conversations/{row.id}/messages?before={earlier}"
    if later:
        response.headers["X-Later"] = f"/conversations/{row.id}/messages?after={later}"
    if reached:
        response.headers["X-Reached"] = reached
    if more:
        response.headers["X-More"] = "1"
    return response


async def _window(visit: Visit, connection: AsyncConnection, row: ConversationRow) -> Timeline:
    """Raises BadCursor."""
    query = visit.request.query
    if found := uuid_or_none(query.get("at", "")):
        around = await timeline_around(
            connection,
            found,
            whole_contact=not one_channel_only(visit),
            within=row.contact_id,
            limit=PAGE,
            sight=visit.sight,
        )
        if around is None:
            raise web.HTTPNotFound
        return around
    places = {name: query.get(name, "") for name in ("before", "after")}
    for name, place in places.items():
        if message := uuid_or_none(place):
            places[name] = await cursor_of(connection, message)
    return await page_of(visit, connection, row, before=places["before"], after=places["after"])


async def head(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        row = await conversation_by_id(connection, visit.id(), sight=visit.sight)
        if row is None:
            raise web.HTTPNotFound
        opened = await head_of(visit, connection, row)
    wish = list_wish(visit.request.query, me=visit.me)
    return _fragment(visit, "parts/talk_head.html", opened=opened, wish=wish)


async def ways(visit: Visit) -> web.Response:
    """Where an answer can go, as it is now."""
    async with visit.around.engine.connect() as connection:
        found = await ways_of(visit, connection, visit.id())
    if not found:
        raise web.HTTPNotFound
    return _fragment(visit, "parts/ways.html", opened={"ways": found})


async def person(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        row = await conversation_by_id(connection, visit.id(), sight=visit.sight)
        if row is None:
            raise web.HTTPNotFound
        at_hand = await at_hand_of(visit, connection)
        shown = await person_of(visit, connection, row.contact_id, colleagues=at_hand.colleagues)
        opened = {"row": row, "known_labels": at_hand.labels}
    return _fragment(visit, "parts/person.html", person=shown, opened=opened)


async def _frame(
    visit: Visit, *, current: UUID | None = None, at_hand: AtHand | None = None
) -> Mapping[str, Any]:
    wish: ListWish = list_wish(visit.request.query, me=visit.me)
    listed = await list_of(visit, wish, at_hand=at_hand)
    first_run = None
    if not listed["page"].items and listed["counts"]["all"] == "0":
        async with visit.around.engine.connect() as connection:
            if not await has_any(connection):
                first_run = await first_steps(visit, connection)
    return {"opened": None, **listed, "current": current, "first_run": first_run}


def _fragment(visit: Visit, template: str, **context: Any) -> web.Response:
    return web.Response(text=visit.html(template, **context), content_type="text/html")


def _ids(visit: Visit) -> list[UUID]:
    given = visit.request.query.get("ids", "")
    found = [uuid_or_none(each) for each in given.split(",")[:MOST_AT_ONCE]]
    return [each for each in found if each is not None]


def _reached(given: str) -> dict[UUID, int]:
    """`conversation:seq,conversation:seq`; what is no such pair is left out."""
    found: dict[UUID, int] = {}
    for pair in given.split(",")[:MOST_AT_ONCE]:
        conversation, _, seq = pair.partition(":")
        if (
            (id_ := uuid_or_none(conversation)) is not None and seq.isdecimal() and len(seq) < 10
        ):  # PostgreSQL's integer
            found[id_] = int(seq)
    return found


PAGES: Final[Sequence[Page]] = (
    get("/", inbox, Right.READ_MESSAGES),
    get("/conversations", rows, Right.READ_MESSAGES),
    get("/conversations/changed", changed_rows, Right.READ_MESSAGES),
    get("/conversations/{id}", conversation, Right.READ_MESSAGES),
    get("/conversations/{id}/messages", messages, Right.READ_MESSAGES),
    get("/conversations/{id}/head", head, Right.READ_MESSAGES),
    get("/conversations/{id}/person", person, Right.READ_MESSAGES),
    get("/conversations/{id}/ways", ways, Right.READ_MESSAGES),
)
