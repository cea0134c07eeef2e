"""Pipelines and their stages, as a business makes them.

In a pipeline the open stages stand before those in which leads end, the won before the lost; one of each is always there,
because leads must have somewhere to begin and to end. Whoever changes a pipeline holds it: two at once would undo each
other's order.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from router.asking import NotFound, Refused
from router.facts import LeadChanged
from router.ids import new_id
from storage.outbox import tell
from storage.tables import lead, pipeline, stage

KINDS: Final = ("open", "qualified", "won", "lost")
MOST_STAGES: Final = 20
MOST_PIPELINES: Final = 30
PIPELINE: Final = frozenset({"name", "currency", "lost_reasons"})
STAGE: Final = frozenset(
    {"name", "kind", "colour", "norm_days", "probability", "task_text", "task_minutes"}
)


async def add_pipeline(
    connection: AsyncConnection,
    *,
    name: str,
    currency: str,
    stages: Sequence[tuple[str, str]],
    lost_reasons: Sequence[str] = (),
) -> UUID:
    """`stages` are names with their kinds, in their order."""
    there = (
        await connection.execute(
            select(func.count(), func.coalesce(func.max(pipeline.c.position), -1)).select_from(
                pipeline
            )
        )
    ).one()
    if there[0] >= MOST_PIPELINES:
        raise Refused(
            f"There are {MOST_PIPELINES} pipelines already: that is the most there can be."
        )
    made = new_id()
    await connection.execute(
        insert(pipeline).values(
            id=made,
            name=name,
            position=there[1] + 1,
            currency=currency,
            lost_reasons=list(lost_reasons),
        )
    )
    ordered = sorted(stages, key=lambda each: _rank(each[1]))
    await connection.execute(
        insert(stage),
        [
            {"id": new_id(), "pipeline_id": made, "name": own, "kind": kind, "position": place}
            for place, (own, kind) in enumerate(ordered)
        ],
    )
    _refuse_incomplete([kind for _, kind in stages])
    return made


async def change_pipeline(
    connection: AsyncConnection, id_: UUID, changes: Mapping[str, Any]
) -> None:
    if unknown := changes.keys() - PIPELINE:
        raise ValueError(f"not of a pipeline: {', '.join(sorted(unknown))}")
    await _hold(connection, id_)
    if changes:
        await connection.execute(update(pipeline).where(pipeline.c.id == id_).values(dict(changes)))


async def move_pipeline(connection: AsyncConnection, id_: UUID, *, to: int) -> None:
    """The first is where leads begin that nobody opened by hand."""
    rows = await connection.execute(
        select(pipeline.c.id).order_by(pipeline.c.position).with_for_update()
    )
    order = [row.id for row in rows]
    if id_ not in order:
        raise NotFound("There is no such pipeline.")
    order.remove(id_)
    order.insert(max(0, to), id_)
    await connection.execute(_PIPELINES_IN_ORDER, {"ids": order})


async def remove_pipeline(connection: AsyncConnection, id_: UUID) -> None:
    """Only one without leads, and not the last one."""
    await _hold(connection, id_)
    others = await connection.execute(select(pipeline.c.id).where(pipeline.c.id != id_).limit(1))
    if others.one_or_none() is None:
        raise Refused("The last pipeline stays: leads need somewhere to begin.")
    used = await connection.execute(select(lead.c.id).where(lead.c.pipeline_id == id_).limit(1))
    if used.one_or_none() is not None:
        raise Refused("There are leads in this pipeline; it stays as long as they do.")
    await connection.execute(delete(stage).where(stage.c.pipeline_id == id_))
    await connection.execute(delete(pipeline).where(pipeline.c.id == id_))


async def add_stage(
    connection: AsyncConnection, pipeline_id: UUID, *, name: str, kind: str, **more: Any
) -> UUID:
    await _hold(connection, pipeline_id)
    there = await _stages(connection, pipeline_id)
    if len(there) >= MOST_STAGES:
        raise Refused(f"A pipeline has at most {MOST_STAGES} stages.")
    made = new_id()
    last = max((each.position for each in there), default=-1)
    await connection.execute(
        insert(stage).values(
            id=made, pipeline_id=pipeline_id, name=name, kind=kind, position=last + 1, **more
        )
    )
    await _in_order(connection, pipeline_id, [*(each.id for each in there), made])
    return made


async def change_stage(connection: AsyncConnection, id_: UUID, changes: Mapping[str, Any]) -> UUID:
    """Its pipeline. A stage with leads does not turn from an open one into one where they end, nor the other way."""
    if unknown := changes.keys() - STAGE:
        raise ValueError(f"not of a stage: {', '.join(sorted(unknown))}")
    of = await _pipeline_of(connection, id_)
    there = await _stages(connection, of)
    before = next(each.kind for each in there if each.id == id_)
    kind = changes.get("kind", before)
    if kind != before:
        _refuse_incomplete([kind if each.id == id_ else each.kind for each in there])
        if _ends(kind) != _ends(before) and await _has_leads(connection, id_):
            raise Refused(
                "There are leads in this stage: move them before it becomes another kind."
            )
    if changes:
        await connection.execute(update(stage).where(stage.c.id == id_).values(dict(changes)))
    await _in_order(connection, of, [each.id for each in there])
    return of


async def order_stages(
    connection: AsyncConnection, pipeline_id: UUID, order: Sequence[UUID]
) -> None:
    """As given; stages that are not named come after, and ends after beginnings."""
    await _hold(connection, pipeline_id)
    there = [each.id for each in await _stages(connection, pipeline_id)]
    named = [each for each in dict.fromkeys(order) if each in there]
    await _in_order(
        connection, pipeline_id, [*named, *(each for each in there if each not in named)]
    )


async def remove_stage(
    connection: AsyncConnection,
    id_: UUID,
    *,
    leads_to: UUID | None,
    now: datetime,
    by: UUID | None = None,
) -> int:
    """How many leads were moved to `leads_to`, a stage of the same pipeline that ends, or does not, as this one."""
    of = await _pipeline_of(connection, id_)
    there = {each.id: each.kind for each in await _stages(connection, of)}
    _refuse_incomplete([kind for each, kind in there.items() if each != id_])
    moved = 0
    if await _has_leads(connection, id_):
        if leads_to is None or leads_to == id_ or leads_to not in there:
            raise Refused("There are leads in this stage: say where they go.")
        kind, before = there[leads_to], there[id_]
        if (kind if _ends(kind) else "") != (before if _ends(before) else ""):
            raise Refused("Leads go to a stage where they stay as open, won or lost as they are.")
        await connection.execute(_HISTORY, {"left": id_, "to": leads_to, "now": now, "by": by})
        gone = (
            await connection.execute(_TO_ANOTHER, {"left": id_, "to": leads_to, "now": now})
        ).all()
        moved = len(gone)
        await tell(
            connection,
            [
                LeadChanged(
                    id=new_id(),
                    at=now,
                    lead=row.id,
                    what="stage",
                    account=row.account_id,
                    contact=row.contact_id,
                    conversation=row.conversation_id,
                    manager=row.manager_id,
                    by=by,
                )
                for row in gone
            ],
        )
    await connection.execute(delete(stage).where(stage.c.id == id_))
    return moved


_PIPELINES_IN_ORDER = text("""
    update pipeline set position = given.place - 1
    from unnest(cast(:ids as uuid[])) with ordinality as given(id, place) where pipeline.id = given.id
