"""One person: their page, what is changed there in place, their files, their data taken out or erased.

Putting two together and taking them apart is in `pages/merging.py`, the list of all in `pages/contact_list.py`.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from aiohttp import web
from babel import Locale, UnknownLocaleError
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.contact_words import change_words
from inbox.desk import NotFound, Refused
from inbox.pages.at_hand import answering_colleagues
from inbox.pages.person_view import person_of
from inbox.pages.shown_fields import answer_text
from inbox.person_export import parts
from inbox.person_keys import KINDS, key_of
from inbox.rights import Right
from inbox.uuids import required_uuid
from inbox.visit import Page, Undo, Visit, get, post
from router.field_answers import answered
from storage.audit import write_audit
from storage.engine import transaction
from storage.reading.contact_files import files_of_contact
from storage.reading.contact_history import changes_of_contact
from storage.reading.contact_keys import claims_of
from storage.reading.contact_rows import ContactRow
from storage.reading.contacts import contact_by_id, resolve
from storage.reading.fields import list_fields
from storage.reading.paging import BadCursor
from storage.reading.sight import unseen

LONGEST_NAME: Final = 128
LONGEST_NOTE: Final = 4000
LONGEST_KEY: Final = 100
_FIELD: Final = "field."


async def contact(visit: Visit) -> web.Response:
    """A merged contact's address leads to the one who survived."""
    async with visit.around.engine.connect() as connection:
        living = await resolve(connection, visit.id())
        if living is None:
            raise web.HTTPNotFound
        if living != visit.id():
            return web.Response(status=301, headers={"Location": f"/contacts/{living}"})
        colleagues = await answering_colleagues(connection)
        person = await person_of(visit, connection, living, colleagues=colleagues)
        names = {each.key: each.name for each in person.fields}
        history = [] if person.contact.erased_at else await changes_of_contact(connection, living)
    return visit.page(
        "contact.html",
        person=person,
        talks=person.talks,
        full=True,
        history=[
            (each, change_words(each, spoken=visit.language, fields=names)) for each in history
        ],
    )


async def change_contact(visit: Visit) -> web.Response:
    """Whatever the form has: a name, a manager, a field, a note, a language, being blocked."""
    where = f"/contacts/{visit.id()}"
    async with visit.around.engine.connect() as connection:
        row = await _living(visit, connection)
        changes, undo = await _wanted(visit, connection, row)
    if not changes:
        raise web.HTTPBadRequest
    await visit.around.desk.change_contact(row.id, changes, by=visit.me)
    async with visit.around.engine.connect() as connection:
        gone = await unseen(connection, visit.sight, "contact", [row.id])
    return visit.done(
        "/contacts" if gone else where,
        said=_said(visit, changes),
        # Given to a colleague, and with that out of sight: this page is not theirs any more to change.
        undo=None if gone else Undo(action=where, fields={**undo, "undo": "1"}),
    )


async def _wanted(
    visit: Visit, connection: AsyncConnection, row: ContactRow
) -> tuple[dict[str, Any], dict[str, str]]:
    """The changes, and the form that takes them back."""
    form = visit.form
    changes: dict[str, Any] = {}
    undo: dict[str, str] = {}
    if "name" in form:
        name = " ".join(form["name"].split())[:LONGEST_NAME]
        if not name and "undo" not in form:
            raise Refused(visit._("Give the contact a name."))
        changes["name"], undo["name"] = name, row.name
    if "manager" in form:
        changes["manager_id"] = await _manager(connection, form["manager"])
        undo["manager"] = str(row.manager_id or "")
    if "note" in form:
        changes["note"], undo["note"] = form["note"].strip()[:LONGEST_NOTE], row.note
    if "locale" in form:
        changes["locale"], undo["locale"] = _locale(form["locale"]), row.locale
    if "blocked" in form:
        changes["blocked"] = form["blocked"] == "1"
        changes["block_reason"] = form.get("block_reason", "").strip()[:255]
        undo |= {"blocked": "1" if row.blocked else "0", "block_reason": row.block_reason}
    if fields := await _answers(visit, connection, row):
        changes["fields"] = fields
        undo |= {f"{_FIELD}{key}": answer_text(row.fields.get(key)) for key in fields}
    return changes, undo


