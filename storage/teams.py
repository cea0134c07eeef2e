"""Teams and who is in them. A conversation goes to the team of its account, or else to the default one."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import null, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from router.ids import new_id
from storage.tables import team

CHANGEABLE: Final = frozenset(
    {"name", "strategy", "needs_session", "hours", "time_zone", "holidays", "away_text"}
)


class TeamNameTaken(Exception):
    """Another team has this name."""


class NoSuchTeam(Exception):
    """There is no team of that id."""


async def create_team(
    connection: AsyncConnection,
    *,
    name: str,
    now: datetime,
    time_zone: str = "Europe/Moscow",
    strategy: str = "round_robin",
    is_default: bool = False,
) -> UUID:
    """At work always, until told otherwise. Raises TeamNameTaken; a second default team breaks its unique index."""
    added = await connection.execute(
        text("""
            insert into team (id, name, strategy, time_zone, is_default, created_at)
            values (:id, :name, :strategy, :time_zone, :is_default, :now)
            on conflict (name) do nothing returning id
        """),
        {
            "id": new_id(),
            "name": name.strip(),
            "strategy": strategy,
            "time_zone": time_zone,
            "is_default": is_default,
            "now": now,
        },
    )
    made: UUID | None = added.scalar()
    if made is None:
        raise TeamNameTaken(f"There is a team {name.strip()} already.")
    return made


async def change_team(connection: AsyncConnection, team_id: UUID, **changes: Any) -> None:
    """Some of CHANGEABLE. Raises NoSuchTeam, TeamNameTaken."""
    unknown = sorted(changes.keys() - CHANGEABLE)
    if unknown:
        raise TypeError(f"a team has no {', '.join(unknown)} to change")
    if not changes:
        return
    if "name" in changes:
        other = select(team.c.id).where(team.c.name == changes["name"], team.c.id != team_id)
        if (await connection.execute(other)).scalar() is not None:
            raise TeamNameTaken(f"There is a team {changes['name']} already.")
    if changes.get("hours", ...) is None:
        # SQL's null, not JSON's: no hours at all.
        changes["hours"] = null()
    changed = await connection.execute(
        update(team).where(team.c.id == team_id).values(**changes).returning(team.c.id)
    )
    if changed.scalar() is None:
        raise NoSuchTeam(str(team_id))


async def make_default(connection: AsyncConnection, team_id: UUID) -> None:
    """One team is; the one before it no longer. Raises NoSuchTeam."""
    await connection.execute(text("select id from team order by id for update"))
    await connection.execute(text("update team set is_default = false where is_default"))
    changed = await connection.execute(
        text("update team set is_default = true where id = :id returning id"), {"id": team_id}
    )
    if changed.scalar() is None:
        raise NoSuchTeam(str(team_id))


async def default_team(connection: AsyncConnection) -> UUID | None:
    found: UUID | None = (
        await connection.execute(text("select id from team where is_default"))
    ).scalar()
    return found


async def team_named(connection: AsyncConnection, name: str) -> UUID | None:
    """By the name as people write it: case and outer spaces do not matter."""
    found: UUID | None = (
        await connection.execute(
            text("select id from team where lower(name) = lower(:name) order by id limit 1"),
            {"name": name.strip()},
        )
    ).scalar()
    return found


async def add_member(
    connection: AsyncConnection, team_id: UUID, user_id: UUID, *, is_lead: bool, now: datetime
) -> None:
    """In the round from now on: the newcomer is next once, and then like everybody. Again: only `is_lead` changes."""
    await connection.execute(
        text("""
            insert into team_member (team_id, user_id, is_lead, joined_at) values (:team, :user, :is_lead, :now)
            on conflict (team_id, user_id) do update set is_lead = excluded.is_lead
        """),
        {"team": team_id, "user": user_id, "is_lead": is_lead, "now": now},
    )


async def remove_member(connection: AsyncConnection, team_id: UUID, user_id: UUID) -> None:
    """Their conversations stay theirs; new ones go to the others."""
    await connection.execute(
        text("delete from team_member where team_id = :team and user_id = :user"),
        {"team": team_id, "user": user_id},
    )
