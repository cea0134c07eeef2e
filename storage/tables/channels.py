"""What is connected, what came in, and where the long-lived connections stand."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from storage.tables.columns import key, metadata, moment, one_of, ref, words

account = Table(
    "account",
    metadata,
    key(),
    words("kind"),
    words("slug"),
    Column("sealed", LargeBinary, nullable=False),  # the secret fields, storage.sealing
    Column("settings", JSONB, nullable=False, server_default=text("'{}'")),  # the other fields
    words("state", default="active"),
    ref("team_id", "team", null=True),
    words("lead_policy", default="no_open_lead"),  # never, first_contact, no_open_lead, after:DAYS
    words("region", default="RU"),
    words("language", default="ru"),
    Column("silence_minutes", Integer),  # working minutes without an answer; null: off
    Column("silence_moves", Integer, nullable=False, server_default=text("2")),
    Column(
        "promise_minutes", Integer, nullable=False, server_default=text("15")
    ),  # amber and red in the list
    Column(
        "callback_minutes", Integer, nullable=False, server_default=text("15")
    ),  # working minutes until a missed call is called back
    moment("last_event_at", null=True),
    words("last_error", null=True),
    moment("last_error_at", null=True),
    moment("created_at"),
    UniqueConstraint("slug"),
    Index("ix_account_team_id", "team_id"),
    CheckConstraint(one_of("state", "active", "paused", "broken", "removed"), name="state"),
)

inbound_event = Table(
    "inbound_event",
    metadata,
    Column("account_id", UUID, nullable=False),  # no foreign key: the hot path pays for each
    words("key"),
    Column("id", UUID, nullable=False),
    words("kind"),
    moment("received_at"),
    words("outcome"),  # stored, waiting, ignored: why
    Column("message_id", UUID),
    Column("repeats", Integer, nullable=False, server_default=text("0")),
    Column("raw", LargeBinary),  # storage.raw_payloads; null after retention
    words("raw_ref", null=True),
    PrimaryKeyConstraint("account_id", "key"),
    Index("ix_inbound_event_received_at", "received_at", postgresql_using="brin"),
    Index("ix_inbound_event_raw_ref", "raw_ref", postgresql_where=text("raw_ref is not null")),
)

waiting_event = (
    Table(  # edits, deletions, reactions, delivery states that came before their message
        "waiting_event",
        metadata,
        key(),
        Column("account_id", UUID, nullable=False),
        words("external_id"),
        Column("body", LargeBinary, nullable=False),  # router.wire
        moment("since"),
        Index("ix_waiting_event_account_id_external_id", "account_id", "external_id"),
        Index("ix_waiting_event_since", "since"),
    )
)

lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    words("holder"),
    moment("expires"),
)

cursor = Table(
    "cursor",
    metadata,
    ref("account_id", "account", ondelete="CASCADE"),
    words("what"),
    words("value"),
    moment("moved_at"),
    PrimaryKeyConstraint("account_id", "what"),
)

channel_log = Table(  # what we and the platform said to each other, secrets struck out
    "channel_log",
    metadata,
    key(),
    ref("account_id", "account", ondelete="CASCADE"),
    moment("at"),
    words("direction"),
    words("what"),
    words("level", default="info"),
    words("detail", default=""),
    Index("ix_channel_log_account_id_id", "account_id", "id"),
)
