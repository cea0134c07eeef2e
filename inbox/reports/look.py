"""Figures in words: as the reader's language writes them, and whether a change is good news."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

from babel.numbers import format_decimal, get_currency_precision

from inbox.formats import Formats
from inbox.languages import Language
from inbox.reports.sheet import Column
from storage.analytics.figures import Kind, Value

DASH: Final = "—"
_ROUND_FROM: Final = 100
"""Prices per piece from this many of the currency on are shown without kopecks."""
_MINUTE: Final = 60
_HOUR: Final = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Against the time before. `way` up, down or level; `news` good, bad or flat."""

    words: str
    way: Literal["up", "down", "level"]
    news: Literal["good", "bad", "flat"]
    before: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """For one reader, in the company's currency."""

    language: Language
    formats: Formats
    currency: str

    def _(self, message: str) -> str:
        return self.language._(message)

    def say(self, value: Value, column: Column) -> str:
        return self.said(value, column.kind, exact=column.additive)

    def said(self, value: Value, kind: Kind, *, exact: bool = False) -> str:  # noqa: PLR0911  # one per kind
        """`exact`: an amount that is part of a sum keeps its kopecks."""
        _ = self._
        if value is None:
            return DASH
        match kind:
            case "count":
                return self.number(value, 2 if abs(value) < 10 else 1)
            case "money":
                return self.formats.money(self._minor(value, exact=exact), self.currency)
            case "percent":
                return _("{n} %").format(n=self.number(value * 100, 1 if abs(value) < 1 else 0))
            case "ratio":
                return self.number(value, 2)
            case "days":
                return _("{n} d").format(n=self.number(value, 1))
            case "seconds":
                return self.span(value)

    def number(self, value: Fraction, digits: int) -> str:
        """At most so many digits behind the point; none of them zeros."""
        rounded = round(value, digits)
        pattern = "#,##0." + "#" * digits if digits else "#,##0"
        return format_decimal(float(rounded), format=pattern, locale=self.language.locale).replace(
            "-", "−"
        )

    def span(self, seconds: Fraction) -> str:
        _ = self._
        if seconds < _MINUTE:
            return _("{n} s").format(n=self.number(seconds, 0))
        if seconds < 2 * _HOUR:
            return _("{n} min").format(n=self.number(seconds / _MINUTE, 0))
        if seconds < 48 * _HOUR:
            return _("{n} h").format(n=self.number(seconds / _HOUR, 1))
        return _("{n} d").format(n=self.number(seconds / _HOUR / 24, 1))

    def _minor(self, value: Fraction, *, exact: bool) -> int:
        if exact:
            return round(value)
        whole = 10 ** get_currency_precision(self.currency)
        return round(value / whole) * whole if abs(value) >= _ROUND_FROM * whole else round(value)

    def change(self, now: Value, before: Value, column: Column) -> Change | None:
        """None when there is nothing to compare with."""
        if now is None or before is None:
            return None
        difference = now - before
        if column.kind == "percent":
            words = self._("{n} pp").format(n=self.number(abs(difference) * 100, 1))
        elif before:
            share = abs(difference / before) * 100
            words = self._("{n} %").format(n=self.number(share, 0 if share >= 10 else 1))
        else:
            words = self.said(abs(difference), column.kind, exact=column.additive)
        way: Literal["up", "down", "level"] = (
            "level" if not difference else "up" if difference > 0 else "down"
        )
        good = {"more": "up", "less": "down", "": ""}[column.better]
        news: Literal["good", "bad", "flat"] = (
            "flat" if not good or way == "level" else "good" if way == good else "bad"
        )
        return Change(words=words, way=way, news=news, before=self.say(before, column))
