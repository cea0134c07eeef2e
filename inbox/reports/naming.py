"""What the keys of rows and filters are called, for a reader."""

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Final, Literal

from babel.dates import format_date, get_day_names
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.phone_numbers import shown_number
from inbox.rendering import channel_label
from inbox.reports.look import Look
from inbox.reports.periods import Period
from inbox.reports.sheet import State
from inbox.source_names import unnamed
from storage.analytics.key_names import names_of
from storage.analytics.rules import NOBODY
from storage.analytics.source_report import REST, UNSHARED

_NONE: Final = str(NOBODY)
NOWHERE: Final = " / "
"""The key of the source of which nobody knows anything: no source, no medium."""
TIMES: Final = frozenset({"day", "week", "month"})


class Names:
    """Of the keys of one grouping."""

    def __init__(self, look: Look, grouping: str, found: Mapping[str, str]) -> None:
        self._look, self._grouping, self._found = look, grouping, found

    def __call__(  # noqa: C901, PLR0911, PLR0912  # one line per kind
        self, key: str, *, own: str = ""
    ) -> str:
        """`own`: the name that came with the row, "" when it has none."""
        _ = self._look._
        if key == UNSHARED:
            return _("Spend that cannot be told apart")
        if key == REST:
            return _("Everything else")
        match self._grouping:
            case "source" if key == NOWHERE:
                return _("Unknown")
            case "source":
                return own or self._found.get(key) or unnamed(self._look.language, key)
            case "campaign":
                return key or _("Without a campaign")
            case "content":
                return key or _("Without an ad")
            case "term":
                return key or _("Without a phrase")
            case "landing":
                return key or _("No landing page is known")
            case "said":
                return key or _("Not asked")
            case "channel":
                return channel_label(self._look.language, key) if key else _("Opened by hand")
            case "team":
                return self._found.get(key) or _("A team that is no more")
            case "stage":
                return own or self._found.get(key) or _("A stage that is no more")
            case "weekday":
                return str(weekdays(self._look, "wide")[int(key)])
            case "hour":
                return hour_words(int(key))
            case "number":
                return shown_number(key) if key else _("No number is known")
            case "manager":
                return own or self._found.get(key) or _("Without a manager")
            case "account":
                return own or self._found.get(key) or _("Without an account")
            case "pipeline":
                return own or self._found.get(key) or _("Inquiries without a lead")
            case "day" | "week" | "month":
                return time_words(self._look, self._grouping, date.fromisoformat(key))
            case _:
                return own or key

    def state(self, key: str, *, own: str = "") -> State:
        if key == UNSHARED:
            return "unshared"
        if key == REST:
            return "rest"
        if self._grouping == "source":
            return "unknown" if key == NOWHERE else "" if own else "unmapped"
        return "nobody" if key in {"", _NONE} else ""


async def names(
    connection: AsyncConnection, look: Look, grouping: str, keys: Collection[str]
) -> Names:
    return Names(look, grouping, await names_of(connection, grouping, keys))


def weekdays(look: Look, width: Literal["wide", "abbreviated"]) -> Mapping[int, str]:
    """By number, Monday is 0."""
    found: Mapping[int, str] = get_day_names(width, "stand-alone", look.language.locale)
    return found


def hour_words(hour: int) -> str:
    """9:00–10:00"""
    return f"{hour}:00–{hour + 1}:00"


def time_words(look: Look, grouping: str, day: date) -> str:
    locale = look.language.locale
    if grouping == "month":
        return format_date(day, "LLLL y", locale=locale)
    if grouping == "week":
        return days_words(look, Period(first=day, last=day + timedelta(days=6)))
    this = look.formats.local_day(look.formats.now).year
    return format_date(day, "EE, d MMM" if day.year == this else "EE, d MMM y", locale=locale)


def days_words(look: Look, period: Period) -> str:
    """1–20 November, 28 October – 3 November, 20 December 2025 – 5 January 2026."""
    locale, first, last = look.language.locale, period.first, period.last
    this = look.formats.local_day(look.formats.now).year
    year = "" if first.year == last.year == this else " y"
    if first == last:
        return format_date(last, f"d MMMM{year}", locale=locale)
    end = format_date(last, f"d MMMM{year}", locale=locale)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{end}"
    begin = format_date(first, f"d MMMM{year if first.year != last.year else ''}", locale=locale)
    return f"{begin} – {end}"


def of_time(grouping: str, key: str, period: Period) -> Period:
    """The days of a row that is a day, a week or a month, as far as the report has them."""
    first = date.fromisoformat(key)
    last = {
        "day": first,
        "week": first + timedelta(days=6),
        "month": (first + timedelta(days=32)).replace(day=1) - timedelta(days=1),
    }[grouping]
    return Period(first=max(first, period.first), last=min(last, period.last))
