"""When which team works, all at a glance, and what would happen to somebody who wrote at a moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from aiohttp import web
from babel.dates import get_day_names

from inbox.rights import Right
from inbox.uuids import uuid_or_none
from inbox.visit import Page, Visit, get
from router import out_of_hours
from router.records import Team
from router.working_hours import is_open, next_opening
from storage.reading.colleagues import AccountRow, list_accounts
from storage.reading.team_hours import TeamHours, list_team_hours

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LATER: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """`week` is (day, shifts), days alike in one line; `holidays` those to come."""

    team: TeamHours
    open: bool
    opens_at: datetime | None
    week: Sequence[tuple[str, str]]
    holidays: Sequence[date]
    channels: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a customer who wrote at `at` would live through."""

    team: str
    at: datetime
    open: bool
    opens_at: datetime | None
    told: str
    """In the team's words; "" when nothing is said."""


async def page(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        teams = await list_team_hours(connection)
        accounts = await list_accounts(connection)
    asked = visit.request.query.get("at", "").strip()
    at = _moment(visit, asked)
    wished = uuid_or_none(visit.request.query.get("team", ""))
    chosen = next((each for each in teams if each.id == wished), None) or (
        next((each for each in teams if each.is_default), None)
    )
    return visit.page(
        "settings/working_hours.html",
        teams=[_shown(visit, each, accounts) for each in teams],
        chosen=chosen,
        at=(at or visit.now).astimezone(ZoneInfo(visit.time_zone)).strftime("%Y-%m-%dT%H:%M"),
        wrong=bool(asked) and at is None,
        verdict=_verdict(visit, chosen, at or visit.now) if chosen else None,
    )


def _shown(visit: Visit, team: TeamHours, accounts: Sequence[AccountRow]) -> Shown:
    days = frozenset(team.holidays)
    return Shown(
        team=team,
        open=is_open(team.hours, team.time_zone, days, visit.now),
        opens_at=next_opening(team.hours, team.time_zone, days, visit.now),
        week=_week(visit, team.hours) if team.hours is not None else (),
        holidays=[
            date.fromisoformat(each)
            for each in sorted(team.holidays)
            if each >= visit.now.astimezone(ZoneInfo(team.time_zone)).date().isoformat()
        ][:6],
        channels=[
            each.slug
            for each in accounts
            if each.team_id == team.id or (each.team_id is None and team.is_default)
        ],
    )


def _week(visit: Visit, hours: dict[str, Any]) -> list[tuple[str, str]]:
    """("Mon–Fri", "09:00–18:00"): days in a row that are alike are one line."""
    names = get_day_names("abbreviated", locale=visit.language.locale)
    runs: list[tuple[int, int, str]] = []
    for place, day in enumerate(DAYS):
        shifts = ", ".join(f"{start}–{end}" for start, end in hours.get(day, ()))
        if runs and runs[-1][2] == shifts:
            runs[-1] = (runs[-1][0], place, shifts)
        else:
            runs.append((place, place, shifts))
    return [
        (str(names[first]) if first == last else f"{names[first]}–{names[last]}", shifts)
        for first, last, shifts in runs
    ]


def _verdict(visit: Visit, team: TeamHours, at: datetime) -> Verdict:
    days = frozenset(team.holidays)
    as_routed = Team(
        id=team.id,
        name=team.name,
        hours=team.hours,
        time_zone=team.time_zone,
        holidays=days,
        away_text=team.away_text,
    )
    return Verdict(
        team=team.name,
        at=at,
        open=is_open(team.hours, team.time_zone, days, at),
        opens_at=next_opening(team.hours, team.time_zone, days, at),
        told=out_of_hours.words(as_routed, at, language=visit.language.code)
        if out_of_hours.is_away(as_routed, at)
        else "",
    )


def _moment(visit: Visit, written: str) -> datetime | None:
    """Of the pages' time zone, within a year."""
    try:
        at = datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(visit.time_zone))
    except ValueError:
        return None
    return at if abs(at - visit.now) <= LATER else None


PAGES: Final[Sequence[Page]] = (get("/settings/working-hours", page, Right.MANAGE_PEOPLE),)
