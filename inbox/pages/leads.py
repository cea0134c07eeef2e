"""Lead cards: the board, the list, one card, and moving it on."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import UUID

from aiohttp import web
from babel.numbers import get_currency_precision

from inbox.desk import Refused
from inbox.pages.conversation_view import answering_colleagues
from inbox.pages.person_view import person_of, stages_of
from inbox.rights import Right
from inbox.timeline_view import lead_words
from inbox.visit import Page, Visit, get, own_address, post
from storage.reading.leads import (
    LeadFilter,
    board,
    lead_by_id,
    lead_history,
    list_leads,
)
from storage.reading.paging import BadCursor
from storage.reading.pipelines import list_pipelines

LARGEST: Final = Decimal(10) ** 12
LONGEST: Final = 300


async def leads(visit: Visit) -> web.Response:
    query = visit.request.query
    manager = _uuid(query.get("manager", ""))
    as_list = query.get("view") == "list" or bool(query.get("q"))
    async with visit.around.engine.connect() as connection:
        pipelines = await list_pipelines(connection)
        chosen = next(
            (each for each in pipelines if str(each.id) == query.get("pipeline")),
            pipelines[0] if pipelines else None,
        )
        shown: dict[str, Any] = {
            "pipelines": pipelines,
            "pipeline": chosen,
            "manager": manager,
            "colleagues": await answering_colleagues(connection),
            "q": query.get("q", "").strip()[:200],
        }
        if not as_list and chosen is not None:
            columns = await board(
                connection, chosen.id, now=visit.now, sight=visit.sight, manager=manager
            )
            return visit.page("board.html", columns=columns, **shown)
        try:
            page = await list_leads(
                connection,
                LeadFilter(pipeline=chosen.id if chosen else None, manager=manager, q=shown["q"]),
                sight=visit.sight,
                cursor=query.get("cursor", ""),
            )
        except BadCursor as error:
            raise web.HTTPNotFound from error
    template = "parts/lead_rows.html" if visit.wants_fragment else "leads.html"
    return visit.page(template, page=page, **shown)


async def lead(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        found = await lead_by_id(connection, visit.id(), sight=visit.sight)
        if found is None:
            raise web.HTTPNotFound
        if found.merged_into is not None:
            return web.Response(status=301, headers={"Location": f"/leads/{found.merged_into}"})
        stages = await stages_of(connection, found.pipeline_id)
        colleagues = await answering_colleagues(connection)
        history = await lead_history(connection, found.id)
        person = (
            await person_of(visit, connection, found.contact_id)
            if visit.may(Right.READ_CONTACTS)
            else None
        )
    return visit.page(
        "lead.html",
        lead=found,
        person={"stages": stages},
        contact=person,
        colleagues=colleagues,
        history=[
            (each, lead_words(each.what, found.number, each.after, formats=visit.formats))
            for each in history
        ],
    )


async def open_lead(visit: Visit) -> web.Response:
    contact = _uuid(visit.form.get("contact", ""))
    if contact is None:
        raise web.HTTPBadRequest
    created = await visit.around.desk.create_lead(contact, by=visit.me)
    return visit.back(own_address(visit.form.get("to", ""), otherwise=f"/leads/{created}"))


async def change_lead(visit: Visit) -> web.Response:
    """One thing of it, as the form that was sent names it."""
    async with visit.around.engine.connect() as connection:
        found = await lead_by_id(connection, visit.id(), sight=visit.sight)
        if found is None:
            raise web.HTTPNotFound
        stages = await stages_of(connection, found.pipeline_id)
    changes: dict[str, Any] = {}
    form = visit.form
    if "stage" in form:
        chosen = next((each for each in stages if str(each.id) == form["stage"]), None)
        if chosen is None:
            raise web.HTTPBadRequest
        changes["stage_id"] = chosen.id
        if chosen.kind == "lost":
            changes["lost_reason"] = _reason(visit)
    if "title" in form:
        changes["title"] = " ".join(form["title"].split())[:LONGEST]
    if "manager" in form:
        changes["manager_id"] = await _manager(visit, found.manager_id)
    if "value" in form:
        changes["value"] = _minor_units(visit, found.currency)
    changes |= _outcome(visit)
    if not changes:
        raise web.HTTPBadRequest
    await visit.around.desk.change_lead(found.id, changes, by=visit.me)
    return visit.back(own_address(form.get("to", ""), otherwise=f"/leads/{found.id}"))


def _outcome(visit: Visit) -> dict[str, str]:
    status = visit.form.get("status", "")
    if status == "lost":
        return {"status": "lost", "lost_reason": _reason(visit)}
    return {"status": status} if status in {"open", "won"} else {}


async def _manager(visit: Visit, present: UUID | None) -> UUID | None:
    """Somebody who answers, nobody, or whoever it is already, also one who has left."""
    wanted = _uuid(visit.form["manager"])
    if wanted is None or wanted == present:
        return wanted
    async with visit.around.engine.connect() as connection:
        able = {each.id for each in await answering_colleagues(connection)}
    if wanted not in able:
        raise web.HTTPBadRequest
    return wanted


def _reason(visit: Visit) -> str:
    reason = " ".join(visit.form.get("lost_reason", "").split())[:LONGEST]
    if not reason:
        raise Refused(visit._("Say why the lead is lost: without a reason nobody learns from it."))
    return reason


def _minor_units(visit: Visit, currency: str) -> int | None:
    written = visit.form["value"].replace("\xa0", "").replace(" ", "").replace(",", ".")
    if not written:
        return None
    try:
        amount = Decimal(written)
    except InvalidOperation as error:
        raise Refused(visit._("Write the amount in digits, for example 18400.")) from error
    if not amount.is_finite() or not 0 <= amount < LARGEST:
        raise Refused(visit._("Write the amount in digits, for example 18400."))
    return int(amount * 10 ** get_currency_precision(currency))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


PAGES: Final[Sequence[Page]] = (
    get("/leads", leads, Right.READ_LEADS),
    get("/leads/{id}", lead, Right.READ_LEADS),
    post("/leads", open_lead, Right.CHANGE_LEADS),
    post("/leads/{id}", change_lead, Right.CHANGE_LEADS),
)
