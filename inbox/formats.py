"""Times, sizes, money and names, the way the reader's language and place write them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date, format_skeleton, format_time
from babel.numbers import format_currency, format_decimal, get_currency_precision
from markupsafe import Markup, escape

from inbox.languages import Language

_LINK: Final = re.compile(r"https?://[^\s<>\"']{1,2000}")
_AFTER_LINK: Final = ".,:;!?)]}»”"
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400


def zone(name: str, *, default: str) -> ZoneInfo:
    """The reader's time zone, as their browser named it."""
    if re.fullmatch(r"[A-Za-z0-9_+\-/]{1,64}", name):
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return ZoneInfo(default)
    return ZoneInfo(default)


def initials(name: str) -> str:
    """Of the first two words that begin with a letter: "Анна Кузнецова" → АК, "+7 921…" → ""."""
    words = [word for word in re.split(r"[\s«»\"(),.]+", name) if word and word[0].isalpha()]
    return "".join(word[0].upper() for word in words[:2])


def linked(text: str) -> Markup:
    """The text, escaped, with its addresses clickable."""
    pieces: list[Markup] = []
    end = 0
    for found in _LINK.finditer(text):
        url = found.group().rstrip(_AFTER_LINK)
        pieces.extend(
            (
                escape(text[end : found.start()]),
                Markup(
                    '<a href="{0}" target="_blank" rel="noopener noreferrer nofollow">{0}</a>'
                ).format(url),
            )
        )
        end = found.start() + len(url)
    pieces.append(escape(text[end:]))
    return Markup().join(pieces)


