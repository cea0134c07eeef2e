"""A sheet as CSV that Excel opens as it is: UTF-8 with its mark, the reader's separator and decimal comma, no formulas."""

import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

from babel.numbers import get_currency_precision

from inbox.languages import Language
from inbox.reports.sheet import Column, Line, Sheet
from storage.analytics.figures import Value

_FORMULAS: Final = ("=", "+", "-", "@")
_UNSEEN: Final = frozenset({"Cf", "Zs", "Zl", "Zp"})
"""Kinds of characters that a spreadsheet may pass over before it looks what a cell is: spaces, marks of no width."""
_DIGITS: Final = {"count": 6, "percent": 4, "ratio": 4, "days": 2, "seconds": 0}


def csv_file(sheet: Sheet, language: Language) -> bytes:
    """Percents as 15.3, money in its unit, spans in seconds; nothing where a page has a dash."""
    comma = language.locale.number_symbols["latn"]["decimal"] == ","
    held = io.StringIO()
    writer = csv.writer(held, delimiter=";" if comma else ",", lineterminator="\r\n")
    writer.writerow([safe(sheet.heading), *(safe(heading(each, sheet)) for each in sheet.columns)])
    for depth, line in flat(sheet):
        figures = (
            number(line.values.get(each.name), each, sheet.currency) for each in sheet.columns
        )
        shown = (
            "" if each is None else str(each).replace(".", ",") if comma else str(each)
            for each in figures
        )
        writer.writerow([safe("  " * depth + line.name), *shown])
    return b"\xef\xbb\xbf" + held.getvalue().encode()


def safe(text: str) -> str:
    """A cell that begins like a formula is one to a spreadsheet (OWASP, CSV injection): an apostrophe makes it text. So it
    is with a sign of full width, as East Asian keyboards write it, and with what no keyboard writes: a tab, a line's end.
    """
    for each in text:
        kind = unicodedata.category(each)
        if kind not in _UNSEEN:
            is_formula = kind == "Cc" or unicodedata.normalize("NFKC", each).startswith(_FORMULAS)
            return f"'{text}" if is_formula else text
    return text


def heading(column: Column, sheet: Sheet) -> str:
    unit = {"money": sheet.currency, "seconds": "s"}.get(column.kind, "")
    if column.kind == "percent":
        return column.label if "%" in column.label else f"{column.label}, %"
    return f"{column.label}, {unit}" if unit else column.label


def flat(sheet: Sheet) -> Iterator[tuple[int, Line]]:
    """Every row and what is open in it, then the total."""

    def within(lines: Sequence[Line], depth: int) -> Iterator[tuple[int, Line]]:
        for line in lines:
            yield depth, line
            yield from within(line.inside or (), depth + 1)

    yield from within(sheet.lines, 0)
    if sheet.total is not None:
        yield 0, sheet.total


def number(value: Value, column: Column, currency: str) -> float | int | None:
    """As a spreadsheet has it."""
    if value is None:
        return None
    if column.kind == "money":
        digits = get_currency_precision(currency)
        return _plain(value / 10**digits, digits)
    return _plain(value * 100 if column.kind == "percent" else value, _DIGITS[column.kind])


def _plain(value: Fraction, digits: int) -> float | int:
    rounded = round(value, digits)
    return rounded.numerator if rounded.denominator == 1 else float(rounded)
