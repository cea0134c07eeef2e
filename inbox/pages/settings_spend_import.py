"""A file of spend: looked at first, written when that is confirmed; amounts by hand; and the log of it all.

    upload ─▶ kept, named by a signed ticket ─▶ the preview reads it ─▶ confirmed: read again, and written in one go

Nothing is written before that, and confirming twice is recognised by the file's hash.
"""

import asyncio
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

import msgspec
from aiohttp import web

from connectors.advertising.figures import Unreadable, amount_of
from connectors.advertising.reading import AUTO, FORMATS, LARGEST, read_spend
from inbox.desk import NotFound, Refused
from inbox.pages.settings_spend import ACCOUNTS, HERE
from inbox.pages.tickets import opened, ticket_for
from inbox.rights import Right
from inbox.visit import Page, Visit, get, post
from router.clean_text import clean_line
from router.spending import (
    FIRST_DAY,
    LAST_DAY,
    LONGEST_NAME,
    LONGEST_RANGE,
    MOST,
    Spending,
    SpendRow,
    last_spent,
)
from storage.ad_accounts import NoSuchAdAccount, ad_account_by_id
from storage.engine import transaction
from storage.media import MediaUnavailable
from storage.reading.paging import BadCursor
from storage.reading.spending import import_by_id, list_imports
from storage.spend_parts import CannotWrite
from storage.spend_plan import plan_spending
from storage.spending import enter_by_hand, write_spending

SHOWN_PROBLEMS: Final = 100
PAGE: Final = 50
_PURPOSE: Final = "spend file"


class _Ticket(msgspec.Struct, frozen=True):
    account: UUID
    sha256: str
    name: str
    format: str


async def upload(visit: Visit) -> web.Response:
    file = visit.file
    if file is None or not file.content:
        raise Refused(visit._("Choose a file that is not empty."))
    if len(file.content) > LARGEST:
        raise Refused(visit._("The file is too large: split it into several."))
    format_ = visit.form.get("format", AUTO)
    if format_ not in FORMATS:
        raise web.HTTPBadRequest
    try:
        kept = await visit.around.media.put(file.content)
    except MediaUnavailable as error:
        raise Refused(visit._("The file could not be kept; try again in a moment.")) from error
    ticket = _Ticket(
        account=visit.id(),
        sha256=kept,
        name=clean_line(file.name, limit=LONGEST_NAME),
        format=format_,
    )
    signed = ticket_for(visit, ticket, purpose=_PURPOSE)
    return visit.back(f"{ACCOUNTS}/{visit.id()}/preview?file={signed}")


async def preview(visit: Visit) -> web.Response:
    try:
        async with visit.around.engine.connect() as connection:
            account = await ad_account_by_id(connection, visit.id())
    except NoSuchAdAccount as gone:
        raise NotFound from gone
    written = visit.request.query.get("file", "")
    if not written:
        return visit.back(f"{ACCOUNTS}/{visit.id()}")
    ticket = _opened(visit, written)
    said = await _read(visit, ticket)
    plan, refusal = None, ""
    try:
        async with visit.around.engine.connect() as connection:
            plan = await plan_spending(connection, account.id, said, file_hash=ticket.sha256)
    except CannotWrite as cannot:
        refusal = str(cannot)
    return visit.page(
        "settings/spend_preview.html",
        account=account,
        ticket=written,
        name=ticket.name,
        said_=said,
        plan=plan,
        refusal=refusal,
        problems=said.problems[:SHOWN_PROBLEMS],
    )


async def confirm(visit: Visit) -> web.Response:
    ticket = _opened(visit, visit.form.get("file", ""))
    said = await _read(visit, ticket)
    try:
        async with transaction(visit.around.engine) as connection:
            done = await write_spending(
                connection,
                visit.id(),
                said,
                how="file",
                file_hash=ticket.sha256,
                file_name=ticket.name,
                by=visit.me,
                now=visit.now,
            )
    except NoSuchAdAccount as gone:
        raise NotFound from gone
    except CannotWrite as cannot:
        raise Refused(str(cannot)) from cannot
    return visit.back(f"{HERE}/imports/{done.id}")