async def _answers(
    visit: Visit, connection: AsyncConnection, row: ContactRow
) -> dict[str, str | None]:
    given = {
        name.removeprefix(_FIELD): value
        for name, value in visit.form.items()
        if name.startswith(_FIELD)
    }
    if not given:
        return {}
    asked = {each.key: each for each in await list_fields(connection, of="contact")}
    fields: dict[str, str | None] = {}
    for key, written in given.items():
        # Fields are made in the settings; what another door has left may be corrected.
        if key not in asked and key not in row.fields and "undo" not in visit.form:
            raise NotFound
        kind, choices = (asked[key].kind, asked[key].choices) if key in asked else ("text", ())
        same = written == answer_text(row.fields.get(key))
        fields[key[:LONGEST_KEY]] = (
            written if same else answered(kind, written, choices=choices)
        ) or None
    return fields


async def _manager(connection: AsyncConnection, given: str) -> UUID | None:
    if not given:
        return None
    for each in await answering_colleagues(connection):
        if str(each.id) == given:
            return each.id
    raise web.HTTPBadRequest


def _locale(given: str) -> str:
    code = given.strip()[:16]
    if not code:
        return ""
    try:
        Locale.parse(code, sep="-")
    except (ValueError, UnknownLocaleError) as error:
        raise Refused("Write a language by its code, for example ru or en.") from error
    return code


def _said(visit: Visit, changes: dict[str, Any]) -> str:
    _ = visit._
    if "blocked" in changes:
        return _("Blocked") if changes["blocked"] else _("No longer blocked")
    return {
        "name": _("Name saved"),
        "manager_id": _("Manager saved"),
        "note": _("Note saved"),
        "locale": _("Language saved"),
    }.get(next(iter(changes)), _("Saved"))


async def add_key(visit: Visit) -> web.Response:
    """A number, an address or a name that the person is said to have."""
    where = f"/contacts/{visit.id()}"
    kind = visit.form.get("kind", "")
    if kind not in KINDS:
        raise web.HTTPBadRequest
    value, display = key_of(kind, visit.form.get("value", ""))
    async with visit.around.engine.connect() as connection:
        row = await _living(visit, connection)
    claim = await visit.around.desk.add_key(
        row.id, kind=kind, value=value, display=display, by=visit.me
    )
    return visit.done(
        where,
        said=visit._("{key} added").format(key=display),
        undo=Undo(action=f"{where}/keys/remove", fields={"claim": str(claim)}),
    )


async def remove_key(visit: Visit) -> web.Response:
    where = f"/contacts/{visit.id()}"
    claim = required_uuid(visit.form.get("claim", ""))
    async with visit.around.engine.connect() as connection:
        row = await _living(visit, connection)
        found = next(
            (
                each
                for each in await claims_of(connection, row.id, sight=visit.sight)
                if each.id == claim
            ),
            None,
        )
    if found is None:
        raise NotFound
    await visit.around.desk.remove_key(claim, by=visit.me)
    said = visit._("{key} removed").format(key=found.display or found.value)
    if found.kind not in KINDS:
        return visit.done(where, said=said)
    written = found.display or found.value
    return visit.done(
        where,
        said=said,
        undo=Undo(action=f"{where}/keys", fields={"kind": found.kind, "value": written}),
    )


async def vouch(visit: Visit) -> web.Response:
    """Somebody with the right has checked that it is theirs; and takes that back."""
    where = f"/contacts/{visit.id()}"
    async with visit.around.engine.connect() as connection:
        row = await _living(visit, connection)
        claims = {each.id for each in await claims_of(connection, row.id, sight=visit.sight)}
    if "key" in visit.form:
        key = required_uuid(visit.form["key"])
        if key not in {each.id for each in row.identities}:
            raise NotFound
        await visit.around.desk.unvouch_key(key, by=visit.me)
        return visit.done(where, said=visit._("Claimed again"))
    claim = required_uuid(visit.form.get("claim", ""))
    if claim not in claims:
        raise NotFound
    made = await visit.around.desk.vouch_for_key(claim, by=visit.me)
    return visit.done(
        where,
        said=visit._("Proved from now on"),
        undo=Undo(action=f"{where}/keys/vouch", fields={"key": str(made)}),
    )


