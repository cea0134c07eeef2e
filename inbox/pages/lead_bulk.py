"""Many leads at once: each is moved, handed over, lost or given a task by itself, and what did not go is said.

A lead is named with the stage in which it was seen, `id.stage`: what somebody has moved meanwhile stays where they put it.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import msgspec
from aiohttp import web

from inbox.desk import MovedMeanwhile, NotFound, Refused, Was
from inbox.pages.at_hand import answering_colleagues
from inbox.pages.lead_answers import due_at, lost_because
from inbox.rights import Right
from inbox.uuids import uuid_or_none
from inbox.visit import Page, Undo, Visit, own_address, post
from storage.engine import transaction
from storage.reading.lead_rows import LeadRow
from storage.reading.leads import LeadFilter, lead_by_id, leads_by_ids
from storage.reading.pipelines import StageRow, list_pipelines
from storage.reading.sight import EVERYTHING
from storage.tasks import change_task, create_task

MOST: Final = 200
LONGEST_TASK: Final = 500


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """What takes one of them back. `left` is the stage, or the manager, that it was given."""

    lead: UUID | None = None
    stage: UUID | None = None
    left: UUID | None = None
    position: float = 0.0
    value: int | None = None
    manager: UUID | None = None
    task: UUID | None = None
    hands_over: bool = False


@dataclass(slots=True, kw_only=True)
class Result:
    steps: list[Step] = field(default_factory=list)
    moved_meanwhile: int = 0
    refused: dict[str, int] = field(default_factory=dict)


async def change_many(visit: Visit) -> web.Response:
    form = visit.form
    named = _named(form.get("leads", ""))
    if not named:
        raise Refused(visit._("Choose leads first."))
    if len(named) > MOST:
        raise Refused(visit._("At most {n} leads at once, please.").format(n=MOST))
    async with visit.around.engine.connect() as connection:
        rows = {
            each.id: each
            for each in await leads_by_ids(connection, LeadFilter(), list(named), sight=visit.sight)
        }
        stages = {
            str(stage.id): stage
            for pipeline in await list_pipelines(connection)
            for stage in pipeline.stages
        }
        able = {each.id for each in await answering_colleagues(connection)}
    result = Result()
    match form.get("do", ""):
        case "move":
            stage = stages.get(form.get("stage", ""))
            if stage is None:
                raise web.HTTPBadRequest
            await _move(visit, named, rows, stage, result)
        case "manager":
            manager = uuid_or_none(form.get("manager", ""))
            if manager is not None and manager not in able:
                raise web.HTTPBadRequest
            await _hand_over(visit, named, rows, manager, result)
        case "task":
            await _give_task(visit, named, rows, result)
        case _:
            raise web.HTTPBadRequest
    return visit.done(
        own_address(form.get("to", ""), otherwise="/leads"),
        said=_said(visit, result, len(named)),
        undo=_undo(visit, result.steps) if result.steps else None,
    )


def takes_back(visit: Visit, lead: UUID, *, manager: UUID | None, left: UUID | None) -> Undo:
    """Of a lead given from `manager` to `left`, also for whoever sees it no more now."""
    step = Step(lead=lead, manager=manager, left=left, hands_over=True)
    return _undo(visit, [step])


def _undo(visit: Visit, steps: list[Step]) -> Undo:
    return Undo(action="/leads/bulk/undo", fields=_sealed(visit, steps))


async def _move(
    visit: Visit,
    named: dict[UUID, UUID | None],
    rows: dict[UUID, LeadRow],
    stage: StageRow,
    result: Result,
) -> None:
    changes = lost_because(visit) if stage.kind == "lost" else {}
    for lead, seen in named.items():
        row = rows.get(lead)
        if row is None or row.stage_id == stage.id:
            continue
        try:
            was = await visit.around.desk.move_lead(
                lead, stage.id, by=visit.me, seen=seen, changes=changes
            )
        except MovedMeanwhile:
            result.moved_meanwhile += 1
        except (Refused, NotFound) as refused:
            _count(result, str(refused))
        else:
            result.steps.append(
                Step(
                    lead=lead,
                    stage=was.stage_id,
                    left=stage.id,
                    position=was.position,
                    value=was.value,
                )
            )


async def _hand_over(
    visit: Visit,
    named: dict[UUID, UUID | None],
    rows: dict[UUID, LeadRow],
    manager: UUID | None,
    result: Result,
) -> None:
    for lead in named:
        row = rows.get(lead)
        if row is None or row.manager_id == manager:
            continue
        try:
            await visit.around.desk.change_lead(lead, {"manager_id": manager}, by=visit.me)
        except (Refused, NotFound) as refused:
            _count(result, str(refused))
        else:
            result.steps.append(
                Step(lead=lead, manager=row.manager_id, left=manager, hands_over=True)
            )


async def _give_task(
    visit: Visit, named: dict[UUID, UUID | None], rows: dict[UUID, LeadRow], result: Result
) -> None:
    words = " ".join(visit.form.get("text", "").split())[:LONGEST_TASK]
    if not words:
        raise Refused(visit._("Say what is to be done."))
    due = due_at(visit, visit.form.get("due", ""))
    async with transaction(visit.around.engine) as connection:
        for lead in named:
            if (row := rows.get(lead)) is None:
                continue
            made = await create_task(
                connection,
                text=words,
                due_at=due,
                now=visit.now,
                lead_id=lead,
                contact_id=row.contact_id,
                manager_id=row.manager_id or visit.me,
                created_by=visit.me,
            )
            result.steps.append(Step(task=made))


async def undo(visit: Visit) -> web.Response:
    """What is still as it was left. Only what this colleague did here: the leads given away may be out of their sight."""
    written = visit.form.get("steps", "")
    if not hmac.compare_digest(visit.form.get("seal", "").encode(), _seal(visit, written).encode()):
        raise web.HTTPNotFound
    try:
        steps = msgspec.json.decode(written, type=list[Step])
    except msgspec.MsgspecError as error:
        raise web.HTTPBadRequest from error
    if len(steps) > MOST:
        raise web.HTTPBadRequest
    result = Result()
    for step in steps:
        try:
            await _take_back(visit, step)
        except MovedMeanwhile:
            result.moved_meanwhile += 1
        except (Refused, NotFound) as refused:
            _count(result, str(refused))
        else:
            result.steps.append(step)
    return visit.done("/leads", said=_said(visit, result, len(steps)))


def _sealed(visit: Visit, steps: list[Step]) -> dict[str, str]:
    written = msgspec.json.encode(steps).decode()
    return {"steps": written, "seal": _seal(visit, written)}


def _seal(visit: Visit, written: str) -> str:
    return hmac.new(visit.around.key("undo"), f"{visit.me}{written}".encode(), sha256).hexdigest()


async def _take_back(visit: Visit, step: Step) -> None:
    desk = visit.around.desk
    if step.task is not None:
        async with transaction(visit.around.engine) as connection:
            done: dict[str, Any] = {"done_at": visit.now}
            await change_task(connection, step.task, done, now=visit.now, by=visit.me)
    elif step.lead is not None and step.hands_over:
        async with visit.around.engine.connect() as connection:
            found = await lead_by_id(connection, step.lead, sight=EVERYTHING)
        if found is None:
            raise NotFound
        if found.manager_id != step.left:
            # Given on since: it is not taken from whoever has it now.
            raise MovedMeanwhile
        await desk.change_lead(step.lead, {"manager_id": step.manager}, by=visit.me)
    elif step.lead is not None and step.stage is not None:
        earlier = Was(
            stage_id=step.stage,
            position=step.position,
            value=step.value,
            manager_id=None,
            lost_reason="",
            lost_details="",
            closed_at=None,
        )
        await desk.move_lead(step.lead, step.stage, by=visit.me, seen=step.left, earlier=earlier)


def _named(text: str) -> dict[UUID, UUID | None]:
    found: dict[UUID, UUID | None] = {}
    for each in text.split(",")[: MOST + 1]:
        lead, _, stage = each.partition(".")
        if (id_ := uuid_or_none(lead)) is not None:
            found[id_] = uuid_or_none(stage)
    return found


def _count(result: Result, why: str) -> None:
    result.refused[why] = result.refused.get(why, 0) + 1


def _said(visit: Visit, result: Result, asked: int) -> str:
    done = len(result.steps)
    n = visit.language.n
    said = [n("{n} lead done", "{n} leads done", done).format(n=done)]
    if result.moved_meanwhile:
        said.append(
            n(
                "{n} has been moved by somebody else meanwhile",
                "{n} have been moved by somebody else meanwhile",
                result.moved_meanwhile,
            ).format(n=result.moved_meanwhile)
        )
    said += [
        f"{count}: {visit.language.sentence(why).removesuffix('.')}"
        for why, count in result.refused.items()
    ]
    if asked and not done and len(said) == 1:
        return visit._("There was nothing to change.")
    return "; ".join(said) + "."


PAGES: Final[Sequence[Page]] = (
    post("/leads/bulk", change_many, Right.CHANGE_LEADS),
    post("/leads/bulk/undo", undo, Right.CHANGE_LEADS),
)
