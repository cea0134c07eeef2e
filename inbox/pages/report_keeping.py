"""Saved reports, one's own or everybody's, and who gets them by email or Telegram, and when."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl
from uuid import UUID

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.email_addresses import normalise
from inbox.desk import NotFound, Refused
from inbox.pages.report_shell import asked, cards_address, look_of, readable, tiles, whose_of
from inbox.reports.catalogue import REPORTS, made
from inbox.reports.naming import days_words
from inbox.reports.schedule import next_time
from inbox.reports.sheet import Column, Line
from inbox.reports.spec import SOURCES, SUMMARY
from inbox.reports.wish import ReportWish, wish_of
from inbox.rights import Right
from inbox.visit import Page, Undo, Visit, get, post
from storage import digests
from storage.digests import Digest, Every
from storage.engine import transaction
from storage.reading.colleagues import list_accounts
from storage.saved_views import (
    SavedView,
    change_view,
    delete_view,
    list_reports,
    restore_view,
    save_view,
    saved_report,
)

MAIN: Final = {
    "sources": ("leads", "new_customers", "revenue", "romi"),
    "summary": ("leads", "won", "revenue", "win_rate"),
}
"""What the list of reports begins with: the company's figures, or those of whom somebody may read."""
SENDERS: Final = ("email", "telegram")
MOST_ADDRESSES: Final = 20
LONGEST_ADDRESS: Final = 254


async def index(visit: Visit) -> web.Response:
    """The main figures of the last month, the reports there are, and those that were saved."""
    wish = asked(visit, SOURCES if whose_of(visit).everybodys else SUMMARY)
    async with visit.around.engine.connect() as connection:
        saved = (
            await list_reports(connection, user_id=visit.me)
            if visit.may(Right.READ_REPORTS)
            else ()
        )
        look = await look_of(visit, connection)
        sheet = await made(connection, wish, look)

    def cards_of(line: Line, column: Column) -> str:
        return cards_address(wish, line, column)

    return visit.page(
        "reports.html",
        tiles=tiles(sheet, look, MAIN[wish.spec.name], cards_of),
        days=days_words(look, wish.period),
        reports=readable(visit),
        saved=[(each, REPORTS[each.report][0]) for each in saved if each.report in REPORTS],
    )


def saved_wish(visit: Visit, view: SavedView) -> ReportWish:
    return wish_of(
        REPORTS[view.report][0],
        dict(parse_qsl(view.query)),
        today=visit.formats.local_day(visit.now),
    )


async def open_saved(visit: Visit) -> web.Response:
    """Its days are those of now, if it was saved of "this month"."""
    async with visit.around.engine.connect() as connection:
        view = await _view(visit, connection)
    return visit.back(saved_wish(visit, view).address())


async def save(visit: Visit) -> web.Response:
    report = visit.form.get("report", "")
    if report not in REPORTS:
        raise web.HTTPBadRequest
    shared = visit.form.get("shared") == "1"
    if shared and not visit.may(Right.SHARE_VIEWS):
        raise web.HTTPForbidden
    query = dict(parse_qsl(visit.form.get("query", "")))
    wish = wish_of(REPORTS[report][0], query, today=visit.formats.local_day(visit.now))
    # With whose figures they are: a digest is made when nobody is signed in.
    wish = whose_of(visit).narrowed(wish)
    async with transaction(visit.around.engine) as connection:
        view = await save_view(
            connection,
            user_id=visit.me,
            name=visit.form.get("name", ""),
            query=wish.query(open=None),
            shared=shared,
            now=visit.now,
            report=report,
        )
    return visit.done(
        f"/reports/saved/{view}",
        said=visit._("Saved among the reports"),
        undo=Undo(action=f"/reports/saved/{view}/delete"),
    )


async def change(visit: Visit) -> web.Response:
    async with transaction(visit.around.engine) as connection:
        await _view(visit, connection)
        await change_view(
            connection,
            visit.id(),
            user_id=visit.me,
            shares=visit.may(Right.SHARE_VIEWS),
            name=visit.form.get("name", ""),
            shared=visit.form.get("shared") == "1",
        )
    return visit.done("/reports", said=visit._("Saved"))


