"""When, as people write it in a task: "позвонить завтра в 10", "call on Monday at 9:30", "через 2 часа".

Only what is surely meant is understood; whoever means something else chooses it beside the text.
"""

import re
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

MORNING: Final = 9
EVENING: Final = 18

_DAYS: Final = (
    (re.compile(r"\b(?:сегодня|today)\b", re.IGNORECASE), 0),
    (re.compile(r"\b(?:завтра|tomorrow)\b", re.IGNORECASE), 1),
    (re.compile(r"\b(?:послезавтра)\b", re.IGNORECASE), 2),
)
_WEEK: Final = tuple(
    re.compile(rf"\b(?:в|во|on)\s+(?:{words})\b", re.IGNORECASE)
    for words in (
        "понедельник|monday",
        "вторник|tuesday",
        "среду|wednesday",
        "четверг|thursday",
        "пятницу|friday",
        "субботу|saturday",
        "воскресенье|sunday",
    )
)
_CLOCK: Final = re.compile(
    r"\b(?:в|к|at|by)\s+(\d{1,2})(?:[:.](\d{2}))?(?!\s*(?:шт|руб|%|₽|\d))\b|\b(\d{1,2}):(\d{2})\b",
    re.IGNORECASE,
)
_IN: Final = re.compile(
    r"\b(?:через|in)\s+(?:(\d{1,3})\s+)?(мин\w*|час\w*|д(?:ень|ня|ней)|недел\w*|min\w*|hours?|days?|weeks?)\b",
    re.IGNORECASE,
)
_UNITS: Final = (
    ("мин", timedelta(minutes=1)),
    ("min", timedelta(minutes=1)),
    ("час", timedelta(hours=1)),
    ("hour", timedelta(hours=1)),
    ("недел", timedelta(weeks=1)),
    ("week", timedelta(weeks=1)),
    ("д", timedelta(days=1)),
    ("day", timedelta(days=1)),
)


def due_in(text: str, *, now: datetime, zone: ZoneInfo) -> datetime | None:
    """The moment the text names; None when it names none."""
    local = now.astimezone(zone)
    after = _IN.search(text)
    if after is not None:
        unit = next(each for word, each in _UNITS if after[2].lower().startswith(word))
        due = local + int(after[1] or 1) * unit
        clock = _clock(text)
        if clock is not None and unit >= timedelta(days=1):
            return _at(due, *clock)
        return due
    days, clock = _days(text, local), _clock(text)
    if days is None and clock is None:
        return None
    if clock is None:
        hour = EVENING if days == 0 else MORNING
        return _at(local + timedelta(days=days or 0), hour, 0)
    due = _at(local + timedelta(days=days or 0), *clock)
    # "at 9", written at noon, is the next nine o'clock there is.
    return due + timedelta(days=1) if days is None and due <= local else due


def usual(*, now: datetime, zone: ZoneInfo) -> datetime:
    """When nothing is said: this evening, or tomorrow morning when it is evening already."""
    local = now.astimezone(zone)
    evening = _at(local, EVENING, 0)
    return evening if evening > local else tomorrow(now=now, zone=zone)


def tomorrow(*, now: datetime, zone: ZoneInfo) -> datetime:
    return _at(now.astimezone(zone) + timedelta(days=1), MORNING, 0)


def monday(*, now: datetime, zone: ZoneInfo) -> datetime:
    local = now.astimezone(zone)
    return _at(local + timedelta(days=7 - local.weekday()), MORNING, 0)


def _days(text: str, local: datetime) -> int | None:
    for words, days in _DAYS:
        if words.search(text):
            return days
    for weekday, words in enumerate(_WEEK):
        if words.search(text):
            return (weekday - local.weekday() - 1) % 7 + 1
    return None


def _clock(text: str) -> tuple[int, int] | None:
    for found in _CLOCK.finditer(text):
        hour, minute = int(found[1] or found[3]), int(found[2] or found[4] or 0)
        if hour < 24 and minute < 60:
            return hour, minute
    return None


def _at(day: datetime, hour: int, minute: int) -> datetime:
    return day.replace(hour=hour, minute=minute, second=0, microsecond=0)
