"""A lead's card as lists and boards show it: the lead with its contact, stage, manager and next task."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select, true

from storage.reading.initials import initials
from storage.reading.sight import Sight
from storage.tables import account, contact, lead, pipeline, stage, task, user_account


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadRow:
    id: UUID
    number: int
    title: str
    contact_id: UUID
    contact_name: str
    pipeline_id: UUID
    pipeline: str
    stage_id: UUID
    stage: str
    stage_kind: str
    stage_since: datetime
    position: float
    status: str
    value: int | None
    currency: str
    manager_id: UUID | None
    manager_name: str
    account: str
    channel: str
    conversation_id: UUID | None
    first_touch: dict[str, Any] | None
    last_touch: dict[str, Any] | None
    lost_reason: str
    lost_details: str
    fields: dict[str, Any]
    created_at: datetime
    closed_at: datetime | None
    merged_into: UUID | None
    next_task_at: datetime | None
    """When the next open task is due; a lead without one is lost."""
    next_task: str
    next_task_kind: str
    norm_days: int | None
    """How long a lead may stay in this stage."""

    def is_old(self, now: datetime) -> bool:
        return (
            self.status == "open"
            and self.norm_days is not None
            and now - self.stage_since > timedelta(days=self.norm_days)
        )

    @property
    def manager_initials(self) -> str:
        return initials(self.manager_name)

    @property
    def source(self) -> str:
        return str((self.last_touch or {}).get("source", ""))

    @property
    def campaign(self) -> str:
        return str((self.last_touch or {}).get("campaign") or "")


# The most urgent open one of each lead.
_next_task: Final = (
    select(task.c.due_at, task.c.text, task.c.kind)
    .where(task.c.lead_id == lead.c.id, task.c.done_at.is_(None))
    .order_by(task.c.due_at, task.c.id)
    .limit(1)
    .lateral("next_task")
)


def dressed(*conditions: ColumnElement[bool]) -> Select[Any]:
    return (
        select(
            lead,
            contact.c.name.label("contact_name"),
            pipeline.c.name.label("pipeline_name"),
            stage.c.name.label("stage_name"),
            stage.c.kind.label("stage_kind"),
            user_account.c.name.label("manager_name"),
            account.c.slug.label("account_slug"),
            account.c.kind.label("channel"),
            stage.c.norm_days,
            _next_task.c.due_at.label("next_task_at"),
            _next_task.c.text.label("next_task"),
            _next_task.c.kind.label("next_task_kind"),
        )
        .select_from(lead)
        .join(contact, contact.c.id == lead.c.contact_id)
        .join(pipeline, pipeline.c.id == lead.c.pipeline_id)
        .join(stage, stage.c.id == lead.c.stage_id)
        .outerjoin(user_account, user_account.c.id == lead.c.manager_id)
        .outerjoin(account, account.c.id == lead.c.account_id)
        .outerjoin(_next_task, true())
        .where(*conditions)
    )


def row_of(row: Any, sight: Sight) -> LeadRow:
    """A title begins as the first words of a customer, and a task quotes them: without the right to read there is neither."""
    return LeadRow(
        id=row.id,
        number=row.number,
        title=row.title if sight.reads else "",
        contact_id=row.contact_id,
        contact_name=row.contact_name,
        pipeline_id=row.pipeline_id,
        pipeline=row.pipeline_name,
        stage_id=row.stage_id,
        stage=row.stage_name,
        stage_kind=row.stage_kind,
        stage_since=row.stage_since,
        position=row.position,
        status=row.status,
        value=row.value,
        currency=row.currency,
        manager_id=row.manager_id,
        manager_name=row.manager_name or "",
        account=row.account_slug or "",
        channel=row.channel or "",
        conversation_id=row.conversation_id,
        first_touch=row.first_touch,
        last_touch=row.last_touch,
        lost_reason=row.lost_reason,
        lost_details=row.lost_details,
        fields=row.fields,
        created_at=row.created_at,
        closed_at=row.closed_at,
        merged_into=row.merged_into,
        next_task_at=row.next_task_at,
        next_task=(row.next_task or "") if sight.reads else "",
        next_task_kind=row.next_task_kind or "",
        norm_days=row.norm_days,
    )
