"""What a colleague changes about a lead: stage, place on the board, value, manager, outcome."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router import leads
from router.asking import NotFound, Refused
from router.attribution import take_snapshot
from router.clean_text import clean_line
from router.facts import LeadChanged, LeadOpened
from router.records import Lead
from router.world import World
from storage import bulk, tables
from storage.lead_places import Place, hold_stage, place_for
from storage.outbox import tell
from storage.stage_tasks import drop_stage_task, task_on_entering

_CHANGEABLE: Final = {
    "stage_id",
    "title",
    "value",
    "currency",
    "manager_id",
    "lost_reason",
    "lost_details",
    "fields",
    "status",
}


class MovedMeanwhile(Refused):
    """The lead is in another stage than the one in which it was seen."""

    def __init__(self) -> None:
        super().__init__("Somebody has moved this lead meanwhile.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Was:
    """What a lead was like before it was moved: enough to put it back."""

    stage_id: UUID
    position: float
    value: int | None
    manager_id: UUID | None
    lost_reason: str
    lost_details: str
    closed_at: datetime | None


_LEAD = text(
    "select id, contact_id, pipeline_id, stage_id, title, status, value, currency, manager_id, account_id,"
    " conversation_id, first_touch_id, last_touch_id, first_touch, last_touch, lost_reason, created_at, stage_since,"
    " closed_at, merged_into from lead where id = :id for update"
)


async def open_by_hand(
    connection: AsyncConnection,
    world: World,
    contact: UUID,
    *,
    by: UUID | None,
    title: str,
    value: int | None,
    stage: UUID | None = None,
) -> Lead:
    """A lead that a colleague opens, in a stage of any pipeline. Raises Refused when there is one in that pipeline."""
    person = world.contact(contact)
    if world.pipeline is None:
        raise Refused("There is no pipeline yet.")
    stage = stage or world.pipeline.stages[0].id
    begun = (await connection.execute(_BEGINNING, {"stage": stage})).one_or_none()
    if begun is None or begun.kind in {"won", "lost"}:
        raise Refused("A lead begins in an open stage.")
    there = await connection.execute(_OPEN, {"contact": person.id, "pipeline": begun.pipeline_id})
    if there.one_or_none() is not None:
        raise Refused("This contact has an open lead already; close it before opening another.")
    lead = world.add(
        Lead(
            id=world.new_id(),
            contact_id=person.id,
            pipeline_id=begun.pipeline_id,
            stage_id=stage,
            title=clean_line(title, limit=160) or person.name,
            value=value,
            currency=begun.currency,
            manager_id=person.manager_id or by,
            created_at=world.now,
            stage_since=world.now,
        )
    )
    take_snapshot(world, lead)
    leads.log(world, lead, "opened", before=None, after=lead.stage_id, by=by)
    world.tell(
        LeadOpened(
            id=world.new_id(),
            at=world.now,
            lead=lead.id,
            contact=person.id,
            manager=lead.manager_id,
            by=by,
        )
    )
    return lead


async def change(
    connection: AsyncConnection,
    world: World,
    lead_id: UUID,
    changes: Mapping[str, Any],
    *,
    by: UUID | None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Applies the changes; (before, after) of what did change. A stage of kind won or lost closes the lead.

    The world is to be saved, and `settle` to be called, afterwards.
    """
    if unknown := changes.keys() - _CHANGEABLE:
        raise Refused(f"These cannot be changed: {', '.join(sorted(unknown))}.")
    lead = await _load(connection, lead_id)
    return await change_loaded(connection, world, lead, changes, by=by)


