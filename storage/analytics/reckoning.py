"""Makes the rows of some contacts anew and adds to the sums what that changes; and finds out whose rows are due."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.facts import (
    Assigned,
    ContactsMerged,
    ContactsUnmerged,
    Fact,
    LeadChanged,
    LeadOpened,
    MessageChanged,
    MessageQueued,
    MessageReceived,
    TouchRecorded,
)
from storage import bulk, tables
from storage.analytics import rollups, ways
from storage.analytics.answers import settle_answers
from storage.analytics.deriving import derive, with_origins
from storage.analytics.loading import load_histories
from storage.analytics.rules import Rules, Stage
from storage.analytics.self_reported import self_reported_field
from storage.company import company_currency, company_zone, setting
from storage.driver import ask, numbered
from storage.exchange import read_rates
from storage.sources import origin_ids

LOOK_BACK: Final = "attribution_look_back_days"
LOOK_BACK_DAYS: Final = 90
AT_ONCE: Final = 500
"""Contacts whose rows are made anew in one transaction."""

_CREDIT: Final = tuple(column.name for column in tables.fact_credit.c)
_STAY: Final = tuple(column.name for column in tables.fact_stage.c)
_LEAD: Final = tuple(column.name for column in tables.fact_lead.c)
_CALL: Final = tuple(column.name for column in tables.fact_call.c)
_TYPED: Final = bulk.given(tables.fact_credit, _CREDIT).replace(":rows", ":before")
_COLUMNS: Final = ", ".join(_CREDIT)

_MINE_ALONE = numbered(
    "select pg_advisory_xact_lock(hashtextextended('reckoning ' || id, 0))"
    " from unnest(cast(:contacts as uuid[])) as given(id) order by id"
)
_TAKE_AWAY = numbered(
    "with gone as (delete from fact_credit where contact_id = any(cast(:contacts as uuid[]))"
    "  or subject_id = any(cast(:subjects as uuid[])) returning *)"
    " select cast(coalesce(json_agg(gone), '[]') as text) from gone"
)
_OF_THEM: Final = (
    "contact_id = any(cast(:contacts as uuid[])) or {key} = any(cast(:subjects as uuid[]))"
)
_TAKE_THE_REST = numbered(
    "with stays as (delete from fact_stage where "  # noqa: S608  # our own names
    + _OF_THEM.format(key="lead_id")
    + " returning *), leads as (delete from fact_lead where "
    + _OF_THEM.format(key="lead_id")
    + " returning *), calls as (delete from fact_call where "
    + _OF_THEM.format(key="call_id")
    + ") select "
    + ways.as_counted({"fact_stage": "stays", "fact_lead": "leads"})
)
_BOTH_WAYS = (
    f"fresh as (insert into fact_credit ({_COLUMNS}) select {_COLUMNS}"  # noqa: S608  # our own names
    f"  from {bulk.given(tables.fact_credit, _CREDIT)} returning *),"
    f" both_ways as materialized (select *, 1 as sign from fresh union all select *, -1 from {_TYPED})"
)
_PUT = numbered(
    f"with {_BOTH_WAYS}, "
    + ", ".join(f"in_{table} as ({sql})" for table, sql in rollups.grown("both_ways").items())
    + " select 1"
)
_STAGES = text(
    "select id, pipeline_id, position, kind from stage order by pipeline_id, position, id"
)
_RULES_STAY = text("select pg_advisory_xact_lock_shared(hashtextextended('rules of reckoning', 0))")
_WHOSE = numbered(
    "select v.contact_id from inquiry i join conversation v on v.id = i.conversation_id"
    " where i.id = any(cast(:messages as uuid[])) union"
    " select v.contact_id from response r join conversation v on v.id = r.conversation_id"
    " where r.id = any(cast(:messages as uuid[])) union"
    " select v.contact_id from call k join conversation v on v.id = k.conversation_id"
    " where k.message_id = any(cast(:messages as uuid[]))"
)
_AND_SURVIVORS = numbered(
    "select coalesce(merged_into, id) from contact where id = any(cast(:contacts as uuid[]))"
)
_DUE = numbered(
    "delete from reckoning_due where contact_id in"
    " (select contact_id from reckoning_due order by contact_id limit cast(:limit as int) for update skip locked)"
    " returning contact_id"
)


async def read_rules(connection: AsyncConnection, *, time_zone: str) -> Rules:
    """By whose clock, in whose currency, how far back: as the company has it now, and until this transaction ends.

    Who finds that they have changed (`rule_changes`) waits for whoever still reckons by the old ones.
    """
    await hold_rules(connection)
    return Rules(
        zone=ZoneInfo(await company_zone(connection, otherwise=time_zone)),
        look_back=timedelta(days=await look_back_days(connection)),
        stages={
            row.id: Stage(
                id=row.id, pipeline_id=row.pipeline_id, position=row.position, kind=row.kind
            )
            for row in await connection.execute(_STAGES)
        },
        converted=await read_rates(connection, own=await company_currency(connection)),
        question=await question_key(connection),
    )


async def look_back_days(connection: AsyncConnection) -> int:
    """Touches longer than this before a lead had no part in it."""
    return int(await setting(connection, LOOK_BACK) or LOOK_BACK_DAYS)


async def question_key(connection: AsyncConnection) -> str | None:
    """Of the field of leads that holds how they heard of us."""
    asked = await self_reported_field(connection)
    return asked.key if asked is not None else None


async def hold_rules(connection: AsyncConnection) -> None:
    """What is counted by them, the company's day above all, is counted before they are found to have changed."""
    await connection.execute(_RULES_STAY)


