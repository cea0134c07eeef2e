"""Teams: who is in them, how conversations are handed out, when they work and what is said when they do not.

A team lead changes the teams they are in; making teams, and which is the default, is the administrator's.
"""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any, Final, get_args
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from aiohttp import web
from babel.dates import get_day_names
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.desk import NotFound, Refused
from inbox.rights import Right, may_change_role
from inbox.uuids import required_uuid
from inbox.visit import Page, Visit, get, post
from router.records import Strategy
from router.working_hours import is_open
from storage.audit import difference
from storage.colleagues import tell_pages
from storage.engine import transaction
from storage.reading.colleagues import list_teams, list_users
from storage.reading.teams import TeamSettings, team_by_id
from storage.teams import (
    TeamNameTaken,
    add_member,
    change_team,
    create_team,
    make_default,
    remove_member,
)

STRATEGIES: Final[tuple[Strategy, ...]] = get_args(Strategy)
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SHIFTS: Final = 2
"""A day's, with a break between them."""
LONGEST_NAME: Final = 80
LONGEST_AWAY_TEXT: Final = 1000
MOST_HOLIDAYS: Final = 100
ANSWERING: Final = ("manager", "lead", "admin")

_CLOCK: Final = re.compile(r"(0?[0-9]|1[0-9]|2[0-3]|24(?=$|[:.]00))(?:[:.]([0-5][0-9]))?")


