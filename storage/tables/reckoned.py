"""What reports read: made by the recorder from everything else, and made anew from it at will.

Whole days are the company's; weights are millionths of one (router.attribution_models.WHOLE); money is in minor units
of the company's currency. Every unique key holds the day, so that the large ones can be partitioned by month.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, UUID

from storage.tables.columns import metadata, moment, one_of, words


def _number(name: str) -> "Column[int]":
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


# Which touch earned which part of a lead or an inquiry: one row for each touch within the look-back, or one without a
# touch. `weights` and `money` have a place for each model (storage.analytics.models). `content`, `term` and `landing`
# are here and not in the sums: who asks for those has chosen a source before.
fact_credit = Table(
    "fact_credit",
    metadata,
    words("kind"),
    Column("subject_id", UUID, nullable=False),  # the lead or the inquiry
    Column("place", Integer, nullable=False),
    Column("created_on", Date, nullable=False),
    Column("contact_id", UUID, nullable=False),
    Column("touch_id", UUID),
    Column("origin_id", BigInteger, nullable=False),
    words("content", default=""),
    words("term", default=""),
    words("landing", default=""),
    Column("account_id", UUID, nullable=False),
    Column("manager_id", UUID, nullable=False),
    Column("pipeline_id", UUID, nullable=False),
    words("status", default=""),
    Column("qualified_on", Date),
    Column("closed_on", Date),
    Column("first_win", Boolean, nullable=False, server_default=text("false")),
    Column("cycle_minutes", BigInteger),  # from created to won
    Column("response_seconds", BigInteger),  # until a person first answered
    Column("weights", ARRAY(Integer), nullable=False),
    Column("money", ARRAY(BigInteger)),  # of a won lead
    words("said", default=""),  # how they heard of us, of a lead that was asked
    PrimaryKeyConstraint("subject_id", "place", "created_on"),
    CheckConstraint(one_of("kind", "lead", "inquiry"), name="kind"),
    Index("ix_fact_credit_contact_id", "contact_id"),
    Index("ix_fact_credit_created_on", "created_on", "origin_id"),
    Index("ix_fact_credit_origin_id", "origin_id", "created_on"),
    Index(
        "ix_fact_credit_closed_on",
        "closed_on",
        "origin_id",
        postgresql_where=text("closed_on is not null"),
    ),
    Index(
        "ix_fact_credit_qualified_on",
        "qualified_on",
        "origin_id",
        postgresql_where=text("qualified_on is not null"),
    ),
    Index(  # sales that no rate turns into the company's money
        "ix_fact_credit_without_rate",
        "created_on",
        "closed_on",
        "subject_id",
        postgresql_where=text("status = 'won' and money is null"),
    ),
)

# A lead's stays in stages, one after the other.
fact_stage = Table(
    "fact_stage",
    metadata,
    Column("lead_id", UUID, nullable=False),
    Column("place", Integer, nullable=False),
    Column("created_on", Date, nullable=False),  # of the lead
    Column("contact_id", UUID, nullable=False),
    Column("pipeline_id", UUID, nullable=False),
    Column("stage_id", UUID, nullable=False),
    moment("entered_at"),
    moment("left_at", null=True),
    Column("seconds", BigInteger),  # null while it is still there
    Column("length", Integer),  # the class of its length: storage.analytics.lengths
    # Whether the lead had not been there before.
    Column("first", Boolean, nullable=False, server_default=text("true")),
    words("status"),  # of the lead
    Column("origin_id", BigInteger, nullable=False),  # of its last touch
    words("channel", default=""),
    Column("account_id", UUID, nullable=False),
    Column("manager_id", UUID, nullable=False),
    PrimaryKeyConstraint("lead_id", "place", "created_on"),
    Index("ix_fact_stage_contact_id", "contact_id"),
    Index(
        "ix_fact_stage_created_on",
        "created_on",
        "stage_id",
        postgresql_include=[
            "length",
            "seconds",
            "origin_id",
            "channel",
            "account_id",
            "manager_id",
        ],
    ),
    Index(  # the stays of one class, the shortest first
        "ix_fact_stage_length",
        "stage_id",
        "length",
        "seconds",
        postgresql_include=["created_on", "origin_id", "account_id", "manager_id"],
        postgresql_where=text("length is not null"),
    ),
    Index(
        "ix_fact_stage_first",
        "stage_id",
        "entered_at",
        "lead_id",
        postgresql_include=["manager_id"],
        postgresql_where=text("first"),
    ),
)

# Where each lead is, how far it has been, and what it is worth in the company's currency. Ids of stages.
fact_lead = Table(
    "fact_lead",
    metadata,
    Column("lead_id", UUID, nullable=False),
    Column("created_on", Date, nullable=False),
    Column("contact_id", UUID, nullable=False),
    Column("pipeline_id", UUID, nullable=False),
    Column("stage_id", UUID, nullable=False),
    Column("furthest_id", UUID, nullable=False),  # the last of its way that it was in, or that it passed
    Column("lost_from_id", UUID),  # of a lost one: where it was before
    words("status"),
    Column("closed_on", Date),
    Column("worth", BigInteger),  # null: no rate is known
    Column("origin_id", BigInteger, nullable=False),  # of its last touch
    words("channel", default=""),
    Column("account_id", UUID, nullable=False),
    Column("manager_id", UUID, nullable=False),
    PrimaryKeyConstraint("lead_id", "created_on"),
    Index("ix_fact_lead_contact_id", "contact_id"),
    Index(
        "ix_fact_lead_pipeline_id",
        "pipeline_id",
        "created_on",
        "lead_id",
        postgresql_include=[
            "stage_id", "furthest_id", "lost_from_id", "status", "origin_id", "channel", "account_id", "manager_id",
        ],
    ),
    Index(
        "ix_fact_lead_created_on",
        "created_on",
        "lead_id",
        postgresql_include=["pipeline_id", "origin_id", "channel", "account_id", "manager_id"],
    ),
    Index(
        "ix_fact_lead_closed_on",
        "closed_on",
        "lead_id",
        postgresql_include=[
            "created_on", "status", "worth", "pipeline_id", "origin_id", "channel", "account_id", "manager_id",
        ],
        postgresql_where=text("closed_on is not null"),
    ),
    Index(
        "ix_fact_lead_open",
        "created_on",
        "lead_id",
        postgresql_include=["worth", "pipeline_id", "origin_id", "channel", "account_id", "manager_id"],
        postgresql_where=text("status = 'open'"),
    ),
)  # fmt: skip

# A call, by the company's clock. `manager_id`: who talked or called; of a missed one, whose the customer is.
fact_call = Table(
    "fact_call",
    metadata,
    Column("call_id", UUID, nullable=False),
    Column("started_on", Date, nullable=False),
    moment("started_at"),
    Column("weekday", Integer, nullable=False),  # 0 is Monday
    Column("hour", Integer, nullable=False),
    Column("contact_id", UUID, nullable=False),
    Column("account_id", UUID, nullable=False),
    words("channel", default=""),
    words("number", default=""),  # ours
    Column("manager_id", UUID, nullable=False),
    words("direction"),
    Column("answered", Boolean, nullable=False),
    Column("missed", Boolean, nullable=False),
    Column("abandoned", Boolean, nullable=False),  # missed, and nobody has talked with them since
    Column("talk_seconds", Integer, nullable=False),
    Column("wait_seconds", Integer, nullable=False),  # until a person answered
    PrimaryKeyConstraint("call_id", "started_on"),
    Index("ix_fact_call_contact_id", "contact_id"),
    Index(
        "ix_fact_call_started_on",
        "started_on",
        postgresql_include=[
            "weekday", "hour", "account_id", "channel", "number", "manager_id", "direction", "answered", "missed",
            "abandoned", "talk_seconds", "wait_seconds",
        ],
    ),
    Index("ix_fact_call_started_at", "started_at", "call_id"),
    Index("ix_fact_call_manager_id", "manager_id", "started_at", "call_id"),
    CheckConstraint(one_of("direction", "in", "out"), name="direction"),
)  # fmt: skip

# How many replies a manager wrote on a day: counted anew for the days on which something was written.
rollup_replies = Table(
    "rollup_replies",
    metadata,
    Column("day", Date, nullable=False),
    Column("manager_id", UUID, nullable=False),
    Column("account_id", UUID, nullable=False),
    _number("replies"),
    PrimaryKeyConstraint("day", "manager_id", "account_id"),
)

# Sums of fact_credit under each model. What belongs to the day a lead was created stands there once for both bases
# (cohort: all that became of it); `event_…` is what happened on the day itself. Five tables, each as fine as its
# questions need: one with every dimension per day would have as many rows as there are leads.


def _sums() -> "list[Column[int]]":
    return [
        _number(name)
        for name in (
            "inquiries",
            "leads",
            "responded",
            "response_seconds",  # times weight, of leads that were answered
            "qualified",
            "won",
            "lost",
            "new_customers",
            "revenue",
            "cycle_minutes",  # times weight, of won leads
            "event_qualified",
            "event_won",
            "event_lost",
            "event_new_customers",
            "event_revenue",
            "event_cycle_minutes",
        )
    ]


def _summed_by(name: str, *dimensions: "Column[Any]") -> Table:
    return Table(
        name,
        metadata,
        Column("model", Integer, nullable=False),
        Column("day", Date, nullable=False),
        *dimensions,
        *_sums(),
        PrimaryKeyConstraint("model", "day", *(each.name for each in dimensions)),
    )


def _origin() -> "Column[Any]":
    return Column("origin_id", BigInteger, nullable=False)


def _owners() -> "list[Column[Any]]":
    return [
        Column("account_id", UUID, nullable=False),
        Column("manager_id", UUID, nullable=False),
        Column("pipeline_id", UUID, nullable=False),
    ]


rollup_origin = _summed_by("rollup_origin", _origin())
rollup_owner = _summed_by("rollup_owner", *_owners())
# Every dimension; `day` is the month's first.
rollup_month = _summed_by("rollup_month", _origin(), *_owners())
# `day` is the week's first.
rollup_landing = _summed_by("rollup_landing", _origin(), words("landing"))
rollup_said = _summed_by("rollup_said", words("said"))

# Leads by how far they came, and stays by their length, of the month in which the lead was created: what the funnel reads
# over years. `at_id`: where an open lead is, or from where a lost one was lost.


def _way() -> "list[Column[Any]]":
    return [
        Column("month", Date, nullable=False),
        Column("pipeline_id", UUID, nullable=False),
        words("status"),
        Column("furthest_id", UUID, nullable=False),
        Column("at_id", UUID, nullable=False),
    ]


rollup_way_origin = Table(
    "rollup_way_origin",
    metadata,
    *_way(),
    Column("origin_id", BigInteger, nullable=False),
    _number("n"),
    PrimaryKeyConstraint("month", "pipeline_id", "status", "furthest_id", "at_id", "origin_id"),
)

rollup_way_owner = Table(
    "rollup_way_owner",
    metadata,
    *_way(),
    Column("account_id", UUID, nullable=False),
    Column("manager_id", UUID, nullable=False),
    _number("n"),
    PrimaryKeyConstraint(
        "month", "pipeline_id", "status", "furthest_id", "at_id", "account_id", "manager_id"
    ),
)

rollup_stay = Table(
    "rollup_stay",
    metadata,
    Column("month", Date, nullable=False),
    Column("stage_id", UUID, nullable=False),
    Column("length", Integer, nullable=False),
    _number("n"),
    PrimaryKeyConstraint("month", "stage_id", "length"),
)

# Contacts whose rows are to be made anew: after a rule, a rate, a zone has changed.
reckoning_due = Table(
    "reckoning_due",
    metadata,
    Column("contact_id", UUID, primary_key=True),
    moment("since"),
)