async def by_hand(visit: Visit) -> web.Response:
    form, _ = visit.form, visit._
    first = _day(visit, form.get("first_day", ""))
    last = _day(visit, form.get("last_day", "") or form.get("first_day", ""))
    if last < first or (last - first).days >= LONGEST_RANGE:
        raise Refused(_("The last day comes after the first, and within a year of it."))
    campaign = clean_line(form.get("campaign", ""), limit=LONGEST_NAME)
    row = SpendRow(
        first_day=first,
        last_day=last,
        amount=amount_in(visit, form.get("amount", "")),
        level="campaign" if campaign else "account",
        object_name=campaign,
        campaign=campaign,
    )
    try:
        async with transaction(visit.around.engine) as connection:
            done = await enter_by_hand(connection, visit.id(), row, by=visit.me, now=visit.now)
    except NoSuchAdAccount as gone:
        raise NotFound from gone
    except CannotWrite as cannot:
        raise Refused(str(cannot)) from cannot
    return visit.back(f"{HERE}/imports/{done.id}")


async def log(visit: Visit) -> web.Response:
    try:
        async with visit.around.engine.connect() as connection:
            page = await list_imports(
                connection, cursor=visit.request.query.get("after", ""), limit=PAGE
            )
    except BadCursor as error:
        raise web.HTTPNotFound from error
    return visit.page("settings/spend_log.html", log=page.items, more=page.next_cursor)


async def one_import(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        found = await import_by_id(connection, visit.id())
    if found is None:
        raise NotFound
    line, problems = found
    return visit.page("settings/spend_import.html", line=line, problems=problems)


def amount_in(visit: Visit, written: str) -> Decimal:
    """Raises Refused."""
    # In a form one sign is the decimal one, whichever it is: nobody types thousands with a single point or comma.
    text = written.strip()
    if text.count(",") + text.count(".") == 1:
        text = text.replace(",", ".")
    try:
        amount = round(amount_of(text, style="."), 6)
    except Unreadable as wrong:
        raise Refused(str(wrong)) from wrong
    if abs(amount) >= MOST:
        raise Refused(visit._("No advertising costs that much."))
    return amount


def _day(visit: Visit, written: str) -> date:
    try:
        day = date.fromisoformat(written)
    except ValueError as error:
        raise Refused(visit._("Choose a day.")) from error
    if not FIRST_DAY <= day <= LAST_DAY:
        raise Refused(visit._("Choose a day."))
    return day


async def _read(visit: Visit, ticket: _Ticket) -> Spending:
    try:
        content = await visit.around.media.get(ticket.sha256)
    except (KeyError, MediaUnavailable) as error:
        raise Refused(visit._("The file is not here any more: choose it again.")) from error
    until = last_spent(visit.now, visit.time_zone)
    return await asyncio.to_thread(read_spend, content, format_=ticket.format, until=until)


def _opened(visit: Visit, written: str) -> _Ticket:
    """Raises HTTPBadRequest for one that is not this person's, or of another account."""
    ticket = opened(visit, written, _Ticket, purpose=_PURPOSE)
    if ticket.account != visit.id():
        raise web.HTTPBadRequest
    return ticket


PAGES: Final[Sequence[Page]] = (
    Page(
        method="POST",
        path=f"{ACCOUNTS}/{{id}}/file",
        handler=upload,
        right=Right.MANAGE_SPEND,
        takes_a_file=True,
    ),
    get(f"{ACCOUNTS}/{{id}}/preview", preview, Right.MANAGE_SPEND),
    post(f"{ACCOUNTS}/{{id}}/confirm", confirm, Right.MANAGE_SPEND),
    post(f"{ACCOUNTS}/{{id}}/hand", by_hand, Right.MANAGE_SPEND),
    get(f"{HERE}/imports", log, Right.READ_SPEND),
    get(f"{HERE}/imports/{{id}}", one_import, Right.READ_SPEND),
)