async def reckon(
    connection: AsyncConnection, contacts: Collection[UUID], rules: Rules, *, now: datetime
) -> None:
    """All rows of these contacts anew. One at a time per contact: another who does the same waits."""
    ids = sorted(set(contacts))
    for first in range(0, len(ids), AT_ONCE):
        await _reckon(connection, ids[first : first + AT_ONCE], rules, now=now)


async def _reckon(
    connection: AsyncConnection, contacts: Sequence[UUID], rules: Rules, *, now: datetime
) -> None:
    await ask(connection, _MINE_ALONE, contacts=list(contacts))
    await settle_answers(connection, contacts)
    histories = await load_histories(connection, contacts, question=rules.question)
    derived = derive(histories, rules)
    numbers = await origin_ids(connection, {row["origin"] for row in derived.credited}, now=now)
    subjects = [
        *(lead.id for lead in histories.leads),
        *(inquiry.id for inquiry in histories.inquiries),
        *(call.id for call in histories.calls),
    ]
    gone = {"contacts": list(contacts), "subjects": subjects}
    ((before,),) = await ask(connection, _TAKE_AWAY, **gone)
    (counted,) = await ask(connection, _TAKE_THE_REST, **gone)
    rows = bulk.as_json(with_origins(derived.credited, numbers))
    await ask(connection, _PUT, rows=rows, before=before)
    await bulk.together(
        connection,
        [
            bulk.inserting(tables.fact_stage, _STAY, with_origins(derived.stays, numbers)),
            bulk.inserting(tables.fact_lead, _LEAD, with_origins(derived.leads, numbers)),
            bulk.inserting(tables.fact_call, _CALL, derived.calls),
        ],
    )
    await ways.count_change(connection, list(contacts), dict(counted))


