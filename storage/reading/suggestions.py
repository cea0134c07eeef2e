"""Pairs of contacts that are probably one person, with the reasons; somebody decides."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Integer, func, literal, select, text
from sqlalchemy.dialects.postgresql import JSONB, UUID as PG_UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.paging import DEFAULT_LIMIT, Page, key_of, page_of
from storage.reading.sight import Sight, contacts_in_sight, unseen
from storage.tables import suggestion


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionRow:
    id: UUID
    first_id: UUID
    first_name: str
    second_id: UUID
    second_name: str
    score: int
    reasons: list[Any]
    decision: str
    decided_by: UUID | None
    decided_at: datetime | None
    at: datetime

    def other(self, contact_id: UUID) -> tuple[UUID, str]:
        """(id, name) of the one that is not this contact."""
        if contact_id == self.first_id:
            return self.second_id, self.second_name
        return self.first_id, self.first_name


_NAME: Final = "suggestions"

_SELECT: Final = """
    select s.id, s.first_id, one.name as first_name, s.second_id, two.name as second_name, s.score,
           s.reasons, s.decision, s.decided_by, s.decided_at, s.at
    from suggestion s
    join contact one on one.id = s.first_id
    join contact two on two.id = s.second_id
"""
_THESE = text(
    _SELECT
    + """
    where s.id = any(cast(:ids as uuid[])) order by s.score desc, s.id desc
    """
).columns(reasons=JSONB)
_OF_CONTACT = text(
    _SELECT
    + """
    where s.decision = 'open' and (s.first_id = :contact or s.second_id = :contact)
    order by s.score desc, s.id desc
    limit 20
    """
).columns(reasons=JSONB)
_ONE = text(_SELECT + "where s.id = :id").columns(reasons=JSONB)


async def list_suggestions(
    connection: AsyncConnection, *, sight: Sight, cursor: str = "", limit: int = DEFAULT_LIMIT
) -> Page[SuggestionRow]:
    """The undecided of whom both are in sight, the surest first. Raises BadCursor."""
    of = suggestion.c
    picked = select(of.id).where(
        of.decision == "open",
        await contacts_in_sight(connection, sight, of.first_id),
        await contacts_in_sight(connection, sight, of.second_id),
    )
    if cursor:
        score, id_ = key_of(cursor, _NAME, tuple[int, UUID])
        picked = picked.where(
            func.row(of.score, of.id) < func.row(literal(score, Integer), literal(id_, PG_UUID))
        )
    found = await connection.execute(
        picked.order_by(of.score.desc(), of.id.desc()).limit(limit + 1)
    )
    rows = await connection.execute(_THESE, {"ids": list(found.scalars())})
    return page_of(
        [_row(row) for row in rows],
        limit=limit,
        name=_NAME,
        key=lambda row: (row.score, row.id),
    )


async def suggestions_of(
    connection: AsyncConnection, contact_id: UUID, *, sight: Sight
) -> list[SuggestionRow]:
    """With people who are in sight, too."""
    rows = await connection.execute(_OF_CONTACT, {"contact": contact_id})
    found = [_row(row) for row in rows]
    others = [each.other(contact_id)[0] for each in found]
    foreign = await unseen(connection, sight, "contact", others)
    return [each for each in found if each.other(contact_id)[0] not in foreign]


async def suggestion_by_id(connection: AsyncConnection, id_: UUID) -> SuggestionRow | None:
    row = (await connection.execute(_ONE, {"id": id_})).one_or_none()
    return None if row is None else _row(row)


def _row(row: Any) -> SuggestionRow:
    return SuggestionRow(**row._mapping)  # noqa: SLF001  # a Row's public mapping