async def delete(visit: Visit) -> web.Response:
    async with transaction(visit.around.engine) as connection:
        await _view(visit, connection)
        name = await delete_view(
            connection,
            visit.id(),
            user_id=visit.me,
            shares=visit.may(Right.SHARE_VIEWS),
            now=visit.now,
        )
    said = visit._("The report “{name}” is deleted").format(name=name)
    return visit.done(
        "/reports", said=said, undo=Undo(action=f"/reports/saved/{visit.id()}/restore")
    )


async def restore(visit: Visit) -> web.Response:
    async with transaction(visit.around.engine) as connection:
        await restore_view(
            connection, visit.id(), user_id=visit.me, shares=visit.may(Right.SHARE_VIEWS)
        )
    return visit.done("/reports", said=visit._("It is back"))


async def sending(visit: Visit) -> web.Response:
    """To whom this report is sent, and when."""
    async with visit.around.engine.connect() as connection:
        view = await _view(visit, connection)
        found = await digests.digests_of(connection, view.id)
        recipients = await digests.recipients_of(connection, [each.id for each in found])
        accounts = [each for each in await list_accounts(connection) if each.kind in SENDERS]
    bots = await _bots(visit) if any(each.kind == "telegram" for each in found) else {}
    return visit.page(
        "report_sending.html",
        view=view,
        spec=REPORTS[view.report][0],
        digests=found,
        recipients=recipients,
        accounts=accounts,
        bots=bots,
        hours=range(24),
        mine=_mine(visit, view),
    )


async def _bots(visit: Visit) -> Mapping[UUID, str]:
    """Names of the bots, by account, as far as they are known."""
    rows = await visit.around.channels.all()
    return {
        each.id: each.fields.get("username", "").removeprefix("@")
        for each in rows
        if each.kind == "telegram"
    }


async def add(visit: Visit) -> web.Response:
    form = visit.form
    async with transaction(visit.around.engine) as connection:
        view = await _mine_only(visit, connection)
        account = next(
            (
                each
                for each in await list_accounts(connection)
                if str(each.id) == form.get("account") and each.kind in SENDERS
            ),
            None,
        )
        if account is None:
            raise Refused(visit._("Choose the account that sends it."))
        every, on_day, hour = _when(form)
        digest = await digests.add_digest(
            connection,
            saved_view=view.id,
            account=account.id,
            every=every,
            on_day=on_day,
            hour=hour,
            language=visit.language.code,
            by=visit.me,
            next_at=next_time(
                every, on_day=on_day, hour=hour, zone=visit.formats.zone, after=visit.now
            ),
            now=visit.now,
        )
        if account.kind == "telegram":
            await digests.add_recipient(
                connection, digest, address="", name=visit.colleague.name, now=visit.now
            )
        for address in _addresses(visit) if account.kind == "email" else ():
            await digests.add_recipient(connection, digest, address=address, name="", now=visit.now)
    return visit.done(_where(view.id), said=visit._("It will be sent"))


def _when(form: Mapping[str, str]) -> tuple[Every, int, int]:
    every = form.get("every", "")
    hour, day = form.get("hour", ""), form.get("on_day", "") or "1"
    if every not in digests.EVERY or not hour.isdecimal() or not day.isdecimal():
        raise web.HTTPBadRequest
    if int(hour) > 23 or not 1 <= int(day) <= 31:  # a clock and a calendar
        raise web.HTTPBadRequest
    return every, int(day), int(hour)


def _addresses(visit: Visit) -> Sequence[str]:
    written = visit.form.get("to", "").replace(";", ",").replace("\n", ",").split(",")
    found = list(dict.fromkeys(each.strip()[:LONGEST_ADDRESS] for each in written if each.strip()))
    wrong = [each for each in found if not normalise(each)]
    if wrong:
        raise Refused(visit._("“{address}” is no email address.").format(address=wrong[0]))
    if not found:
        raise Refused(visit._("Say to whom it goes: one or several email addresses."))
    if len(found) > MOST_ADDRESSES:
        raise Refused(visit._("That is too many addresses at once."))
    return found


async def add_chat(visit: Visit) -> web.Response:
    """One more link for a colleague's chat."""
    async with transaction(visit.around.engine) as connection:
        digest, _view_of = await _own_digest(visit, connection)
        if digest.kind != "telegram":
            raise web.HTTPBadRequest
        await digests.add_recipient(
            connection, digest.id, address="", name=visit.form.get("name", "")[:60], now=visit.now
        )
    return visit.done(_where(digest.saved_view_id), said=visit._("Send them the link"))


