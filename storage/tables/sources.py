"""Where people come from, by the name a business knows it by; and what happened that reports count from."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Integer,
    Table,
    UniqueConstraint,
    text,
)

from storage.tables.columns import key, metadata, moment, one_of, ref, words

SOURCE_KINDS: Final = (
    "paid",
    "organic",
    "social",
    "referral",
    "direct",
    "messenger",
    "email",
    "phone",
    "offline",
    "other",
)

source = (
    Table(  # "Яндекс Директ": what rules make of (source, medium) as they were written in links
        "source",
        metadata,
        key(),
        words("name"),
        words("kind", default="other"),
        words("colour", default=""),
        moment("created_at"),
        UniqueConstraint("name"),
        CheckConstraint(
            one_of("kind", *SOURCE_KINDS),
            name="kind",
        ),
    )
)

source_rule = Table(  # the first that matches names the source; patterns are of router.source_rules
    "source_rule",
    metadata,
    key(),
    Column("position", Integer, nullable=False),
    words("source_pattern", default=""),
    words("medium_pattern", default=""),
    words("campaign_pattern", default=""),
    ref("source_id", "source"),
    moment("created_at"),
    UniqueConstraint("position", deferrable=True),
    Index("ix_source_rule_source_id", "source_id"),
)

# Interned, so that what reports keep is a number, and a rule that changes changes nothing but `source_id` here.
# 0 is nowhere known: the row with three empty words.
origin = Table(
    "origin",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    words("source"),
    words("medium"),
    words("campaign"),
    ref("source_id", "source", null=True),  # null: no rule knows it
    moment("first_seen"),
    UniqueConstraint("source", "medium", "campaign"),
    Index("ix_origin_source_id", "source_id"),
)

inquiry = Table(  # somebody turned to us: router.inquiries says when that begins anew. `id` is the message's
    "inquiry",
    metadata,
    key(),
    ref("conversation_id", "conversation"),
    words("kind", default="message"),
    moment("at"),
    Index("ix_inquiry_conversation_id_at", "conversation_id", "at"),
    Index("ix_inquiry_at", "at"),
    CheckConstraint(one_of("kind", "message", "call"), name="kind"),
)

response = (
    Table(  # somebody who waited was answered by a person. `id` is the answer's message or call
        "response",
        metadata,
        key(),
        ref("conversation_id", "conversation"),
        ref("user_id", "user_account", null=True),  # null: in the platform's own app
        moment("waited_since"),
        moment("at"),
        # Of the team's working time; null until the recorder has looked, which knows the hours.
        Column("working_seconds", Integer),
        # Whether it is the first since the inquiry: what "first response" counts.
        Column("first", Boolean, nullable=False, server_default=text("true")),
        Index("ix_response_conversation_id_at", "conversation_id", "at"),
        Index("ix_response_at", "at", postgresql_include=["user_id", "first", "working_seconds"]),
        Index("ix_response_user_id_at", "user_id", "at"),
        Index(  # the first answers of a class of lengths
            "ix_response_first",
            "user_id",
            "working_seconds",
            "at",
            postgresql_where=text("first"),
        ),
    )
)
