"""The outbox's history as a feed: every fact that was published, by its position.

Positions are given one at a time by the relay, after the commit, so a reader who has seen position N will never meet a
smaller one later. Facts not yet published are not there yet. `oldest` and `newest` say what is still kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.paging import DEFAULT_LIMIT

FIRST: Final = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """`data` is the fact as it was written: ids and no texts."""

    position: int
    id: UUID
    kind: str
    conversation_id: UUID | None
    at: datetime
    data: dict[str, Any]


_AFTER = text("""
    select position, id, kind, conversation_id, at, body
    from outbox
    where position > :after
      and (cast(:kinds as text[]) is null or kind = any(cast(:kinds as text[])))
      and (not :for_programs or kind <> 'notice_changed')
    order by position
    limit :limit
""")
_decode = msgspec.json.Decoder(dict[str, Any])


async def events_after(
    connection: AsyncConnection,
    *,
    after: int = FIRST,
    kinds: Sequence[str] = (),
    limit: int = DEFAULT_LIMIT,
    for_programs: bool = False,
) -> list[EventRow]:
    """Oldest first. `for_programs`: without what is told to one person's pages alone."""
    found = await connection.execute(
        _AFTER,
        {
            "after": after,
            "kinds": list(kinds) or None,
            "limit": limit,
            "for_programs": for_programs,
        },
    )
    return [
        EventRow(
            position=row.position,
            id=row.id,
            kind=row.kind,
            conversation_id=row.conversation_id,
            at=row.at,
            data=_decode.decode(row.body),
        )
        for row in found
    ]


async def newest_position(connection: AsyncConnection) -> int:
    """FIRST when nothing has been published yet."""
    found = await connection.execute(text("select coalesce(max(position), 0) from outbox"))
    return int(found.scalar_one())
