"""Macros beside the field: the list, what one would do here, and doing it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, assert_never
from uuid import UUID, uuid4

from aiohttp import web

from inbox.desk import AnsweredMeanwhile, NotFound, Refused, StepRefused
from inbox.pages.answering import seen_of
from inbox.pages.canned import filled_for
from inbox.pages.drafts import LONGEST_KEY, LONGEST_TEXT
from inbox.pages.shelves import may_use
from inbox.pages.ways import ways_of
from inbox.reply_variables import unfilled
from inbox.rights import Right
from inbox.uuids import required_uuid, uuid_or_none
from inbox.visit import Page, Undo, Visit, get, post
from storage import macros as kept
from storage.macros import Macro, list_macros, macro_by_id
from storage.reading.colleagues import list_teams, list_users
from storage.reading.pipelines import list_pipelines
from storage.reading.reply_values import values_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What steps name by id."""

    managers: Mapping[UUID, str]
    teams: Mapping[UUID, str]
    stages: Mapping[UUID, str]


async def names(visit: Visit) -> Names:
    async with visit.around.engine.connect() as connection:
        return Names(
            managers={each.id: each.name or each.email for each in await list_users(connection)},
            teams={each.id: each.name for each in await list_teams(connection)},
            stages={
                stage.id: stage.name
                for pipeline in await list_pipelines(connection)
                for stage in pipeline.stages
            },
        )


def in_words(visit: Visit, step: kept.Step, names: Names) -> str:  # noqa: C901, PLR0911, PLR0912  # one per kind
    _ = visit._
    match step:
        case kept.AssignTo(manager=None, team=None):
            return _("Assign to whoever runs it")
        case kept.AssignTo(team=None):
            who = names.managers.get(step.manager, "?") if step.manager else "?"
            return _("Assign to {name}").format(name=who)
        case kept.AssignTo():
            who = names.teams.get(step.team, "?") if step.team else "?"
            return _("Give to the team {name}").format(name=who)
        case kept.AddLabel():
            return _("Add the label “{label}”").format(label=step.label)
        case kept.RemoveLabel():
            return _("Remove the label “{label}”").format(label=step.label)
        case kept.SetStatus(status="resolved"):
            return _("Resolve the conversation")
        case kept.SetStatus(status="waiting"):
            return _("Wait for the customer")
        case kept.SetStatus():
            return _("Open the conversation")
        case kept.Snooze():
            return _("Snooze for {span}").format(span=visit.formats.span(step.hours * 3600))
        case kept.MoveLead():
            return _("Move the lead to “{stage}”").format(stage=names.stages.get(step.stage, "?"))
        case kept.AddTask():
            return _("Task in {span}: {text}").format(
                span=visit.formats.span(step.hours * 3600), text=step.text
            )
        case kept.AddNote():
            return _("Note: {text}").format(text=step.text)
        case _:
            assert_never(step)


