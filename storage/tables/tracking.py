"""How somebody came, kept until they write or call: links with codes, the clicks on them, numbers that are lent."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from storage.tables.columns import key, metadata, moment, one_of, ref, words

tracked_link = Table(  # /go/{code}: into a channel, or to a page of the business's own
    "tracked_link",
    metadata,
    key(),
    words("code"),
    words("name"),
    words("kind"),  # the channel's; "site" leads to a page
    ref("account_id", "account", null=True),
    words(
        "address"
    ),  # the bot's name, the number, the page: whatever the channel needs to be found
    words(
        "text", default=""
    ),  # what the customer's message begins with, where the channel lets a link say so
    words("manner", default=""),  # of email: where the code stands, "plus" or "subject"
    Column("utm", JSONB, nullable=False, server_default=text("'{}'")),
    Column("clicks", BigInteger, nullable=False, server_default=text("0")),
    moment("last_click_at", null=True),
    ref("created_by", "user_account", null=True),
    moment("created_at"),
    moment("archived_at", null=True),
    UniqueConstraint("code"),
    Index("ix_tracked_link_account_id", "account_id"),
    Index("ix_tracked_link_created_by", "created_by"),
    Index("ix_tracked_link_created_at", "created_at", "id"),
    Index("ix_tracked_link_address", "address"),
)

link_click = (
    Table(  # its code travels in the messenger's own parameter, and says here what the browser knew
        "link_click",
        metadata,
        key(),
        words("code"),
        ref("link_id", "tracked_link"),
        moment("at"),
        Column("keys", JSONB, nullable=False),  # SourceKeys of the click, with the visits before it
        ref("contact_id", "contact", null=True),  # whose it turned out to be
        UniqueConstraint("code"),
        Index("ix_link_click_link_id_at", "link_id", "at"),
        Index("ix_link_click_at", "at"),
        Index(
            "ix_link_click_contact_id",
            "contact_id",
            postgresql_where=text("contact_id is not null"),
        ),
    )
)

call_number = (
    Table(  # static: who calls it came from there. pool: lent to one visit after the other
        "call_number",
        metadata,
        key(),
        words("number"),  # E.164
        words("name", default=""),
        words("kind"),
        words("pool", default="site"),
        Column("utm", JSONB, nullable=False, server_default=text("'{}'")),
        Column("lease_id", UUID),
        moment("lent_until"),  # in the past: free, the longest free first
        moment("created_at"),
        moment("archived_at", null=True),
        UniqueConstraint("number"),
        CheckConstraint(one_of("kind", "static", "pool"), name="kind"),
        Index("ix_call_number_free", "pool", "lent_until", postgresql_where=text("kind = 'pool'")),
    )
)

number_lease = (
    Table(  # who was shown a number, from when until when; a click on a telephone link is one, too
        "number_lease",
        metadata,
        key(),
        words("number"),
        moment("at"),
        moment("until"),
        Column("keys", JSONB, nullable=False),
        ref("link_id", "tracked_link", null=True),
        Index("ix_number_lease_number_until", "number", "until"),
        Index("ix_number_lease_until", "until"),
        Index("ix_number_lease_link_id", "link_id", postgresql_where=text("link_id is not null")),
    )
)