""")
_STAGES_IN_ORDER = text("""
    update stage set position = given.place - 1
    from unnest(cast(:ids as uuid[])) with ordinality as given(id, place) where stage.id = given.id
""")
_TO_ANOTHER = text(
    "update lead set stage_id = :to, stage_since = :now where stage_id = :left"
    " returning id, account_id, contact_id, conversation_id, manager_id"
)
_HISTORY = text("""
    insert into lead_event (id, lead_id, what, before, after, by_user, at)
    select gen_random_uuid(), id, 'stage', to_jsonb(cast(cast(:left as uuid) as text)),
        to_jsonb(cast(cast(:to as uuid) as text)), cast(:by as uuid), :now
    from lead where stage_id = :left
""")


async def _hold(connection: AsyncConnection, id_: UUID) -> None:
    found = await connection.execute(
        select(pipeline.c.id).where(pipeline.c.id == id_).with_for_update(key_share=True)
    )
    if found.one_or_none() is None:
        raise NotFound("There is no such pipeline.")


async def _pipeline_of(connection: AsyncConnection, stage_id: UUID) -> UUID:
    found = await connection.execute(select(stage.c.pipeline_id).where(stage.c.id == stage_id))
    of: UUID | None = found.scalar_one_or_none()
    if of is None:
        raise NotFound("There is no such stage.")
    await _hold(connection, of)
    # Whoever moves a card here meanwhile waits, or is waited for.
    await connection.execute(select(stage.c.id).where(stage.c.id == stage_id).with_for_update())
    return of


async def _stages(connection: AsyncConnection, pipeline_id: UUID) -> list[Any]:
    rows = await connection.execute(
        select(stage.c.id, stage.c.kind, stage.c.position)
        .where(stage.c.pipeline_id == pipeline_id)
        .order_by(stage.c.position)
    )
    return list(rows)


async def _in_order(connection: AsyncConnection, pipeline_id: UUID, order: Sequence[UUID]) -> None:
    kinds = {each.id: each.kind for each in await _stages(connection, pipeline_id)}
    ids = sorted(order, key=lambda each: _rank(kinds[each]))
    await connection.execute(_STAGES_IN_ORDER, {"ids": ids})


async def _has_leads(connection: AsyncConnection, stage_id: UUID) -> bool:
    found = await connection.execute(select(lead.c.id).where(lead.c.stage_id == stage_id).limit(1))
    return found.one_or_none() is not None


def _ends(kind: str) -> bool:
    return kind in {"won", "lost"}


def _rank(kind: str) -> int:
    return {"won": 1, "lost": 2}.get(kind, 0)


def _refuse_incomplete(kinds: Sequence[str]) -> None:
    if "won" not in kinds or "lost" not in kinds or all(_ends(kind) for kind in kinds):
        raise Refused("A pipeline keeps at least one open, one won and one lost stage.")
