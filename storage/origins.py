"""Origins: (source, medium, campaign) as a number.

Interned, so that what reports keep is a number, and a rule that names sources anew changes one row here instead of all of
those. Words are lower-cased by whoever makes them, as `router.attribution` does.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

Triple = tuple[str, str, str]


async def origin_ids(
    connection: AsyncConnection, triples: Iterable[Triple], *, now: datetime
) -> dict[Triple, int]:
    """The number of each (source, medium, campaign); those never seen before get one, and no source yet."""
    # In one order everywhere, so that two who intern the same cannot wait for each other in a circle.
    wanted = sorted(set(triples))
    if not wanted:
        return {}
    known = await _known(connection, wanted)
    missing = [each for each in wanted if each not in known]
    if missing:
        await connection.execute(
            text("""
                insert into origin (source, medium, campaign, first_seen)
                select source, medium, campaign, :now
                from unnest(cast(:sources as text[]), cast(:mediums as text[]), cast(:campaigns as text[]))
                    as wanted (source, medium, campaign)
                on conflict (source, medium, campaign) do nothing
            """),
            {**_columns(missing), "now": now},
        )
        known |= await _known(connection, missing)
    return known


async def _known(connection: AsyncConnection, wanted: list[Triple]) -> dict[Triple, int]:
    found = await connection.execute(
        text("""
            select origin.id, source, medium, campaign
            from unnest(cast(:sources as text[]), cast(:mediums as text[]), cast(:campaigns as text[]))
                as wanted (source, medium, campaign)
            join origin using (source, medium, campaign)
        """),
        _columns(wanted),
    )
    return {(row.source, row.medium, row.campaign): row.id for row in found}


def _columns(triples: list[Triple]) -> dict[str, list[str]]:
    return {
        "sources": [each[0] for each in triples],
        "mediums": [each[1] for each in triples],
        "campaigns": [each[2] for each in triples],
    }
