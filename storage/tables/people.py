"""Customers: contacts, what identifies them, how two of them became one."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    false,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from storage.tables.columns import key, metadata, moment, one_of, ref, words

contact = Table(
    "contact",
    metadata,
    key(),
    words("name", default=""),
    words("kind", default="person"),
    Column("fields", JSONB, nullable=False, server_default=text("'{}'")),
    ref("manager_id", "user_account", null=True),
    words("locale", default=""),
    ref("merged_into", "contact", null=True),
    Column("blocked", Boolean, nullable=False, server_default=false()),
    words("block_reason", default=""),
    words("note", default=""),  # what colleagues should know before they answer
    moment("erased_at", null=True),
    moment("created_at"),
    CheckConstraint("merged_into <> id", name="not_into_itself"),
    CheckConstraint(one_of("kind", "person", "group"), name="kind"),
    Index("ix_contact_manager_id", "manager_id", postgresql_where=text("manager_id is not null")),
    Index(
        "ix_contact_merged_into", "merged_into", postgresql_where=text("merged_into is not null")
    ),
    Index("ix_contact_created_at_id", "created_at", "id"),
    Index(
        "ix_contact_name_trgm",
        literal_column("lower(name)").label("folded_name"),
        postgresql_using="gin",
        postgresql_ops={"folded_name": "gin_trgm_ops"},
    ),
)

identity = Table(
    "identity",
    metadata,
    key(),
    ref("contact_id", "contact"),
    words("kind"),
    words("value"),
    words("display", default=""),
    Column("proved", Boolean, nullable=False),
    Column("shared", Boolean, nullable=False, server_default=false()),
    words("how", default=""),
    moment("first_seen"),
    moment("last_seen"),
    Index(
        "uq_identity_kind_value",
        "kind",
        "value",
        unique=True,
        postgresql_where=text("proved and not shared"),
    ),
    Index("ix_identity_shared", "kind", "value", postgresql_where=text("shared")),
    Index("ix_identity_contact_id", "contact_id"),
    Index(
        "ix_identity_value_trgm",
        "value",
        postgresql_using="gin",
        postgresql_ops={"value": "gin_trgm_ops"},
    ),
)

identity_claim = Table(
    "identity_claim",
    metadata,
    key(),
    ref("contact_id", "contact"),
    words("kind"),
    words("value"),
    words("display", default=""),
    Column("event_id", UUID),
    moment("at"),
    UniqueConstraint("contact_id", "kind", "value"),
    Index("ix_identity_claim_kind_value", "kind", "value"),
    Index(
        "ix_identity_claim_value_trgm",
        "value",
        postgresql_using="gin",
        postgresql_ops={"value": "gin_trgm_ops"},
    ),
)

contact_merge = Table(
    "contact_merge",
    metadata,
    key(),
    ref("survivor_id", "contact"),
    ref("absorbed_id", "contact"),
    ref("by_user", "user_account", null=True),
    words("rule"),  # proved_keys, suggestion, by_hand
    words("reason"),
    Column("moved", JSONB, nullable=False),  # ids by table, and both contacts' fields before
    moment("at"),
    moment("undone_at", null=True),
    ref("undone_by", "user_account", null=True),
    Index(
        "uq_contact_merge_absorbed_id",
        "absorbed_id",
        unique=True,
        postgresql_where=text("undone_at is null"),
    ),
    Index("ix_contact_merge_survivor_id", "survivor_id"),
    Index(
        "ix_contact_merge_undone",
        "absorbed_id",
        postgresql_where=text("undone_at is not null"),
    ),
)

suggestion = Table(
    "suggestion",
    metadata,
    key(),
    ref("first_id", "contact"),
    ref("second_id", "contact"),
    Column("score", Integer, nullable=False),
    Column("reasons", JSONB, nullable=False),
    words("decision", default="open"),
    ref("decided_by", "user_account", null=True),
    moment("decided_at", null=True),
    moment("at"),
    UniqueConstraint("first_id", "second_id"),
    CheckConstraint("first_id < second_id", name="ordered"),
    CheckConstraint(one_of("decision", "open", "accepted", "rejected", "moot"), name="decision"),
    Index("ix_suggestion_second_id", "second_id"),
    Index("ix_suggestion_score", "score", "id", postgresql_where=text("decision = 'open'")),
)

visitor = Table(
    "visitor",
    metadata,
    ref("account_id", "account", ondelete="CASCADE"),
    key(),
    words("token"),
    moment("first_seen"),
    moment("last_seen"),
    Column("first_touch", JSONB),
    Column("last_touch", JSONB),
    Column("visits", BigInteger, nullable=False, server_default=text("1")),
    UniqueConstraint("account_id", "token"),
)

touch = Table(
    "touch",
    metadata,
    key(),
    ref("contact_id", "contact", null=True),
    ref("visitor_id", "visitor", null=True),
    Column("event_id", UUID),
    moment("at"),
    words("channel"),
    words("source", default=""),
    words("medium", default=""),
    words("campaign", default=""),
    words("content", default=""),
    words("term", default=""),
    Column("click_ids", JSONB, nullable=False, server_default=text("'{}'")),
    words("landing", default=""),
    words("referrer", default=""),
    Column("raw", JSONB, nullable=False, server_default=text("'{}'")),
    Index("ix_touch_contact_id_at", "contact_id", "at"),
    Index(
        "ix_touch_origin", "source", "medium", "campaign"
    ),  # how many came from where no rule knows
    Index(
        "ix_touch_visitor_id_at",
        "visitor_id",
        "at",
        postgresql_where=text("visitor_id is not null"),
    ),
    Index(
        "uq_touch_event_id", "event_id", unique=True, postgresql_where=text("event_id is not null")
    ),
)

field = Table(  # what a business wants to know of a contact or a lead; the answers are in their `fields`, by `key`
    "field",
    metadata,
    key(),
    words("entity"),
    words("key"),
    words("name"),
    words("kind", default="text"),
    Column("choices", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("position", Integer, nullable=False, server_default=text("0")),
    moment("archived_at", null=True),
    moment("created_at"),
    UniqueConstraint("entity", "key"),
    CheckConstraint(one_of("entity", "contact", "lead"), name="entity"),
    CheckConstraint(
        one_of("kind", "text", "number", "date", "choice", "yes_no", "link"), name="kind"
    ),
)
