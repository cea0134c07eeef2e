"""Leads: as a board or as a list, and opening one by hand. One lead is in `lead_card`, moving them in `leads_board`."""

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from inbox.desk import Refused
from inbox.pages.lead_answers import LONGEST, minor_units
from inbox.pages.lead_wish import wish_of
from inbox.pages.leads_board import board_page, surroundings_of
from inbox.rights import Right
from inbox.uuids import uuid_or_none
from inbox.visit import Page, Visit, get, own_address, post
from storage.reading.contacts import ContactFilter, contact_by_id, list_contacts, resolve
from storage.reading.leads import list_leads
from storage.reading.paging import BadCursor
from storage.reading.pipelines import list_pipelines

MOST_FOUND: Final = 8
LONGEST_NAME: Final = 200


async def leads(visit: Visit) -> web.Response:
    query = visit.request.query
    async with visit.around.engine.connect() as connection:
        pipelines = await list_pipelines(connection)
        wish = wish_of(visit, pipelines)
        if wish.view == "board" and wish.pipeline is not None:
            return await board_page(visit, connection, wish, pipelines, wish.pipeline)
        try:
            page = await list_leads(
                connection,
                wish.filter,
                sort=wish.sort,
                cursor=query.get("cursor", ""),
                sight=visit.sight,
            )
        except BadCursor as error:
            raise web.HTTPNotFound from error
        if visit.wants_fragment:
            return visit.page("parts/lead_rows.html", page=page, wish=wish)
        shown = await surroundings_of(visit, connection, wish, pipelines)
    return visit.page("leads.html", page=page, **shown)


async def new_lead(visit: Visit) -> web.Response:
    """Whose it is is found, or named."""
    query = visit.request.query
    sought = query.get("q", "").replace("\0", "").strip()[:LONGEST_NAME]
    named = uuid_or_none(query.get("contact", ""))
    found: Sequence[Any] = ()
    async with visit.around.engine.connect() as connection:
        pipelines = await list_pipelines(connection)
        living = await resolve(connection, named) if named else None
        chosen = await contact_by_id(connection, living, sight=visit.sight) if living else None
        if chosen is None and sought:
            page = await list_contacts(
                connection, ContactFilter(q=sought), limit=MOST_FOUND, sight=visit.sight
            )
            found = page.items
    wish = wish_of(visit, pipelines)
    template = "parts/lead_people.html" if visit.wants_fragment else "lead_new.html"
    return visit.page(
        template,
        pipelines=pipelines,
        pipeline=wish.pipeline,
        stage=query.get("stage", ""),
        q=sought,
        chosen=chosen,
        found=found,
    )


async def open_lead(visit: Visit) -> web.Response:
    form = visit.form
    contact = uuid_or_none(form.get("contact", ""))
    name = " ".join(form.get("name", "").split())[:LONGEST_NAME]
    async with visit.around.engine.connect() as connection:
        pipelines = await list_pipelines(connection)
    stages = {
        str(stage.id): (stage, pipeline) for pipeline in pipelines for stage in pipeline.stages
    }
    stage, pipeline = stages.get(form.get("stage", ""), (None, None))
    currency = (pipeline or pipelines[0]).currency if pipelines else "RUB"
    value = minor_units(visit, form.get("value", ""), currency)
    if contact is None:
        if "name" not in form:
            raise web.HTTPBadRequest
        if not name:
            raise Refused(visit._("Say whose lead it is: find the contact or write a name."))
        contact = await visit.around.desk.create_contact(by=visit.me, name=name, manager=visit.me)
    created = await visit.around.desk.create_lead(
        contact,
        by=visit.me,
        title=" ".join(form.get("title", "").split())[:LONGEST],
        value=value,
        stage=stage.id if stage else None,
    )
    return visit.back(own_address(form.get("to", ""), otherwise=f"/leads/{created}"))


PAGES: Final[Sequence[Page]] = (
    get("/leads", leads, Right.READ_LEADS),
    # It lists contacts; opening the lead is another right.
    get("/leads/new", new_lead, Right.READ_CONTACTS),
    post("/leads", open_lead, Right.CHANGE_LEADS),
)
