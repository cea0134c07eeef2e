"""Where people came from: single touches, and the distinct sources seen."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, literal, select, text
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.paging import DEFAULT_LIMIT, Page, key_of, page_of
from storage.reading.settled import settled_before
from storage.tables import touch


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchRow:
    id: UUID
    contact_id: UUID | None
    visitor_id: UUID | None
    at: datetime
    channel: str
    source: str
    medium: str
    campaign: str
    content: str
    term: str
    click_ids: dict[str, Any]
    landing: str
    referrer: str
    raw: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    source: str
    medium: str
    campaign: str
    touches: int
    first_seen: datetime
    last_seen: datetime


_NAME: Final = "touches"
_SOURCES_NAME: Final = "sources"
_FIELDS: Final = tuple(touch.c[name] for name in TouchRow.__dataclass_fields__)


async def list_touches(
    connection: AsyncConnection,
    *,
    contact: UUID | None = None,
    cursor: str = "",
    limit: int = DEFAULT_LIMIT,
) -> Page[TouchRow]:
    """In the order they were stored. Raises BadCursor."""
    conditions: list[ColumnElement[bool]] = []
    if cursor:
        (behind,) = key_of(cursor, _NAME, tuple[UUID])
        conditions.append(touch.c.id > literal(behind, PG_UUID))
    if contact is not None:
        conditions.append(touch.c.contact_id == contact)
    if (settled := await settled_before(connection)) is not None:
        # The ids are made inside the transaction that stores them: milliseconds, in the first 48 bits.
        conditions.append(touch.c.id < UUID(int=int(settled.timestamp() * 1000) << 80))
    rows = await connection.execute(
        select(*_FIELDS).where(*conditions).order_by(touch.c.id).limit(limit + 1)
    )
    return page_of([_row(row) for row in rows], limit=limit, name=_NAME, key=lambda row: (row.id,))


async def touches_of(
    connection: AsyncConnection, contact: UUID, *, limit: int = 100
) -> list[TouchRow]:
    """A contact's way to us, oldest first; of many, the newest `limit`."""
    rows = await connection.execute(
        select(*_FIELDS)
        .where(touch.c.contact_id == contact)
        .order_by(touch.c.at.desc(), touch.c.id.desc())
        .limit(limit)
    )
    return [_row(row) for row in rows][::-1]


async def list_sources(
    connection: AsyncConnection, *, cursor: str = "", limit: int = DEFAULT_LIMIT
) -> Page[SourceRow]:
    """Every source, medium and campaign that brought somebody, by name. Raises BadCursor.

    Reads all touches: for a catalogue asked now and then, not for a page people wait for.
    """
    behind = key_of(cursor, _SOURCES_NAME, tuple[str, str, str]) if cursor else ("", "", "")
    found = await connection.execute(
        text("""
            select source, medium, campaign, count(*) as touches,
                   min(at) as first_seen, max(at) as last_seen
            from touch
            where (source, medium, campaign) > (:source, :medium, :campaign)
            group by source, medium, campaign
            order by source, medium, campaign
            limit :limit
        """),
        {
            "source": behind[0],
            "medium": behind[1],
            "campaign": behind[2],
            "limit": limit + 1,
        },
    )
    rows = [SourceRow(**row._mapping) for row in found]  # noqa: SLF001  # a Row's public mapping
    return page_of(
        rows,
        limit=limit,
        name=_SOURCES_NAME,
        key=lambda row: (row.source, row.medium, row.campaign),
    )


def _row(row: Any) -> TouchRow:
    return TouchRow(**row._mapping)  # noqa: SLF001  # a Row's public mapping
