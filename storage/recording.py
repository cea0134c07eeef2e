"""What reports count: a row per fact, and the counts per day; and the words that search looks through,
and forgives errors by.

Idempotent by the fact's id: the rows that were not there yet decide what the counts grow by. `recount` makes the counts
anew from the rows, and the two are equal at any time.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.facts import (
    Fact,
    LeadChanged,
    LeadOpened,
    MessageChanged,
    MessageQueued,
    MessageReceived,
    NoteAdded,
    NoticeChanged,
)
from storage import bulk, tables
from storage.said_words import LEARNT

_COLUMNS: Final = (
    "fact_id", "kind", "at", "account_id", "contact_id", "conversation_id", "lead_id", "manager_id",
)  # fmt: skip
_NOBODY: Final = UUID(int=0)
"""In the counts, where a fact names no account or no manager: a part of the key cannot be null."""

_INSERT = text(
    f"insert into fact_event ({', '.join(_COLUMNS)}) select {', '.join(_COLUMNS)}"  # noqa: S608  # our own names
    f" from {bulk.given(tables.fact_event, _COLUMNS)} on conflict do nothing"
    " returning fact_id, kind, at, account_id, manager_id"
)
_GROW = text(
    "insert into rollup_day as r (day, kind, account_id, manager_id, count)"  # noqa: S608  # our own names
    " select day, kind, account_id, manager_id, count from"
    f" {bulk.given(tables.rollup_day, ('day', 'kind', 'account_id', 'manager_id', 'count'))}"
    " order by day, kind, account_id, manager_id"
    " on conflict (day, kind, account_id, manager_id) do update set count = r.count + excluded.count"
)
_VECTORS: Final = (
    "with spoken as materialized (select id, conversation_id, body, to_tsvector('simple', body) as vector from"
    " (select id, conversation_id, left(subject || ' ' || text, 20000) as body from message where {which}) m),"
    " learnt as ({learnt})"
    " insert into message_search (message_id, conversation_id, vector)"
    " select id, conversation_id, setweight(to_tsvector('russian', body), 'A')"
    "  || setweight(to_tsvector('english', body), 'B') || vector from spoken"
    " on conflict (message_id) do update set vector = excluded.vector"
)
_LEARNT: Final = LEARNT.format(spoken="spoken", vector="spoken.vector")
_SEARCH = text(_VECTORS.format(which="id = any(:ids) order by id", learnt=_LEARNT))
_SEARCH_OF = text(_VECTORS.format(which="conversation_id = any(:conversations)", learnt=_LEARNT))


async def record(connection: AsyncConnection, facts: Sequence[Fact], *, time_zone: str) -> int:
    """Writes the facts; how many were new."""
    # What somebody was told is nothing that happened.
    once = {fact.id: fact for fact in facts if not isinstance(fact, NoticeChanged)}
    # Sorted: two recorders that were told the same then wait for each other, and do not deadlock.
    rows = await connection.execute(
        _INSERT, {"rows": bulk.as_json([_row(once[each]) for each in sorted(once)])}
    )
    zone = ZoneInfo(time_zone)
    grown: Counter[tuple[str, str, UUID, UUID]] = Counter()
    fresh = 0
    for row in rows:
        fresh += 1
        day = row.at.astimezone(zone).date().isoformat()
        grown[day, row.kind, row.account_id or _NOBODY, row.manager_id or _NOBODY] += 1
    if grown:
        await connection.execute(
            _GROW,
            {
                "rows": bulk.as_json(
                    [
                        {
                            "day": day,
                            "kind": kind,
                            "account_id": account,
                            "manager_id": manager,
                            "count": count,
                        }
                        for (day, kind, account, manager), count in grown.items()
                    ]
                )
            },
        )
    await _index(connection, facts)
    return fresh


async def index_conversations(connection: AsyncConnection, conversations: Sequence[UUID]) -> None:
    """The words of everything said there: for history that comes without facts."""
    await connection.execute(_SEARCH_OF, {"conversations": list(conversations)})


async def recount(connection: AsyncConnection, *, time_zone: str) -> None:
    """Makes the counts anew from the rows."""
    await connection.execute(text("lock table rollup_day in share row exclusive mode"))
    await connection.execute(text("delete from rollup_day"))
    await connection.execute(
        text(
            "insert into rollup_day (day, kind, account_id, manager_id, count)"
            " select cast(at at time zone :zone as date), kind, coalesce(account_id, :nobody),"
            " coalesce(manager_id, :nobody), count(*) from fact_event group by 1, 2, 3, 4"
        ),
        {"zone": time_zone, "nobody": _NOBODY},
    )


async def make_partitions(connection: AsyncConnection, *, now: datetime) -> None:
    """The months that facts are about to fall into; what falls outside goes to the default partition."""
    for ahead in range(3):
        year, month = divmod(now.year * 12 + now.month - 1 + ahead, 12)
        first = f"{year:04}-{month + 1:02}-01"
        after_year, after_month = divmod(year * 12 + month + 1, 12)
        after = f"{after_year:04}-{after_month + 1:02}-01"
        name = f"fact_event_{year:04}_{month + 1:02}"
        there = await connection.execute(text("select to_regclass(:name)"), {"name": name})
        taken = await connection.execute(
            text(
                "select exists (select from fact_event_default where at >= cast(:a as date) and at < cast(:b as date))"
            ),
            {"a": datetime.fromisoformat(first), "b": datetime.fromisoformat(after)},
        )
        # A month whose facts are in the default partition already stays there: moving them is a person's decision.
        if there.scalar() is None and not taken.scalar():
            await connection.execute(
                text(
                    f"create table if not exists {name} partition of fact_event"
                    f" for values from ('{first}') to ('{after}')"
                )
            )


async def _index(connection: AsyncConnection, facts: Sequence[Fact]) -> None:
    messages = {
        fact.message
        for fact in facts
        if isinstance(fact, MessageReceived | MessageQueued | NoteAdded)
        or (isinstance(fact, MessageChanged) and fact.what in {"edited", "deleted"})
    }
    if messages:
        await connection.execute(_SEARCH, {"ids": sorted(messages)})


def _row(fact: Fact) -> dict[str, object]:
    return {
        "fact_id": fact.id,
        "kind": fact.__struct_config__.tag,
        "at": fact.at,
        "account_id": fact.account,
        "contact_id": fact.contact,
        "conversation_id": fact.conversation,
        "lead_id": fact.lead if isinstance(fact, LeadOpened | LeadChanged) else None,
        "manager_id": fact.manager,
    }
