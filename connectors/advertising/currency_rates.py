"""Rates of currencies, as a table: a day, a currency, and what one of it costs in the company's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from babel.numbers import is_currency

from connectors.advertising.days import NoSuchDay, Order, day_of, of_these_years, order_of
from connectors.advertising.decoding import decoded
from connectors.advertising.figures import Style, Unreadable, amount_of, style_of
from connectors.advertising.table import SPILT, Line, Torn, headings, lines_of, width_of
from router.spending import LARGEST_RATE, LAST_DAY, Problem

COLUMNS: Final = {
    "day": ("date", "day", "дата", "день"),
    "currency": ("currency", "code", "валюта", "код", "код валюты"),
    "rate": ("rate", "value", "курс", "значение"),
}


@dataclass(frozen=True, slots=True)
class CurrencyRate:
    currency: str
    day: date
    rate: Decimal


def read_rates(data: bytes) -> tuple[Sequence[CurrencyRate], Sequence[Problem]]:
    """Never raises for anything a file may hold."""
    text = decoded(data)
    if text is None:
        return (), [Problem(line=0, reason="This is not a text file: save the table as CSV.")]
    try:
        lines = list(lines_of(text))
    except Torn as torn:
        return (), [Problem(line=torn.line, reason="From here on it is no table.")]
    names = headings(lines[0].cells) if lines else ()
    places: dict[str, int] = {}
    for ours, theirs in COLUMNS.items():
        known = [names.index(each) for each in theirs if each in names]
        if not known:
            return (), [
                Problem(line=0, reason="The first line must name the columns: day, currency, rate.")
            ]
        places[ours] = known[0]
    order = order_of(_cell(line, places["day"]) for line in lines[1:])
    style = style_of(_cell(line, places["rate"]) for line in lines[1:])
    rates: list[CurrencyRate] = []
    problems: list[Problem] = []
    for line in lines[1:]:
        try:
            rates.append(_rate(line, places, order, style, width_of(names)))
        except (NoSuchDay, Unreadable) as wrong:
            problems.append(Problem(line=line.number, reason=str(wrong)))
    return rates, problems


def _rate(
    line: Line, places: Mapping[str, int], order: Order, style: Style, width: int
) -> CurrencyRate:
    """Raises NoSuchDay, Unreadable."""
    if any(line.cells[width:]):
        raise Unreadable(SPILT)
    currency = _cell(line, places["currency"]).upper()
    if not is_currency(currency):
        raise Unreadable(f"“{currency[:20]}” is not a currency.")
    # As fine as it is kept.
    rate = round(amount_of(_cell(line, places["rate"]), style=style), 8)
    if not 0 < rate <= LARGEST_RATE:
        raise Unreadable(f"“{rate:f}” is not a rate.")
    day = day_of(_cell(line, places["day"]), order=order)
    return CurrencyRate(currency, of_these_years(day, until=LAST_DAY), rate)


def _cell(line: Line, place: int) -> str:
    return line.cells[place] if place < len(line.cells) else ""
