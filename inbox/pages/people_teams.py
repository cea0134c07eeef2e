"""The teams that a form puts a colleague into."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.pages.people_rights import may_staff, own_teams_of
from inbox.uuids import required_uuid
from inbox.visit import Visit
from storage.colleagues import ANSWERING, Role
from storage.reading.colleagues import list_teams
from storage.reading.staff import Mate
from storage.teams import add_member, remove_member


async def _wanted_teams(visit: Visit) -> set[UUID]:
    posted = await visit.request.post()
    return {required_uuid(each) for each in posted.getall("team", []) if isinstance(each, str)}


async def put_in_teams(
    visit: Visit, connection: AsyncConnection, who: UUID, role: Role
) -> dict[str, Any]:
    """A new colleague's; without any said, the default one's, where they are already, or the lead's own."""
    teams = await list_teams(connection)
    mine = own_teams_of(visit, teams)
    if "teams" in visit.form:
        wanted = await _wanted_teams(visit)
    elif visit.colleague.role == "admin" or role not in ANSWERING:
        return {}
    else:
        wanted = {*mine}
    present = {each.id for each in teams if who in each.member_ids}
    inside = {each.id for each in teams if each.id in present or may_staff(visit, each.id, mine)}
    inside &= wanted
    for team in inside - present:
        await add_member(connection, team, who, is_lead=False, now=visit.now)
    for team in present - inside:
        await remove_member(connection, team, who)
    return {"teams": [each.name for each in teams if each.id in inside]}


async def change_teams(
    visit: Visit, connection: AsyncConnection, who: Mate
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(before, after) of those that changed; teams that are not theirs to staff stay as they are."""
    teams = await list_teams(connection)
    mine = own_teams_of(visit, teams)
    staffed = {each.id for each in teams if may_staff(visit, each.id, mine)}
    present = {*who.team_ids}
    wanted = (await _wanted_teams(visit) & staffed) | (present - staffed)
    if wanted == present:
        return {}, {}
    for team in wanted - present:
        await add_member(connection, team, who.id, is_lead=False, now=visit.now)
    for team in present - wanted:
        await remove_member(connection, team, who.id)
    names: Mapping[UUID, str] = {each.id: each.name for each in teams}
    return (
        {"teams": sorted(names[each] for each in present if each in names)},
        {"teams": sorted(names[each] for each in wanted)},
    )
