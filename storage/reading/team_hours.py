"""When each team works, for the page that shows all of them. Teams are few."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamHours:
    """`hours` as `router.working_hours` has them; None: always at work."""

    id: UUID
    name: str
    hours: dict[str, Any] | None
    time_zone: str
    holidays: tuple[str, ...]
    away_text: str
    is_default: bool


_TEAMS = text(
    "select id, name, hours, time_zone, holidays, away_text, is_default"
    " from team order by is_default desc, name, id"
).columns(hours=JSONB, holidays=JSONB)


async def list_team_hours(connection: AsyncConnection) -> list[TeamHours]:
    return [
        TeamHours(
            id=row.id,
            name=row.name,
            hours=row.hours,
            time_zone=row.time_zone,
            holidays=tuple(row.holidays or ()),
            away_text=row.away_text,
            is_default=row.is_default,
        )
        for row in await connection.execute(_TEAMS)
    ]
