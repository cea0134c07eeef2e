"""What each manager did in a period, what came of it, and how that is against their plan.

Everything is of the day on which it happened. What leads are narrowed by, a source or a pipeline, says nothing of
messages, calls and tasks: they are "—" then.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.working_hours import works_on
from storage.activity_plans import read_plans
from storage.analytics.activity import ACTIVITY, Period, add_activity, add_leads, add_offers
from storage.analytics.measures import Measure, share, whole
from storage.analytics.planning import plan_by_values
from storage.analytics.wishes import Wish, by_whom


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagersWish(Wish):
    """`rank`: the figure that puts them in order, best first."""

    rank: str = "revenue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Pieces, seconds, minor units of the company's currency. None: cannot be told when narrowed so, or there is none.

    Plans are of the whole period up to today; None when there is no plan.
    """

    assigned: int | None = 0
    answered: int | None = 0
    first_answers: int | None = 0
    first_median: int | None = None
    first_p90: int | None = None
    messages: int | None = 0
    calls_in: int | None = 0
    calls_out: int | None = 0
    calls_missed: int | None = 0
    talk_seconds: int | None = 0
    tasks_done: int | None = 0
    tasks_late: int | None = 0
    offers: int = 0
    leads: int = 0
    won: int = 0
    lost: int = 0
    revenue: int = 0
    planned_calls: int | None = None
    planned_offers: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`place` in the ranking from 1; those alike share it. None: there is nothing to rank."""

    manager_id: UUID
    name: str
    disabled: bool
    place: int | None
    work: Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Managers:
    """`total` is of everybody listed; its median and 90 % are of all their answers."""

    wish: ManagersWish
    rows: Sequence[Row]
    total: Work


def _calls(work: Work) -> int | None:
    if work.calls_in is None or work.calls_out is None:
        return None
    return work.calls_in + work.calls_out


FIGURES: Final[tuple[Measure[Work], ...]] = (
    Measure(
        name="assigned", label="Assigned", formula="conversations given to them, each as often as it was",
        kind="count", value=lambda w: whole(w.assigned), better="", counted="assigned",
    ),
    Measure(
        name="answered", label="Answered", formula="times somebody who waited had an answer from them",
        kind="count", value=lambda w: whole(w.answered), counted="answered",
    ),
    Measure(
        name="first_median", label="First response, median",
        formula="half of their first answers to an inquiry took no longer, in the team’s working time",
        kind="seconds", value=lambda w: whole(w.first_median), better="less", counted="first_answers",
    ),
    Measure(
        name="first_p90", label="First response, 90 %",
        formula="nine in ten of their first answers to an inquiry took no longer, in the team’s working time",
        kind="seconds", value=lambda w: whole(w.first_p90), better="less", counted="first_answers",
    ),
    Measure(
        name="messages", label="Messages", formula="replies they wrote",
        kind="count", value=lambda w: whole(w.messages),
    ),
    Measure(
        name="calls_in", label="Calls in", formula="calls from customers that they answered",
        kind="count", value=lambda w: whole(w.calls_in), counted="calls_in",
    ),
    Measure(
        name="calls_out", label="Calls out", formula="calls that they made, answered or not",
        kind="count", value=lambda w: whole(w.calls_out), counted="calls_out",
    ),
    Measure(
        name="calls_missed", label="Missed", formula="missed calls of customers who are theirs",
        kind="count", value=lambda w: whole(w.calls_missed), better="less", counted="calls_missed",
    ),
    Measure(
        name="talk_seconds", label="Talk time", formula="sum of their talks by telephone",
        kind="seconds", value=lambda w: whole(w.talk_seconds), counted="talked",
    ),
    Measure(
        name="tasks_done", label="Tasks done", formula="tasks they finished",
        kind="count", value=lambda w: whole(w.tasks_done), counted="tasks_done",
    ),
    Measure(
        name="tasks_late", label="Tasks late",
        formula="tasks that were due in the period and were finished after that, or are not yet",
        kind="count", value=lambda w: whole(w.tasks_late), better="less", counted="tasks_late",
    ),
    Measure(
        name="offers", label="Offers", formula="leads of theirs that came into an offer stage for the first time",
        kind="count", value=lambda w: whole(w.offers), counted="offers",
    ),
    Measure(
        name="leads", label="New leads", formula="lead cards created in the period that are theirs",
        kind="count", value=lambda w: whole(w.leads), counted="leads",
    ),
    Measure(
        name="won", label="Won", formula="leads of theirs that became a sale in the period",
        kind="count", value=lambda w: whole(w.won), counted="won",
    ),
    Measure(
        name="win_rate", label="Win rate", formula="won ÷ (won + lost), both closed in the period",
        kind="percent", value=lambda w: share(w.won, w.won + w.lost), counted="closed",
    ),
    Measure(
        name="revenue", label="Revenue", formula="sum of leads won in the period",
        kind="money", value=lambda w: whole(w.revenue), counted="won",
    ),
    Measure(
        name="average_sale", label="Average sale", formula="revenue ÷ won",
        kind="money", value=lambda w: share(w.revenue, w.won), counted="won",
    ),
    Measure(
        name="calls_plan", label="Calls, % of plan",
        formula="(calls in + calls out) ÷ (plan a day × working days of the period so far)",
        kind="percent", value=lambda w: share(_calls(w), w.planned_calls), counted="talked",
    ),
    Measure(
        name="offers_plan", label="Offers, % of plan",
        formula="offers ÷ (plan a day × working days of the period so far)",
        kind="percent", value=lambda w: share(w.offers, w.planned_offers), counted="offers",
    ),
)  # fmt: skip
BY_NAME: Final = {figure.name: figure for figure in FIGURES}


async def managers(
    connection: AsyncConnection, wish: ManagersWish, *, zone: ZoneInfo, now: datetime
) -> Managers:
    """`zone` is the company's."""
    await plan_by_values(connection)
    people = await _people(connection, wish)
    period = Period.of(wish, zone=zone, now=now)
    work: dict[UUID | None, dict[str, Any]] = defaultdict(dict)
    await add_leads(connection, wish, work)
    await add_offers(connection, wish, period, work)
    if wish.source or wish.pipeline is not None:
        everybody = dict.fromkeys(ACTIVITY)
        work = defaultdict(dict, {who: own | everybody for who, own in work.items()})
    else:
        everybody = {}
        await add_activity(connection, wish, period, work)
    plans = await _planned(connection, wish, period, [person.id for person in people])
    rows = []
    for person in people:
        own = Work(**{**everybody, **work.get(person.id, {}), **plans.get(person.id, {})})
        if person.listed or _any(own):
            rows.append((person, own))
    total = _total([own for _, own in rows], work.get(None, {}))
    return Managers(wish=wish, rows=ranked(rows, wish.rank), total=total)


