"""Conversations, their messages, files and deliveries, and who answers."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP, TSVECTOR, UUID

from storage.tables.columns import key, metadata, moment, one_of, ref, words

conversation = Table(
    "conversation",
    metadata,
    key(),
    ref("account_id", "account"),
    words("chat"),
    words("chat_kind", default="private"),
    ref("contact_id", "contact"),
    Column("identity_id", UUID),  # the key its person came by: where it goes when a merge is undone
    words("status", default="open"),
    ref("manager_id", "user_account", null=True),
    ref("team_id", "team", null=True),
    words("subject", default=""),
    Column("seq", Integer, nullable=False, server_default=text("0")),
    words("preview", default=""),
    words("preview_direction", default="in"),
    words("preview_kind", default="text"),
    moment("first_message_at"),
    moment("last_message_at"),
    moment("last_inbound_at", null=True),
    moment("waiting_since", null=True),
    moment("silence_due_at", null=True),
    Column("silence_moves", Integer, nullable=False, server_default=text("0")),
    moment("snoozed_until", null=True),
    Column("unread", Integer, nullable=False, server_default=text("0")),
    moment("window_until", null=True),
    words("unreachable", default=""),  # why we cannot write: "blocked the bot"; "" when we can
    Column("labels", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    # Replies that failed, or whose fate is unknown, after the one with the number `failed_seen`: not dealt with yet.
    Column("failed", Integer, nullable=False, server_default=text("0")),
    Column("failed_seen", Integer, nullable=False, server_default=text("0")),
    moment("created_at"),
    moment("resolved_at", null=True),
    UniqueConstraint("account_id", "chat"),
    CheckConstraint(
        one_of("status", "open", "waiting", "snoozed", "resolved", "spam"), name="status"
    ),
    Index("ix_conversation_contact_id", "contact_id", postgresql_include=["id"]),
    Index("ix_conversation_status_last", "status", text("last_message_at desc"), text("id desc")),
    Index(
        "ix_conversation_status_waiting",
        "status",
        "waiting_since",
        "id",
        postgresql_where=text("waiting_since is not null"),
    ),
    Index(
        "ix_conversation_manager_status_last",
        "manager_id",
        "status",
        text("last_message_at desc"),
        text("id desc"),
    ),
    Index(
        "ix_conversation_team_queue",
        "team_id",
        "last_message_at",
        "id",
        postgresql_where=text("manager_id is null and status = 'open'"),
    ),
    Index(
        "ix_conversation_team_status_last",
        "team_id",
        "status",
        text("last_message_at desc"),
        text("id desc"),
    ),
    Index(  # what a team may see of what nobody has taken
        "ix_conversation_team_unassigned",
        "team_id",
        "status",
        text("last_message_at desc"),
        text("id desc"),
        postgresql_where=text("manager_id is null"),
    ),
    Index(
        "ix_conversation_manager_waiting",
        "manager_id",
        "status",
        "waiting_since",
        "id",
        postgresql_where=text("waiting_since is not null"),
    ),
    Index(
        "ix_conversation_team_waiting",
        "team_id",
        "status",
        "waiting_since",
        "id",
        postgresql_where=text("waiting_since is not null"),
    ),
    Index(
        "ix_conversation_account_status_last",
        "account_id",
        "status",
        text("last_message_at desc"),
        text("id desc"),
    ),
    Index(
        "ix_conversation_unread",
        "manager_id",
        text("last_message_at desc"),
        postgresql_where=text("unread > 0"),
    ),
    Index(
        "ix_conversation_silence",
        "silence_due_at",
        postgresql_where=text("silence_due_at is not null"),
    ),
    Index("ix_conversation_snoozed", "snoozed_until", postgresql_where=text("status = 'snoozed'")),
    Index("ix_conversation_labels", "labels", postgresql_using="gin"),
    Index(
        "ix_conversation_labelled",
        text("last_message_at desc"),
        postgresql_where=text("labels <> '{}'"),
    ),
    Index(
        "ix_conversation_failed",
        text("last_message_at desc"),
        text("id desc"),
        postgresql_where=text("failed > 0"),
    ),
    Index(
        "ix_conversation_status_unread",
        "status",
        text("last_message_at desc"),
        text("id desc"),
        postgresql_where=text("unread > 0"),
    ),
)

message = Table(
    "message",
    metadata,
    key(),
    ref("conversation_id", "conversation"),
    Column("seq", Integer, nullable=False),
    Column(
        "account_id", UUID, nullable=False
    ),  # the conversation's, for the unique key of platforms' ids
    words("external_id", null=True),
    words("direction"),
    words("kind", default="text"),
    Column("author_contact", UUID),  # which customer, when it is not the conversation's own
    ref("author_user", "user_account", null=True),
    words("author_name", default=""),
    words("text", default=""),
    words("html", default=""),
    words("subject", default=""),
    Column("reply_to", UUID),
    words("quote", default=""),
    words("album", default=""),
    words("automatic", null=True),
    Column("details", JSONB, nullable=False, server_default=text("'{}'")),
    Column("reactions", JSONB, nullable=False, server_default=text("'{}'")),
    Column(
        "place", BigInteger, nullable=False, server_default=text("0")
    ),  # the platform's own order in a second
    moment("sent_at"),
    moment("received_at"),
    words("state", default=""),
    words("error", default=""),
    moment("edited_at", null=True),
    moment("deleted_at", null=True),
    words("idempotency_key", null=True),
    # When the transaction that stored it began, by the database's clock: the order of the feed of everything stored.
    # The id cannot be it: it is given at the edge, and an event may wait, or come back from the dead letters.
    Column("stored_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    CheckConstraint(one_of("direction", "in", "out", "note", "system"), name="direction"),
    UniqueConstraint("conversation_id", "seq"),
    Index(
        "uq_message_external",
        "account_id",
        "external_id",
        unique=True,
        postgresql_where=text("external_id is not null"),
    ),
    Index(
        "uq_message_idempotency",
        "idempotency_key",
        unique=True,
        postgresql_where=text("idempotency_key is not null"),
    ),
    Index(
        "ix_message_conversation_place",
        "conversation_id",
        text("sent_at desc"),
        text("place desc"),
        text("seq desc"),
    ),
    Index("ix_message_account_id_stored_at_id", "account_id", "stored_at", "id"),
    Index(
        "ix_message_author_contact",
        "author_contact",
        postgresql_where=text("author_contact is not null"),
    ),
    Index(  # what a colleague wrote on a day
        "ix_message_author_user",
        "author_user",
        "sent_at",
        postgresql_include=["account_id"],
        postgresql_where=text(
            "direction = 'out' and author_user is not null and automatic is null and kind not in ('call', 'service')"
        ),
    ),
    Index("ix_message_failed", "id", postgresql_where=text("state in ('failed', 'unknown')")),
    Index(
        "ix_message_failed_in",
        "conversation_id",
        "seq",
        postgresql_where=text("state in ('failed', 'unknown')"),
    ),
)

attachment = Table(
    "attachment",
    metadata,
    key(),
    ref("message_id", "message"),
    Column("position", Integer, nullable=False, server_default=text("0")),
    words("kind"),
    words("name", default=""),
    words("mime", default=""),
    Column("size", BigInteger),
    Column("width", Integer),
    Column("height", Integer),
    Column("duration", Float),
    words("cid", default=""),
    words("sha256", default=""),
    words("ref", default=""),  # the platform's
    words("state", default="stored"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    moment("next_attempt_at", null=True),
    words("error", default=""),
    CheckConstraint(one_of("state", "wanted", "stored", "failed"), name="state"),
    Index("ix_attachment_message_id", "message_id"),
    Index("ix_attachment_sha256", "sha256", postgresql_where=text("sha256 <> ''")),
    Index(
        "ix_attachment_wanted", "next_attempt_at", "id", postgresql_where=text("state = 'wanted'")
    ),
)

delivery = Table(
    "delivery",
    metadata,
    key(),
    ref("message_id", "message"),
    ref("account_id", "account"),
    ref("conversation_id", "conversation"),
    words("state", default="queued"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("parts_done", Integer, nullable=False, server_default=text("0")),
    Column("external_ids", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    moment("next_attempt_at"),
    moment("claimed_until", null=True),
    words("claimed_by", default=""),
    words("error_family", default=""),
    words("error", default=""),
    moment("created_at"),
    moment("settled_at", null=True),
    CheckConstraint(
        one_of("state", "queued", "sending", "sent", "delivered", "read", "failed", "unknown"),
        name="state",
    ),
    Index(
        "uq_delivery_message_id",
        "message_id",
        unique=True,
        postgresql_where=text("state <> 'failed' and state <> 'unknown'"),
    ),
    Index("ix_delivery_message_id", "message_id"),
    Index(
        "ix_delivery_due",
        "account_id",
        "next_attempt_at",
        "id",
        postgresql_where=text("state = 'queued'"),
    ),
    Index("ix_delivery_sending", "claimed_until", postgresql_where=text("state = 'sending'")),
    Index("ix_delivery_conversation_id", "conversation_id", "id"),
)

assignment = Table(
    "assignment",
    metadata,
    key(),
    ref("conversation_id", "conversation"),
    ref("manager_id", "user_account", null=True),
    ref("team_id", "team", null=True),
    words("rule"),
    words("reason"),
    Column("refused", JSONB, nullable=False, server_default=text("'[]'")),
    ref("by_user", "user_account", null=True),
    moment("at"),
    moment("ended_at", null=True),
    Index(
        "uq_assignment_conversation_id",
        "conversation_id",
        unique=True,
        postgresql_where=text("ended_at is null"),
    ),
    Index("ix_assignment_conversation_id", "conversation_id", "id"),
    Index("ix_assignment_manager_id", "manager_id", postgresql_where=text("ended_at is null")),
    Index("ix_assignment_at", "at", postgresql_include=["manager_id"]),
    Index("ix_assignment_manager_id_at", "manager_id", "at", "id"),
)

message_search = Table(  # written by the recorder, so that the hot path does not pay for word forms
    "message_search",
    metadata,
    ref("message_id", "message", ondelete="CASCADE"),
    Column("conversation_id", UUID, nullable=False),
    Column("vector", TSVECTOR, nullable=False),
    PrimaryKeyConstraint("message_id"),
    Index("ix_message_search_vector", "vector", postgresql_using="gin"),
)

said_word = Table(  # kept by the recorder, too: what a mistyped word of a search may have meant
    "said_word",
    metadata,
    Column("word", Text, nullable=False),
    PrimaryKeyConstraint("word"),
    Index(
        "ix_said_word_trgm", "word", postgresql_using="gin", postgresql_ops={"word": "gin_trgm_ops"}
    ),
)

draft = Table(
    "draft",
    metadata,
    ref("user_id", "user_account", ondelete="CASCADE"),
    ref("conversation_id", "conversation", ondelete="CASCADE"),
    words("text"),
    Column("note", Boolean, nullable=False, server_default=false()),
    Column("to_id", UUID),  # the conversation chosen to answer in; null: none yet
    Column("reply_to", UUID),
    Column("files", JSONB, nullable=False, server_default=text("'[]'")),
    words("writer", default=""),  # the page that wrote it, and its how manieth writing it is
    Column("nth", Integer, nullable=False, server_default=text("0")),
    moment("at"),
    UniqueConstraint("user_id", "conversation_id"),
    Index("ix_draft_conversation_id", "conversation_id"),
)

mention = Table(  # a colleague named in a note
    "mention",
    metadata,
    ref("message_id", "message", ondelete="CASCADE"),
    ref("user_id", "user_account", ondelete="CASCADE"),
    ref("conversation_id", "conversation", ondelete="CASCADE"),
    moment("at"),
    moment("seen_at", null=True),
    PrimaryKeyConstraint("message_id", "user_id"),
    Index("ix_mention_user_id", "user_id", text("at desc")),
    Index(
        "ix_mention_unseen", "user_id", "conversation_id", postgresql_where=text("seen_at is null")
    ),
    Index("ix_mention_conversation_id", "conversation_id"),
)

label = Table(  # what a business calls its labels, and their colours; conversations keep the names
    "label",
    metadata,
    key(),
    words("name"),
    words("colour", default=""),
    Column("position", Integer, nullable=False, server_default=text("0")),
    moment("created_at"),
    UniqueConstraint("name"),
)

# Filters, order and tab of the list, under a name, or a report with all that was asked of it; `query` is what stands in
# the address, `report` the report's name, "" for the list of conversations.
saved_view = Table(
    "saved_view",
    metadata,
    key(),
    ref("user_id", "user_account", ondelete="CASCADE"),
    words("report", default=""),
    words("name"),
    words("query"),
    Column("shared", Boolean, nullable=False, server_default=false()),
    Column("position", Integer, nullable=False, server_default=text("0")),
    moment("created_at"),
    moment("deleted_at", null=True),
    Index("ix_saved_view_user_id", "user_id"),
    Index("ix_saved_view_shared", "position", postgresql_where=text("shared")),
)

bulk_action = Table(  # what was done to many conversations at once, and what they were before
    "bulk_action",
    metadata,
    Column("id", UUID, primary_key=True),  # made by the page: asked twice, it is done once
    ref("user_id", "user_account", null=True, ondelete="CASCADE"),  # null: a program
    words("what"),
    Column("before", JSONB, nullable=False),
    Column("outcome", JSONB, nullable=False),
    moment("at"),
    moment("undone_at", null=True),
    Index("ix_bulk_action_user_id_at", "user_id", "at"),
    Index("ix_bulk_action_at", "at"),
)

label_change = Table(  # a label's other name, until every conversation has it; and whose it was, to take it back
    "label_change",
    metadata,
    key(),
    words("old"),
    words("new", default=""),  # "": the label goes
    words("colour", default=""),
    Column("position", Integer, nullable=False, server_default=text("0")),
    Column("touched", ARRAY(UUID), nullable=False, server_default=text("'{}'")),
    moment("created_at"),
    moment("done_at", null=True),
)
