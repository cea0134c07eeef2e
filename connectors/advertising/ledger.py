"""A table to rows of spend: what every format does alike once it has said which column is what.

    lines ─▶ the headings (wherever they are: titles may stand above) ─▶ each line below ─▶ a row, or a problem

Totals and repeated headings are passed over. How figures and days are written is found for each column as a whole.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from babel.numbers import is_currency

from connectors.advertising.days import (
    NoSuchDay,
    Order,
    day_of,
    days_in,
    of_these_years,
    order_of,
)
from connectors.advertising.figures import (
    EMPTY,
    Style,
    Unreadable,
    amount_of,
    count_of,
    style_of,
)
from connectors.advertising.table import SPILT, Line, folded_name, headings, width_of
from router.clean_text import clean_line
from router.spending import (
    LAST_DAY,
    LONGEST_NAME,
    LONGEST_RANGE,
    MOST,
    MOST_PROBLEMS,
    MOST_ROWS,
    Level,
    Problem,
    Spending,
    SpendRow,
    days_covered,
)

HEADINGS_WITHIN: Final = 20
"""Lines: titles are no longer."""
MICROS: Final = Decimal(1_000_000)

_TOTAL: Final = re.compile(
    r"(?:grand )?totals?(?:\b.*)?|total rows.*|итог(?:о|и)?(?:\b.*)?|всего(?:\b.*)?", re.IGNORECASE
)
_WITH_CURRENCY: Final = re.compile(
    r"(?P<name>.+?)\s*[,(\[]\s*(?P<currency>[a-z]{3}|₽|\$|€|£|₸|руб\.?|р\.)\s*[)\]]?"
)
_SIGNS: Final = MappingProxyType(
    {"₽": "RUB", "руб": "RUB", "руб.": "RUB", "р.": "RUB", "rur": "RUB", "$": "USD", "€": "EUR"}
    | {"£": "GBP", "₸": "KZT"}
)
_OBJECTS: Final = frozenset({"campaign", "campaign_id", "ad_group", "ad_group_id", "ad", "ad_id"})
_YES: Final = frozenset({"yes", "true", "1", "да", "с ндс", "included", "y"})
_NO: Final = frozenset({"no", "false", "0", "нет", "без ндс", "excluded", "n"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """A format: what it calls its columns, in small letters. `marks`: headings that no other format has."""

    format: str
    columns: Mapping[str, Sequence[str]]
    marks: frozenset[str] = frozenset()
    empty_is_nothing: bool = True
    """A line without a cost cost nothing; else it is a mistake."""
    nameless_is_total: bool = False
    """A line that names no campaign sums up the others."""
    english: bool = False
    """Its English headings come with American days."""


@dataclass(slots=True)
class Problems:
    """The first of them, and how many lines were refused."""

    refused: int = 0
    _refusals: list[Problem] = field(default_factory=list)
    _notes: list[Problem] = field(default_factory=list)

    def add(self, line: int, reason: str, *, refused: bool = True) -> None:
        self.refused += refused
        kind = self._refusals if refused else self._notes
        if len(kind) < MOST_PROBLEMS:
            kind.append(Problem(line=line, reason=reason, refused=refused))

    @property
    def first(self) -> list[Problem]:
        """Those that are refused before what is only pointed out, however much of that there is."""
        return [*self._refusals, *self._notes][:MOST_PROBLEMS]


@dataclass(frozen=True, slots=True)
class Found:
    """Where the columns are, by our names for them."""

    at: int
    names: tuple[str, ...]
    places: Mapping[str, int]
    currency: str = ""


def found_in(line: Sequence[str], dialect: Dialect, *, at: int = 0) -> Found | None:
    """The line as this format's headings; None when they are not: a cost there must be."""
    names = headings(line)
    bare, currencies = [], []
    for name in names:
        split = _WITH_CURRENCY.fullmatch(name)
        bare.append(split["name"] if split else name)
        currencies.append(_code(split["currency"]) if split else "")
    places: dict[str, int] = {}
    for ours, theirs in dialect.columns.items():
        for each in theirs:
            spot = next(
                (spots.index(each) for spots in (names, tuple(bare)) if each in spots), None
            )
            if spot is not None and spot not in places.values():
                places[ours] = spot
                break
    if "cost" not in places:
        return None
    return Found(at=at, names=names, places=places, currency=currencies[places["cost"]])


def has_marks(line: Sequence[str], dialect: Dialect) -> bool:
    return not dialect.marks.isdisjoint(headings(line))