async def listed(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        rows = await list_macros(connection, me=visit.me)
    known = await names(visit)
    shown = [(row, [in_words(visit, step, known) for step in row.steps]) for row in rows]
    return visit.page(
        "parts/macros.html", shown=shown, conversation=visit.id(), to=_where_to(visit) or ""
    )


def _where_to(visit: Visit) -> UUID | None:
    """The way that the composer has chosen: another of the same person's conversations, perhaps."""
    return uuid_or_none(visit.request.query.get("to", ""))


async def preview(visit: Visit) -> web.Response:
    """What the macro would do in this conversation: the text, filled in, and every step in words.

    One with a reply goes where the composer's reply would go, and its steps are that conversation's.
    """
    try:
        wanted = UUID(visit.request.query.get("macro", ""))
    except ValueError as error:
        raise web.HTTPNotFound from error
    async with visit.around.engine.connect() as connection:
        macro = await _usable(visit, await macro_by_id(connection, wanted))
        ways = await ways_of(visit, connection, visit.id(), to=_where_to(visit))
        here = next((each for each in ways if each.chosen), None)
        conversation = here.row.conversation_id if here and macro.text else visit.id()
        values = await values_for(connection, conversation, by=visit.me)
    known = await names(visit)
    return visit.page(
        "parts/macro.html",
        macro=macro,
        opened=visit.id(),
        to=_where_to(visit) or "",
        conversation=conversation,
        filled=filled_for(visit, values, macro.text),
        notes=[
            filled_for(visit, values, step.text)
            for step in macro.steps
            if isinstance(step, kept.AddNote)
        ],
        steps=[in_words(visit, step, known) for step in macro.steps],
        way=here,
        key=str(uuid4()),
    )


async def run(visit: Visit) -> web.Response:
    """All of it or nothing; the toast takes back what can be taken back."""
    conversation = required_uuid(visit.form.get("conversation", ""))
    async with visit.around.engine.connect() as connection:
        macro = await _usable(visit, await macro_by_id(connection, visit.id()))
        values = await values_for(connection, conversation, by=visit.me)
        ways = await ways_of(visit, connection, conversation)
    text = visit.form.get("text", "").replace("\r\n", "\n").strip()[:LONGEST_TEXT]
    if macro.text and not text:
        raise Refused(visit._("Write something first."))
    if not macro.text:
        text = ""
    if text:
        here = next((each for each in ways if each.row.conversation_id == conversation), None)
        if here is None:
            raise NotFound
        if here.closed:
            raise Refused(here.closed)
    if places := unfilled(text):
        raise Refused(visit._("Fill in first: {places}").format(places=", ".join(places[:5])))
    notes = [
        filled_for(visit, values, step.text).text
        for step in macro.steps
        if isinstance(step, kept.AddNote)
    ]
    try:
        done = await visit.around.desk.run_macro(
            macro.id,
            conversation,
            by=visit.me,
            text=text,
            notes=notes,
            idempotency_key=visit.form.get("key", "")[:LONGEST_KEY] or str(uuid4()),
            seen=seen_of(visit),
        )
    except AnsweredMeanwhile as other:
        asked = visit._("{name} has answered already, {ago}. Send it all the same?").format(
            name=other.name or visit._("A colleague"),
            ago=visit.formats.ago_to_the_second(other.at),
        )
        return web.Response(status=409, text=asked, headers={"X-Seen": str(other.seq)})
    except StepRefused as refused:
        raise Refused(await _which_step(visit, macro, refused)) from refused
    return visit.done(
        f"/conversations/{conversation}",
        said=visit._("Done: {name}").format(name=macro.name),
        undo=Undo(action=f"/macro-runs/{done.id}/undo")
        if macro.steps and not done.undone
        else None,
    )


async def undo(visit: Visit) -> web.Response:
    await visit.around.desk.undo_macro(visit.id(), by=visit.me)
    return visit.back("/")


async def _which_step(visit: Visit, macro: Macro, refused: StepRefused) -> str:
    why = visit.language.sentence(str(refused))
    if refused.step == 0:
        return visit._("The reply cannot be sent: {why} Nothing was done.").format(why=why)
    step = in_words(visit, macro.steps[refused.step - 1], await names(visit))
    return visit._("Step {n} cannot be done ({step}): {why} Nothing was done.").format(
        n=refused.step, step=step, why=why
    )


async def _usable(visit: Visit, macro: Macro | None) -> Macro:
    async with visit.around.engine.connect() as connection:
        teams = await list_teams(connection)
    if macro is None or not may_use(visit, macro, teams):
        raise NotFound
    return macro


PAGES: Final[Sequence[Page]] = (
    get("/conversations/{id}/macros", listed, Right.READ_MESSAGES),
    get("/conversations/{id}/macro", preview, Right.READ_MESSAGES),
    post("/macros/{id}/run", run, Right.ANSWER),
    post("/macro-runs/{id}/undo", undo, Right.ANSWER),
)
