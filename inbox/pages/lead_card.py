"""One lead on one page: where it stands, what it is worth, whose it is, what is to be done, what has happened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.desk import NotFound, Refused
from inbox.formats import Formats
from inbox.pages.at_hand import answering_colleagues
from inbox.pages.lead_answers import (
    LONGEST,
    PREFIX,
    answers,
    before,
    due_at,
    lost_because,
    major_units,
    minor_units,
)
from inbox.pages.lead_bulk import takes_back
from inbox.pages.person_view import person_of, stages_of
from inbox.reports.words import MODELS
from inbox.rights import Right
from inbox.touch_chain import chain_of, sharing_of
from inbox.uuids import uuid_or_none
from inbox.visit import Page, Undo, Visit, get, own_address, post
from storage.audit import write_audit
from storage.engine import transaction
from storage.lead_sources import say_source, source_said
from storage.reading.conversations import conversation_by_id
from storage.reading.fields import list_fields
from storage.reading.lead_history import LeadEventRow, lead_history
from storage.reading.lead_rows import LeadRow
from storage.reading.leads import lead_by_id, leads_of
from storage.reading.messages import timeline
from storage.reading.pipelines import list_pipelines
from storage.reading.sight import unseen
from storage.reading.tasks import TaskFilter, list_tasks
from storage.sources import list_names
from storage.tasks import change_task, create_task

LAST_LINES: Final = 4
LONGEST_NOTE: Final = 4000
LONGEST_TASK: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Of the history: what, from what, to what."""

    row: LeadEventRow
    what: str
    before: str
    after: str
    is_note: bool


