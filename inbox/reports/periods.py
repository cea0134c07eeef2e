"""Which days a report is of: "the last 30 days", "this month", days of one's own; and the days they are compared with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import Final, Literal

from inbox.wording import N_

Compared = Literal["previous", "year", "none"]
COMPARED: Final[tuple[Compared, ...]] = ("previous", "year", "none")
OWN: Final = "own"
USUAL: Final = "30d"
EARLIEST: Final = date(2000, 1, 1)
LATEST: Final = date(2099, 12, 31)
"""No day outside of these is a day of a business; between them there is room for what is compared with."""
LONGEST: Final = timedelta(days=366 * 10)
"""Ten years: nobody has more, and a report of them is still an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Whole days, `last` included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def before(self, how: Compared) -> "Period | None":
        match how:
            case "previous":
                back = timedelta(days=self.days)
                return Period(first=self.first - back, last=self.last - back)
            case "year":
                # As long as this one, so that the 29th of February changes no sum.
                first = _year_before(self.first)
                return Period(first=first, last=first + (self.last - self.first))
            case "none":
                return None


def _year_before(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:  # the 29th of February
        return day.replace(year=day.year - 1, day=28)


def _days(number: int) -> Callable[[date], Period]:
    return lambda today: Period(first=today - timedelta(days=number - 1), last=today)


def _last_month(today: date) -> Period:
    last = today.replace(day=1) - timedelta(days=1)
    return Period(first=last.replace(day=1), last=last)


def _quarter(today: date) -> Period:
    return Period(first=today.replace(month=today.month - (today.month - 1) % 3, day=1), last=today)


NAMED: Final[Mapping[str, tuple[str, Callable[[date], Period]]]] = MappingProxyType(
    {
        "today": (N_("Today"), _days(1)),
        "7d": (N_("Last 7 days"), _days(7)),
        "30d": (N_("Last 30 days"), _days(30)),
        "90d": (N_("Last 90 days"), _days(90)),
        "month": (
            N_("This month"),
            lambda today: Period(first=today.replace(day=1), last=today),
        ),
        "last_month": (N_("Last month"), _last_month),
        "quarter": (N_("This quarter"), _quarter),
        "year": (
            N_("This year"),
            lambda today: Period(first=today.replace(month=1, day=1), last=today),
        ),
    }
)
"""Words and days, by the name in an address. A named one moves with the calendar: a saved report stays of "this month"."""


def named(name: str, *, today: date) -> Period:
    return NAMED[name][1](today)


def own(first: date | None, last: date | None, *, today: date) -> Period | None:
    """From one of them to the other, in whichever order they were given; None when neither was."""
    if first is None and last is None:
        return None
    first, last = sorted((first or last or today, last or today))
    return Period(first=first, last=last)


def cut(period: Period) -> Period:
    """The newest of it, when it is longer than LONGEST."""
    return Period(first=max(period.first, period.last - LONGEST), last=period.last)
