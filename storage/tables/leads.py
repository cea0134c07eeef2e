"""Lead cards and the pipelines they go through."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, CHAR, JSONB, UUID

from storage.tables.columns import key, metadata, moment, one_of, ref, words

pipeline = Table(
    "pipeline",
    metadata,
    key(),
    words("name"),
    Column("position", Integer, nullable=False),
    words("currency", default="RUB"),
    # What may be chosen when a lead is lost; one's own words are always taken.
    Column("lost_reasons", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    UniqueConstraint("position", deferrable=True),
)

stage = Table(
    "stage",
    metadata,
    key(),
    ref("pipeline_id", "pipeline"),
    words("name"),
    words("kind", default="open"),
    Column("position", Integer, nullable=False),
    words("colour", default=""),
    Column("norm_days", Integer),  # a lead that is here longer has been forgotten
    Column("probability", Integer),  # of winning, in percent
    words("task_text", default=""),  # the task that entering makes; none when empty
    Column("task_minutes", Integer, nullable=False, server_default=text("60")),  # working ones
    UniqueConstraint("pipeline_id", "position", deferrable=True),
    CheckConstraint(one_of("kind", "open", "qualified", "won", "lost"), name="kind"),
)

lead = Table(
    "lead",
    metadata,
    key(),
    Column("number", BigInteger, Identity(), nullable=False),
    ref("contact_id", "contact"),
    ref("pipeline_id", "pipeline"),
    ref("stage_id", "stage"),
    words("title", default=""),
    words("status", default="open"),
    Column("value", BigInteger),
    Column("currency", CHAR(3), nullable=False, server_default=text("'RUB'")),
    ref("manager_id", "user_account", null=True),
    ref("account_id", "account", null=True),
    ref("conversation_id", "conversation", null=True),
    ref("first_touch_id", "touch", null=True),
    ref("last_touch_id", "touch", null=True),
    Column("first_touch", JSONB),
    Column("last_touch", JSONB),
    # The higher stands above. A new card stands on top: seconds go on, and between two there is always room for a third.
    Column("position", Double, nullable=False, server_default=text("extract(epoch from now())")),
    words("lost_reason", default=""),
    words("lost_details", default=""),
    Column("fields", JSONB, nullable=False, server_default=text("'{}'")),
    moment("created_at"),
    moment("stage_since"),
    moment("closed_at", null=True),
    ref("merged_into", "lead", null=True),
    UniqueConstraint("number"),
    CheckConstraint(one_of("status", "open", "won", "lost", "merged"), name="status"),
    Index(
        "uq_lead_contact_id_pipeline_id",
        "contact_id",
        "pipeline_id",
        unique=True,
        postgresql_where=text("status = 'open'"),
    ),
    Index("ix_lead_contact_id", "contact_id"),
    Index("ix_lead_stage_id", "stage_id"),
    Index("ix_lead_manager_id", "manager_id", "status"),
    Index("ix_lead_created_at", "created_at", "id"),
    Index(
        "ix_lead_board",
        "stage_id",
        "position",
        "id",
        postgresql_include=["value"],
        postgresql_where=text("status = 'open'"),
    ),
    Index(
        "ix_lead_board_closed",
        "stage_id",
        "closed_at",
        "id",
        postgresql_include=["value"],
        postgresql_where=text("status in ('won', 'lost')"),
    ),
    Index("ix_lead_pipeline_created", "pipeline_id", "created_at", "id"),
    Index("ix_lead_pipeline_aged", "pipeline_id", "stage_since", "id"),
    Index(
        "ix_lead_pipeline_worth",
        "pipeline_id",
        literal_column("coalesce(value, -1)").label("worth"),
        "id",
    ),
    Index("ix_lead_source", literal_column("(last_touch ->> 'source')").label("source")),
    Index(
        "ix_lead_title_trgm",
        literal_column("lower(title)").label("folded_title"),
        postgresql_using="gin",
        postgresql_ops={"folded_title": "gin_trgm_ops"},
    ),
    Index("ix_lead_closed_at", "closed_at", postgresql_where=text("closed_at is not null")),
    Index("ix_lead_open", "created_at", "id", postgresql_where=text("status = 'open'")),
    Index(
        "ix_lead_manager_open",
        "manager_id",
        "created_at",
        "id",
        postgresql_where=text("status = 'open'"),
    ),
    Index("ix_lead_account_id", "account_id"),
    Index("ix_lead_conversation_id", "conversation_id"),
    Index("ix_lead_first_touch_id", "first_touch_id"),
    Index("ix_lead_last_touch_id", "last_touch_id"),
    Index("ix_lead_merged_into", "merged_into", postgresql_where=text("merged_into is not null")),
    Index(  # whom a source brought, for a list narrowed to it
        "ix_lead_open_source",
        text("(last_touch ->> 'source')"),
        text("created_at desc"),
        postgresql_where=text("status = 'open'"),
    ),
)

lead_event = Table(
    "lead_event",
    metadata,
    key(),
    ref("lead_id", "lead"),
    words("what"),
    Column("before", JSONB),
    Column("after", JSONB),
    ref("by_user", "user_account", null=True),
    moment("at"),
    Index("ix_lead_event_lead_id_at", "lead_id", "at"),
    Index("ix_lead_event_at", "at"),
)

task = Table(
    "task",
    metadata,
    key(),
    ref("lead_id", "lead", null=True),
    ref("contact_id", "contact", null=True),
    ref("manager_id", "user_account", null=True),
    words("kind", default="todo"),
    words("text"),
    moment("due_at"),
    moment("done_at", null=True),
    moment("cancelled_at", null=True),  # beside done_at: it is over, and was not done
    # Minutes before it is due at which its manager is reminded.
    Column("remind_before", ARRAY(Integer), nullable=False, server_default=text("'{0}'")),
    words("origin", default="hand"),
    ref("conversation_id", "conversation", null=True),  # whose manager has to do it, and where
    Column("details", JSONB, nullable=False, server_default=text("'{}'")),
    Column("created_by", UUID),
    moment("created_at"),
    Index("ix_task_manager_due", "manager_id", "due_at", postgresql_where=text("done_at is null")),
    Index("ix_task_open_due", "due_at", "id", postgresql_where=text("done_at is null")),
    Index(
        "ix_task_manager_done",
        "manager_id",
        text("done_at desc"),
        text("id desc"),
        postgresql_where=text("done_at is not null"),
    ),
    Index(
        "ix_task_done",
        text("done_at desc"),
        text("id desc"),
        postgresql_include=["manager_id", "cancelled_at"],
        postgresql_where=text("done_at is not null"),
    ),
    Index(  # which were late
        "ix_task_due",
        "due_at",
        "id",
        postgresql_include=["manager_id", "done_at", "cancelled_at"],
    ),
    Index("ix_task_lead_id", "lead_id"),
    Index(
        "ix_task_open_of_leads",
        "lead_id",
        postgresql_where=text("done_at is null and lead_id is not null"),
    ),
    Index(
        "ix_task_due_of_leads",
        "due_at",
        "lead_id",
        postgresql_where=text("done_at is null and lead_id is not null"),
    ),
    Index(
        "uq_task_callback",
        "contact_id",
        "kind",
        unique=True,
        postgresql_where=text("kind = 'callback' and done_at is null"),
    ),
    Index("ix_task_contact_id", "contact_id"),
    Index(
        "ix_task_conversation_id",
        "conversation_id",
        postgresql_where=text("conversation_id is not null"),
    ),
)
