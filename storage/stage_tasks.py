"""The task that entering a stage makes, for whoever has the lead: due when so many working minutes have passed."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from router.facts import TaskChanged
from router.ids import new_id
from router.working_hours import add_working_minutes
from storage.outbox import tell

_WANTED = text("""
    select l.contact_id, l.manager_id, l.conversation_id, l.stage_id, s.task_text, s.task_minutes,
        t.hours, t.time_zone, t.holidays
    from lead l join stage s on s.id = l.stage_id
    left join conversation c on c.id = l.conversation_id
    left join team t on t.id = coalesce(c.team_id, (select id from team where is_default limit 1))
    where l.id = :lead and s.task_text <> ''
    and not exists (select from task o where o.lead_id = l.id and o.done_at is null and o.origin = 'stage'
        and o.details ->> 'stage' = cast(s.id as text))
""").columns(hours=JSONB, holidays=JSONB)
_ADD = text("""
    insert into task (id, lead_id, contact_id, manager_id, conversation_id, kind, text, due_at, origin, details, created_at)
    values (:id, :lead, :contact, :manager, :conversation, 'todo', :text, :due, 'stage',
        jsonb_build_object('stage', cast(:stage as text)), :now)
""")
_DROP = text("""
    update task set done_at = :now, cancelled_at = :now
    where lead_id = :lead and origin = 'stage' and done_at is null and details ->> 'stage' = :stage
    returning id, contact_id, conversation_id, manager_id
""")


async def task_on_entering(
    connection: AsyncConnection, lead: UUID, *, now: datetime, by: UUID | None
) -> None:
    """Once: coming back to a stage whose task is still to be done makes no second one."""
    row = (await connection.execute(_WANTED, {"lead": lead})).one_or_none()
    if row is None:
        return
    due = add_working_minutes(
        row.hours,
        row.time_zone or "UTC",
        frozenset(str(day) for day in row.holidays or ()),
        now,
        row.task_minutes,
    )
    task = new_id()
    await connection.execute(
        _ADD,
        {
            "id": task,
            "lead": lead,
            "contact": row.contact_id,
            "manager": row.manager_id,
            "conversation": row.conversation_id,
            "text": row.task_text,
            "due": due,
            "stage": str(row.stage_id),
            "now": now,
        },
    )
    await _tell(connection, task, "opened", row, now=now, by=by)


async def drop_stage_task(
    connection: AsyncConnection, lead: UUID, stage: UUID, *, now: datetime, by: UUID | None
) -> None:
    """The move that made it was a mistake."""
    for row in await connection.execute(_DROP, {"lead": lead, "stage": str(stage), "now": now}):
        await _tell(connection, row.id, "done", row, now=now, by=by)


async def _tell(
    connection: AsyncConnection,
    task: UUID,
    what: Literal["opened", "done"],
    row: object,
    *,
    now: datetime,
    by: UUID | None,
) -> None:
    await tell(
        connection,
        [
            TaskChanged(
                id=new_id(),
                at=now,
                task=task,
                what=what,
                contact=row.contact_id,  # type: ignore[attr-defined]  # a Row of either statement
                conversation=row.conversation_id,  # type: ignore[attr-defined]
                manager=row.manager_id,  # type: ignore[attr-defined]
                by=by,
            )
        ],
    )
