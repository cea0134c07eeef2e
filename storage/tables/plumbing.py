"""What carries the rest: the outbox, the queue of the embedded broker, dead letters, what the recorder keeps."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from storage.tables.columns import key, metadata, moment, words

outbox = Table(
    "outbox",
    metadata,
    Column("seq", BigInteger, Identity(), primary_key=True),
    Column("id", UUID, nullable=False),
    words("kind"),
    Column("conversation_id", UUID),
    Column("body", LargeBinary, nullable=False),  # router.wire, a fact
    moment("at"),
    # Given by the relay, one at a time, so that a reader of positions never meets a late commit behind it.
    Column("position", BigInteger),
    Index("ix_outbox_unpublished", "seq", postgresql_where=text("position is null")),
    Index(
        "uq_outbox_position", "position", unique=True, postgresql_where=text("position is not null")
    ),
    Index("ix_outbox_at", "at", postgresql_using="brin"),
)

queue_message = Table(
    "queue_message",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    words("queue"),
    Column("body", LargeBinary, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    moment("visible_at"),
    moment("locked_until", null=True),
    Column("death", JSONB),  # of what lies in the queue of the dead: router.transit.Death
    Index("ix_queue_message_queue_visible_at", "queue", "visible_at", "id"),
)

dead_letter = Table(
    "dead_letter",
    metadata,
    key(),
    words("stage"),  # route, deliver, record, media, broker
    words("queue", default=""),
    Column("account_id", UUID),
    words("channel", default=""),
    Column("event_id", UUID),
    Column("body", LargeBinary, nullable=False),
    words("reason"),
    words("traceback", default=""),
    Column("attempts", Integer, nullable=False, server_default=text("1")),
    moment("first_seen"),
    moment("last_seen"),
    moment("replayed_at", null=True),
    moment("dropped_at", null=True),
    words("closed_by", default=""),
    Index(
        "ix_dead_letter_open",
        "first_seen",
        "id",
        postgresql_where=text("replayed_at is null and dropped_at is null"),
    ),
    Index(
        "uq_dead_letter_event",
        "stage",
        "event_id",
        unique=True,
        postgresql_where=text(
            "event_id is not null and replayed_at is null and dropped_at is null"
        ),
    ),
)

fact_event = Table(  # one row per fact that reports count, partitioned by month of `at`
    "fact_event",
    metadata,
    Column("fact_id", UUID, nullable=False),
    words("kind"),
    moment("at"),
    Column("account_id", UUID),
    words("channel", default=""),
    Column("contact_id", UUID),
    Column("conversation_id", UUID),
    Column("lead_id", UUID),
    Column("manager_id", UUID),
    PrimaryKeyConstraint("fact_id", "at"),
    postgresql_partition_by="RANGE (at)",
)

rollup_day = Table(
    "rollup_day",
    metadata,
    Column("day", Date, nullable=False),
    words("kind"),
    Column("account_id", UUID, nullable=False),
    Column("manager_id", UUID, nullable=False),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("day", "kind", "account_id", "manager_id"),
)

setting = Table(  # settings of the installation that people change in the interface
    "setting",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", JSONB, nullable=False),
)