def read_table(
    lines: Sequence[Line],
    dialect: Dialect,
    *,
    micros: bool | None = False,
    titled: tuple[date, date] | None = None,
    until: date = LAST_DAY,
) -> Spending:
    """`micros`: costs are in millionths; None: they are when all of them are whole. `titled`: the days of a file
    that names them in its title. `until`: the last on which something can have been spent.
    """
    if not lines:
        return whole(dialect.format, "The file is empty.")
    found = next(
        (
            each
            for at, line in enumerate(lines[:HEADINGS_WITHIN])
            if (each := found_in(line.cells, dialect, at=at)) is not None
        ),
        None,
    )
    if found is None:
        return whole(
            dialect.format,
            "There is no column with the cost: the first line must name the columns.",
        )
    above = lines[: found.at]
    titled = titled or next(
        (days for line in above if (days := _title_days(line.cells)) is not None), None
    )
    if titled is None and not {"day", "first_day"} & found.places.keys():
        return whole(
            dialect.format, "There is no column with the day: the first line must name the columns."
        )
    below = lines[found.at + 1 :]
    if len(below) > MOST_ROWS:
        return whole(
            dialect.format, f"The file has more than {MOST_ROWS} lines: split it into several."
        )
    return _Reading(dialect, found, below, micros=micros, titled=titled, until=until).read()


def whole(format_: str, reason: str, *, line: int = 0) -> Spending:
    """Nothing can be read, for this reason."""
    return Spending(format=format_, problems=(Problem(line=line, reason=reason),), refused=1)


