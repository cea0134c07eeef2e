"""What somebody has to do by when: the list, and whatever is done to one of them; each can be taken back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.desk import NotFound, Refused
from inbox.due_words import EVENING, due_in, monday, tomorrow, usual
from inbox.formats import Formats
from inbox.pages.at_hand import answering_colleagues
from inbox.pages.person_view import ShownTask, shown_task
from inbox.rights import Right
from inbox.uuids import optional_uuid
from inbox.visit import Page, Undo, Visit, get, own_address, post
from router.clean_text import clean_line
from storage.engine import transaction
from storage.reading.contacts import contact_by_id
from storage.reading.conversations import conversation_by_id
from storage.reading.leads import lead_by_id
from storage.reading.paging import BadCursor, Page as Rows
from storage.reading.sight import unseen
from storage.reading.tasks import (
    TaskFilter,
    TaskRow,
    count_tasks,
    leads_without_a_task,
    list_tasks,
    task_by_id,
)
from storage.tasks import CallbackExists, NoSuchThing, change_task, create_task

LONGEST: Final = 500
SHOWN: Final = 50
MOST_COUNTED: Final = 100
TABS: Final = ("open", "overdue", "today", "later", "done", "leads")
REMINDERS: Final[Mapping[str, tuple[int, ...]]] = {
    "0": (0,),
    "15": (15, 0),
    "60": (60, 0),
    "1440": (1440, 0),
    "never": (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """`group` is the heading it stands under; `place` where it is to be done, or where it is changed."""

    shown: ShownTask
    group: str
    due: str
    place: str
    origin: str


async def tasks(visit: Visit) -> web.Response:
    query = visit.request.query
    tab = query.get("show", "open")
    if tab not in TABS:
        raise web.HTTPNotFound
    whose = _whose(visit)
    cursor = query.get("cursor", "")
    wish = _wish(visit, tab, whose)
    async with visit.around.engine.connect() as connection:
        colleagues = await answering_colleagues(connection)
        try:
            if tab == "leads":
                page: Rows[Any] = await leads_without_a_task(
                    connection, manager=whose, cursor=cursor, limit=SHOWN, sight=visit.sight
                )
            else:
                page = await list_tasks(
                    connection,
                    wish,
                    cursor=cursor,
                    limit=SHOWN,
                    last_done_first=tab == "done",
                    sight=visit.sight,
                )
        except BadCursor as error:
            raise web.HTTPNotFound from error
        overdue, today = await count_tasks(
            connection,
            [_wish(visit, each, whose) for each in ("overdue", "today")],
            most=MOST_COUNTED,
            sight=visit.sight,
        )
    items = page.items if tab == "leads" else [_listed(visit, row) for row in page.items]
    more = {"show": tab, "of": query.get("of", ""), "cursor": page.next_cursor or ""}
    template = "tasks.html"
    if visit.wants_fragment:
        template = "parts/lone_leads.html" if tab == "leads" else "parts/task_rows.html"
    last = query.get("under", "")
    if items and tab != "leads":
        more["under"] = items[-1].group
    return visit.page(
        template,
        items=items,
        tab=tab,
        whose=whose,
        of=query.get("of", ""),
        colleagues=colleagues,
        counts={"overdue": overdue, "today": today},
        most=MOST_COUNTED,
        under=last,
        more=f"/tasks?{urlencode({key: value for key, value in more.items() if value})}"
        if page.next_cursor
        else "",
        reminders=_reminder_words(visit),
        here=visit.request.path_qs,
    )


async def task(visit: Visit) -> web.Response:
    """One, to change it."""
    async with visit.around.engine.connect() as connection:
        row = await task_by_id(connection, visit.id())
        if row is None:
            raise NotFound
        colleagues = await answering_colleagues(connection)
    local = row.due_at.astimezone(visit.formats.zone)
    return visit.page(
        "task.html",
        each=_listed(visit, row),
        task=row,
        colleagues=colleagues,
        reminders=_reminder_words(visit),
        remind=next(
            (key for key, minutes in REMINDERS.items() if minutes == row.remind_before), "0"
        ),
        day=local.date().isoformat(),
        clock=local.strftime("%H:%M"),
    )


async def add(visit: Visit) -> web.Response:
    """Of a lead, of a contact, from a conversation, or of nothing in particular."""
    text = _text(visit)
    due = _due(visit, text)
    remind = REMINDERS.get(visit.form.get("remind", "0"))
    if remind is None:
        raise web.HTTPBadRequest
    manager = optional_uuid(visit.form.get("manager", "")) or visit.me
    try:
        async with transaction(visit.around.engine) as connection:
            if manager != visit.me:
                await _check_manager(visit, connection, manager)
            about = await _about(visit, connection)
            made = await create_task(
                connection,
                text=text,
                due_at=due,
                now=visit.now,
                manager_id=manager,
                remind_before=remind,
                created_by=visit.me,
                **about,
            )
    except NoSuchThing as error:
        raise NotFound from error
    said = visit._("Task for {when}").format(when=visit.formats.due(due))
    return visit.done(_back(visit), said=said, undo=Undo(action=f"/tasks/{made}/cancel"))


async def change(visit: Visit) -> web.Response:
    """One thing of it or several, as the form that was sent names them."""
    form = visit.form
    changes: dict[str, Any] = {}
    if "text" in form:
        changes["text"] = _text(visit)
    if form.keys() & {"due", "when", "date"}:
        changes["due_at"] = _due(visit, "")
    if "remind" in form:
        remind = REMINDERS.get(form["remind"])
        if remind is None:
            raise web.HTTPBadRequest
        changes["remind_before"] = remind
    if "manager" in form:
        changes["manager_id"] = optional_uuid(form["manager"])
    if not changes:
        raise web.HTTPBadRequest
    before = await _changed(visit, changes)
    said = visit._("Saved")
    undo: dict[str, str] = {}
    if "due_at" in changes:
        said = visit._("Put off: {when}").format(when=visit.formats.due(changes["due_at"]))
        undo["due"] = before.due_at.astimezone(UTC).isoformat()
    if "manager_id" in changes:
        said = (
            visit._("Given to a colleague")
            if changes["manager_id"] != visit.me
            else visit._("The task is yours")
        )
        undo["manager"] = str(before.manager_id or "")
    if "text" in changes:
        said = visit._("Saved")
        undo["text"] = before.text
    async with visit.around.engine.connect() as connection:
        gone = await unseen(connection, visit.sight, "task", [visit.id()])
    return visit.done(
        _back(visit),
        said=said,
        # Given to a colleague, and with that out of sight: not theirs any more to change.
        undo=None if gone else Undo(action=f"/tasks/{visit.id()}", fields=undo),
    )


async def done(visit: Visit) -> web.Response:
    await _changed(visit, {"done_at": visit.now, "cancelled_at": None})
    return visit.done(_back(visit), said=visit._("Done"), undo=_reopening(visit))


async def cancel(visit: Visit) -> web.Response:
    await _changed(visit, {"done_at": visit.now, "cancelled_at": visit.now})
    return visit.done(_back(visit), said=visit._("Task cancelled"), undo=_reopening(visit))


async def reopen(visit: Visit) -> web.Response:
    await _changed(visit, {"done_at": None, "cancelled_at": None})
    return visit.done(
        _back(visit),
        said=visit._("The task is open again"),
        undo=Undo(action=f"/tasks/{visit.id()}/done"),
    )


async def _changed(visit: Visit, changes: Mapping[str, Any]) -> TaskRow:
    """What it was before."""
    try:
        async with transaction(visit.around.engine) as connection:
            before = await task_by_id(connection, visit.id())
            if before is None:
                raise NotFound
            manager = changes.get("manager_id")
            if manager is not None and manager not in {visit.me, before.manager_id}:
                await _check_manager(visit, connection, manager)
            await change_task(connection, before.id, changes, now=visit.now, by=visit.me)
    except NoSuchThing as error:
        raise NotFound from error
    except CallbackExists as error:
        raise Refused(visit._("There is another task to call this person back already.")) from error
    return before


async def _check_manager(visit: Visit, connection: AsyncConnection, manager: UUID) -> None:
    if not visit.may(Right.ASSIGN_OTHERS):
        raise web.HTTPForbidden
    if manager not in {each.id for each in await answering_colleagues(connection)}:
        raise web.HTTPBadRequest


async def _about(visit: Visit, connection: AsyncConnection) -> dict[str, Any]:
    """What the task is of. A lead speaks for its contact, a conversation brings its own."""
    form = visit.form
    found: dict[str, Any] = {}
    talk = optional_uuid(form.get("conversation", ""))
    if talk is not None:
        row = await conversation_by_id(connection, talk, sight=visit.sight)
        if row is None:
            raise NotFound
        found |= {"conversation_id": talk, "contact_id": row.contact_id}
    contact = optional_uuid(form.get("contact", ""))
    if contact is not None:
        if await contact_by_id(connection, contact, sight=visit.sight) is None:
            raise NotFound
        found["contact_id"] = contact
    lead = optional_uuid(form.get("lead", ""))
    if lead is not None:
        if await lead_by_id(connection, lead, sight=visit.sight) is None:
            raise NotFound
        found["lead_id"] = lead
    return found


def _wish(visit: Visit, tab: str, whose: UUID | None) -> TaskFilter:
    midnight = visit.formats.next_midnight()
    match tab:
        case "overdue":
            return TaskFilter(manager=whose, due_before=visit.now)
        case "today":
            return TaskFilter(manager=whose, due_from=visit.now, due_before=midnight)
        case "later":
            return TaskFilter(manager=whose, due_from=midnight)
        case "done":
            return TaskFilter(manager=whose, done=True)
        case _:
            return TaskFilter(manager=whose)


def _whose(visit: Visit) -> UUID | None:
    """Mine, unless a colleague's or everybody's are asked for by somebody who may see them."""
    of = visit.request.query.get("of", "")
    if of in {"", str(visit.me)}:
        return visit.me
    if not visit.may(Right.SEE_EVERYBODYS_TASKS):
        raise web.HTTPForbidden
    if of == "all":
        return None
    found = optional_uuid(of)
    if found is None:
        raise web.HTTPNotFound
    return found


def _listed(visit: Visit, row: TaskRow) -> Listed:
    _ = visit._
    origins = {
        "missed_call": _("missed call"),
        "call": _("missed call"),
        "stage": _("by the stage"),
        "macro": _("by a macro"),
    }
    origin = origins.get(row.origin, "") or (_("missed call") if row.kind == "callback" else "")
    return Listed(
        shown=shown_task(row, visit=visit),
        group=_group(row, formats=visit.formats),
        due=visit.formats.due(row.due_at),
        place=_place(row),
        origin=origin,
    )


def _place(row: TaskRow) -> str:
    if row.conversation_id is not None:
        return f"/conversations/{row.conversation_id}?tab=all"
    if row.lead_id is not None:
        return f"/leads/{row.lead_id}"
    if row.contact_id is not None:
        return f"/contacts/{row.contact_id}"
    return f"/tasks/{row.id}"


def _group(row: TaskRow, *, formats: Formats) -> str:
    if row.done_at is not None:
        return "done"
    if row.due_at < formats.now:
        return "overdue"
    days = (formats.local_day(row.due_at) - formats.local_day(formats.now)).days
    if days <= 1:
        return ("today", "tomorrow")[days]
    return "week" if days < 7 else "later"


def _reminder_words(visit: Visit) -> Sequence[tuple[str, str]]:
    _ = visit._
    return (
        ("0", _("When it is due")),
        ("15", _("15 minutes before")),
        ("60", _("An hour before")),
        ("1440", _("A day before")),
        ("never", _("Do not remind")),
    )


def _text(visit: Visit) -> str:
    text = clean_line(visit.form.get("text", ""), limit=LONGEST)
    if not text:
        raise Refused(visit._("Write what is to be done."))
    return text


def _due(visit: Visit, text: str) -> datetime:
    form, now, zone = visit.form, visit.now, visit.formats.zone
    if "due" in form:
        return _moment(form["due"])
    match form.get("when", "own" if form.get("date") else ""):
        case "hour":
            due = now + timedelta(hours=1)
        case "today":
            due = now.astimezone(zone).replace(hour=EVENING, minute=0, second=0, microsecond=0)
        case "tomorrow":
            due = tomorrow(now=now, zone=zone)
        case "monday":
            due = monday(now=now, zone=zone)
        case "own":
            written = f"{form.get('date', '')}T{form.get('time', '') or '09:00'}"
            try:
                due = datetime.fromisoformat(written).replace(tzinfo=zone)
            except ValueError as error:
                raise Refused(visit._("Choose the day and the time.")) from error
        case _:
            due = due_in(text, now=now, zone=zone) or usual(now=now, zone=zone)
    return _sensible(due)


def _moment(written: str) -> datetime:
    try:
        due = datetime.fromisoformat(written)
    except ValueError as error:
        raise web.HTTPBadRequest from error
    if due.tzinfo is None:
        raise web.HTTPBadRequest
    return _sensible(due)


def _sensible(due: datetime) -> datetime:
    if not 2000 <= due.year < 2200:
        raise web.HTTPBadRequest
    return due.astimezone(UTC)


def _reopening(visit: Visit) -> Undo:
    return Undo(action=f"/tasks/{visit.id()}/reopen")


def _back(visit: Visit) -> str:
    return own_address(visit.form.get("to", ""), otherwise="/tasks")


PAGES: Final[Sequence[Page]] = (
    get("/tasks", tasks, Right.READ_CONTACTS),
    post("/tasks", add, Right.ANSWER),
    get("/tasks/{id}", task, Right.READ_CONTACTS),
    post("/tasks/{id}", change, Right.ANSWER),
    post("/tasks/{id}/done", done, Right.ANSWER),
    post("/tasks/{id}/cancel", cancel, Right.ANSWER),
    post("/tasks/{id}/reopen", reopen, Right.ANSWER),
)