async def teams(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        rows = await list_teams(connection)
    return visit.page(
        "settings/teams.html",
        rows=[
            each for each in rows if visit.may(Right.MANAGE_TEAMS) or visit.me in each.member_ids
        ],
    )


async def add(visit: Visit) -> web.Response:
    name = _name(visit)
    try:
        async with transaction(visit.around.engine) as connection:
            made = await create_team(
                connection, name=name, now=visit.now, time_zone=visit.time_zone
            )
            await visit.note_in_audit(connection, "team_made", "team", made, after={"name": name})
    except TeamNameTaken as taken:
        raise Refused(str(taken)) from taken
    return visit.back(f"/settings/teams/{made}")


async def team(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        found = await _team(visit, connection)
        inside = {each.user_id for each in found.members}
        others = [
            each
            for each in await list_users(connection)
            if each.disabled_at is None and each.role in ANSWERING and each.id not in inside
        ]
    return visit.page(
        "settings/team.html",
        team=found,
        others=others,
        may_change=lambda member: may_change_role(
            visit.colleague.role, before=member.role, after=member.role
        ),
        strategies=STRATEGIES,
        days=_week(visit, found),
        zones=sorted(available_timezones()),
        open_now=is_open(found.hours, found.time_zone, frozenset(found.holidays), visit.now),
        done="done" in visit.request.query,
    )


async def change(visit: Visit) -> web.Response:
    """The whole form: what is not in it is not."""
    form = visit.form
    strategy = form.get("strategy", "")
    if strategy not in STRATEGIES:
        raise web.HTTPBadRequest
    changes: dict[str, Any] = {
        "name": _name(visit),
        "strategy": strategy,
        "needs_session": "needs_session" in form,
        "hours": _hours(visit) if form.get("when") == "week" else None,
        "time_zone": _zone(visit),
        "holidays": _holidays(visit),
        "away_text": form.get("away_text", "").strip()[:LONGEST_AWAY_TEXT],
    }
    async with visit.around.engine.connect() as connection:
        found = await _team(visit, connection)
    present = {name: getattr(found, name) for name in changes}
    before, after = difference({**present, "holidays": list(found.holidays)}, changes)
    try:
        async with transaction(visit.around.engine) as connection:
            await change_team(connection, visit.id(), **changes)
            if after:
                await visit.note_in_audit(
                    connection, "team_changed", "team", visit.id(), before=before, after=after
                )
    except TeamNameTaken as taken:
        raise Refused(str(taken)) from taken
    return visit.back(f"/settings/teams/{visit.id()}?done")


async def put_in(visit: Visit) -> web.Response:
    """A member, or one who is there as the team's lead, or no longer as its lead."""
    who = required_uuid(visit.form.get("user", ""))
    is_lead = visit.form.get("lead") == "1"
    async with transaction(visit.around.engine) as connection:
        await _team(visit, connection)
        able = {
            each.id: each.role
            for each in await list_users(connection)
            if each.disabled_at is None and each.role in ANSWERING
        }
        if who not in able:
            raise NotFound
        _may_move(visit, who, able[who])
        await add_member(connection, visit.id(), who, is_lead=is_lead, now=visit.now)
        after = {"user": str(who), "lead": is_lead}
        await visit.note_in_audit(connection, "team_member_put_in", "team", visit.id(), after=after)
        await tell_pages(connection, who, now=visit.now)
    return visit.back(f"/settings/teams/{visit.id()}")


async def take_out(visit: Visit) -> web.Response:
    who = required_uuid(visit.form.get("user", ""))
    async with transaction(visit.around.engine) as connection:
        found = await _team(visit, connection)
        role = next((each.role for each in found.members if each.user_id == who), "manager")
        _may_move(visit, who, role)
        await remove_member(connection, visit.id(), who)
        before = {"user": str(who)}
        await visit.note_in_audit(
            connection, "team_member_taken_out", "team", visit.id(), before=before
        )
        await tell_pages(connection, who, now=visit.now)
    return visit.back(f"/settings/teams/{visit.id()}")


async def set_default(visit: Visit) -> web.Response:
    async with transaction(visit.around.engine) as connection:
        await _team(visit, connection)
        await make_default(connection, visit.id())
        after = {"is_default": True}
        await visit.note_in_audit(connection, "team_made_default", "team", visit.id(), after=after)
    return visit.back(f"/settings/teams/{visit.id()}")


def _week(visit: Visit, found: TeamSettings) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """(key, name, shifts) of each day; a new week is offered as most shops work."""
    names = get_day_names("wide", locale=visit.language.locale)
    hours = (
        found.hours if found.hours is not None else {day: [["09:00", "18:00"]] for day in DAYS[:5]}
    )
    return [
        (
            day,
            str(names[place]),
            [
                (start, "00:00" if end == "24:00" else end)
                for start, end in [*hours.get(day, ()), *[("", "")] * SHIFTS][:SHIFTS]
            ],
        )
        for place, day in enumerate(DAYS)
    ]


def _hours(visit: Visit) -> dict[str, list[list[str]]]:
    """As `router.working_hours` reads them; an end of midnight is "24:00"."""
    hours: dict[str, list[list[str]]] = {}
    for day in DAYS:
        shifts = []
        for number in range(SHIFTS):
            start = _clock(visit, f"{day}.{number}.from")
            end = _clock(visit, f"{day}.{number}.to")
            if not start and not end:
                continue
            if not start or not end:
                raise Refused(visit._("Write both times of a shift, for example 09:00 and 18:00."))
            shifts.append([start, "24:00" if end == "00:00" else end])
        if shifts:
            hours[day] = sorted(shifts)
    if not hours:
        raise Refused(visit._("Choose at least one working day, or “always”."))
    return hours


def _clock(visit: Visit, name: str) -> str:
    """Also "9", "9:00" and "9.00"; "24:00" is midnight. "" stays."""
    written = visit.form.get(name, "").strip()
    if not written:
        return ""
    found = _CLOCK.fullmatch(written)
    if found is None:
        raise Refused(visit._("Write both times of a shift, for example 09:00 and 18:00."))
    return f"{int(found[1]) % 24:02}:{found[2] or '00'}"


def _holidays(visit: Visit) -> list[str]:
    found = set()
    for written in re.split(r"[\s,;]+", visit.form.get("holidays", "").strip()):
        if not written:
            continue
        try:
            found.add(_day(written).isoformat())
        except ValueError as error:
            raise Refused(
                visit._("{day} is not a date: write it like 31.12.2026.").format(day=written[:40])
            ) from error
    if len(found) > MOST_HOLIDAYS:
        raise Refused(visit._("At most {n} holidays, please.").format(n=MOST_HOLIDAYS))
    return sorted(found)


def _day(written: str) -> date:
    if known := re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", written):
        return date(int(known[3]), int(known[2]), int(known[1]))
    return date.fromisoformat(written)


def _zone(visit: Visit) -> str:
    zone = visit.form.get("time_zone", "")
    if zone not in available_timezones():
        raise Refused(visit._("There is no such time zone; Europe/Moscow is one."))
    return ZoneInfo(zone).key


def _name(visit: Visit) -> str:
    name = " ".join(visit.form.get("name", "").split())[:LONGEST_NAME]
    if not name:
        raise Refused(visit._("Give the team a name."))
    return name


async def _team(visit: Visit, connection: AsyncConnection) -> TeamSettings:
    found = await team_by_id(connection, visit.id())
    if found is None:
        raise NotFound
    inside = {each.user_id for each in found.members}
    if not visit.may(Right.MANAGE_TEAMS) and visit.me not in inside:
        raise web.HTTPForbidden
    return found


def _may_move(visit: Visit, who: UUID | None, role: str) -> None:
    """Administrators and other leads are not a lead's to put in or take out. Raises HTTPForbidden."""
    if who != visit.me and not may_change_role(visit.colleague.role, before=role, after=role):
        raise web.HTTPForbidden


PAGES: Final[Sequence[Page]] = (
    get("/settings/teams", teams, Right.MANAGE_PEOPLE),
    post("/settings/teams", add, Right.MANAGE_TEAMS),
    get("/settings/teams/{id}", team, Right.MANAGE_PEOPLE),
    post("/settings/teams/{id}", change, Right.MANAGE_PEOPLE),
    post("/settings/teams/{id}/members", put_in, Right.MANAGE_PEOPLE),
    post("/settings/teams/{id}/members/remove", take_out, Right.MANAGE_PEOPLE),
    post("/settings/teams/{id}/default", set_default, Right.MANAGE_TEAMS),
)
