"""A row of the conversations list: what it shows, and the one query that dresses picked conversations with it."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2s
from typing import Any, Protocol
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
    last_out_by: UUID | None
    last_out_name: str
    """Who wrote it; nobody for what Allo, or the platform's own app, sent."""
    failed: int
    """Replies that were not sent, or perhaps not, and that nobody has dealt with."""
    lead_id: UUID | None
    lead_number: int | None
    lead_stage: str
    source: str
    """Where the open lead last came from."""
    campaign: str
    created_at: datetime
    resolved_at: datetime | None
    hit: UUID | None = None
    """The message in which what was searched for is said."""

    @property
    def revision(self) -> str:
        return revision_of(self)

    @property
    def manager_initials(self) -> str:
        return initials(self.manager_name)


class Revised(Protocol):
    """What tells one state of a conversation from another, for whoever decides on what they saw."""

    @property
    def seq(self) -> int: ...
    @property
    def status(self) -> str: ...
    @property
    def manager_id(self) -> UUID | None: ...
    @property
    def team_id(self) -> UUID | None: ...
    @property
    def snoozed_until(self) -> datetime | None: ...


def revision_of(seen: Revised) -> str:
    """Another one when somebody wrote, handed it over, put it away or took it up meanwhile."""
    until = seen.snoozed_until.timestamp() if seen.snoozed_until else ""
    state = f"{seen.seq} {seen.status} {seen.manager_id} {seen.team_id} {until}"
    return blake2s(state.encode(), digest_size=6).hexdigest()


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
        select(message.c.state, message.c.author_user, message.c.author_name)
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
            answer.c.author_user.label("answer_by"),
            answer.c.author_name.label("answer_name"),
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
        last_out_by=row.answer_by,
        last_out_name=row.answer_name or "",
        failed=row.failed,
        lead_id=row.lead_id,
        lead_number=row.lead_number,
        lead_stage=row.stage_name or "",
        source=row.source or "",
        campaign=row.campaign or "",
        created_at=row.created_at,
        resolved_at=row.resolved_at,
    )
