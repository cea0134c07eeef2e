"""Facts waiting for the broker, and those that have been there: the feed.

Positions are given by the relay, one transaction at a time under a lock, in the order in which facts were committed
to it: whoever has read up to a position never misses a later commit with an earlier number.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.facts import Fact
from router.wire import encode_fact
from storage import bulk, tables

OUTBOX_CHANNEL: Final = "allo_outbox"
"""NOTIFY channel that wakes the relay."""
WAKE: Final = f"pg_notify('{OUTBOX_CHANNEL}', '')"
_COLUMNS: Final = ("id", "kind", "conversation_id", "body", "at")

_LOCK: Final = 7215003
"""Advisory lock of the relay: leases keep it alone, this keeps it right."""

_TAKE = text(
    "with picked as (select seq from outbox where position is null order by seq limit :limit),"
    " placed as (update outbox o set position = p.position from"
    "  (select seq, nextval('outbox_position') as position from picked order by seq) p where o.seq = p.seq"
    "  returning o.position, o.kind, o.body)"
    " select position, kind, body from placed order by position"
)


async def tell(connection: AsyncConnection, facts: list[Fact]) -> None:
    """Puts the facts into the outbox; the relay is woken when the transaction commits."""
    if facts:
        await bulk.together(connection, [adding_to_outbox(facts)], finally_=WAKE)


def adding_to_outbox(facts: list[Fact]) -> bulk.Step | None:
    return bulk.inserting(
        tables.outbox,
        _COLUMNS,
        [
            {
                "id": fact.id,
                "kind": fact.__struct_config__.tag,
                "conversation_id": fact.conversation,
                "body": encode_fact(fact),
                "at": fact.at,
            }
            for fact in facts
        ],
    )


@dataclass(frozen=True, slots=True)
class Told:
    """A fact on its way out; `body` is `router.wire`'s."""

    position: int
    kind: str
    body: bytes


async def take(connection: AsyncConnection, *, limit: int) -> list[Told]:
    """The next facts, with their places in the feed; they count as published when the transaction commits."""
    await connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    rows = await connection.execute(_TAKE, {"limit": limit})
    return [Told(position=row.position, kind=row.kind, body=row.body) for row in rows]


async def prune(connection: AsyncConnection, *, before: datetime) -> int:
    """Forgets published facts from before; how many."""
    done = await connection.execute(
        text("delete from outbox where at < :before and position is not null"), {"before": before}
    )
    return done.rowcount
