"""People: the list with its filters, finding one while typing, adding one by hand, several at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.desk import Refused
from inbox.in_sight import PICKED
from inbox.pages.at_hand import answering_colleagues
from inbox.person_keys import key_of
from inbox.rights import Right
from inbox.uuids import uuid_or_none
from inbox.visit import Page, Undo, Visit, get, post
from storage.reading.colleagues import list_accounts
from storage.reading.contact_keys import owners_of_keys
from storage.reading.contact_rows import ContactRow
from storage.reading.contacts import (
    ContactFilter,
    Sort,
    contact_by_id,
    contacts_by_last_message,
    list_contacts,
    standings,
)
from storage.reading.list_choices import known_labels
from storage.reading.paging import BadCursor, Page as PageOf

MOST_FOUND: Final = 8
MOST_AT_ONCE: Final = 100
LONGEST_NAME: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactWish:
    """What the address asks for, and how to write it into one again."""

    filter: ContactFilter
    sort: Sort
    given: Mapping[str, str]

    def address(self, **changes: str) -> str:
        query = {name: value for name, value in {**self.given, **changes}.items() if value}
        return f"/contacts?{urlencode(query)}" if query else "/contacts"

    @property
    def narrowed(self) -> int:
        """By how many filters, the search aside."""
        return sum(name not in {"q", "sort"} for name in self.given)


async def contacts(visit: Visit) -> web.Response:
    wish = _wish(visit)
    async with visit.around.engine.connect() as connection:
        try:
            page = await _page(visit, connection, wish)
        except BadCursor as error:
            raise web.HTTPNotFound from error
        shown: dict[str, Any] = {
            "page": page,
            "wish": wish,
            "q": wish.filter.q,
            "standing": await standings(
                connection, [each.id for each in page.items], sight=visit.sight
            ),
            "colleagues": await answering_colleagues(connection),
            "labels": await known_labels(connection, sight=visit.sight)
            if visit.may(Right.READ_MESSAGES)
            else (),
            "channels": sorted({each.kind for each in await list_accounts(connection)}),
        }
    template = "parts/contact_rows.html" if visit.wants_fragment else "contacts.html"
    return visit.page(template, **shown)


async def _page(visit: Visit, connection: AsyncConnection, wish: ContactWish) -> PageOf[ContactRow]:
    cursor = visit.request.query.get("cursor", "")
    if wish.sort == "contact":
        return await contacts_by_last_message(
            connection, wish.filter, sight=visit.sight, cursor=cursor
        )
    return await list_contacts(connection, wish.filter, cursor=cursor, sight=visit.sight)


def _wish(visit: Visit) -> ContactWish:
    query = visit.request.query
    q = query.get("q", "").strip()[:200]
    manager = query.get("manager", "")
    since, until = _day(query.get("from", "")), _day(query.get("to", ""))
    sort: Sort = "contact" if query.get("sort") == "contact" else "created"
    found = ContactFilter(
        q=q,
        manager=uuid_or_none(manager),
        nobodys=manager == "none",
        channel=query.get("channel", "")[:40],
        label=query.get("label", "")[:40],
        created_from=_midnight(visit, since),
        created_to=_midnight(visit, until + timedelta(days=1)) if until else None,
        without_lead=query.get("lead") == "none",
        blocked=query.get("blocked") == "1",
        with_duplicates=query.get("duplicates") == "1",
    )
    given = {
        "q": q,
        "manager": manager if found.manager or found.nobodys else "",
        "channel": found.channel,
        "label": found.label,
        "from": since.isoformat() if since else "",
        "to": until.isoformat() if until else "",
        "lead": "none" if found.without_lead else "",
        "blocked": "1" if found.blocked else "",
        "duplicates": "1" if found.with_duplicates else "",
        "sort": "contact" if sort == "contact" else "",
    }
    return ContactWish(
        filter=found, sort=sort, given={name: value for name, value in given.items() if value}
    )


def _day(written: str) -> date | None:
    try:
        day = date.fromisoformat(written)
    except ValueError:
        return None
    return day if 2000 <= day.year < 2200 else None


def _midnight(visit: Visit, day: date | None) -> datetime | None:
    zone = ZoneInfo(visit.time_zone)
    return datetime.combine(day, time(), tzinfo=zone) if day else None


async def find(visit: Visit) -> web.Response:
    """Whom one means, while one types their name, number or address: options of `finder.js`, or a page of links."""
    query = visit.request.query
    q = query.get("q", "").strip()[:200]
    without = {query.get("without", ""), query.get("merge", "")}
    rows: Sequence[ContactRow] = ()
    async with visit.around.engine.connect() as connection:
        if q:
            page = await list_contacts(
                connection, ContactFilter(q=q), limit=MOST_FOUND + 1, sight=visit.sight
            )
            rows = [
                each
                for each in page.items
                if str(each.id) not in without and each.kind == "person" and not each.erased_at
            ][:MOST_FOUND]
        standing = await standings(connection, [each.id for each in rows], sight=visit.sight)
    template = "parts/found.html" if visit.wants_fragment else "find.html"
    merge = uuid_or_none(query.get("merge", ""))
    return visit.page(template, rows=rows, standing=standing, q=q, merge=merge)


async def new(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        colleagues = await answering_colleagues(connection)
    return visit.page("contact_new.html", colleagues=colleagues)


async def same(visit: Visit) -> web.Response:
    """Who is there already with what is being typed."""
    query = visit.request.query
    keys = []
    for kind in ("phone", "email"):
        try:
            keys.append((kind, key_of(kind, query.get(kind, ""))[0]))
        except Refused:
            continue
    async with visit.around.engine.connect() as connection:
        owners = await owners_of_keys(connection, keys, sight=visit.sight) if keys else []
        named: Sequence[ContactRow] = ()
        name = " ".join(query.get("name", "").split())[:LONGEST_NAME]
        if len(name) > 3:
            page = await list_contacts(
                connection, ContactFilter(q=name), limit=4, sight=visit.sight
            )
            known = {each[2] for each in owners}
            named = [each for each in page.items if each.id not in known and not each.erased_at][:3]
    return visit.page("parts/same_contacts.html", owners=owners, named=named)


async def create(visit: Visit) -> web.Response:
    form = visit.form
    name = " ".join(form.get("name", "").split())[:LONGEST_NAME]
    if not name:
        raise Refused(visit._("Give the contact a name."))
    keys = [
        (kind, key_of(kind, form[kind])[0])
        for kind in ("phone", "email")
        if form.get(kind, "").strip()
    ]
    manager = None
    if given := form.get("manager", ""):
        async with visit.around.engine.connect() as connection:
            manager = _one_of(await answering_colleagues(connection), given)
    made = await visit.around.desk.create_contact(
        by=visit.me, name=name, keys=keys, manager=manager
    )
    return visit.back(f"/contacts/{made}")


async def at_once(visit: Visit) -> web.Response:
    """The ticked ones get a manager; or two of them become one."""
    picked = [
        found
        for name in visit.form
        if name.startswith(PICKED) and (found := uuid_or_none(name.removeprefix(PICKED)))
    ][:MOST_AT_ONCE]
    if not picked:
        raise Refused(visit._("Tick some contacts first."))
    if visit.form.get("do") == "merge":
        if len(picked) != 2:
            raise Refused(visit._("Tick two contacts to merge them."))
        return visit.back(f"/contacts/{picked[0]}/merge?with={picked[1]}")
    given = visit.form.get("manager", "")
    manager = None
    if given != "none":
        async with visit.around.engine.connect() as connection:
            manager = _one_of(await answering_colleagues(connection), given)
    before = await _managers_of(visit, picked)
    for each in before:
        await visit.around.desk.change_contact(each, {"manager_id": manager}, by=visit.me)
    # Who is out of sight by now is not theirs any more to take back.
    still = await _managers_of(visit, list(before))
    was = " ".join(
        f"{each}:{had or ''}" for each, had in before.items() if had != manager and each in still
    )
    return visit.done(
        "/contacts",
        said=_said(visit, len(before)),
        undo=Undo(action="/contacts/at-once/undo", fields={"was": was, "now": str(manager or "")})
        if was
        else None,
    )


async def undo_at_once(visit: Visit) -> web.Response:
    """Those that still have the manager they were given have again the one they had."""
    was: dict[UUID, UUID | None] = {}
    for pair in visit.form.get("was", "").split()[:MOST_AT_ONCE]:
        whose, _, had = pair.partition(":")
        if (found := uuid_or_none(whose)) is not None:
            was[found] = uuid_or_none(had)
    given = uuid_or_none(visit.form.get("now", ""))
    now = await _managers_of(visit, list(was))
    back = [each for each, manager in now.items() if manager == given]
    for each in back:
        await visit.around.desk.change_contact(each, {"manager_id": was[each]}, by=visit.me)
    return visit.done("/contacts", said=_said(visit, len(back)))


async def _managers_of(visit: Visit, contacts: Sequence[UUID]) -> dict[UUID, UUID | None]:
    """Of those that are there and in sight."""
    async with visit.around.engine.connect() as connection:
        rows = [
            await contact_by_id(connection, each, sight=visit.sight)
            for each in dict.fromkeys(contacts)
        ]
    return {row.id: row.manager_id for row in rows if row is not None}


def _said(visit: Visit, n: int) -> str:
    said: str = visit.language.n(
        "Manager saved for {n} contact", "Manager saved for {n} contacts", n
    )
    return said.format(n=n)


def _one_of(colleagues: Sequence[Any], given: str) -> UUID:
    for each in colleagues:
        if str(each.id) == given:
            found: UUID = each.id
            return found
    raise web.HTTPBadRequest


PAGES: Final[Sequence[Page]] = (
    get("/contacts", contacts, Right.READ_CONTACTS),
    get("/contacts/find", find, Right.READ_CONTACTS),
    get("/contacts/new", new, Right.READ_CONTACTS),
    get("/contacts/same", same, Right.READ_CONTACTS),
    post("/contacts", create, Right.CHANGE_CONTACTS),
    post("/contacts/at-once", at_once, Right.CHANGE_CONTACTS),
    post("/contacts/at-once/undo", undo_at_once, Right.CHANGE_CONTACTS),
)
