"""Who may manage whom among colleagues, in which teams, and what they may give them.

An administrator manages everybody. A team lead manages the managers and marketers of their own teams, and those who are
in none: they raise nobody to or above themselves, and let nobody see more than they see.
"""

from collections.abc import Sequence
from typing import Final, get_args
from uuid import UUID

from aiohttp import web

from inbox.desk import NotFound
from inbox.rights import Right, may_change_role, may_give_sight
from inbox.visit import Visit
from storage.colleagues import Role
from storage.reading.colleagues import TeamRow, list_teams
from storage.reading.sight import SEES, Sees
from storage.reading.staff import Mate, mate_by_id

ROLES: Final[tuple[Role, ...]] = get_args(Role)


async def managed_colleague(visit: Visit) -> Mate:
    """The one of the address. Raises NotFound, and HTTPForbidden for one who is not theirs to manage."""
    async with visit.around.engine.connect() as connection:
        who = await mate_by_id(connection, visit.id(), now=visit.now)
        teams = await list_teams(connection)
    if who is None:
        raise NotFound
    if not manages(visit, who, own_teams_of(visit, teams)):
        raise web.HTTPForbidden
    return who


def manages(visit: Visit, who: Mate, own_teams: frozenset[UUID]) -> bool:
    if not may_change_role(visit.colleague.role, before=who.role, after=who.role):
        return False
    return visit.colleague.role == "admin" or not who.team_ids or bool(own_teams & {*who.team_ids})


def own_teams_of(visit: Visit, teams: Sequence[TeamRow]) -> frozenset[UUID]:
    return frozenset(each.id for each in teams if visit.me in each.member_ids)


def may_staff(visit: Visit, team: UUID, own_teams: frozenset[UUID]) -> bool:
    return visit.may(Right.MANAGE_TEAMS) or team in own_teams


def roles_to_give(visit: Visit) -> list[Role]:
    own = visit.colleague.role
    return [role for role in ROLES if may_change_role(own, before="manager", after=role)]


def sights_to_give(visit: Visit) -> tuple[Sees, ...]:
    me = visit.colleague
    return tuple(
        each for each in SEES if may_give_sight(me.role, own_sees=me.sight.what, sees=each)
    )


def most_sight(visit: Visit) -> Sees:
    return sights_to_give(visit)[0]


def role_written(visit: Visit) -> Role:
    role = visit.form.get("role", "")
    if role not in ROLES:
        raise web.HTTPBadRequest
    return role


def sight_written(visit: Visit) -> str:
    sees = visit.form["sees"]
    if sees not in SEES:
        raise web.HTTPBadRequest
    if sees not in sights_to_give(visit):
        raise web.HTTPForbidden
    return sees


def allow_role(visit: Visit, *, before: str, after: str) -> None:
    if not may_change_role(visit.colleague.role, before=before, after=after):
        raise web.HTTPForbidden
