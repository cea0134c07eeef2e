"""Canned replies as their writers keep them: a list, a form, a preview."""

import re
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.desk import NotFound, Refused
from inbox.pages.shelves import changeable, chosen_shelf, may_change, shelf_written, shelves_of
from inbox.reply_variables import VARIABLES, fill, sample, unknown
from inbox.rights import Right
from inbox.visit import Page, Undo, Visit, get, post
from router.clean_text import clean_line, clean_text
from storage.audit import write_audit
from storage.canned_replies import (
    LONGEST_CODE,
    LONGEST_TEXT,
    LONGEST_TITLE,
    CannedReply,
    CannedText,
    CodeTaken,
    TooMany,
    add_canned,
    canned_by_id,
    change_canned,
    drop_canned,
    dropped_canned,
    list_canned,
    restore_canned,
)
from storage.engine import transaction
from storage.reading.colleagues import list_teams
from storage.reading.paging import BadCursor

HOME: Final = "/settings/canned-replies"
_CODE: Final = re.compile(r"[\w-]{1,40}")


async def replies(visit: Visit) -> web.Response:
    query = visit.request.query
    q = query.get("q", "")[:100]
    async with visit.around.engine.connect() as connection:
        try:
            page = await list_canned(
                connection,
                me=visit.me,
                every_team=visit.may(Right.MANAGE_PEOPLE),
                q=q,
                cursor=query.get("cursor", ""),
            )
        except BadCursor as error:
            raise web.HTTPNotFound from error
    return visit.page(
        "settings/canned_replies.html",
        page=page,
        q=q,
        company=visit.house.company.name,
        may_change=lambda row: may_change(visit, row),
    )


async def new(visit: Visit) -> web.Response:
    return await _form(visit, None)


async def one(visit: Visit) -> web.Response:
    return await _form(visit, await _kept(visit))


async def add(visit: Visit) -> web.Response:
    return await _saved(visit, None)


async def change(visit: Visit) -> web.Response:
    return await _saved(visit, await _kept(visit))


async def drop(visit: Visit) -> web.Response:
    async with transaction(visit.around.engine) as connection:
        changeable(visit, await canned_by_id(connection, visit.id()))
        await drop_canned(connection, visit.id(), now=visit.now)
        await _note_down(visit, connection, "canned_reply_deleted", visit.id())
    return visit.done(
        HOME,
        said=visit._("The reply is deleted."),
        undo=Undo(action=f"{HOME}/{visit.id()}/restore"),
    )


async def restore(visit: Visit) -> web.Response:
    async with transaction(visit.around.engine) as connection:
        changeable(visit, await dropped_canned(connection, visit.id()))
        try:
            await restore_canned(connection, visit.id())
        except CodeTaken as error:
            raise Refused(visit._("Another reply has this code by now.")) from error
    return visit.back(HOME)


async def preview(visit: Visit) -> web.Response:
    """The text as a customer might read it."""
    filled = fill(_text(visit), sample(visit.formats))
    return visit.page("parts/canned_preview.html", filled=filled)


async def _kept(visit: Visit) -> CannedReply:
    """The one of the address, for whoever may change it."""
    async with visit.around.engine.connect() as connection:
        return changeable(visit, await canned_by_id(connection, visit.id()))


async def _saved(visit: Visit, before: CannedReply | None) -> web.Response:
    async with transaction(visit.around.engine) as connection:
        teams = await list_teams(connection)
        shelf = shelf_written(visit, teams)
        written = CannedText(
            owner_id=shelf.owner_id,
            team_id=shelf.team_id,
            code=visit.form.get("code", "").strip().removeprefix("/").lower(),
            title=clean_line(visit.form.get("title", ""), limit=LONGEST_TITLE),
            text=_text(visit),
        )
        wrong = _wrong(visit, written)
        if not wrong:
            try:
                if before is None:
                    id_ = await add_canned(connection, written, by=visit.me, now=visit.now)
                else:
                    id_ = before.id
                    if not await change_canned(connection, id_, written, now=visit.now):
                        raise NotFound
                await _note_down(visit, connection, "canned_reply_written", id_)
            except CodeTaken:
                wrong = {"code": visit._("There is a reply with this code already.")}
            except TooMany:
                wrong = {"code": visit._("There are too many replies; delete some first.")}
    if wrong:
        return await _form(visit, before, wrong=wrong, written=written)
    return visit.back(HOME)


async def _note_down(visit: Visit, connection: AsyncConnection, what: str, id_: UUID) -> None:
    """In the audit. Nobody's own words go there."""
    await write_audit(
        connection,
        by=visit.me,
        what=what,
        object_kind="canned_reply",
        object_id=id_,
        now=visit.now,
    )


def _wrong(visit: Visit, written: CannedText) -> dict[str, str]:
    wrong = {}
    if not _CODE.fullmatch(written.code):
        wrong["code"] = visit._("Letters, digits, - and _, at most {n}, without spaces.").format(
            n=LONGEST_CODE
        )
    if not written.text:
        wrong["text"] = visit._("Write something first.")
    elif strange := unknown(written.text):
        wrong["text"] = visit._("There is no such variable: {places}").format(
            places=", ".join(strange[:5])
        )
    return wrong


def _text(visit: Visit) -> str:
    return clean_text(visit.form.get("text", "").replace("\r\n", "\n"), limit=LONGEST_TEXT).strip()


async def _form(
    visit: Visit,
    row: CannedReply | None,
    *,
    wrong: dict[str, str] | None = None,
    written: CannedText | None = None,
) -> web.Response:
    async with visit.around.engine.connect() as connection:
        teams = await list_teams(connection)
    shown: CannedReply | CannedText | None = written or row
    text = shown.text if shown else ""
    return visit.page(
        "settings/canned_reply.html",
        status=422 if wrong else 200,
        row=row,
        shown=shown,
        chosen=chosen_shelf(shown),
        teams=shelves_of(visit, teams),
        variables=VARIABLES,
        wrong=wrong or {},
        filled=fill(text, sample(visit.formats)),
        longest={"code": LONGEST_CODE, "title": LONGEST_TITLE, "text": LONGEST_TEXT},
    )


PAGES: Final[Sequence[Page]] = (
    get(HOME, replies, Right.READ_MESSAGES),
    get(f"{HOME}/new", new, Right.READ_MESSAGES),
    post(HOME, add, Right.ANSWER),
    post(f"{HOME}/preview", preview, Right.ANSWER),
    get(f"{HOME}/{{id}}", one, Right.READ_MESSAGES),
    post(f"{HOME}/{{id}}", change, Right.ANSWER),
    post(f"{HOME}/{{id}}/delete", drop, Right.ANSWER),
    post(f"{HOME}/{{id}}/restore", restore, Right.ANSWER),
)
