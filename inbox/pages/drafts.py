"""What is being written in a conversation and not sent yet: kept, and fetched by a page that comes back to it."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from inbox.pages.uploads import MOST_FILES, known_ticket
from inbox.rights import Right
from inbox.uuids import optional_uuid
from inbox.visit import Page, Visit, get, post
from storage.drafts import Draft, Writing, draft_of, keep_draft
from storage.engine import transaction

LONGEST_TEXT: Final = 20_000
LONGEST_KEY: Final = 64
LONGEST_NUMBER: Final = 9
"""Digits: what PostgreSQL's integer holds."""


async def save_draft(visit: Visit) -> web.Response:
    """Keeps what is being written. While a reply to the conversation `to` grows, its customer may see that it does.

    Answers the kept one's revision; or 409 with the one that another page has written since, which stays.
    """
    text = visit.form.get("text", "")[:LONGEST_TEXT].replace("\r\n", "\n")
    to, note = optional_uuid(visit.form.get("to", "")), visit.form.get("mode") == "note"
    posted = await visit.request.post()
    tickets = [str(each) for each in posted.getall("file", [])][:MOST_FILES]
    files = [known_ticket(visit, each) for each in tickets]
    writing = writing_of(visit)
    place = {"user_id": visit.me, "conversation_id": visit.id()}
    async with transaction(visit.around.engine) as connection:
        kept = await keep_draft(
            connection,
            **place,
            draft=Draft(
                text=text,
                note=note,
                to=to,
                reply_to=optional_uuid(visit.form.get("reply_to", "")),
                files=files,
            ),
            writing=writing,
            now=visit.now,
        )
        there = None if kept else await draft_of(connection, **place, sight=visit.sight)
    if not kept:
        return web.json_response(_told(there), status=409)
    if text.strip() and not note:
        visit.around.typing.say(to or visit.id(), by=visit.me)
    revision = writing.revision if text.strip() or files else ""
    return web.Response(status=204, headers={"X-Revision": revision})


async def show_draft(visit: Visit) -> web.Response:
    """As it is now, for a page that has been in the background."""
    async with visit.around.engine.connect() as connection:
        draft = await draft_of(
            connection, user_id=visit.me, conversation_id=visit.id(), sight=visit.sight
        )
    return web.json_response(_told(draft))


def _told(draft: Draft | None) -> dict[str, object]:
    if draft is None:
        return {"revision": "", "text": "", "mode": "reply", "to": "", "files": []}
    return {
        "revision": draft.revision,
        "text": draft.text,
        "mode": "note" if draft.note else "reply",
        "to": str(draft.to or ""),
        "files": list(draft.files),
    }


def writing_of(visit: Visit) -> Writing:
    """Which page writes, and what it goes on from; a form without a script goes over whatever there is."""
    nth = visit.form.get("nth", "")
    return Writing(
        writer=visit.form.get("writer", "")[:LONGEST_KEY],
        nth=int(nth) if nth.isdecimal() and len(nth) <= LONGEST_NUMBER else 0,
        base=visit.form["base"][: LONGEST_KEY + LONGEST_NUMBER + 1]
        if visit.form.get("writer") and "base" in visit.form
        else None,
    )


PAGES: Final[Sequence[Page]] = (
    get("/conversations/{id}/draft", show_draft, Right.READ_MESSAGES),
    post("/conversations/{id}/draft", save_draft, Right.ANSWER),
)
