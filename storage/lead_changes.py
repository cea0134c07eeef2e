"""What a colleague changes about a lead: stage, value, manager, outcome."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router import leads
from router.asking import NotFound, Refused
from router.attribution import take_snapshot
from router.clean_text import clean_line
from router.facts import LeadOpened
from router.records import Lead
from router.world import World
from storage import bulk, tables

_CHANGEABLE: Final = {
    "stage_id",
    "title",
    "value",
    "currency",
    "manager_id",
    "lost_reason",
    "fields",
    "status",
}

_LEAD = text(
    "select id, contact_id, pipeline_id, stage_id, title, status, value, currency, manager_id, account_id,"
    " conversation_id, first_touch_id, last_touch_id, first_touch, last_touch, lost_reason, created_at, stage_since,"
    " closed_at, merged_into from lead where id = :id for update"
)


def open_by_hand(
    world: World, contact: UUID, *, by: UUID | None, title: str, value: int | None
) -> Lead:
    """A lead that a colleague opens. Raises Refused when there is one already."""
    person = world.contact(contact)
    if person.id in world.open_leads:
        raise Refused("This contact has an open lead already; close it before opening another.")
    if world.pipeline is None:
        raise Refused("There is no pipeline yet.")
    lead = world.add(
        Lead(
            id=world.new_id(),
            contact_id=person.id,
            pipeline_id=world.pipeline.id,
            stage_id=world.pipeline.stages[0].id,
            title=clean_line(title, limit=160) or person.name,
            value=value,
            currency=world.pipeline.currency,
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
    """Applies the changes; (before, after) of what did change. A stage of kind won or lost closes the lead."""
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
    before = {name: getattr(lead, name) for name in wanted if name != "fields"}
    fields = wanted.pop("fields", None)
    moved = {name: value for name, value in wanted.items() if getattr(lead, name) != value}
    for name, value in moved.items():
        leads.log(world, lead, _what(name, value), before=before[name], after=value, by=by)
        setattr(lead, name, value)
    if "stage_id" in moved:
        lead.stage_since = world.now
    if "status" in moved:
        lead.closed_at = None if lead.status == "open" else world.now
    if moved:
        world.change(lead)
        for name, value in moved.items():
            leads.tell_changed(world, lead, _what(name, value), by=by)
    if fields:
        await _set_fields(connection, lead, fields)
        leads.tell_changed(world, lead, "fields", by=by)
    return {name: before[name] for name in moved}, moved


async def _load(connection: AsyncConnection, lead_id: UUID) -> Lead:
    row = (await connection.execute(_LEAD, {"id": lead_id})).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such lead.")
    lead = Lead(**row)
    if lead.status == "merged":
        raise Refused("This lead was merged into another; change that one.")
    return lead


async def _set_fields(connection: AsyncConnection, lead: Lead, fields: Mapping[str, Any]) -> None:
    known = (
        await connection.execute(text("select fields from lead where id = :id"), {"id": lead.id})
    ).scalar_one()
    # A field that is set to nothing is taken away.
    kept = {name: value for name, value in {**known, **fields}.items() if value is not None}
    await bulk.update(connection, tables.lead, ("id", "fields"), [{"id": lead.id, "fields": kept}])


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