async def lead(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        found = await lead_by_id(connection, visit.id(), sight=visit.sight)
        if found is None:
            raise web.HTTPNotFound
        if found.merged_into is not None:
            return web.Response(status=301, headers={"Location": f"/leads/{found.merged_into}"})
        return visit.page("lead.html", **await _shown(visit, connection, found))


async def _shown(visit: Visit, connection: AsyncConnection, found: LeadRow) -> dict[str, Any]:
    reads = visit.may(Right.READ_MESSAGES)
    pipeline = next(
        each for each in await list_pipelines(connection) if each.id == found.pipeline_id
    )
    history = [
        _line(each, found, formats=visit.formats)
        for each in await lead_history(connection, found.id)
        if reads or each.what != "title"
    ]
    tasks = await list_tasks(
        connection, TaskFilter(lead=found.id, done=False), limit=50, sight=visit.sight
    )
    colleagues = await answering_colleagues(connection)
    return {
        "lead": found,
        "person": {"stages": pipeline.stages},
        "pipeline": pipeline,
        "reasons": pipeline.lost_reasons,
        "chain": await chain_of(
            connection, found.contact_id, names=visit.house.sources, formats=visit.formats
        ),
        "sharing": await sharing_of(
            connection, found.id, names=visit.house.sources, formats=visit.formats
        )
        if visit.may(Right.READ_REPORTS)
        else (),
        # Translated here: a text with a percent sign is no format of a template's gettext.
        "models": {
            name: (visit._(label), visit._(meaning)) for name, (label, meaning) in MODELS.items()
        },
        "said_by_hand": await source_said(connection, found.id),
        "source_names": await list_names(connection),
        "contact": await person_of(visit, connection, found.contact_id, colleagues=colleagues)
        if visit.may(Right.READ_CONTACTS)
        else None,
        "colleagues": colleagues,
        "fields": await list_fields(connection, of="lead"),
        "prefix": PREFIX,
        "amount": major_units(found.value, found.currency),
        # What customers wrote is quoted in tasks and notes, too.
        "tasks": tasks.items if reads else (),
        "notes": [each for each in history if each.is_note] if reads else [],
        "history": [each for each in history if not each.is_note],
        "earlier": [
            each
            for each in await leads_of(connection, found.contact_id, sight=visit.sight)
            if each.id != found.id
        ],
        "talk": await _talk(visit, connection, found) if reads else None,
    }


async def _talk(visit: Visit, connection: AsyncConnection, found: LeadRow) -> dict[str, Any] | None:
    if found.conversation_id is None:
        return None
    row = await conversation_by_id(connection, found.conversation_id, sight=visit.sight)
    if row is None:
        return None
    last = await timeline(
        connection, conversation_id=found.conversation_id, limit=LAST_LINES, sight=visit.sight
    )
    return {"row": row, "lines": last.messages}


def _line(row: LeadEventRow, lead: LeadRow, *, formats: Formats) -> Line:
    _ = formats.language._
    what = {
        "opened": _("Opened"),
        "created": _("Opened"),
        "stage": _("Stage"),
        "value": _("Value"),
        "manager": _("Manager"),
        "won": _("Won"),
        "lost": _("Lost"),
        "reopened": _("Opened again"),
        "merged": _("Joined with another lead"),
        "title": _("Title"),
        "lost_reason": _("Why it is lost"),
        "fields": _("Fields"),
        "currency": _("Currency"),
        "source": _("Source by hand"),
    }.get(row.what, _("Changed"))
    return Line(
        row=row,
        what=what,
        before=_side(row.what, row.before, row.before_name, lead, formats),
        after=_side(row.what, row.after, row.after_name, lead, formats),
        is_note=row.what == "note",
    )


def _side(what: str, value: Any, name: str, lead: LeadRow, formats: Formats) -> str:
    if what in {"won", "lost", "reopened", "merged"}:
        return ""
    if name or value is None or value == "":
        return name
    if what == "value" and isinstance(value, int):
        return formats.money(value, lead.currency)
    if what == "note" and isinstance(value, Mapping):
        return str(value.get("text", ""))
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {'—' if each is None else each}" for key, each in value.items())
    # An id of what is no more says nothing.
    return "" if what in {"stage", "opened", "manager"} else str(value)


async def change_lead(visit: Visit) -> web.Response:
    """What the form that was sent names; said, and with what takes it back."""
    async with visit.around.engine.connect() as connection:
        found = await lead_by_id(connection, visit.id(), sight=visit.sight)
        if found is None:
            raise web.HTTPNotFound
        stages = await stages_of(connection, found.pipeline_id)
        asked = await list_fields(connection, of="lead")
    changes, undo = await _changes(visit, found)
    if "stage" in visit.form:
        chosen = next((each for each in stages if str(each.id) == visit.form["stage"]), None)
        if chosen is None:
            raise web.HTTPBadRequest
        changes["stage_id"] = chosen.id
        undo["stage"] = str(found.stage_id)
        if chosen.kind == "lost":
            changes |= lost_because(visit)
        _needs_amount(visit, found, changes, ends=chosen.kind)
    if given := answers(visit, asked):
        changes["fields"] = given
        undo |= before([each for each in asked if each.key in given], found.fields)
    changes |= _outcome(visit)
    if not changes:
        raise web.HTTPBadRequest
    form = visit.form
    _needs_amount(visit, found, changes, ends=form.get("status", ""))
    await visit.around.desk.change_lead(found.id, changes, by=visit.me)
    offered = bool(undo) and "status" not in form and found.status != "lost"
    async with visit.around.engine.connect() as connection:
        gone = await unseen(connection, visit.sight, "lead", [found.id])
    return visit.done(
        own_address(form.get("to", ""), otherwise="/leads" if gone else f"/leads/{found.id}"),
        said=visit._("Saved."),
        undo=_undo(visit, found, changes, undo, gone=bool(gone)) if offered else None,
    )


def _undo(
    visit: Visit,
    found: LeadRow,
    changes: Mapping[str, Any],
    before: dict[str, str],
    *,
    gone: bool,
) -> Undo | None:
    """What is out of sight by now, given to a colleague, is taken back by who gave it; this page is not theirs any more."""
    if not gone:
        return Undo(action=f"/leads/{found.id}", fields=before)
    if changes.keys() == {"manager_id"}:
        return takes_back(visit, found.id, manager=found.manager_id, left=changes["manager_id"])
    return None


async def _changes(visit: Visit, found: LeadRow) -> tuple[dict[str, Any], dict[str, str]]:
    """What the form names, and the form that takes it back."""
    form = visit.form
    changes: dict[str, Any] = {}
    undo: dict[str, str] = {}
    if "title" in form:
        changes["title"] = " ".join(form["title"].split())[:LONGEST]
        undo["title"] = found.title
    if "manager" in form:
        changes["manager_id"] = await _manager(visit, found.manager_id)
        undo["manager"] = str(found.manager_id or "")
    if "value" in form:
        changes["value"] = minor_units(visit, form["value"], found.currency)
        undo["value"] = major_units(found.value, found.currency)
    return changes, undo


def _needs_amount(visit: Visit, found: LeadRow, changes: Mapping[str, Any], *, ends: str) -> None:
    if ends == "won" and changes.get("value", found.value) is None:
        raise Refused(visit._("Say for how much it was sold; 0 is an amount, too."))


def _outcome(visit: Visit) -> dict[str, str]:
    status = visit.form.get("status", "")
    if status == "lost":
        return {"status": "lost", **lost_because(visit)}
    return {"status": status} if status in {"open", "won"} else {}


async def _manager(visit: Visit, present: UUID | None) -> UUID | None:
    """Somebody who answers, nobody, or whoever it is already, also one who has left."""
    wanted = uuid_or_none(visit.form["manager"])
    if wanted is None or wanted == present:
        return wanted
    async with visit.around.engine.connect() as connection:
        able = {each.id for each in await answering_colleagues(connection)}
    if wanted not in able:
        raise web.HTTPBadRequest
    return wanted


async def say(visit: Visit) -> web.Response:
    """What brought the customer, as a colleague knows it."""
    async with transaction(visit.around.engine) as connection:
        found = await lead_by_id(connection, visit.id(), sight=visit.sight)
        if found is None:
            raise NotFound
        said = visit.form.get("source", "")
        before = await say_source(connection, found.id, said, by=visit.me, now=visit.now)
        await write_audit(
            connection,
            by=visit.me,
            what="lead_source_set",
            object_kind="lead",
            object_id=found.id,
            now=visit.now,
            before={"source": before},
            after={"source": said[:200]},
        )
    return visit.done(
        f"/leads/{found.id}#sources",
        said=visit._("Saved."),
        undo=Undo(action=f"/leads/{found.id}/source", fields={"source": before}),
    )


async def add_task(visit: Visit) -> web.Response:
    words = " ".join(visit.form.get("text", "").split())[:LONGEST_TASK]
    if not words:
        raise Refused(visit._("Say what is to be done."))
    due = due_at(visit, visit.form.get("due", ""))
    async with transaction(visit.around.engine) as connection:
        found = await lead_by_id(connection, visit.id(), sight=visit.sight)
        if found is None:
            raise NotFound
        await create_task(
            connection,
            text=words,
            due_at=due,
            now=visit.now,
            lead_id=found.id,
            contact_id=found.contact_id,
            manager_id=found.manager_id or visit.me,
            created_by=visit.me,
        )
    return visit.done(f"/leads/{found.id}#tasks", said=visit._("The task is written down."))


async def task_done(visit: Visit) -> web.Response:
    """Also a task of a lead that has no conversation; `done=0` opens it again."""
    task = uuid_or_none(visit.form.get("task", ""))
    if task is None:
        raise web.HTTPBadRequest
    again = visit.form.get("done") == "0"
    async with transaction(visit.around.engine) as connection:
        if not await change_task(
            connection, task, {"done_at": None if again else visit.now}, now=visit.now, by=visit.me
        ):
            raise NotFound
    where = f"/leads/{visit.id()}"
    undo = Undo(action=f"{where}/tasks/done", fields={"task": str(task), "done": "0"})
    return visit.done(
        f"{where}#tasks",
        said=visit._("The task is open again.") if again else visit._("Done."),
        undo=None if again else undo,
    )


async def add_note(visit: Visit) -> web.Response:
    """Into the conversation, where colleagues look for notes; a lead without one keeps its own."""
    words = visit.form.get("text", "").strip()[:LONGEST_NOTE]
    async with visit.around.engine.connect() as connection:
        found = await lead_by_id(connection, visit.id(), sight=visit.sight)
    if found is None:
        raise NotFound
    if found.conversation_id is not None:
        await visit.around.desk.note(found.conversation_id, by=visit.me, text=words)
    else:
        await visit.around.desk.note_lead(found.id, words, by=visit.me)
    return visit.done(f"/leads/{found.id}#notes", said=visit._("The note is kept."))


PAGES: Final[Sequence[Page]] = (
    get("/leads/{id}", lead, Right.READ_LEADS),
    post("/leads/{id}", change_lead, Right.CHANGE_LEADS),
    post("/leads/{id}/source", say, Right.CHANGE_LEADS),
    post("/leads/{id}/tasks", add_task, Right.CHANGE_LEADS),
    post("/leads/{id}/tasks/done", task_done, Right.CHANGE_LEADS),
    post("/leads/{id}/notes", add_note, Right.CHANGE_LEADS),
)
