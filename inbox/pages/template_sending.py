"""Sending a message template: the only thing that goes out when the time for a free reply is over.

The platform's approved templates, each a form with a line for each of its places: beside the reply, or, without a
script, on a page of its own.
"""

from collections.abc import Sequence
from typing import Final
from uuid import uuid4

from aiohttp import web

from connectors.message_templates import Template
from inbox.desk import NotFound, Refused
from inbox.pages.ways import Way, ways_of
from inbox.rights import Right
from inbox.template_choice import choose
from inbox.visit import Page, Visit, get, post

LONGEST_KEY: Final = 64
_VALUE: Final = "value."


async def show(visit: Visit) -> web.Response:
    return await _listed(visit, await _way(visit))


async def send(visit: Visit) -> web.Response:
    """What does not fit is said on the page, beside what was typed. Raises Refused when nothing can go there at all."""
    way = await _way(visit)
    if way.closed and not way.templates:
        raise Refused(way.closed)
    name, _, language = visit.form.get("template", "").rpartition("/")
    values = {
        key.removeprefix(_VALUE): value.strip()
        for key, value in visit.form.items()
        if key.startswith(_VALUE)
    }
    try:
        choice = await choose(
            visit.around.channels, way.row.account, name=name, language=language, values=values
        )
    except Refused as refused:
        if visit.wants_fragment:
            raise
        return await _listed(visit, way, wrong=str(refused))
    await visit.around.desk.reply(
        visit.id(),
        by=visit.me,
        text=choice.text,
        idempotency_key=visit.form.get("key", "")[:LONGEST_KEY] or None,
        template=choice.details,
    )
    return visit.back(f"/conversations/{visit.id()}")


async def _listed(visit: Visit, way: Way, *, wrong: str = "") -> web.Response:
    """The templates, with what was typed into one of them, and what is wrong with that or with the platform."""
    templates: Sequence[Template] = ()
    try:
        templates = await visit.around.channels.templates(way.row.account)
    except Refused as refused:
        wrong = str(refused)
    return visit.page(
        "parts/template_picker.html" if visit.wants_fragment else "templates.html",
        status=409 if visit.form else 200,
        way=way,
        templates=templates,
        wrong=visit.language.sentence(wrong),
        chosen=visit.form.get("template", ""),
        typed=visit.form,
        key=str(uuid4()),
    )


async def _way(visit: Visit) -> Way:
    async with visit.around.engine.connect() as connection:
        ways = await ways_of(visit, connection, visit.id())
    if not ways:
        raise NotFound
    return ways[0]


PAGES: Final[Sequence[Page]] = (
    get("/conversations/{id}/templates", show, Right.READ_MESSAGES),
    post("/conversations/{id}/template", send, Right.ANSWER),
)