_PEOPLE: Final = """
    select u.id, u.name, u.disabled_at is not null as disabled,
           u.disabled_at is null and u.role in ('manager', 'lead') as listed
    from user_account u where {who} order by u.name, u.id
"""


async def _people(connection: AsyncConnection, wish: Wish) -> Sequence[Any]:
    """Whoever sells, and everybody else in case they did something, too."""
    values: dict[str, Any] = {}
    who = by_whom(wish, values, column="u.id")
    return (await connection.execute(text(_PEOPLE.format(who=who)), values)).all()


def _any(work: Work) -> bool:
    plans = {"planned_calls", "planned_offers"}
    return any(getattr(work, each.name) for each in fields(work) if each.name not in plans)


def _total(parts: Sequence[Work], together: Mapping[str, Any]) -> Work:
    """Sums; what does not add up is of all their answers together."""
    total: dict[str, Any] = {}
    for each in fields(Work):
        if each.name in {"first_median", "first_p90"}:
            total[each.name] = together.get(each.name)
            continue
        known = [getattr(part, each.name) for part in parts if getattr(part, each.name) is not None]
        total[each.name] = sum(known) if known or each.name in _ALWAYS else None
    return Work(**total)


_ALWAYS: Final = {"offers", "leads", "won", "lost", "revenue"}


def ranked(rows: Sequence[tuple[Any, Work]], rank: str) -> Sequence[Row]:
    """The best first; those alike share a place, and the next one's is counted on. Who has nothing to rank comes last."""
    figure = BY_NAME[rank]
    sign = 1 if figure.better == "less" else -1
    known: list[tuple[Fraction, str, Any, Work]] = []
    unknown = []
    for person, work in rows:
        value = figure.value(work)
        if value is None:
            unknown.append((person, work))
        else:
            known.append((sign * value, person.name, person, work))
    known.sort(key=lambda each: (each[0], each[1], each[2].id))
    found: list[Row] = []
    for number, (value, _, person, work) in enumerate(known):
        same = number and known[number - 1][0] == value
        found.append(_row(person, work, place=found[-1].place if same else number + 1))
    return [*found, *(_row(person, work, place=None) for person, work in unknown)]


def _row(person: Any, work: Work, *, place: int | None) -> Row:
    return Row(
        manager_id=person.id, name=person.name, disabled=person.disabled, place=place, work=work
    )


_TEAMS: Final = text("""
    select m.user_id, t.hours, t.holidays from team_member m join team t on t.id = m.team_id
    where m.user_id = any(:people) order by m.joined_at, t.id
""")
_OFFICE: Final = {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
"""Whose team has no hours, or who is in none, is planned for Mondays to Fridays."""


async def _planned(
    connection: AsyncConnection, wish: ManagersWish, period: Period, people: Sequence[UUID]
) -> dict[UUID, dict[str, int | None]]:
    plans = await read_plans(connection)
    if not plans:
        return {}
    teams: dict[UUID, Any] = {}
    for row in await connection.execute(_TEAMS, {"people": list(people)}):
        teams.setdefault(row.user_id, row)
    days = [
        wish.first + timedelta(days=n)
        for n in range((min(wish.last, period.today) - wish.first).days + 1)
    ]
    narrow = bool(wish.source or wish.pipeline is not None)
    found: dict[UUID, dict[str, int | None]] = {}
    for person in people:
        plan = plans.get(person)
        if plan is None:
            continue
        team = teams.get(person)
        hours = (team.hours if team else None) or _OFFICE
        holidays = frozenset(team.holidays) if team else frozenset()
        worked = sum(works_on(hours, holidays, day) for day in days)
        found[person] = {
            "planned_calls": plan.calls * worked if plan.calls and not narrow else None,
            "planned_offers": plan.offers * worked if plan.offers else None,
        }
    return found
