"""Telephone calls, their legs, and the calls that colleagues asked for by a button."""

from sqlalchemy import CheckConstraint, Column, Float, Index, Table, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB

from storage.tables.columns import key, metadata, moment, one_of, ref, words

# Whose call it is says its conversation: a contact of its own would have to move with every merge and come back with
# every merge undone, and could differ from the conversation's.
call = Table(
    "call",
    metadata,
    key(),
    ref("account_id", "account"),
    words("key"),  # the platform's
    ref("conversation_id", "conversation", null=True),  # null until a report names who calls
    ref("message_id", "message", null=True),  # its entry in the conversation
    words("direction"),
    words("phase"),
    words("ours", default=""),
    words("theirs", default=""),
    words("extension", default=""),  # who of ours talked, or called
    ref("user_id", "user_account", null=True),  # the colleague whose extension that was
    words("transferred_to", default=""),
    words("reason", default=""),  # the platform's own word for the end
    moment("started_at"),
    moment("answered_at", null=True),  # by a person
    moment("ended_at", null=True),
    Column("talked", Float),  # seconds
    Column("recordings", JSONB, nullable=False, server_default=text("'[]'")),
    words("initiated", default=""),
    ref("asked_by", "user_account", null=True),  # who pressed the button
    Column("said", JSONB, nullable=False, server_default=text("'{}'")),  # router.call_reports
    moment("look_at", null=True),  # when the timer looks whether it is over
    moment("created_at"),
    UniqueConstraint("account_id", "key"),
    CheckConstraint(one_of("direction", "in", "out"), name="direction"),
    CheckConstraint(one_of("phase", "ringing", "talking", "ended", "missed"), name="phase"),
    Index("ix_call_conversation_id_started_at", "conversation_id", "started_at"),
    Index(
        "uq_call_message_id",
        "message_id",
        unique=True,
        postgresql_where=text("message_id is not null"),
    ),
    Index("ix_call_started_at", "started_at", "id"),
    Index("ix_call_user_id", "user_id", "started_at", postgresql_where=text("user_id is not null")),
    Index("ix_call_asked_by", "asked_by", postgresql_where=text("asked_by is not null")),
    Index("ix_call_look_at", "look_at", postgresql_where=text("look_at is not null")),
)

call_leg = Table(
    "call_leg",
    metadata,
    key(),
    ref("call_id", "call", ondelete="CASCADE"),
    words("key"),  # the platform's
    words("phase"),
    words("extension", default=""),
    ref("user_id", "user_account", null=True),
    words("transferred_to", default=""),
    words("reason", default=""),
    moment("started_at"),
    moment("answered_at", null=True),
    moment("ended_at", null=True),
    Column("talked", Float),
    Column("said", JSONB, nullable=False, server_default=text("'{}'")),
    UniqueConstraint("call_id", "key"),
    CheckConstraint(one_of("phase", "ringing", "talking", "ended"), name="phase"),
    Index("ix_call_leg_user_id", "user_id", postgresql_where=text("user_id is not null")),
)

call_request = Table(  # a colleague asked for a call: the platform rings them, then the customer
    "call_request",
    metadata,
    key(),
    ref("account_id", "account"),
    ref("conversation_id", "conversation", null=True),
    ref("user_id", "user_account", null=True),
    words("extension"),
    words("phone"),
    words("call_key", default=""),  # the platform's, when it told one
    words("idempotency_key", null=True),
    words("error", default=""),
    moment("at"),
    Index(
        "uq_call_request_idempotency",
        "idempotency_key",
        unique=True,
        postgresql_where=text("idempotency_key is not null"),
    ),
    Index(
        "ix_call_request_account_id_call_key",
        "account_id",
        "call_key",
        postgresql_where=text("call_key <> ''"),
    ),
    Index("ix_call_request_account_id_at", "account_id", "at"),
    Index("ix_call_request_conversation_id", "conversation_id"),
    Index("ix_call_request_user_id", "user_id"),
)
