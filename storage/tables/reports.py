"""Reports as people keep them: chosen columns, and digests of saved reports (`saved_view`, of a report) that are sent."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, TEXT

from storage.tables.columns import key, metadata, moment, one_of, ref, words

report_columns = Table(
    "report_columns",
    metadata,
    ref("user_id", "user_account", ondelete="CASCADE"),
    words("report"),
    Column("columns", ARRAY(TEXT), nullable=False),
    PrimaryKeyConstraint("user_id", "report"),
)

digest = Table(
    "digest",
    metadata,
    key(),
    ref("saved_view_id", "saved_view", ondelete="CASCADE"),
    ref("account_id", "account", ondelete="CASCADE"),  # which sends it: email or Telegram
    words("every"),
    Column(
        "on_day", Integer, nullable=False, server_default=text("1")
    ),  # of the week, 1 is Monday; of the month
    Column("hour", Integer, nullable=False),  # of the company's clock
    words("language", default=""),
    ref("by_user", "user_account", ondelete="CASCADE"),
    moment("created_at"),
    moment("next_at"),
    Column("paused", Boolean, nullable=False, server_default=false()),
    CheckConstraint(one_of("every", "day", "week", "month"), name="every"),
    CheckConstraint("hour between 0 and 23", name="hour"),
    CheckConstraint("on_day between 1 and 31", name="on_day"),
    Index("ix_digest_next_at", "next_at", postgresql_where=text("not paused")),
    Index("ix_digest_saved_view_id", "saved_view_id"),
    Index("ix_digest_account_id", "account_id"),
    Index("ix_digest_by_user", "by_user"),
)

# Whom a digest goes to. `code` is what the person proves themselves by: in the link to stop it; for Telegram, in /start.
digest_recipient = Table(
    "digest_recipient",
    metadata,
    key(),
    ref("digest_id", "digest", ondelete="CASCADE"),
    words("address", default=""),  # an email address, or the chat's id once it is known
    words("name", default=""),
    words("code"),
    moment("created_at"),
    moment("stopped_at", null=True),
    UniqueConstraint("code"),
    Index("ix_digest_recipient_digest_id", "digest_id"),
)

# One row for each digest, recipient and time: written before it is sent, so that nobody gets one twice.
digest_sending = Table(
    "digest_sending",
    metadata,
    ref("recipient_id", "digest_recipient", ondelete="CASCADE"),
    moment("due_at"),
    words("state"),
    moment("at"),
    Column("attempts", Integer, nullable=False, server_default=text("1")),
    Column(
        "again", Boolean, nullable=False, server_default=false()
    ),  # it did not go, and is tried again
    words("error", default=""),
    PrimaryKeyConstraint("recipient_id", "due_at"),
    CheckConstraint(one_of("state", "sending", "sent", "failed"), name="state"),
)
