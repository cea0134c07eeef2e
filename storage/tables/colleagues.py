"""Colleagues: who they are, what they may, when they work, which teams they are in."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from storage.tables.columns import key, metadata, moment, one_of, ref, words

user_account = Table(
    "user_account",
    metadata,
    key(),
    words("email"),
    words("name"),
    words("role"),
    words("sees", default="all"),  # storage.reading.sight
    words("password", default=""),  # argon2id
    Column("must_change_password", Boolean, nullable=False, server_default=false()),
    words("language", default=""),
    words("theme", default=""),
    words("signature", default=""),  # under their mails
    words("send_key", default="ctrl_enter"),
    words("presence", default="here"),  # here, away, off: set by the person
    moment("presence_since", null=True),
    moment("seen_at", null=True),  # a live session, for teams that ask for one
    Column("capacity", Integer),  # open conversations at most; null: no limit
    Column("open_conversations", Integer, nullable=False, server_default=text("0")),
    words("extension", default=""),  # of the telephone exchange
    moment("disabled_at", null=True),
    moment("created_at"),
    UniqueConstraint("email"),
    CheckConstraint("email = lower(email)", name="email_lower"),
    CheckConstraint(one_of("role", "admin", "lead", "manager", "marketer"), name="role"),
    CheckConstraint(one_of("presence", "here", "away", "off"), name="presence"),
    CheckConstraint(one_of("sees", "all", "team", "own"), name="sees"),
    Index(
        "uq_user_account_extension",
        "extension",
        unique=True,
        postgresql_where=text("extension <> '' and disabled_at is null"),
    ),
)

session = Table(
    "session",
    metadata,
    Column("token_hash", Text, primary_key=True),
    ref("user_id", "user_account", ondelete="CASCADE"),
    words("csrf"),
    moment("created_at"),
    moment("seen_at"),
    moment("expires_at"),
    words("user_agent", default=""),
    words("remote", default=""),
    Index("ix_session_user_id", "user_id"),
    Index("ix_session_expires_at", "expires_at"),
)

api_token = Table(
    "api_token",
    metadata,
    key(),
    words("name"),
    words("token_hash"),
    Column("scopes", ARRAY(Text), nullable=False),
    ref("created_by", "user_account", null=True),
    moment("created_at"),
    moment("used_at", null=True),
    moment("revoked_at", null=True),
    UniqueConstraint("token_hash"),
)

sign_in_attempt = Table(  # for slowing down guessing
    "sign_in_attempt",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    words("email"),
    words("remote"),
    moment("at"),
    Index("ix_sign_in_attempt_email_at", "email", "at"),
    Index("ix_sign_in_attempt_remote_at", "remote", "at"),
)

team = Table(
    "team",
    metadata,
    key(),
    words("name"),
    words("strategy", default="round_robin"),
    Column("needs_session", Boolean, nullable=False, server_default=false()),
    Column("hours", JSONB),  # router.working_hours; null: always
    words("time_zone", default="Europe/Moscow"),
    Column("holidays", JSONB, nullable=False, server_default=text("'[]'")),
    words("away_text", default=""),  # the out-of-hours answer
    Column("is_default", Boolean, nullable=False, server_default=false()),
    moment("created_at"),
    UniqueConstraint("name"),
    CheckConstraint(
        one_of("strategy", "round_robin", "least_loaded", "broadcast"), name="strategy"
    ),
    Index("uq_team_default", "is_default", unique=True, postgresql_where=text("is_default")),
)

team_member = Table(
    "team_member",
    metadata,
    ref("team_id", "team", ondelete="CASCADE"),
    ref("user_id", "user_account", ondelete="CASCADE"),
    Column("is_lead", Boolean, nullable=False, server_default=false()),
    moment("last_assigned_at", null=True),
    Column(
        "turn", BigInteger, nullable=False, server_default=text("0")
    ),  # round robin: lowest is next
    moment("joined_at"),
    PrimaryKeyConstraint("team_id", "user_id"),
    Index("ix_team_member_user_id", "user_id"),
)

activity_plan = Table(  # what a manager is to do on a working day; 0: nothing is planned
    "activity_plan",
    metadata,
    Column("user_id", UUID, ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True),
    Column("calls", Integer, nullable=False, server_default=text("0")),
    Column("offers", Integer, nullable=False, server_default=text("0")),
    CheckConstraint("calls >= 0 and offers >= 0", name="not_negative"),
)

audit = Table(
    "audit",
    metadata,
    key(),
    Column("user_id", UUID),
    words("what"),
    words("object_kind", default=""),
    Column("object_id", UUID),
    words("remote", default=""),
    Column("before", JSONB),
    Column("after", JSONB),
    moment("at"),
    Index("ix_audit_object_id", "object_id", "id"),
    Index("ix_audit_user_id", "user_id", "at"),
    Index("ix_audit_at", "at", "id"),
    Index("ix_audit_object_kind_at", "object_kind", "at", "id"),
)
