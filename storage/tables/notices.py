"""What colleagues are told, how each wants to be told, and what must still be told."""

from sqlalchemy import (
    BigInteger,
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
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from storage.tables.columns import key, metadata, moment, one_of, ref, words

notification = Table(  # one per person and subject: what comes again while it is unread does not become a hundred
    "notification",
    metadata,
    key(),
    ref("user_id", "user_account", ondelete="CASCADE"),
    words("kind"),  # router.notices
    Column(
        "subject", UUID, nullable=False
    ),  # what it is about once: a fact, a conversation, a task
    Column("seq", Integer, nullable=False, server_default=text("0")),  # of the newest message told
    # Names of things that may go: nothing of theirs is held back by what somebody was told about them.
    Column("conversation_id", UUID),
    Column("contact_id", UUID),
    Column("lead_id", UUID),
    Column("task_id", UUID),
    Column("account_id", UUID),
    Column("by_user", UUID),
    Column("details", JSONB, nullable=False, server_default=text("'{}'")),
    moment("at"),
    moment("told_at"),  # when it was written down, or became news again
    moment("read_at", null=True),
    UniqueConstraint("user_id", "kind", "subject"),
    Index("ix_notification_user_id_at", "user_id", text("at desc"), text("id desc")),
    Index(
        "ix_notification_unread",
        "user_id",
        "told_at",
        postgresql_where=text("read_at is null"),
    ),
    Index(
        "ix_notification_conversation_id",
        "conversation_id",
        postgresql_where=text("conversation_id is not null"),
    ),
    Index("ix_notification_task_id", "task_id", postgresql_where=text("task_id is not null")),
    Index("ix_notification_told_at", "told_at"),
)

notification_wish = Table(  # where it is not as usual
    "notification_wish",
    metadata,
    ref("user_id", "user_account", ondelete="CASCADE"),
    words("kind"),
    Column("in_app", Boolean, nullable=False),
    Column("desktop", Boolean, nullable=False),
    Column("push", Boolean, nullable=False),
    PrimaryKeyConstraint("user_id", "kind"),
)

notification_manner = Table(  # what holds for all kinds
    "notification_manner",
    metadata,
    ref("user_id", "user_account", ondelete="CASCADE"),
    Column("sound", Boolean, nullable=False, server_default=true()),
    Column("push_text", Boolean, nullable=False, server_default=false()),
    words("quiet", default="never"),
    words("quiet_from", default="20:00"),
    words("quiet_to", default="09:00"),
    words("time_zone", default=""),  # empty: the installation's
    PrimaryKeyConstraint("user_id"),
    CheckConstraint(one_of("quiet", "never", "team", "own"), name="quiet"),
)

conversation_mute = Table(
    "conversation_mute",
    metadata,
    ref("user_id", "user_account", ondelete="CASCADE"),
    ref("conversation_id", "conversation", ondelete="CASCADE"),
    moment("at"),
    PrimaryKeyConstraint("user_id", "conversation_id"),
    Index("ix_conversation_mute_conversation_id", "conversation_id"),
)

notice_cursor = Table(  # how far the feed has been read for notices
    "notice_cursor",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
)

task_reminder = Table(
    "task_reminder",
    metadata,
    ref("task_id", "task", ondelete="CASCADE"),
    moment("at"),
    moment("told_at", null=True),
    PrimaryKeyConstraint("task_id", "at"),
    Index("ix_task_reminder_due", "at", postgresql_where=text("told_at is null")),
)

push_subscription = Table(  # a browser that is told also when no page is open
    "push_subscription",
    metadata,
    key(),
    ref("user_id", "user_account", ondelete="CASCADE"),
    words("endpoint"),
    words("p256dh"),
    words("auth"),
    words("browser", default=""),
    moment("created_at"),
    moment("told_at", null=True),
    words("error", default=""),
    UniqueConstraint("endpoint"),
    Index("ix_push_subscription_user_id", "user_id"),
)

push_delivery = Table(  # on its way to a browser; gone when it is there
    "push_delivery",
    metadata,
    key(),
    ref("subscription_id", "push_subscription", ondelete="CASCADE"),
    ref("notification_id", "notification", null=True, ondelete="CASCADE"),  # null: a trial
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    moment("created_at"),
    moment("next_attempt_at"),
    UniqueConstraint("subscription_id", "notification_id"),
    Index("ix_push_delivery_next_attempt_at", "next_attempt_at"),
    Index("ix_push_delivery_notification_id", "notification_id"),
)
