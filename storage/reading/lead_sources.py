"""Leads by where they last came from, as a list is narrowed to it: by the names of the rules, the words of links beneath.

A source is the key that reports have: a source's id, or "source / medium" of what no rule names. A bare word is what links
say, whatever the medium: addresses that people kept have it.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    FromClause,
    String,
    and_,
    case,
    cast,
    func,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import lead, origin, source

BETWEEN: Final = " / "
# Written as the index has it.
_said: Final[ColumnElement[str]] = literal_column("(lead.last_touch ->> 'source')")


def _also(part: str) -> ColumnElement[str]:
    return func.coalesce(lead.c.last_touch[part].astext, "")


TRIPLE: Final = (_said, _also("medium"), _also("campaign"))
"""Of a lead: what the link said, as `origin` has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSource:
    """`name` as a rule has it, "" when none does; then `said` and `medium` are what links say."""

    key: str
    name: str
    said: str
    medium: str


def came_from(key: str) -> ColumnElement[bool]:
    """Of rows of `lead`."""
    named = _uuid(key)
    if named is not None:
        ours = select(origin).where(origin.c.source_id == named)
        theirs = select(origin.c.source, origin.c.medium, origin.c.campaign).where(
            origin.c.source_id == named
        )
        # The words alone are in an index; the rest of the triple is looked at beside them.
        return and_(_said.in_(ours.with_only_columns(origin.c.source)), tuple_(*TRIPLE).in_(theirs))
    said, between, medium = key.rpartition(BETWEEN)
    if not between:
        return _said == key
    return and_(_said == said, _also("medium") == medium)


async def named_sources(
    connection: AsyncConnection, leads: FromClause, *, limit: int
) -> list[KnownSource]:
    """Of `leads` (source, medium and campaign of their last touch), the most frequent first."""
    key = func.coalesce(cast(origin.c.source_id, String), leads.c.source + BETWEEN + leads.c.medium)
    nameless = origin.c.source_id.is_(None)
    rows = await connection.execute(
        select(
            key.label("key"),
            func.coalesce(func.max(source.c.name), "").label("name"),
            func.max(case((nameless, leads.c.source), else_="")).label("said"),
            func.max(case((nameless, leads.c.medium), else_="")).label("medium"),
        )
        .select_from(
            leads.outerjoin(
                origin,
                and_(
                    origin.c.source == leads.c.source,
                    origin.c.medium == leads.c.medium,
                    origin.c.campaign == leads.c.campaign,
                ),
            ).outerjoin(source, source.c.id == origin.c.source_id)
        )
        .where(leads.c.source != "")
        .group_by(key)
        .order_by(func.count().desc(), key)
        .limit(limit)
    )
    return [
        KnownSource(key=row.key, name=row.name, said=row.said, medium=row.medium) for row in rows
    ]


def _uuid(key: str) -> UUID | None:
    try:
        return UUID(key)
    except ValueError:
        return None
