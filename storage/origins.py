"""Origins: what links say of where somebody came from, each triple kept once under a number.

Sources, media and campaigns are the words of `router.attribution`: lower-cased and cut there. What links say stays for good;
what a colleague has said may be about a person, and goes when nothing that reports count has it any more.

    intern          ─▶ the number is good until the transaction ends, and for as long as something refers to it
    forget_unused   ─▶ waits for those who have a number and have not written it down yet
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.attribution import BY_HAND

UNKNOWN: Final = 0
"""Nobody knows where from: the origin of three empty words."""

_KEEP = text(
    "insert into origin (source, medium, campaign, first_seen)"
    " select source, medium, campaign, cast(:now as timestamptz)"
    " from json_to_recordset(cast(cast(:triples as text) as json)) as given(source text, medium text, campaign text)"
    " order by source, medium, campaign on conflict (source, medium, campaign) do nothing"
)
_FIND = text(
    "select o.id, o.source, o.medium, o.campaign"
    " from json_to_recordset(cast(cast(:triples as text) as json)) as given(source text, medium text, campaign text)"
    " join origin o using (source, medium, campaign)"
)

_NUMBERS_STAY: Final = text("select pg_advisory_xact_lock_shared(hashtextextended('origins', 0))")
_MINE_ALONE: Final = text("select pg_advisory_xact_lock(hashtextextended('origins', 0))")
# Leads and stays have the origin of one of their credits, written with them. Touches refer to words, not to numbers: those of
# somebody who is not counted yet are interned again when they are.
_UNUSED: Final = text("""
    select id from origin o where medium = :by_hand and source <> :by_hand
    and not exists (select from fact_credit where origin_id = o.id)
    and not exists (select from spend where origin_id = o.id)
""")
_FORGET: Final = (
    # Sums of nothing.
    text("delete from rollup_origin where origin_id = any(:ids)"),
    text("delete from rollup_month where origin_id = any(:ids)"),
    text("delete from rollup_landing where origin_id = any(:ids)"),
    text("delete from rollup_way_origin where origin_id = any(:ids)"),
    text("delete from origin where id = any(:ids)"),
)

Triple = tuple[str, str, str]
"""(source, medium, campaign)."""


async def intern(
    connection: AsyncConnection, triples: Iterable[Triple], *, now: datetime
) -> tuple[dict[Triple, int], list[int]]:
    """The number of each, and the numbers of those that were never seen: they are kept, in one order for all who do so
    at once, and have no source yet (`storage.sources.origin_ids` gives them theirs).
    """
    await connection.execute(_NUMBERS_STAY)
    wanted = set(triples)
    found = await _found(connection, wanted)
    missing = wanted - found.keys()
    if missing:
        await connection.execute(_KEEP, {"triples": _json(missing), "now": now})
        found |= await _found(connection, missing)
    return found, [found[each] for each in missing]


async def forget_unused(connection: AsyncConnection) -> int:
    """Takes away what colleagues have said and nothing counts any more, after somebody was erased above all; how many."""
    if not (await connection.execute(_UNUSED, {"by_hand": BY_HAND})).first():
        return 0
    await connection.execute(_MINE_ALONE)
    unused = (await connection.execute(_UNUSED, {"by_hand": BY_HAND})).scalars().all()
    for statement in _FORGET:
        await connection.execute(statement, {"ids": list(unused)})
    return len(unused)


async def _found(connection: AsyncConnection, triples: set[Triple]) -> dict[Triple, int]:
    if not triples:
        return {}
    rows = await connection.execute(_FIND, {"triples": _json(triples)})
    return {(row.source, row.medium, row.campaign): row.id for row in rows}


def _json(triples: Iterable[Triple]) -> str:
    return msgspec.json.encode(
        [
            {"source": source, "medium": medium, "campaign": campaign}
            for source, medium, campaign in sorted(triples)
        ]
    ).decode()