class _Reading:
    """One table, line by line."""

    def __init__(
        self,
        dialect: Dialect,
        found: Found,
        lines: Sequence[Line],
        *,
        micros: bool | None,
        titled: tuple[date, date] | None,
        until: date,
    ) -> None:
        self.dialect, self.found, self.titled, self.until = dialect, found, titled, until
        self.width = width_of(found.names)
        self.problems = Problems()
        self.lines = [line for line in lines if self._counts(line)]
        self.style: Style = style_of(self._column("cost"))
        self.orders: dict[str, Order] = {
            each: order_of(self._column(each), english=dialect.english)
            for each in ("day", "first_day", "last_day")
        }
        if micros is None:
            micros = all(
                each.lstrip("+-").isdecimal()
                for each in self._column("cost")
                if each.lower() not in EMPTY
            )
        self.unit = MICROS if micros else Decimal(1)

    def read(self) -> Spending:
        rows: list[SpendRow] = []
        seen: set[tuple[str, ...]] = set()
        for line in self.lines:
            try:
                row = self._row(line)
            except (NoSuchDay, Unreadable) as wrong:
                self.problems.add(line.number, str(wrong))
                continue
            rows.append(row)
            if line.cells in seen:
                self.problems.add(
                    line.number, "The same line was there before: both are counted.", refused=False
                )
            seen.add(line.cells)
        if sum((row.last_day - row.first_day).days + 1 for row in rows) > MOST_ROWS:
            return whole(
                self.dialect.format,
                f"The file has more than {MOST_ROWS} lines: split it into several.",
            )
        return Spending(
            format=self.dialect.format,
            rows=rows,
            problems=self.problems.first,
            refused=self.problems.refused,
            # A title with nothing below it says that nothing was spent; unless the lines were there and unreadable.
            covered=_joined(self.titled, days_covered(rows))
            if rows or not self.problems.refused
            else None,
        )

    def _counts(self, line: Line) -> bool:
        """Neither a total nor the headings over again."""
        # One cell tells nearly always, and a file has many lines.
        there = self._cell(line, "cost")
        if (
            folded_name(there) == self.found.names[self.found.places["cost"]]
            and headings(line.cells) == self.found.names
        ):
            self.problems.add(line.number, "The headings are repeated here.", refused=False)
            return False
        if (
            self.dialect.nameless_is_total
            and _OBJECTS & self.found.places.keys()
            and not any(self._named(line, each) for each in _OBJECTS)
        ):
            return False
        first = next((each for each in line.cells if each.lower() not in EMPTY), "")
        if not _TOTAL.fullmatch(first):
            return True
        # A campaign may be called “Total”; a total has no day.
        day = self._cell(line, "day") or self._cell(line, "first_day")
        if {"day", "first_day"} & self.found.places.keys():
            return bool(day) and day != first and day.lower() not in EMPTY
        return (
            ":" not in first
            and first == self._cell(line, "campaign")
            and len(line.cells) == len(self.found.names)
        )

    def _row(self, line: Line) -> SpendRow:
        if any(line.cells[self.width :]):
            raise Unreadable(SPILT)
        first, last = self._days(line)
        amount = self._amount(line)
        if line.goes_on:
            self.problems.add(
                line.number,
                "Quotation marks hold several lines together here: they are read as one.",
                refused=False,
            )
        campaign, campaign_id = self._named(line, "campaign"), self._named(line, "campaign_id")
        ad, ad_id = self._named(line, "ad"), self._named(line, "ad_id")
        group, group_id = self._named(line, "ad_group"), self._named(line, "ad_group_id")
        level: Level
        if ad or ad_id:
            level, object_id, name = "ad", ad_id, ad
        elif group or group_id:
            level, object_id, name = "ad_group", group_id, group
        elif campaign or campaign_id:
            level, object_id, name = "campaign", campaign_id, campaign
        else:
            level, object_id, name = "account", "", ""
        return SpendRow(
            line=line.number,
            first_day=first,
            last_day=last,
            amount=amount,
            currency=self._currency(line),
            level=level,
            object_id=object_id,
            object_name=name,
            campaign=campaign,
            campaign_id=campaign_id,
            content=self._named(line, "content") or ad_id or ad,
            term=self._named(line, "term"),
            source=self._named(line, "source"),
            medium=self._named(line, "medium"),
            vat_included=self._vat(line),
            clicks=self._count(line, "clicks"),
            impressions=self._count(line, "impressions"),
        )

    def _days(self, line: Line) -> tuple[date, date]:
        if "day" in self.found.places:
            first = last = self._day(line, "day")
            # A line for several days has their last in a column of its own.
            if "last_day" in self.found.places and self._cell(line, "last_day"):
                last = self._day(line, "last_day")
        elif "first_day" in self.found.places:
            first = self._day(line, "first_day")
            last = self._day(line, "last_day") if "last_day" in self.found.places else first
        elif self.titled is not None:
            first, last = self.titled
        else:
            raise NoSuchDay("There is no day in this line.")
        if last < first:
            raise NoSuchDay(f"{last} is before {first}.")
        for each in (first, last):
            of_these_years(each, until=self.until)
        if (last - first).days >= LONGEST_RANGE:
            raise NoSuchDay(f"One line may be for {LONGEST_RANGE} days at most.")
        return first, last

    def _day(self, line: Line, name: str) -> date:
        cell = self._cell(line, name)
        if cell.lower() in EMPTY:
            raise NoSuchDay("There is no day in this line.")
        return day_of(cell, order=self.orders[name])

    def _amount(self, line: Line) -> Decimal:
        cell = self._cell(line, "cost")
        if cell.lower() in EMPTY:
            if self.dialect.empty_is_nothing and len(line.cells) > self.found.places["cost"]:
                return Decimal(0)
            raise Unreadable("There is no cost in this line.")
        amount = amount_of(cell, style=self.style)
        if self.unit != 1:
            amount /= self.unit
        # What is finer than the column keeps; rounding what is not would add noughts.
        if (finest := round(amount, 6)) != amount:
            amount = finest
        if abs(amount) >= MOST:
            raise Unreadable("No advertising costs that much.")
        if amount < 0:
            self.problems.add(
                line.number, "The cost is negative: it is taken as money returned.", refused=False
            )
        return amount

    def _currency(self, line: Line) -> str:
        cell = self._cell(line, "currency")
        if cell.lower() in EMPTY:
            return self.found.currency
        code = _code(cell.lower())
        if not code:
            raise Unreadable(f"“{cell[:20]}” is not a currency.")
        return code

    def _vat(self, line: Line) -> bool | None:
        cell = self._cell(line, "vat_included").lower()
        if cell in _YES:
            return True
        if cell in _NO:
            return False
        if cell not in EMPTY:
            self.problems.add(
                line.number,
                f"“{cell[:20]}” does not say whether VAT is in: it is as the account has it.",
                refused=False,
            )
        return None

    def _count(self, line: Line, name: str) -> int | None:
        try:
            return count_of(self._cell(line, name))
        except Unreadable as wrong:
            self.problems.add(line.number, str(wrong), refused=False)
            return None

    def _named(self, line: Line, name: str) -> str:
        cell = self._cell(line, name)
        return "" if cell.lower() in EMPTY else clean_line(cell, limit=LONGEST_NAME)

    def _cell(self, line: Line, name: str) -> str:
        place = self.found.places.get(name)
        return line.cells[place] if place is not None and place < len(line.cells) else ""

    def _column(self, name: str) -> Iterable[str]:
        return (self._cell(line, name) for line in self.lines)


def _title_days(cells: Sequence[str]) -> tuple[date, date] | None:
    """The days that a title names, in a cell of its own or in brackets at its end."""
    for cell in cells:
        inside = cell.rpartition("(")[2].rstrip(")") if "(" in cell else cell
        if (days := days_in(inside)) is not None:
            return days
    return days_in(", ".join(cells)) if len(cells) > 1 else None


def _joined(
    titled: tuple[date, date] | None, of_rows: tuple[date, date] | None
) -> tuple[date, date] | None:
    if titled is None or of_rows is None:
        return titled or of_rows
    return min(titled[0], of_rows[0]), max(titled[1], of_rows[1])


def _code(written: str) -> str:
    """ISO 4217; "" when it is none."""
    code = _SIGNS.get(written, written.upper())
    return code if is_currency(code) else ""