async def share_key(visit: Visit) -> web.Response:
    where = f"/contacts/{visit.id()}"
    key, shared = required_uuid(visit.form.get("key", "")), visit.form.get("shared") == "1"
    async with visit.around.engine.connect() as connection:
        row = await _living(visit, connection)
    found = next((each for each in row.identities if each.id == key), None)
    if found is None:
        raise NotFound
    await visit.around.desk.share_key(key, shared=shared, by=visit.me)
    name = found.display or found.value
    said = (
        visit._("{key} is an office's now: it identifies nobody")
        if shared
        else visit._("{key} is the person's own again")
    )
    return visit.done(
        where,
        said=said.format(key=name),
        undo=Undo(
            action=f"{where}/keys/share",
            fields={"key": str(key), "shared": "0" if shared else "1"},
        ),
    )


async def files(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        row = await _living(visit, connection)
        try:
            page = await files_of_contact(
                connection,
                row.id,
                sight=visit.sight,
                cursor=visit.request.query.get("cursor", ""),
            )
        except BadCursor as error:
            raise web.HTTPNotFound from error
    template = "parts/contact_files.html" if visit.wants_fragment else "contact_files.html"
    return visit.page(template, contact=row, files=page)


async def export(visit: Visit) -> web.StreamResponse:
    """Everything kept about the person, as a file to hand over to them."""
    async with visit.around.engine.connect() as connection:
        row = await _living(visit, connection)
    async with transaction(visit.around.engine) as connection:
        await write_audit(
            connection,
            by=visit.me,
            what="contact_exported",
            object_kind="contact",
            object_id=row.id,
            now=visit.now,
        )
    response = web.StreamResponse(
        headers={
            "Content-Type": "application/json",
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="contact-{row.id}.json"',
        }
    )
    await response.prepare(visit.request)
    await response.write(b"{")
    async with visit.around.engine.connect() as connection:
        async for piece in parts(connection, row.id):
            await response.write(piece)
    await response.write(b"}\n")
    await response.write_eof()
    return response


async def erasing(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        row = await _living(visit, connection)
    return visit.page("contact_erase.html", contact=row, word_to_type=visit._("erase"))


async def erase(visit: Visit) -> web.Response:
    """For good: only for who has written the word, so that no slip of the finger does it."""
    word = visit._("erase")
    if visit.form.get("word", "").strip().casefold() != word.casefold():
        raise Refused(visit._("Write “{word}” to erase for good.").format(word=word))
    async with visit.around.engine.connect() as connection:
        row = await _living(visit, connection)
    await visit.around.desk.erase_contact(row.id, by=visit.me)
    return visit.back(f"/contacts/{row.id}")


async def _living(visit: Visit, connection: AsyncConnection) -> ContactRow:
    living = await resolve(connection, visit.id())
    row = None if living is None else await contact_by_id(connection, living, sight=visit.sight)
    if row is None or row.erased_at is not None:
        raise NotFound
    return row


PAGES: Final[Sequence[Page]] = (
    get("/contacts/{id}", contact, Right.READ_CONTACTS),
    post("/contacts/{id}", change_contact, Right.CHANGE_CONTACTS),
    post("/contacts/{id}/keys", add_key, Right.CHANGE_CONTACTS),
    post("/contacts/{id}/keys/remove", remove_key, Right.CHANGE_CONTACTS),
    post("/contacts/{id}/keys/vouch", vouch, Right.VOUCH_FOR_KEYS),
    post("/contacts/{id}/keys/share", share_key, Right.CHANGE_CONTACTS),
    get("/contacts/{id}/files", files, Right.READ_MESSAGES),
    get("/contacts/{id}/export", export, Right.EXPORT_PERSONAL_DATA),
    get("/contacts/{id}/erase", erasing, Right.ERASE),
    post("/contacts/{id}/erase", erase, Right.ERASE),
)
