"""What a list can be narrowed to: the labels, sources and channels that there are, to choose from."""

from typing import Any, Final

from sqlalchemy import func, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.sight import Sight, conversation_in_sight, lead_in_hand
from storage.tables import account, conversation, lead

MOST_SOURCES: Final = 50
MOST_COUNTED: Final = 2000
"""The newest leads and conversations that are looked through for them."""
MOST_LABELS: Final = 50


async def known_sources(connection: AsyncConnection, *, sight: Sight) -> list[str]:
    """Where the newest open leads came from, the most frequent first. Of a limited reader: those of the leads in their own or
    their team's hands.
    """
    source = lead.c.last_touch["source"].astext.label("source")
    recent = (
        select(source)
        .where(lead.c.status == "open", lead_in_hand(sight))
        .order_by(lead.c.created_at.desc(), lead.c.id.desc())
        .limit(MOST_COUNTED)
        .subquery("recent")
    )
    rows = await connection.execute(
        select(recent.c.source)
        .where(recent.c.source != "")
        .group_by(recent.c.source)
        .order_by(func.count().desc(), recent.c.source)
        .limit(MOST_SOURCES)
    )
    return list(rows.scalars())


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


async def sources_of_leads(
    connection: AsyncConnection, *, sight: Sight, limit: int = 60
) -> list[str]:
    """Where leads come from: hops from one to the next through the index, and reads no lead. Of a limited reader: those of
    the leads in their own or their team's hands.
    """
    if not sight.whole:
        source: Any = literal_column("(lead.last_touch ->> 'source')").label("source")
        recent = (
            select(source)
            .where(lead_in_hand(sight))
            .order_by(lead.c.created_at.desc())
            .limit(MOST_COUNTED)
            .subquery("recent")
        )
        some = select(recent.c.source).where(recent.c.source != "").distinct()
        return list(
            (await connection.execute(some.order_by(recent.c.source).limit(limit))).scalars()
        )
    rows = await connection.execute(
        text("""
            with recursive known as (
                (select last_touch ->> 'source' as source from lead where last_touch ->> 'source' > ''
                 order by 1 limit 1)
                union all
                select (select last_touch ->> 'source' from lead where last_touch ->> 'source' > known.source
                        order by 1 limit 1) from known where known.source is not null
            ) select source from known where source is not null limit :limit
        """),
        {"limit": limit},
    )
    return [row.source for row in rows]


async def channels_of_leads(connection: AsyncConnection) -> list[str]:
    """The kinds of the accounts there are."""
    rows = await connection.execute(select(account.c.kind).distinct().order_by(account.c.kind))
    return [row.kind for row in rows]
