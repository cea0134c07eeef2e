"""What a list can be narrowed to: the labels, sources and channels that there are, to choose from."""

from typing import Final

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.lead_sources import TRIPLE, KnownSource, named_sources
from storage.reading.sight import Sight, conversation_in_sight, lead_in_hand
from storage.tables import account, conversation, lead, origin

MOST_SOURCES: Final = 50
MOST_COUNTED: Final = 2000
"""The newest leads and conversations that are looked through for them."""
MOST_LABELS: Final = 50
_PARTS: Final = ("source", "medium", "campaign")


async def known_sources(connection: AsyncConnection, *, sight: Sight) -> list[KnownSource]:
    """Where the newest open leads came from, the most frequent first. Of a limited reader: those of the leads in their own or
    their team's hands.
    """
    return await _sources_of(connection, lead.c.status == "open", lead_in_hand(sight))


async def _sources_of(
    connection: AsyncConnection, *which: ColumnElement[bool]
) -> list[KnownSource]:
    recent = (
        select(*(column.label(name) for column, name in zip(TRIPLE, _PARTS, strict=True)))
        .select_from(lead)
        .where(*which)
        .order_by(lead.c.created_at.desc(), lead.c.id.desc())
        .limit(MOST_COUNTED)
        .subquery("recent")
    )
    return await named_sources(connection, recent, limit=MOST_SOURCES)


async def known_labels(connection: AsyncConnection, *, sight: Sight) -> list[str]:
    """What conversations in sight are labelled with, the most used first."""
    label = func.unnest(conversation.c.labels).label("label")
    recent = (
        select(label)
        .where(text("labels <> '{}'"), conversation_in_sight(sight))
        .order_by(conversation.c.last_message_at.desc())
        .limit(MOST_COUNTED)
        .subquery("recent")
    )
    rows = await connection.execute(
        select(recent.c.label)
        .group_by(recent.c.label)
        .order_by(func.count().desc(), recent.c.label)
        .limit(MOST_LABELS)
    )
    return list(rows.scalars())


async def sources_of_leads(connection: AsyncConnection, *, sight: Sight) -> list[KnownSource]:
    """Where leads come from: all origins that are known, of which no lead is read. Of a limited reader: those of the leads
    in their own or their team's hands.
    """
    if not sight.whole:
        return await _sources_of(connection, lead_in_hand(sight))
    return await named_sources(connection, origin.alias("known"), limit=MOST_SOURCES)


async def channels_of_leads(connection: AsyncConnection) -> list[str]:
    """The kinds of the accounts there are."""
    rows = await connection.execute(select(account.c.kind).distinct().order_by(account.c.kind))
    return [row.kind for row in rows]
