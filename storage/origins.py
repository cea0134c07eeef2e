"""Origins: what links say of where somebody came from, each triple kept once under a number.

Sources, media and campaigns are the words of `router.attribution`: lower-cased and cut there.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

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

Triple = tuple[str, str, str]
"""(source, medium, campaign)."""


async def intern(
    connection: AsyncConnection, triples: Iterable[Triple], *, now: datetime
) -> tuple[dict[Triple, int], list[int]]:
    """The number of each, and the numbers of those that were never seen: they are kept, in one order for all who do so
    at once, and have no source yet (`storage.sources.origin_ids` gives them theirs).
    """
    wanted = set(triples)
    found = await _found(connection, wanted)
    missing = wanted - found.keys()
    if missing:
        await connection.execute(_KEEP, {"triples": _json(missing), "now": now})
        found |= await _found(connection, missing)
    return found, [found[each] for each in missing]


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
