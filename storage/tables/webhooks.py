"""Whom we tell what happened here: addresses of other programs, and each telling with its attempts."""

from sqlalchemy import CheckConstraint, Column, Index, Integer, LargeBinary, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, UUID

from storage.tables.columns import key, metadata, moment, one_of, ref, words

webhook = Table(
    "webhook",
    metadata,
    key(),
    words("url"),
    Column("events", ARRAY(Text), nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # storage.sealing: the secret, and the last one
    moment("earlier_secret_until", null=True),  # until then it signs, too
    words("state", default="active"),
    words("stopped_because", default=""),
    moment("failing_since", null=True),  # no attempt has succeeded since then
    ref("created_by", "user_account", null=True),
    moment("created_at"),
    CheckConstraint(one_of("state", "active", "paused", "stopped"), name="state"),
)

webhook_delivery = Table(
    "webhook_delivery",
    metadata,
    key(),
    ref("webhook_id", "webhook", ondelete="CASCADE"),
    Column("fact_id", UUID, nullable=False),  # the same fact is told once to each
    words("event"),
    Column("fact", LargeBinary, nullable=False),  # router.wire
    Column("body", LargeBinary),  # as it was sent first; null until then
    words("state", default="waiting"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    moment("next_attempt_at"),
    moment("claimed_until", null=True),
    Column("status", Integer),  # HTTP
    words("response", default=""),  # its beginning
    words("error", default=""),
    moment("created_at"),
    moment("tried_at", null=True),
    moment("settled_at", null=True),
    CheckConstraint(one_of("state", "waiting", "delivered", "failed"), name="state"),
    Index("uq_webhook_delivery_fact", "webhook_id", "fact_id", unique=True),
    Index(
        "ix_webhook_delivery_due",
        "webhook_id",
        "next_attempt_at",
        "id",
        postgresql_where=text("state = 'waiting'"),
    ),
    Index("ix_webhook_delivery_log", "webhook_id", "id"),
    Index(
        "ix_webhook_delivery_settled_at",
        "settled_at",
        postgresql_where=text("settled_at is not null"),
    ),
)
