"""What somebody wants to see of the leads, as the address says it: a filtered board is a link that can be sent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal, get_args
from urllib.parse import urlencode
from uuid import UUID

from inbox.desk import Refused
from inbox.pages.lead_answers import minor_units
from inbox.rendering import word
from inbox.uuids import uuid_or_none
from inbox.visit import Visit
from storage.reading.colleagues import TeamRow, UserRow
from storage.reading.leads import LIVING, LeadFilter, Sort
from storage.reading.pipelines import PipelineRow

KEPT: Final = (
    "manager", "team", "source", "channel", "label", "from", "to", "min", "max", "task", "age", "status", "q", "sort",
    "lost",
)  # fmt: skip
LONGEST: Final = 200
Task = Literal["", "none", "late", "today"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One condition in words; `without` is the address without it."""

    words: str
    without: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadWish:
    """`asked` is what the address holds and we understand, by its name there."""

    view: Literal["board", "list"]
    pipeline: PipelineRow | None
    asked: Mapping[str, str]
    filter: LeadFilter
    sort: Sort
    shows_lost: bool

    def address(self, **other: str | None) -> str:
        """The same with something else; None takes it away."""
        said: dict[str, str] = {}
        if self.pipeline is not None:
            said["pipeline"] = str(self.pipeline.id)
        if self.view == "list":
            said["view"] = "list"
        said |= self.asked
        for name, value in other.items():
            own = name.rstrip("_")
            if value:
                said[own] = value
            else:
                said.pop(own, None)
        return f"/leads?{urlencode(said)}" if said else "/leads"

    def query(self) -> str:
        return self.address().partition("?")[2]

    @property
    def narrows(self) -> bool:
        return bool(self.asked.keys() - {"sort", "lost"})


def wish_of(visit: Visit, pipelines: Sequence[PipelineRow]) -> LeadWish:
    """What is not understood is left out: an old link opens something."""
    query = visit.request.query
    view: Literal["board", "list"] = "list" if query.get("view") == "list" else "board"
    chosen = next(
        (each for each in pipelines if str(each.id) == query.get("pipeline")),
        pipelines[0] if pipelines else None,
    )
    asked = {
        name: query[name].replace("\0", "").strip()[:LONGEST]
        for name in KEPT
        if query.get(name, "").strip()
    }
    sort: Sort = next((each for each in get_args(Sort) if each == asked.get("sort")), "created")
    wanted = LeadFilter(pipeline=chosen.id if chosen else None)
    understood: dict[str, str] = {}
    for name, value in asked.items():
        changes = _condition(visit, name, value, currency=chosen.currency if chosen else "RUB")
        if changes is not None:
            understood[name] = value
            wanted = replace(wanted, **changes)
    return LeadWish(
        view=view,
        pipeline=chosen,
        asked=understood,
        filter=wanted,
        sort=sort,
        shows_lost="lost" in understood,
    )


def _condition(  # noqa: C901, PLR0911, PLR0912  # one line per condition
    visit: Visit, name: str, value: str, *, currency: str
) -> dict[str, Any] | None:
    match name:
        case "manager" if value == "none":
            return {"unassigned": True}
        case "manager" if value == "me":
            return {"manager": visit.me}
        case "manager" | "team":
            found = uuid_or_none(value)
            return {name: found} if found else None
        case "source" | "channel" | "label" | "q":
            return {name: value}
        case "from" | "to":
            day = _day(value)
            if day is None:
                return None
            at = datetime.combine(day, datetime.min.time(), visit.formats.zone)
            return (
                {"created_from": at} if name == "from" else {"created_to": at + timedelta(days=1)}
            )
        case "min" | "max":
            try:
                amount = minor_units(visit, value, currency)
            except Refused:
                return None
            return {"value_from": amount} if name == "min" else {"value_to": amount}
        case "task" if value in get_args(Task):
            today = visit.formats.local_day(visit.now)
            tomorrow = datetime.combine(
                today + timedelta(days=1), datetime.min.time(), visit.formats.zone
            )
            return {"task": value, "late_before": visit.now, "today_until": tomorrow}
        case "age" if value == "norm":
            return {"forgotten": True, "late_before": visit.now}
        case "age" if value.isdecimal() and 0 < int(value[:4]) < 1000:
            return {"in_stage_since": visit.now - timedelta(days=int(value[:4]))}
        case "status" if value in LIVING:
            return {"statuses": (value,)}
        case "sort" | "lost":
            return {}
        case _:
            return None


def chips(
    visit: Visit, wish: LeadWish, *, colleagues: Sequence[UserRow], teams: Sequence[TeamRow]
) -> list[Chip]:
    """The conditions that have no place of their own in the bar."""
    _ = visit._
    people = {str(each.id): each.name or each.email for each in colleagues}
    names = {str(each.id): each.name for each in teams}
    said: dict[str, Callable[[str], str]] = {
        "manager": lambda value: {"me": _("Mine"), "none": _("Without a manager")}.get(
            value, people.get(value, _("A manager who has left"))
        ),
        "team": lambda value: names.get(value, _("A team that is no more")),
        "source": lambda value: visit.house.sources.of_key(visit.language, value),
        "channel": visit.language.channel_words,
        "label": lambda value: _("Label: {name}").format(name=value),
        "from": lambda value: _("Opened from {day}").format(day=_said(visit, value)),
        "to": lambda value: _("Opened until {day}").format(day=_said(visit, value)),
        "min": lambda value: _("From {amount}").format(amount=value),
        "max": lambda value: _("Up to {amount}").format(amount=value),
        "task": lambda value: task_words(visit)[value],
        "age": lambda value: (
            _("In the stage for too long")
            if value == "norm"
            else _("In the stage for {n} d and more").format(n=int(value))
        ),
        "status": lambda value: word(visit.language, "lead_status", value),
        "q": "«{}»".format,
    }
    return [
        Chip(words=said[name](value), without=wish.address(**{name: None}))
        for name, value in wish.asked.items()
        if name in said
    ]


def task_words(visit: Visit) -> dict[str, str]:
    _ = visit._
    return {"none": _("Without a task"), "late": _("Task is late"), "today": _("Task for today")}


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None


def _said(visit: Visit, written: str) -> str:
    day = _day(written)
    return visit.formats.day_name(day) if day else written


def ids_of(text: str, *, most: int) -> list[UUID]:
    found = (uuid_or_none(each) for each in text.split(",")[:most])
    return [each for each in dict.fromkeys(found) if each is not None]