async def change_loaded(
    connection: AsyncConnection,
    world: World,
    lead: Lead,
    changes: Mapping[str, Any],
    *,
    by: UUID | None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """As `change`, of a lead that the world has already."""
    wanted = dict(changes)
    await _with_stage(connection, lead, wanted)
    if wanted.get("status") == "lost" and not (wanted.get("lost_reason") or lead.lost_reason):
        raise Refused("Say why the lead was lost.")
    if wanted.get("status", lead.status) == "open" and lead.status != "open":
        await _must_be_alone(connection, lead)
    if wanted.get("status", lead.status) == "open" and lead.status == "lost":
        wanted |= {"lost_reason": "", "lost_details": ""}
    details = wanted.pop("lost_details", None)
    before = {name: getattr(lead, name) for name in wanted if name != "fields"}
    fields = wanted.pop("fields", None)
    moved = {name: value for name, value in wanted.items() if getattr(lead, name) != value}
    _apply(world, lead, moved, by=by)
    if details is not None:
        await connection.execute(_DETAILS, {"lead": lead.id, "details": details})
    if fields:
        await _set_fields(connection, world, lead, fields, by=by)
        leads.tell_changed(world, lead, "fields", by=by)
    return {name: before[name] for name in moved}, moved


def _apply(world: World, lead: Lead, moved: Mapping[str, Any], *, by: UUID | None) -> None:
    for name, value in moved.items():
        leads.log(world, lead, _what(name, value), before=getattr(lead, name), after=value, by=by)
        setattr(lead, name, value)
    if "stage_id" in moved:
        lead.stage_since = world.now
    if "status" in moved:
        lead.closed_at = None if lead.status == "open" else world.now
    if moved:
        world.change(lead)
        for name, value in moved.items():
            leads.tell_changed(world, lead, _what(name, value), by=by)


async def lead_of(connection: AsyncConnection, lead_id: UUID) -> Lead:
    """One that the world does not have, locked: it is closed, or of another pipeline. Raises NotFound, Refused."""
    return await _load(connection, lead_id)


async def settle(
    connection: AsyncConnection, world: World, lead_id: UUID, *, by: UUID | None
) -> None:
    """What follows from having entered another stage: the top of its column, and the task it makes."""
    await connection.execute(_ON_TOP, {"lead": lead_id, "now": world.now.timestamp()})
    await task_on_entering(connection, lead_id, now=world.now, by=by)


async def hold(connection: AsyncConnection, stage: UUID) -> None:
    """Who moves a card into a stage waits for whoever is just doing so."""
    await hold_stage(connection, stage)


async def was(connection: AsyncConnection, lead_id: UUID, *, seen: UUID | None) -> Was:
    """The lead, locked, as it is. Raises MovedMeanwhile when that is not in the stage `seen`."""
    row = (await connection.execute(_WAS, {"lead": lead_id})).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such lead.")
    found = Was(**row)
    if seen is not None and found.stage_id != seen:
        raise MovedMeanwhile
    return found


async def put(connection: AsyncConnection, lead_id: UUID, stage: UUID, place: Place) -> None:
    position = await place_for(connection, lead_id, stage, place)
    if position is not None:
        await connection.execute(_POSITION, {"lead": lead_id, "position": position})


async def tell_place(
    connection: AsyncConnection, world: World, lead_id: UUID, *, by: UUID | None
) -> None:
    lead = await _load(connection, lead_id)
    await tell(
        connection,
        [
            LeadChanged(
                id=world.new_id(),
                at=world.now,
                lead=lead.id,
                what="place",
                account=lead.account_id,
                contact=lead.contact_id,
                conversation=lead.conversation_id,
                manager=lead.manager_id,
                by=by,
            )
        ],
    )


async def put_back(
    connection: AsyncConnection,
    world: World,
    lead_id: UUID,
    earlier: Was,
    left: UUID,
    *,
    by: UUID | None,
) -> None:
    """As if it had never been moved: where it stood, since when, and without the task that the other stage made."""
    await connection.execute(
        _BACK,
        {
            "lead": lead_id,
            "stage": str(earlier.stage_id),
            "position": earlier.position,
            "closed_at": earlier.closed_at,
        },
    )
    await drop_stage_task(connection, lead_id, left, now=world.now, by=by)


async def note(
    connection: AsyncConnection, world: World, lead_id: UUID, words: str, *, by: UUID | None
) -> None:
    """What colleagues write about a lead that has no conversation to write it into."""
    lead = await _load(connection, lead_id)
    leads.log(world, lead, "note", before=None, after={"text": words}, by=by)
    leads.tell_changed(world, lead, "note", by=by)


_BEGINNING = text(
    "select s.kind, s.pipeline_id, p.currency from stage s join pipeline p on p.id = s.pipeline_id where s.id = :stage"
)
_OPEN = text(
    "select id from lead where contact_id = :contact and pipeline_id = :pipeline and status = 'open'"
)
_DETAILS = text("update lead set lost_details = :details where id = :lead")
_ON_TOP = text("update lead set position = :now where id = :lead")
_POSITION = text("update lead set position = :position where id = :lead")
_WAS = text(
    "select stage_id, position, value, manager_id, lost_reason, lost_details, closed_at"
    " from lead where id = :lead for update"
)
_BACK = text("""
    update lead set position = :position, closed_at = coalesce(:closed_at, closed_at), stage_since = coalesce(
        (select max(at) from lead_event where lead_id = :lead and what in ('opened', 'stage')
          and after = to_jsonb(cast(:stage as text)) and at < stage_since), created_at)
    where id = :lead
""")


async def _must_be_alone(connection: AsyncConnection, lead: Lead) -> None:
    """Raises Refused: a contact has one open lead in a pipeline."""
    there = await connection.execute(
        _OPEN, {"contact": lead.contact_id, "pipeline": lead.pipeline_id}
    )
    if there.one_or_none() is not None:
        raise Refused(
            "This contact has another open lead here; close that one before reopening this one."
        )


async def _load(connection: AsyncConnection, lead_id: UUID) -> Lead:
    row = (await connection.execute(_LEAD, {"id": lead_id})).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such lead.")
    lead = Lead(**row)
    if lead.status == "merged":
        raise Refused("This lead was merged into another; change that one.")
    return lead


async def _set_fields(
    connection: AsyncConnection,
    world: World,
    lead: Lead,
    fields: Mapping[str, Any],
    *,
    by: UUID | None,
) -> None:
    known = (
        await connection.execute(text("select fields from lead where id = :id"), {"id": lead.id})
    ).scalar_one()
    # A field that is set to nothing is taken away.
    kept = {name: value for name, value in {**known, **fields}.items() if value is not None}
    if kept == known:
        return
    await bulk.update(connection, tables.lead, ("id", "fields"), [{"id": lead.id, "fields": kept}])
    before = {name: known.get(name) for name in fields}
    leads.log(world, lead, "fields", before=before, after=dict(fields), by=by)


async def _with_stage(connection: AsyncConnection, lead: Lead, wanted: dict[str, Any]) -> None:
    """A stage decides the status, and a status the stage: they never disagree."""
    stages = (
        await connection.execute(
            text("select id, kind from stage where pipeline_id = :pipeline order by position"),
            {"pipeline": lead.pipeline_id},
        )
    ).all()
    kinds = {row.id: row.kind for row in stages}
    if wanted.get("stage_id") is not None:
        stage = UUID(str(wanted["stage_id"]))
        if stage not in kinds:
            raise Refused("That stage is not one of the lead's pipeline.")
        wanted["stage_id"] = stage
        wanted["status"] = kinds[stage] if kinds[stage] in {"won", "lost"} else "open"
    elif (status := wanted.get("status")) is not None and status != lead.status:
        if status not in {"open", "won", "lost"}:
            raise Refused("A lead is open, won or lost.")
        fitting = [
            row.id
            for row in stages
            if (row.kind == status if status != "open" else row.kind not in {"won", "lost"})
        ]
        if fitting:
            wanted["stage_id"] = fitting[0]


def _what(name: str, value: Any) -> str:
    if name == "status":
        return "reopened" if value == "open" else str(value)
    return {"stage_id": "stage", "manager_id": "manager"}.get(name, name)
