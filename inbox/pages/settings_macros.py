"""Macros as their writers keep them: a list in its order, a form with the reply and the steps."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.desk import NotFound
from inbox.pages.macro_steps import KINDS, row_of, rows_written, steps_of
from inbox.pages.macros import in_words, names
from inbox.pages.shelves import changeable, chosen_shelf, may_change, shelf_written, shelves_of
from inbox.reply_variables import VARIABLES, unknown
from inbox.rights import Right
from inbox.visit import Page, Undo, Visit, get, post
from router.clean_text import clean_line, clean_text
from storage.audit import write_audit
from storage.engine import transaction
from storage.macros import (
    LONGEST_HOURS,
    LONGEST_NAME,
    LONGEST_TEXT,
    MOST_STEPS,
    Macro,
    MacroText,
    TooManyMacros,
    add_macro,
    change_macro,
    drop_macro,
    list_macros,
    macro_by_id,
    move_macro,
    restore_macro,
)
from storage.reading.colleagues import list_teams, list_users
from storage.reading.list_choices import known_labels
from storage.reading.pipelines import list_pipelines

HOME: Final = "/settings/macros"


async def macros(visit: Visit) -> web.Response:
    every = visit.may(Right.MANAGE_PEOPLE)
    async with visit.around.engine.connect() as connection:
        rows = await list_macros(connection, me=visit.me, every_team=every)
    known = await names(visit)
    return visit.page(
        "settings/macros.html",
        rows=[(row, [in_words(visit, step, known) for step in row.steps]) for row in rows],
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


async def move(visit: Visit) -> web.Response:
    async with transaction(visit.around.engine) as connection:
        changeable(visit, await macro_by_id(connection, visit.id()))
        await move_macro(connection, visit.id(), up=visit.form.get("way") == "up")
    return visit.back(HOME)


async def drop(visit: Visit) -> web.Response:
    async with transaction(visit.around.engine) as connection:
        changeable(visit, await macro_by_id(connection, visit.id()))
        await drop_macro(connection, visit.id(), now=visit.now)
        await _note_down(visit, connection, "macro_deleted", visit.id())
    return visit.done(
        HOME,
        said=visit._("The macro is deleted."),
        undo=Undo(action=f"{HOME}/{visit.id()}/restore"),
    )


async def restore(visit: Visit) -> web.Response:
    async with transaction(visit.around.engine) as connection:
        changeable(visit, await macro_by_id(connection, visit.id(), dropped=True))
        await restore_macro(connection, visit.id())
    return visit.back(HOME)


async def _kept(visit: Visit) -> Macro:
    """The one of the address, for whoever may change it."""
    async with visit.around.engine.connect() as connection:
        return changeable(visit, await macro_by_id(connection, visit.id()))


async def _saved(visit: Visit, before: Macro | None) -> web.Response:
    rows = await rows_written(visit)
    name = clean_line(visit.form.get("name", ""), limit=LONGEST_NAME)
    text = clean_text(visit.form.get("text", "").replace("\r\n", "\n"), limit=LONGEST_TEXT).strip()
    wrong: dict[str, str] = {}
    steps = steps_of(visit, rows, wrong)
    if not name:
        wrong["name"] = visit._("Give it a name.")
    if strange := unknown("\n".join([text, *(row["text"] for row in rows if row["do"] == "note")])):
        wrong["text"] = visit._("There is no such variable: {places}").format(
            places=", ".join(strange[:5])
        )
    if not text and not rows:
        wrong["text"] = visit._("A macro sends a reply, or does something: at least one of them.")
    async with transaction(visit.around.engine) as connection:
        shelf = shelf_written(visit, await list_teams(connection))
        if not wrong:
            written = MacroText(
                owner_id=shelf.owner_id, team_id=shelf.team_id, name=name, text=text, steps=steps
            )
            try:
                if before is None:
                    id_ = await add_macro(connection, written, by=visit.me, now=visit.now)
                else:
                    id_ = before.id
                    if not await change_macro(connection, id_, written, now=visit.now):
                        raise NotFound
                await _note_down(visit, connection, "macro_written", id_)
            except TooManyMacros:
                wrong["name"] = visit._("There are too many macros; delete some first.")
    if wrong:
        shown = {"name": name, "text": text, "shelf": visit.form.get("shelf", "own")}
        return await _form(visit, before, wrong=wrong, rows=rows, shown=shown)
    return visit.back(HOME)


async def _note_down(visit: Visit, connection: AsyncConnection, what: str, id_: UUID) -> None:
    """In the audit. Nobody's own words go there."""
    await write_audit(
        connection, by=visit.me, what=what, object_kind="macro", object_id=id_, now=visit.now
    )


async def _form(
    visit: Visit,
    row: Macro | None,
    *,
    wrong: Mapping[str, str] | None = None,
    rows: Sequence[Mapping[str, str]] | None = None,
    shown: Mapping[str, str] | None = None,
) -> web.Response:
    if rows is None:
        rows = [row_of(step) for step in row.steps] if row else []
    if shown is None:
        shown = {
            "name": row.name if row else "",
            "text": row.text if row else "",
            "shelf": chosen_shelf(row),
        }
    async with visit.around.engine.connect() as connection:
        teams = await list_teams(connection)
        users = await list_users(connection)
        labels = await known_labels(connection, sight=visit.sight)
        pipelines = await list_pipelines(connection)
    return visit.page(
        "settings/macro.html",
        status=422 if wrong else 200,
        row=row,
        shown=shown,
        rows=rows,
        kinds=KINDS,
        wrong=wrong or {},
        shelves=shelves_of(visit, teams),
        teams=teams,
        users=[each for each in users if each.disabled_at is None and each.role != "marketer"],
        labels=labels,
        pipelines=pipelines,
        variables=VARIABLES,
        longest={"name": LONGEST_NAME, "text": LONGEST_TEXT, "hours": LONGEST_HOURS},
        most_steps=MOST_STEPS,
    )


PAGES: Final[Sequence[Page]] = (
    get(HOME, macros, Right.READ_MESSAGES),
    get(f"{HOME}/new", new, Right.READ_MESSAGES),
    post(HOME, add, Right.ANSWER),
    get(f"{HOME}/{{id}}", one, Right.READ_MESSAGES),
    post(f"{HOME}/{{id}}", change, Right.ANSWER),
    post(f"{HOME}/{{id}}/move", move, Right.ANSWER),
    post(f"{HOME}/{{id}}/delete", drop, Right.ANSWER),
    post(f"{HOME}/{{id}}/restore", restore, Right.ANSWER),
)
