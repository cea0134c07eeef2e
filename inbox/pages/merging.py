"""Who is who: probable duplicates, two contacts becoming one, and two again.

Every way to a merge goes by its preview: what moves, what closes, where the two disagree and who is right.
"""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.desk import NotFound, Refused
from inbox.pages.person_view import Suggested, suggested
from inbox.reasons import merged_because
from inbox.rights import Right
from inbox.uuids import required_uuid
from inbox.visit import Page, Undo, Visit, get, own_address, post
from storage.reading.contacts import contact_by_id, resolve
from storage.reading.fields import list_fields
from storage.reading.merging import merge_preview, unmerge_preview
from storage.reading.paging import BadCursor
from storage.reading.suggestions import list_suggestions, suggestion_by_id

_KEEP: Final = "keep."


async def duplicates(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        try:
            page = await list_suggestions(
                connection,
                sight=visit.sight,
                cursor=visit.request.query.get("cursor", ""),
                limit=30,
            )
        except BadCursor as error:
            raise web.HTTPNotFound from error
    template = "parts/duplicate_rows.html" if visit.wants_fragment else "duplicates.html"
    return visit.page(
        template,
        page=page,
        rows=[suggested(each, each.first_id, spoken=visit.language) for each in page.items],
    )


async def merging(visit: Visit) -> web.Response:
    """Whom with, and then what would become of it; as a page, and as a sheet over another page."""
    template = "parts/merge_sheet.html" if visit.wants_fragment else "merge.html"
    async with visit.around.engine.connect() as connection:
        contact = await _living(connection, visit.id())
        row = await contact_by_id(connection, contact, sight=visit.sight)
        if row is None or row.erased_at is not None:
            raise NotFound
        if row.kind == "group":
            raise Refused("A group chat is no person: it cannot be merged.")
        given = visit.request.query.get("with", "")
        if not given:
            return visit.page(template, contact=row, preview=None, suggestion=None)
        other = await _living(connection, required_uuid(given))
        preview = await merge_preview(connection, contact, other)
        if preview is None:
            raise Refused("They are one contact already.")
        if "group" in {preview.survivor.kind, preview.absorbed.kind}:
            raise Refused("A group chat is no person: it cannot be merged.")
        suggestion = await _suggestion(visit, connection, {contact, other})
        names = {each.key: each.name for each in await list_fields(connection, of="contact")}
    return visit.page(
        template, contact=row, preview=preview, suggestion=suggestion, field_names=names
    )


async def _suggestion(
    visit: Visit, connection: AsyncConnection, pair: set[UUID]
) -> Suggested | None:
    """The one that is followed, if there is one and it is of these two."""
    given = visit.request.query.get("suggestion", "")
    row = await suggestion_by_id(connection, required_uuid(given)) if given else None
    if row is None or row.decision != "open" or {row.first_id, row.second_id} != pair:
        return None
    return suggested(row, row.first_id, spoken=visit.language)


async def merge(visit: Visit) -> web.Response:
    form = visit.form
    async with visit.around.engine.connect() as connection:
        one = await _living(connection, visit.id())
        other = await _living(connection, required_uuid(form.get("with", "")))
        for each in (one, other):
            row = await contact_by_id(connection, each, sight=visit.sight)
            if row is not None and row.kind == "group":
                raise Refused("A group chat is no person: it cannot be merged.")
    keep = _keep(form)
    if suggestion := form.get("suggestion", ""):
        made = await visit.around.desk.decide_suggestion(
            required_uuid(suggestion), accept=True, by=visit.me, keep=keep
        )
    else:
        made = await visit.around.desk.merge(
            one, other, by=visit.me, reason=form.get("reason", ""), keep=keep
        )
    return _merged(visit, one, made)


def _merged(visit: Visit, contact: UUID, made: UUID | None) -> web.Response:
    return visit.done(
        own_address(visit.form.get("to", ""), otherwise=f"/contacts/{contact}"),
        said=visit._("The two contacts are one now"),
        undo=Undo(action=f"/merges/{made}/undo") if made else None,
    )


def _keep(form: Mapping[str, str]) -> dict[str, UUID]:
    return {
        name.removeprefix(_KEEP): required_uuid(value)
        for name, value in form.items()
        if name.startswith(_KEEP)
    }


async def decide(visit: Visit) -> web.Response:
    decision = visit.form.get("decision")
    if decision not in {"accept", "reject", "reopen"}:
        raise web.HTTPBadRequest
    to = own_address(visit.form.get("to", ""), otherwise="/contacts/duplicates")
    if decision == "reopen":
        await visit.around.desk.reopen_suggestion(visit.id(), by=visit.me)
        return visit.done(to, said=visit._("Asked again"))
    made = await visit.around.desk.decide_suggestion(
        visit.id(), accept=decision == "accept", by=visit.me
    )
    if decision == "accept":
        return visit.done(
            to,
            said=visit._("The two contacts are one now"),
            undo=Undo(action=f"/merges/{made}/undo") if made else None,
        )
    return visit.done(
        to,
        said=visit._("They are different people: this is not asked again"),
        undo=Undo(action=f"/suggestions/{visit.id()}", fields={"decision": "reopen"}),
    )


async def unmerging(visit: Visit) -> web.Response:
    """What returns to whom."""
    async with visit.around.engine.connect() as connection:
        preview = await unmerge_preview(connection, visit.id())
    if preview is None:
        raise NotFound
    template = "parts/unmerge_sheet.html" if visit.wants_fragment else "unmerge.html"
    return visit.page(
        template,
        preview=preview,
        because=merged_because(preview.reason, spoken=visit.language),
    )


async def undo_merge(visit: Visit) -> web.Response:
    restored = await visit.around.desk.unmerge(visit.id(), by=visit.me)
    return visit.done(f"/contacts/{restored}", said=visit._("The two contacts are separate again"))


async def _living(connection: AsyncConnection, id_: UUID) -> UUID:
    living = await resolve(connection, id_)
    if living is None:
        raise NotFound
    return living


PAGES: Final[Sequence[Page]] = (
    get("/contacts/duplicates", duplicates, Right.READ_CONTACTS),
    # A preview changes nothing, and is of no use to whoever may not go on.
    get("/contacts/{id}/merge", merging, Right.READ_CONTACTS),
    post("/contacts/{id}/merge", merge, Right.CHANGE_CONTACTS),
    post("/suggestions/{id}", decide, Right.CHANGE_CONTACTS),
    get("/merges/{id}/undo", unmerging, Right.READ_CONTACTS),
    post("/merges/{id}/undo", undo_merge, Right.CHANGE_CONTACTS),
)
