"""A team as its settings show it: how it works, when, and who is in it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamMember:
    user_id: UUID
    name: str
    email: str
    role: str
    is_lead: bool
    presence: str
    capacity: int | None
    open_conversations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamSettings:
    """`hours` as `router.working_hours` has them; None: always at work."""

    id: UUID
    name: str
    strategy: str
    needs_session: bool
    hours: dict[str, Any] | None
    time_zone: str
    holidays: tuple[str, ...]
    away_text: str
    is_default: bool
    members: tuple[TeamMember, ...]


_MEMBERS = text("""
    select u.id as user_id, u.name, u.email, u.role, m.is_lead, u.presence, u.capacity, u.open_conversations
    from team_member m join user_account u on u.id = m.user_id
    where m.team_id = :id and u.disabled_at is null
    order by m.is_lead desc, u.name, u.id
""")
_TEAM = text(
    "select id, name, strategy, needs_session, hours, time_zone, holidays, away_text, is_default"
    " from team where id = :id"
).columns(hours=JSONB, holidays=JSONB)


async def team_by_id(connection: AsyncConnection, id_: UUID) -> TeamSettings | None:
    row = (await connection.execute(_TEAM, {"id": id_})).one_or_none()
    if row is None:
        return None
    members = await connection.execute(_MEMBERS, {"id": id_})
    return TeamSettings(
        id=row.id,
        name=row.name,
        strategy=row.strategy,
        needs_session=row.needs_session,
        hours=row.hours,
        time_zone=row.time_zone,
        holidays=tuple(row.holidays or ()),
        away_text=row.away_text,
        is_default=row.is_default,
        members=tuple(TeamMember(**member._mapping) for member in members),  # noqa: SLF001  # a Row's public mapping
    )
