"""A sheet as plain values, for programs: counts, minor units, parts of one, days and seconds, each by its column's name."""

from fractions import Fraction
from typing import Final

from inbox.reports.sheet import Column, Sheet, Values

PLACES: Final = 6
"""Shared leads are exact to a millionth."""


def plain(values: Values, sheet: Sheet) -> dict[str, float | int | None]:
    return {each.name: _plain(values.get(each.name), each) for each in sheet.columns}


def _plain(value: Fraction | None, column: Column) -> float | int | None:
    if value is None:
        return None
    if column.kind in {"money", "seconds"}:
        return round(value)
    rounded = round(value, PLACES)
    return rounded.numerator if rounded.denominator == 1 else float(rounded)
