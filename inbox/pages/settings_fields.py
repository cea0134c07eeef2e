"""What the business wants to know of its contacts and leads."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.rights import Right
from inbox.visit import Page, Undo, Visit, get, post
from router.field_answers import KINDS
from storage.analytics.self_reported import choose_self_reported, self_reported_field
from storage.audit import write_audit
from storage.engine import transaction
from storage.fields import add_field, archive_field, change_field, move_field
from storage.reading.fields import Entity, archived_fields, list_fields, undefined_keys

_WHERE: Final = "/settings/fields"


async def fields(visit: Visit) -> web.Response:
    of = _entity(visit.request.query.get("of", ""))
    async with visit.around.engine.connect() as connection:
        return visit.page(
            "settings/fields.html",
            of=of,
            rows=await list_fields(connection, of=of),
            archived=await archived_fields(connection, of=of),
            strays=await undefined_keys(connection, of=of),
            kinds=KINDS,
            self_reported=await self_reported_field(connection),
        )


async def add(visit: Visit) -> web.Response:
    form = visit.form
    of = _entity(form.get("of", ""))
    async with transaction(visit.around.engine) as connection:
        made = await add_field(
            connection,
            entity=of,
            name=form.get("name", "") or form.get("key", ""),
            kind=form.get("kind", "text"),
            choices=form.get("choices", "").splitlines(),
            key=form.get("key", "")[:100],
            now=visit.now,
        )
        await _audit(visit, connection, "field_added", made, form.get("name", ""))
    return visit.done(
        f"{_WHERE}?of={of}",
        said=visit._("The field is added"),
        undo=Undo(action=f"{_WHERE}/{made}/archive", fields={"archived": "1"}),
    )


async def change(visit: Visit) -> web.Response:
    form = visit.form
    async with transaction(visit.around.engine) as connection:
        before = await change_field(
            connection,
            visit.id(),
            name=form.get("name", ""),
            choices=form.get("choices", "").splitlines(),
        )
        await _audit(visit, connection, "field_changed", visit.id(), form.get("name", ""))
    return visit.done(
        f"{_WHERE}?of={before.entity}",
        said=visit._("Saved"),
        undo=Undo(
            action=f"{_WHERE}/{visit.id()}",
            fields={"name": before.name, "choices": "\n".join(before.choices)},
        ),
    )


async def move(visit: Visit) -> web.Response:
    by = {"up": -1, "down": 1}.get(visit.form.get("by", ""))
    if by is None:
        raise web.HTTPBadRequest
    async with transaction(visit.around.engine) as connection:
        await move_field(connection, visit.id(), by=by)
    return visit.back(f"{_WHERE}?of={_entity(visit.form.get('of', ''))}")


async def archive(visit: Visit) -> web.Response:
    archived = visit.form.get("archived") == "1"
    async with transaction(visit.around.engine) as connection:
        row = await archive_field(connection, visit.id(), archived=archived, now=visit.now)
        what = "field_archived" if archived else "field_restored"
        await _audit(visit, connection, what, visit.id(), row.name)
    said = (
        visit._("“{name}” is put away; what was answered stays")
        if archived
        else visit._("“{name}” is asked again")
    )
    return visit.done(
        f"{_WHERE}?of={row.entity}",
        said=said.format(name=row.name),
        undo=Undo(
            action=f"{_WHERE}/{visit.id()}/archive", fields={"archived": "0" if archived else "1"}
        ),
    )


async def group_by(visit: Visit) -> web.Response:
    """Whether reports group by this field's answers: how customers heard of us."""
    chosen = visit.form.get("chosen") == "1"
    async with transaction(visit.around.engine) as connection:
        before = await self_reported_field(connection)
        row = await choose_self_reported(connection, visit.id(), chosen=chosen)
        what = "field_grouped_by" if chosen else "field_not_grouped_by"
        await _audit(visit, connection, what, visit.id(), row.name)
    said = (
        visit._("Reports group by “{name}”")
        if chosen
        else visit._("Reports no more group by “{name}”")
    )
    back, again = (before.id, "1") if before is not None else (visit.id(), "0")
    return visit.done(
        f"{_WHERE}?of=lead",
        said=said.format(name=row.name),
        undo=Undo(action=f"{_WHERE}/{back}/reports", fields={"chosen": again}),
    )


def _entity(given: str) -> Entity:
    return "lead" if given == "lead" else "contact"


async def _audit(
    visit: Visit, connection: AsyncConnection, what: str, id_: UUID, name: str
) -> None:
    await write_audit(
        connection,
        by=visit.me,
        what=what,
        object_kind="field",
        object_id=id_,
        now=visit.now,
        after={"name": name},
    )


PAGES: Final[Sequence[Page]] = (
    get("/settings/fields", fields, Right.MANAGE_FIELDS),
    post("/settings/fields", add, Right.MANAGE_FIELDS),
    post("/settings/fields/{id}", change, Right.MANAGE_FIELDS),
    post("/settings/fields/{id}/move", move, Right.MANAGE_FIELDS),
    post("/settings/fields/{id}/archive", archive, Right.MANAGE_FIELDS),
    post("/settings/fields/{id}/reports", group_by, Right.MANAGE_FIELDS),
)
