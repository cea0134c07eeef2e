"""What advertising cost, day by day, as the advertising accounts say it or somebody entered it."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import CHAR, JSONB, UUID

from storage.tables.columns import key, metadata, moment, one_of, ref, words

ad_account = Table(
    "ad_account",
    metadata,
    key(),
    words("name"),
    words("platform"),  # connectors.advertising
    words("external_id", default=""),  # as the platform names it
    Column("currency", CHAR(3), nullable=False),
    words("time_zone", default=""),
    # Whether its figures hold VAT, and how much; and whether reports want it with or without is the company's.
    Column("vat_included", Boolean, nullable=False, server_default=false()),
    Column("vat_rate", Numeric(5, 2), nullable=False, server_default=text("0")),
    # What links of this account are marked with: by these its cost meets the leads.
    words("source"),
    words("medium", default="cpc"),
    words("campaign_by", default="name"),  # utm_campaign holds the campaign's name, or its id
    Column("sealed", LargeBinary),  # the credentials for pulling
    Column("pull_state", JSONB, nullable=False, server_default=text("'{}'")),
    moment("next_pull_at", null=True),  # null: not pulled
    moment("pulled_at", null=True),
    words("error", default=""),
    moment("created_at"),
    moment("archived_at", null=True),
    UniqueConstraint("name"),
    CheckConstraint(one_of("campaign_by", "name", "id"), name="campaign_by"),
    Index("ix_ad_account_due", "next_pull_at", postgresql_where=text("next_pull_at is not null")),
)

spend_import = Table(
    "spend_import",
    metadata,
    key(),
    ref("ad_account_id", "ad_account"),
    words("how"),
    words("file_name", default=""),
    words("file_hash", default=""),
    words("format", default=""),
    Column("covered_from", Date),
    Column("covered_to", Date),
    Column("written", Integer, nullable=False, server_default=text("0")),
    Column("refused", Integer, nullable=False, server_default=text("0")),
    # How many of its rows no later import has replaced, and how many of earlier ones it did.
    Column("standing", Integer, nullable=False, server_default=text("0")),
    Column("replaced", Integer, nullable=False, server_default=text("0")),
    Column("problems", JSONB, nullable=False, server_default=text("'[]'")),  # the first of them
    Column("totals", JSONB, nullable=False, server_default=text("'{}'")),  # by currency
    ref("by_user", "user_account", null=True),
    moment("at"),
    CheckConstraint(one_of("how", "file", "hand", "pull", "api"), name="how"),
    Index("ix_spend_import_ad_account_id", "ad_account_id", "at"),
    Index("ix_spend_import_at", "at", "id"),
    Index("ix_spend_import_by_user", "by_user"),
)

spend = Table(
    "spend",
    metadata,
    ref("ad_account_id", "ad_account"),
    words("level"),  # account, campaign, ad_group, ad
    words("object_id"),
    Column("day", Date, nullable=False),
    Column("currency", CHAR(3), nullable=False),
    words("object_name", default=""),
    Column("amount", Numeric(18, 6), nullable=False),  # as it was said
    # As reports count it: with or without VAT as the company wants it, minor units of the company's currency.
    # Null: there is no rate for that day yet.
    Column("counted", BigInteger),
    Column("origin_id", BigInteger, nullable=False),
    # What the origin was made of, so that a change of the account's settings needs no file: "" and null, the account's.
    words("source", default=""),
    words("medium", default=""),
    words("campaign", default=""),
    words("campaign_id", default=""),
    Column("vat_included", Boolean),
    words("content", default=""),
    words("term", default=""),
    Column("clicks", BigInteger),
    Column("impressions", BigInteger),
    ref("import_id", "spend_import"),
    PrimaryKeyConstraint("ad_account_id", "level", "object_id", "day", "currency"),
    Index("ix_spend_day", "day", "origin_id", postgresql_include=["counted"]),
    # What an import replaces, and what the list of accounts sums up.
    Index("ix_spend_ad_account_id_day", "ad_account_id", "day", postgresql_include=["counted"]),
    Index("ix_spend_uncounted", "currency", "day", postgresql_where=text("counted is null")),
    Index("ix_spend_import_id", "import_id"),
    Index("ix_spend_origin_id", "origin_id"),
)

overhead = (
    Table(  # salaries, tools: what full CAC counts beside advertising, spread evenly over its days
        "overhead",
        metadata,
        key(),
        words("name"),
        Column("amount", BigInteger, nullable=False),
        Column("currency", CHAR(3), nullable=False),
        Column("first_day", Date, nullable=False),
        Column("last_day", Date, nullable=False),
        Column("by_user", UUID),
        moment("created_at"),
        CheckConstraint("first_day <= last_day", name="days"),
        Index("ix_overhead_days", "first_day", "last_day"),
    )
)

currency_rate = (
    Table(  # of the company's currency for one of another, from that day on until the next
        "currency_rate",
        metadata,
        Column("currency", CHAR(3), nullable=False),
        Column("day", Date, nullable=False),
        Column("rate", Numeric(18, 8), nullable=False),
        words("how", default="hand"),
        PrimaryKeyConstraint("currency", "day"),
        CheckConstraint("rate > 0", name="rate"),
    )
)
