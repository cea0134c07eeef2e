"""The schema, one module per aggregate; migrations follow it (`alembic check` says when they do not)."""

from storage.tables.calls import call, call_leg, call_request
from storage.tables.channels import (
    account,
    channel_log,
    cursor,
    inbound_event,
    lease,
    waiting_event,
)
from storage.tables.colleagues import (
    api_token,
    audit,
    session,
    sign_in_attempt,
    team,
    team_member,
    user_account,
)
from storage.tables.columns import metadata
from storage.tables.conversations import (
    assignment,
    attachment,
    conversation,
    delivery,
    draft,
    message,
    message_search,
)
from storage.tables.leads import lead, lead_event, pipeline, stage, task
from storage.tables.people import (
    contact,
    contact_merge,
    identity,
    identity_claim,
    suggestion,
    touch,
    visitor,
)
from storage.tables.plumbing import (
    dead_letter,
    fact_event,
    outbox,
    queue_message,
    rollup_day,
    setting,
)

__all__ = [
    "account",
    "api_token",
    "assignment",
    "attachment",
    "audit",
    "call",
    "call_leg",
    "call_request",
    "channel_log",
    "contact",
    "contact_merge",
    "conversation",
    "cursor",
    "dead_letter",
    "delivery",
    "draft",
    "fact_event",
    "identity",
    "identity_claim",
    "inbound_event",
    "lead",
    "lead_event",
    "lease",
    "message",
    "message_search",
    "metadata",
    "outbox",
    "pipeline",
    "queue_message",
    "rollup_day",
    "session",
    "setting",
    "sign_in_attempt",
    "stage",
    "suggestion",
    "task",
    "team",
    "team_member",
    "touch",
    "user_account",
    "visitor",
    "waiting_event",
]
