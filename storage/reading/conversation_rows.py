"""A row of the conversations list: what it shows, and the one query that dresses picked conversations with it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import FromClause, Select, literal, select

from storage.reading.initials import initials
from storage.tables import (
    account,
    assignment,
    contact,
    conversation,
    lead,
    message,
    stage,
    team,
    user_account,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationRow:
    id: UUID
    account_id: UUID
    account: str
    channel: str
    chat_kind: str
    contact_id: UUID
    contact_name: str
    contact_blocked: bool
    status: str
    subject: str
    seq: int
    preview: str
    preview_direction: str
    preview_kind: str
    first_message_at: datetime
    last_message_at: datetime
    last_inbound_at: datetime | None
    waiting_since: datetime | None
    promise_minutes: int
    """How soon the account promises an answer; colours how long the customer has been waiting."""
    unread: int
    manager_id: UUID | None
    manager_name: str
    team_id: UUID | None
    team_name: str
    assignment_reason: str
    """Why it is this manager's (or this team's), in words; "" when nobody ever decided."""
    assigned_at: datetime | None
    labels: tuple[str, ...]
    window_until: datetime | None
    snoozed_until: datetime | None
    unreachable: str
    last_out_state: str
    """What became of our last message, when it is the last one; "" otherwise."""
    lead_id: UUID | None
    lead_number: int | None
    lead_stage: str
    source: str
    """Where the open lead last came from."""
    campaign: str
    created_at: datetime
    resolved_at: datetime | None

    @property
    def manager_initials(self) -> str:
        return initials(self.manager_name)

    @property
    def contact_initials(self) -> str:
        return initials(self.contact_name)


def dressed(picked: FromClause, order: tuple[Any, ...]) -> Select[Any]:
    open_lead = (
        select(
            lead.c.id,
            lead.c.number,
            stage.c.name.label("stage_name"),
            lead.c.last_touch["source"].astext.label("source"),
            lead.c.last_touch["campaign"].astext.label("campaign"),
        )
        .join(stage, stage.c.id == lead.c.stage_id)
        .where(lead.c.contact_id == conversation.c.contact_id, lead.c.status == "open")
        .order_by(lead.c.created_at)
        .limit(1)
        .lateral("open_lead")
    )
    answer = (
        select(message.c.state)
        .where(
            message.c.conversation_id == conversation.c.id,
            message.c.direction == "out",
            conversation.c.preview_direction == "out",
        )
        .order_by(message.c.seq.desc())
        .limit(1)
        .lateral("answer")
    )
    return (
        select(
            conversation,
            account.c.slug.label("account_slug"),
            account.c.kind.label("channel"),
            account.c.promise_minutes,
            contact.c.name.label("contact_name"),
            contact.c.blocked.label("contact_blocked"),
            user_account.c.name.label("manager_name"),
            team.c.name.label("team_name"),
            assignment.c.reason.label("assignment_reason"),
            assignment.c.at.label("assigned_at"),
            open_lead.c.id.label("lead_id"),
            open_lead.c.number.label("lead_number"),
            open_lead.c.stage_name,
            open_lead.c.source,
            open_lead.c.campaign,
            answer.c.state.label("answer_state"),
        )
        .select_from(picked)
        .join(conversation, conversation.c.id == picked.c.id)
        .join(account, account.c.id == conversation.c.account_id)
        .join(contact, contact.c.id == conversation.c.contact_id)
        .outerjoin(user_account, user_account.c.id == conversation.c.manager_id)
        .outerjoin(team, team.c.id == conversation.c.team_id)
        .outerjoin(
            assignment,
            (assignment.c.conversation_id == conversation.c.id) & assignment.c.ended_at.is_(None),
        )
        .outerjoin(open_lead, literal(True))
        .outerjoin(answer, literal(True))
        .order_by(*order)
    )


def row_of(row: Any) -> ConversationRow:
    return ConversationRow(
        id=row.id,
        account_id=row.account_id,
        account=row.account_slug,
        channel=row.channel,
        chat_kind=row.chat_kind,
        contact_id=row.contact_id,
        contact_name=row.contact_name,
        contact_blocked=row.contact_blocked,
        status=row.status,
        subject=row.subject,
        seq=row.seq,
        preview=row.preview,
        preview_direction=row.preview_direction,
        preview_kind=row.preview_kind,
        first_message_at=row.first_message_at,
        last_message_at=row.last_message_at,
        last_inbound_at=row.last_inbound_at,
        waiting_since=row.waiting_since,
        promise_minutes=row.promise_minutes,
        unread=row.unread,
        manager_id=row.manager_id,
        manager_name=row.manager_name or "",
        team_id=row.team_id,
        team_name=row.team_name or "",
        assignment_reason=row.assignment_reason or "",
        assigned_at=row.assigned_at,
        labels=tuple(row.labels),
        window_until=row.window_until,
        snoozed_until=row.snoozed_until,
        unreachable=row.unreachable,
        last_out_state=row.answer_state or "",
        lead_id=row.lead_id,
        lead_number=row.lead_number,
        lead_stage=row.stage_name or "",
        source=row.source or "",
        campaign=row.campaign or "",
        created_at=row.created_at,
        resolved_at=row.resolved_at,
    )
