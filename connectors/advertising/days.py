"""Days, however they are written: 2026-11-20, 20.11.2026, 11/20/2026, Nov 20, 2026, 20 нояб. 2026 г.

Whether the day or the month comes first is found for a whole column; where nothing tells, the day does, except behind
slashes when the file speaks English.
"""

import re
from collections.abc import Iterable
from datetime import date
from typing import Final, Literal

from router.spending import FIRST_DAY, LAST_DAY

Order = Literal["day", "month"]

_ISO: Final = re.compile(r"(\d{4})[-./](\d{1,2})[-./](\d{1,2})(?:[ T].*)?")
_COMPACT: Final = re.compile(r"(20\d{2})(\d{2})(\d{2})")
_NUMBERS: Final = re.compile(r"(\d{1,2})[-./](\d{1,2})[-./](\d{4}|\d{2})(?:[ T,].*)?")
_DAY_FIRST: Final = re.compile(r"(\d{1,2})[ .-]+([^\W\d_]+)\.?[ ,-]+(\d{4})(?:\s*(?:г|года)\.?)?")
_MONTH_FIRST: Final = re.compile(r"([^\W\d_]+)\.?\s+(\d{1,2}),?\s+(\d{4})")
_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "jan янв",
            "feb фев",
            "mar мар",
            "apr апр",
            "may мая май",
            "jun июн",
            "jul июл",
            "aug авг",
            "sep сен",
            "oct окт",
            "nov ноя",
            "dec дек",
        ),
        1,
    )
    for name in names.split()
}
_RANGE: Final = re.compile(r"\s+(?:-|–|—|to|по)\s+")


class NoSuchDay(ValueError):
    """It is no day; the text is the sentence that says so."""


def order_of(cells: Iterable[str], *, english: bool = False) -> Order:
    """What comes first in 03/04/2026."""
    slashes = False
    for cell in cells:
        if found := _NUMBERS.fullmatch(cell.strip()):
            first, second = int(found[1]), int(found[2])
            if first > 12 >= second:
                return "day"
            if second > 12 >= first:
                return "month"
            slashes = slashes or "/" in cell
    return "month" if slashes and english else "day"


def day_of(cell: str, *, order: Order = "day") -> date:
    """Raises NoSuchDay."""
    text = " ".join(cell.split())
    try:
        found = _parts(text, order)
        if found is not None:
            return date(*found)
    except ValueError as error:
        raise NoSuchDay(f"There is no day {text[:40]}.") from error
    raise NoSuchDay(f"“{text[:40]}” is not a day.")


def of_these_years(day: date, *, until: date) -> date:
    """The day, unless a mistyped year is more likely. Raises NoSuchDay."""
    if not FIRST_DAY <= day <= LAST_DAY:
        raise NoSuchDay(f"{day} is not a day of this century.")
    if day > until:
        raise NoSuchDay(f"{day} is still to come.")
    return day


def days_in(text: str) -> tuple[date, date] | None:
    """The two days of "November 1, 2026 - November 7, 2026", which reports have in their title; one day is both."""
    text = " ".join(text.strip("\"'() ").split())
    pieces = _RANGE.split(text)
    if len(pieces) > 2:
        return None
    order = order_of(pieces)
    try:
        first, last = day_of(pieces[0], order=order), day_of(pieces[-1], order=order)
    except NoSuchDay:
        return None
    return (first, last) if first <= last else None


def _parts(text: str, order: Order) -> tuple[int, int, int] | None:
    if found := _ISO.fullmatch(text) or _COMPACT.fullmatch(text):
        return int(found[1]), int(found[2]), int(found[3])
    if found := _NUMBERS.fullmatch(text):
        day, month = int(found[1]), int(found[2])
        if order == "month":
            day, month = month, day
        year = int(found[3])
        return (year if year > 99 else 2000 + year), month, day
    if found := _DAY_FIRST.fullmatch(text):
        number, name = found[1], found[2]
    elif found := _MONTH_FIRST.fullmatch(text):
        number, name = found[2], found[1]
    else:
        return None
    known = _MONTHS.get(name.lower()[:3])
    return None if known is None else (int(found[3]), known, int(number))
