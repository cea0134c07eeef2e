"""What helps to write: canned replies, and macros with what became of them."""

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB, UUID

from storage.tables.columns import key, metadata, moment, ref, words

canned_reply = Table(  # of one colleague, of a team, or (with neither) of everybody
    "canned_reply",
    metadata,
    key(),
    ref("owner_id", "user_account", null=True, ondelete="CASCADE"),
    ref("team_id", "team", null=True, ondelete="CASCADE"),
    words("code"),
    words("title", default=""),
    words("text"),
    Column("uses", Integer, nullable=False, server_default=text("0")),
    moment("used_at", null=True),
    Column("created_by", UUID),
    moment("created_at"),
    moment("changed_at"),
    moment("deleted_at", null=True),  # can be taken back
    CheckConstraint("owner_id is null or team_id is null", name="one_shelf"),
    CheckConstraint("code = lower(code)", name="code_lower"),
    Index(
        "uq_canned_reply_own",
        "owner_id",
        "code",
        unique=True,
        postgresql_where=text("owner_id is not null and deleted_at is null"),
    ),
    Index(
        "uq_canned_reply_team",
        "team_id",
        "code",
        unique=True,
        postgresql_where=text("team_id is not null and deleted_at is null"),
    ),
    Index(
        "uq_canned_reply_all",
        "code",
        unique=True,
        postgresql_where=text("owner_id is null and team_id is null and deleted_at is null"),
    ),
)

macro = Table(
    "macro",
    metadata,
    key(),
    ref("owner_id", "user_account", null=True, ondelete="CASCADE"),
    ref("team_id", "team", null=True, ondelete="CASCADE"),
    words("name"),
    words("text", default=""),  # the reply; "": none
    Column("steps", JSONB, nullable=False, server_default=text("'[]'")),  # storage.macros.Step
    Column("position", Integer, nullable=False, server_default=text("0")),
    Column("uses", Integer, nullable=False, server_default=text("0")),
    Column("created_by", UUID),
    moment("created_at"),
    moment("changed_at"),
    moment("deleted_at", null=True),
    CheckConstraint("owner_id is null or team_id is null", name="one_shelf"),
    Index("ix_macro_owner_id", "owner_id", postgresql_where=text("owner_id is not null")),
    Index("ix_macro_team_id", "team_id", postgresql_where=text("team_id is not null")),
)

macro_run = Table(
    "macro_run",
    metadata,
    key(),
    ref("macro_id", "macro", ondelete="CASCADE"),
    ref("conversation_id", "conversation", ondelete="CASCADE"),
    Column("user_id", UUID),
    Column("message_id", UUID),
    words("idempotency_key"),
    Column("before", JSONB, nullable=False, server_default=text("'{}'")),
    Column("after", JSONB, nullable=False, server_default=text("'{}'")),
    moment("at"),
    moment("undone_at", null=True),
    UniqueConstraint("idempotency_key"),
    Index("ix_macro_run_conversation_id", "conversation_id"),
    Index("ix_macro_run_macro_id", "macro_id"),
    Index("ix_macro_run_at", "at"),
)