def named(html: Markup, names: Sequence[str]) -> Markup:
    """The escaped text of a note, with the colleagues whom it names marked: "@Anna"."""
    if not names:
        return html
    whom = "|".join(re.escape(str(escape(name))) for name in sorted(names, key=len, reverse=True))
    named_here = re.compile(rf"(?<![\w.@=/-])@(?:{whom})(?!\w)")
    # Every second piece is a tag: an address may have an @ in it too.
    pieces = re.split(r"(<[^>]*>)", str(html))
    pieces[::2] = [named_here.sub(r'<b class="named">\g<0></b>', each) for each in pieces[::2]]
    return Markup("".join(pieces))  # noqa: S704  # escaped text, and marks put around parts of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Formats:
    """For one reader, at one moment."""

    language: Language
    zone: ZoneInfo
    now: datetime

    def clock(self, at: datetime) -> str:
        """16:42"""
        return format_time(at, "HH:mm", tzinfo=self.zone, locale=self.language.locale)

    def local_day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def tomorrow_at(self, clock: str) -> str:
        """As a field for a day and a time takes it."""
        return f"{self.local_day(self.now) + timedelta(days=1)}T{clock}"

    def day_name(self, then: date) -> str:
        """today, yesterday, Thursday, 19 November; with the year when it is another."""
        _ = self.language._
        today = self.local_day(self.now)
        if then == today:
            return _("today")
        if then == today - timedelta(days=1):
            return _("yesterday")
        pattern = "EEEE, d MMMM" if then.year == today.year else "d MMMM y"
        return format_date(then, pattern, locale=self.language.locale)

    def short(self, at: datetime) -> str:
        """In a list: the time today, then the day, then the date."""
        _ = self.language._
        today, then = self.local_day(self.now), self.local_day(at)
        if then == today:
            return self.clock(at)
        if then == today - timedelta(days=1):
            return _("yesterday")
        pattern = "d MMM" if then.year == today.year else "dd.MM.yy"
        return format_date(then, pattern, locale=self.language.locale)

    def moment(self, at: datetime) -> str:
        """19.11, 16:41; with the year when it is another."""
        pattern = (
            "dd.MM" if self.local_day(at).year == self.local_day(self.now).year else "dd.MM.yy"
        )
        return f"{format_date(self.local_day(at), pattern, locale=self.language.locale)}, {self.clock(at)}"

    def weekday_moment(self, at: datetime) -> str:
        """Sat, 9:00"""
        return format_skeleton(
            "EHm", at.astimezone(self.zone), tzinfo=self.zone, locale=self.language.locale
        )

    def due(self, at: datetime) -> str:
        """today, 18:00; tomorrow, 9:00; Mon, 9:00; late by 2 h"""
        _ = self.language._
        if at < self.now:
            return _("late by {span}").format(span=self.since(at))
        days = (self.local_day(at) - self.local_day(self.now)).days
        if days == 0:
            return _("today, {time}").format(time=self.clock(at))
        if days == 1:
            return _("tomorrow, {time}").format(time=self.clock(at))
        return self.weekday_moment(at) if days < 7 else self.moment(at)

    def next_midnight(self) -> datetime:
        """The end of the reader's today."""
        local = self.now.astimezone(self.zone)
        return (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)

    def month_day(self, at: datetime) -> str:
        """19 November"""
        return format_date(self.local_day(at), "d MMMM", locale=self.language.locale)

    def span(self, seconds: float) -> str:
        """4 min, 2 h, 3 d: the largest unit that says enough."""
        _ = self.language._
        if seconds < _HOUR:
            return _("{n} min").format(n=max(1, int(seconds // _MINUTE)))
        if seconds < 2 * _DAY:
            return _("{n} h").format(n=int(seconds // _HOUR))
        return _("{n} d").format(n=int(seconds // _DAY))

    def since(self, at: datetime) -> str:
        return self.span((self.now - at).total_seconds())

    def ago(self, at: datetime) -> str:
        _ = self.language._
        seconds = (self.now - at).total_seconds()
        if seconds < _MINUTE:
            return _("just now")
        return _("{span} ago").format(span=self.span(seconds))

    def ago_to_the_second(self, at: datetime) -> str:
        seconds = max(0, int((self.now - at).total_seconds()))
        if seconds < _MINUTE:
            return self.language._("{n} s ago").format(n=seconds)
        return self.ago(at)

    def duration(self, seconds: float) -> str:
        """3:12"""
        whole = int(seconds)
        hours, rest = divmod(whole, _HOUR)
        minutes, rest = divmod(rest, _MINUTE)
        return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

    def size(self, number: int) -> str:
        _ = self.language._
        locale = self.language.locale
        if number < 1024:
            return _("{n} B").format(n=number)
        if number < 1024 * 1024:
            return _("{n} KB").format(n=format_decimal(number // 1024, locale=locale))
        megabytes = format_decimal(round(number / 1024 / 1024, 1), locale=locale)
        return _("{n} MB").format(n=megabytes)

    def number(self, value: float) -> str:
        return format_decimal(value, locale=self.language.locale)

    def calendar_day(self, day: date) -> str:
        """1 Nov 2026"""
        return format_date(day, "medium", locale=self.language.locale)

    def days(self, first: date, last: date) -> str:
        """A range of days, or the one that it is."""
        return (
            self.calendar_day(first)
            if first == last
            else f"{self.calendar_day(first)} – {self.calendar_day(last)}"
        )

    def amount(self, amount: Decimal, currency: str) -> str:
        """As it was said, to the kopeck."""
        return format_currency(amount, currency, locale=self.language.locale).replace("RUB", "₽")

    def plain_amount(self, minor: int, currency: str) -> str:
        """As a field for a number takes it."""
        digits = get_currency_precision(currency)
        return f"{Decimal(minor).scaleb(-digits):.{digits}f}"

    def money(self, minor: int, currency: str) -> str:
        """18 400 ₽: without kopecks when there are none."""
        digits = get_currency_precision(currency)
        whole, part = divmod(abs(minor), 10**digits)
        amount = (-1 if minor < 0 else 1) * (whole + part / 10**digits)
        shown = format_currency(
            amount,
            currency,
            locale=self.language.locale,
            currency_digits=bool(part),
            format=None if part else _without_fraction(self.language),
        )
        return shown.replace("RUB", "₽")


def _without_fraction(language: Language) -> str:
    pattern = language.locale.currency_formats["standard"].pattern
    return re.sub(r"\.0+", "", pattern)