async def concerned(connection: AsyncConnection, facts: Iterable[Fact]) -> set[UUID]:
    """The contacts of whom these facts may change what reports count."""
    contacts: set[UUID] = set()
    messages: set[UUID] = set()
    for fact in facts:
        match fact:
            # "title" is what a lead is told by that turns out to have begun earlier (router.leads).
            case LeadChanged(what="place" | "note"):
                continue
            # An edited entry may be a call's, of which more is known now.
            case MessageReceived() | MessageQueued() | MessageChanged(what="edited"):
                messages.add(fact.message)
                continue
            case ContactsMerged():
                contacts.add(fact.absorbed)
            case ContactsUnmerged():
                contacts.add(fact.restored)
            case LeadOpened() | LeadChanged() | TouchRecorded() | Assigned():
                pass
            case _:
                continue
        if fact.contact is not None:
            contacts.add(fact.contact)
    if messages:
        contacts |= {row[0] for row in await ask(connection, _WHOSE, messages=list(messages))}
    if contacts:
        # Whoever the fact was about may have become somebody else since.
        contacts |= {
            row[0] for row in await ask(connection, _AND_SURVIVORS, contacts=list(contacts))
        }
    return contacts


async def reckon_due(
    connection: AsyncConnection, rules: Rules, *, now: datetime, limit: int = AT_ONCE
) -> int:
    """Takes some whose rows are due and makes them anew; how many."""
    due = [row[0] for row in await ask(connection, _DUE, limit=limit)]
    await reckon(connection, due, rules, now=now)
    return len(due)


async def due(connection: AsyncConnection, contacts: Iterable[UUID], *, now: datetime) -> None:
    """For what changes without a fact, in the transaction that changes it."""
    await ask(connection, _PUT_DUE, contacts=sorted(set(contacts)), now=now)


async def everything_is_due(connection: AsyncConnection, *, now: datetime) -> None:
    """After a zone, a currency, a look-back has changed: everybody of whom there is anything to count."""
    # One after the other: each is done in the time that a statement has, however large the installation is.
    for each in _EVERYBODY_DUE:
        await connection.execute(each, {"now": now})


async def due_in_currency(connection: AsyncConnection, currency: str, *, now: datetime) -> int:
    """After a rate of it was entered: everybody who has a lead in it."""
    done = await connection.execute(_CURRENCY_DUE, {"currency": currency, "now": now})
    return done.rowcount


async def everybody_with_a_lead_is_due(connection: AsyncConnection, *, now: datetime) -> None:
    """After another field was said to hold how they heard of us."""
    await connection.execute(_LEADS_DUE, {"now": now})


async def how_many_due(connection: AsyncConnection) -> int:
    return int((await connection.execute(text("select count(*) from reckoning_due"))).scalar_one())


_PUT_DUE = numbered(
    "insert into reckoning_due (contact_id, since)"
    " select coalesce(merged_into, id), cast(:now as timestamptz) from contact where id = any(cast(:contacts as uuid[]))"
    " union select id, cast(:now as timestamptz) from contact where id = any(cast(:contacts as uuid[])) order by 1"
    # Who is due already is held until this is committed: nobody reckons them by what is not there yet.
    " on conflict (contact_id) do update set since = excluded.since"
)
_EVERYBODY_DUE: Final = [
    text(
        "insert into reckoning_due (contact_id, since)"  # noqa: S608  # our own names
        f" select contact_id, cast(:now as timestamptz) from (select distinct contact_id from {those}) x"
        " order by contact_id on conflict (contact_id) do update set since = excluded.since"
        " where reckoning_due.since <> excluded.since"
    )
    for those in (
        "lead",
        "fact_credit",
        "fact_stage",
        "fact_lead",
        "fact_call",
        "inquiry i join conversation v on v.id = i.conversation_id",
        "response r join conversation v on v.id = r.conversation_id",
        "call k join conversation v on v.id = k.conversation_id",
    )
]
_THOSE_WITH_A_LEAD_DUE: Final = """
    insert into reckoning_due (contact_id, since)
    select distinct contact_id, cast(:now as timestamptz) from lead where {which} order by 1
    on conflict (contact_id) do update set since = excluded.since
"""
_CURRENCY_DUE = text(_THOSE_WITH_A_LEAD_DUE.format(which="currency = :currency"))
_LEADS_DUE = text(_THOSE_WITH_A_LEAD_DUE.format(which="true"))
