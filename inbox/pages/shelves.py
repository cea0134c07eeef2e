"""Whose a canned reply or a macro is: of one colleague, of a team, of everybody; and who may change it.

Everybody keeps their own. What others use too is kept by those who manage people.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar
from uuid import UUID

from aiohttp import web

from inbox.desk import NotFound
from inbox.rights import Right
from inbox.visit import Visit
from storage.reading.colleagues import TeamRow


class Shelved(Protocol):
    @property
    def owner_id(self) -> UUID | None: ...
    @property
    def team_id(self) -> UUID | None: ...


T = TypeVar("T", bound=Shelved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    owner_id: UUID | None
    team_id: UUID | None


def shelf_written(visit: Visit, teams: list[TeamRow]) -> Shelf:
    """The posted `shelf`: own, all, or a team's id. Raises HTTPForbidden for one that is not theirs to fill."""
    written = visit.form.get("shelf", "own")
    if written == "own":
        return Shelf(owner_id=visit.me, team_id=None)
    if not visit.may(Right.MANAGE_PEOPLE):
        raise web.HTTPForbidden
    if written == "all":
        return Shelf(owner_id=None, team_id=None)
    for team in teams:
        if str(team.id) == written:
            return Shelf(owner_id=None, team_id=team.id)
    raise web.HTTPBadRequest


def may_change(visit: Visit, thing: Shelved) -> bool:
    if thing.owner_id is not None:
        return thing.owner_id == visit.me
    return visit.may(Right.MANAGE_PEOPLE)


def may_use(visit: Visit, thing: Shelved, teams: list[TeamRow]) -> bool:
    if thing.owner_id is not None:
        return thing.owner_id == visit.me
    if thing.team_id is None:
        return True
    return any(each.id == thing.team_id and visit.me in each.member_ids for each in teams)


def changeable(visit: Visit, thing: T | None) -> T:
    """The thing itself. Raises NotFound for what is not there or another's own; HTTPForbidden for what others keep."""
    if thing is None or (thing.owner_id is not None and thing.owner_id != visit.me):
        raise NotFound
    if not may_change(visit, thing):
        raise web.HTTPForbidden
    return thing


def shelves_of(visit: Visit, teams: Sequence[TeamRow]) -> Sequence[TeamRow]:
    """The teams this colleague may write for."""
    return teams if visit.may(Right.MANAGE_PEOPLE) else ()


def chosen_shelf(shown: Shelved | None) -> str:
    """As `shelf_written` reads it; a new thing is one's own."""
    if shown is None or shown.owner_id is not None:
        return "own"
    return "all" if shown.team_id is None else str(shown.team_id)
