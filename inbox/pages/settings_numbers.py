"""Call tracking: numbers that are printed somewhere, and numbers that are lent to visits of the site."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiohttp import web

from connectors.entrance import NoAddress, telephone_number
from connectors.phone_numbers import shown_number
from inbox.desk import Refused
from inbox.rights import Right
from inbox.visit import Page, Undo, Visit, get, post
from storage.audit import difference
from storage.call_numbers import (
    KINDS,
    LONGEST_NAME,
    LONGEST_UTM,
    UTM,
    NumberRow,
    add_number,
    archive_number,
    change_number,
    list_numbers,
)
from storage.engine import transaction

HERE: Final = "/settings/numbers"


async def numbers(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        rows = await list_numbers(connection, now=visit.now)
        gone = await list_numbers(connection, now=visit.now, archived=True)
    return visit.page(
        "settings/numbers.html",
        printed=[each for each in rows if each.kind == "static"],
        lent=[each for each in rows if each.kind == "pool"],
        gone=gone,
        shown=shown_number,
        utm_names=UTM,
        longest=LONGEST_NAME,
        longest_utm=LONGEST_UTM,
    )


async def add(visit: Visit) -> web.Response:
    form = visit.form
    kind = form.get("kind", "")
    if kind not in KINDS:
        raise web.HTTPBadRequest
    try:
        number = telephone_number(form.get("number", ""), "RU")
    except NoAddress as wrong:
        raise Refused(str(wrong)) from wrong
    async with transaction(visit.around.engine) as connection:
        made = await add_number(
            connection, number=number, kind=kind, now=visit.now, **_given(visit)
        )
        after = {"number": number, "kind": kind, **_given(visit)}
        await visit.note_in_audit(connection, "call_number_added", "call_number", made, after=after)
    return visit.done(
        HERE,
        said=visit._("The number is added"),
        undo=Undo(action=f"{HERE}/{made}/archive", fields={"archived": "1"}),
    )


async def change(visit: Visit) -> web.Response:
    given = _given(visit)
    async with transaction(visit.around.engine) as connection:
        before = await change_number(connection, visit.id(), **given)
        was = {"name": before.name, "pool": before.pool, "utm": dict(before.utm)}
        if before.kind == "pool":
            given["utm"] = {}
        old, new = difference(was, given)
        await visit.note_in_audit(
            connection, "call_number_changed", "call_number", visit.id(), before=old, after=new
        )
    return visit.done(
        HERE,
        said=visit._("Saved"),
        undo=Undo(action=f"{HERE}/{visit.id()}", fields=_fields(before)),
    )


async def archive(visit: Visit) -> web.Response:
    archived = visit.form.get("archived") == "1"
    async with transaction(visit.around.engine) as connection:
        row = await archive_number(connection, visit.id(), archived=archived, now=visit.now)
        what = "call_number_archived" if archived else "call_number_restored"
        await visit.note_in_audit(
            connection, what, "call_number", row.id, after={"number": row.number}
        )
    said = (
        visit._("{number} is put away: it is lent no more; who calls it still counts")
        if archived
        else visit._("{number} is in use again")
    )
    return visit.done(
        HERE,
        said=said.format(number=shown_number(row.number)),
        undo=Undo(action=f"{HERE}/{row.id}/archive", fields={"archived": "0" if archived else "1"}),
    )


def _given(visit: Visit) -> dict[str, Any]:
    form = visit.form
    return {
        "name": form.get("name", ""),
        "pool": form.get("pool", ""),
        "utm": {name: form.get(f"utm_{name}", "") for name in UTM if form.get(f"utm_{name}")},
    }


def _fields(row: NumberRow) -> Mapping[str, str]:
    utm = {f"utm_{name}": value for name, value in row.utm.items()}
    return {"name": row.name, "pool": row.pool, **utm}


PAGES: Final[Sequence[Page]] = (
    get(HERE, numbers, Right.MANAGE_SOURCES),
    post(HERE, add, Right.MANAGE_SOURCES),
    post(HERE + "/{id}", change, Right.MANAGE_SOURCES),
    post(HERE + "/{id}/archive", archive, Right.MANAGE_SOURCES),
)
