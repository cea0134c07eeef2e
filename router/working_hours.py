"""When a team works: is it open now, when will it be, when N working minutes have passed, and how many have.

Hours are {"mon": [["09:00", "13:00"], ["14:00", "18:00"]], …} in the team's time zone; a day that is missing is a day
off; an end of "24:00" is midnight, and one that is not after its start is the next day's (a night shift belongs to the
day on which it begins). Holidays are ISO dates of that time zone. No hours at all means always open.
"""

from collections.abc import Iterator, Mapping, Set as AbstractSet
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HORIZON: Final = timedelta(days=60)
"""Nobody waits longer for a team that never opens."""


def is_open(
    hours: Mapping[str, Any] | None, zone: str, holidays: AbstractSet[str], now: datetime
) -> bool:
    if hours is None:
        return True
    today = now.astimezone(ZoneInfo(zone)).date()
    return any(
        start <= now < end
        for day in (today - timedelta(days=1), today)
        for start, end in _shifts(hours, zone, holidays, day)
    )


def next_opening(
    hours: Mapping[str, Any] | None, zone: str, holidays: AbstractSet[str], now: datetime
) -> datetime | None:
    """The moment the team is open again; `now` when it is; None when its hours hold nothing."""
    for start, end in _from(hours, zone, holidays, now):
        if end > now:
            return max(start, now)
    return None


def add_working_minutes(
    hours: Mapping[str, Any] | None,
    zone: str,
    holidays: AbstractSet[str],
    since: datetime,
    minutes: int,
) -> datetime:
    """When `minutes` of working time have passed since `since`."""
    left = timedelta(minutes=minutes)
    if hours is None:
        return since + left
    for start, end in _from(hours, zone, holidays, since):
        begin = max(start, since)
        if begin + left <= end:
            return min(begin + left, since + _HORIZON)
        if end > begin:
            left -= end - begin
    return since + _HORIZON


def working_seconds_between(
    hours: Mapping[str, Any] | None,
    zone: str,
    holidays: AbstractSet[str],
    since: datetime,
    until: datetime,
) -> int:
    """How much of the time from `since` to `until` the team worked; what overlaps is counted once."""
    if hours is None:
        return max(0, int((until - since).total_seconds()))
    worked, counted = timedelta(0), since
    day = since.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)
    last = until.astimezone(ZoneInfo(zone)).date()
    while day <= last:
        for start, end in _shifts(hours, zone, holidays, day):
            begin, finish = max(start, counted), min(end, until)
            if finish > begin:
                worked += finish - begin
                counted = finish
        day += timedelta(days=1)
    return int(worked.total_seconds())


def works_on(hours: Mapping[str, Any] | None, holidays: AbstractSet[str], day: date) -> bool:
    """Whether the team begins to work on this day at all."""
    if day.isoformat() in holidays:
        return False
    return hours is None or bool(hours.get(_DAYS[day.weekday()]))


def _from(
    hours: Mapping[str, Any] | None, zone: str, holidays: AbstractSet[str], now: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """The shifts from yesterday's on, one after the other; what overlaps is counted once."""
    if hours is None:
        yield now, datetime.max.replace(tzinfo=UTC)
        return
    first = now.astimezone(ZoneInfo(zone)).date()
    until = datetime.min.replace(tzinfo=UTC)
    for n in range(-1, _HORIZON.days + 2):
        for start, end in _shifts(hours, zone, holidays, first + timedelta(days=n)):
            if end > max(start, until):
                yield max(start, until), end
                until = end


def _shifts(
    hours: Mapping[str, Any], zone: str, holidays: AbstractSet[str], day: date
) -> list[tuple[datetime, datetime]]:
    if day.isoformat() in holidays:
        return []
    return sorted(
        (_at(day, start, zone), _at(day if end > start else day + timedelta(days=1), end, zone))
        for start, end in hours.get(_DAYS[day.weekday()], ())
    )


def _at(day: date, clock: str, zone: str) -> datetime:
    # The wall clock is turned into UTC at once: on the days when it changes, a shift is as long as it really is.
    if clock == "24:00":
        day, clock = day + timedelta(days=1), "00:00"
    return datetime.combine(day, time.fromisoformat(clock), ZoneInfo(zone)).astimezone(UTC)