async def pause(visit: Visit) -> web.Response:
    async with transaction(visit.around.engine) as connection:
        digest, _view_of = await _own_digest(visit, connection)
        await digests.pause_digest(
            connection,
            digest.id,
            paused=visit.form.get("paused") == "1",
            next_at=next_time(
                digest.every,
                on_day=digest.on_day,
                hour=digest.hour,
                zone=visit.formats.zone,
                after=visit.now,
            ),
        )
    return visit.done(_where(digest.saved_view_id), said=visit._("Saved"))


async def send_now(visit: Visit) -> web.Response:
    async with transaction(visit.around.engine) as connection:
        digest, _view_of = await _own_digest(visit, connection)
        await digests.send_now(connection, digest.id, now=visit.now)
    return visit.done(_where(digest.saved_view_id), said=visit._("It is being sent"))


async def take_away(visit: Visit) -> web.Response:
    async with transaction(visit.around.engine) as connection:
        digest, _view_of = await _own_digest(visit, connection)
        await digests.delete_digest(connection, digest.id)
    return visit.done(_where(digest.saved_view_id), said=visit._("It is no longer sent"))


async def stop_page(visit: Visit) -> web.Response:
    """From the link in a digest. Programs that look at links in advance stop nothing by it: that takes the button."""
    async with visit.around.engine.connect() as connection:
        name = await digests.of_code(connection, visit.request.match_info["code"])
    if name is None:
        raise web.HTTPNotFound
    return visit.page("report_stop.html", name=name, stopped=False)


async def stop(visit: Visit) -> web.Response:
    code = visit.request.match_info["code"]
    async with transaction(visit.around.engine) as connection:
        name = await digests.of_code(connection, code)
        if name is None or not await digests.stop(connection, code, now=visit.now):
            raise web.HTTPNotFound
    return visit.page("report_stop.html", name=name, stopped=True)


async def _view(visit: Visit, connection: AsyncConnection) -> SavedView:
    view = await saved_report(connection, visit.id(), user_id=visit.me)
    if view is None or view.report not in REPORTS:
        raise NotFound
    return view


def _mine(visit: Visit, view: SavedView) -> bool:
    """Nobody has figures sent that they do not see: a shared report may be of more colleagues than one's own."""
    wish = saved_wish(visit, view)
    if whose_of(visit).narrowed(wish) != wish:
        return False
    return visit.may(Right.SHARE_VIEWS) if view.shared else view.user_id == visit.me


async def _mine_only(visit: Visit, connection: AsyncConnection) -> SavedView:
    view = await _view(visit, connection)
    if not _mine(visit, view):
        raise web.HTTPForbidden
    return view


async def _own_digest(visit: Visit, connection: AsyncConnection) -> tuple[Digest, SavedView]:
    digest = await digests.digest_by_id(connection, visit.id())
    view = await saved_report(connection, digest.saved_view_id, user_id=visit.me)
    if view is None:
        raise NotFound
    if not _mine(visit, view):
        raise web.HTTPForbidden
    return digest, view


def _where(view: UUID) -> str:
    return f"/reports/saved/{view}/sending"


_READ: Final = Right.READ_REPORTS
PAGES: Final[Sequence[Page]] = (
    get("/reports", index, Right.READ_FIGURES),
    post("/reports/saved", save, _READ),
    get("/reports/saved/{id}", open_saved, _READ),
    post("/reports/saved/{id}", change, _READ),
    post("/reports/saved/{id}/delete", delete, _READ),
    post("/reports/saved/{id}/restore", restore, _READ),
    get("/reports/saved/{id}/sending", sending, _READ),
    post("/reports/saved/{id}/sending", add, _READ),
    post("/reports/digests/{id}/chat", add_chat, _READ),
    post("/reports/digests/{id}/pause", pause, _READ),
    post("/reports/digests/{id}/now", send_now, _READ),
    post("/reports/digests/{id}/delete", take_away, _READ),
    get("/digest/{code}", stop_page, None),
    post("/digest/{code}", stop, None),
)
"""What one changes is one's own; what everybody sees takes SHARE_VIEWS besides."""
