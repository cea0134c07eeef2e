"""Text to a table: rows of cells with their line numbers, whatever separates them."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

SEPARATORS: Final = "\t;,|"
_SAMPLE_LINES: Final = 30
LONGEST_CELL: Final = 100_000
"""Characters, so that a quote that is never closed does not take the rest of a large file into memory."""


@dataclass(frozen=True, slots=True)
class Line:
    """`number`: of the line it begins in, from 1. `goes_on`: into further lines, within quotation marks."""

    number: int
    cells: tuple[str, ...]
    goes_on: bool = False


SPILT: Final = (
    "There are more cells than headings in this line: a figure or a name with what separates cells in it"
    " needs quotation marks around it."
)


class Torn(Exception):
    """The text is no table; the line where that shows."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


def lines_of(text: str) -> Iterator[Line]:
    """Rows that are not blank; cells without the white space around them, NBSP included. Raises Torn."""
    separator, begins = _separator(text)
    # StringIO with newline="": the csv module itself tells a line break within quotes from the end of a row.
    source = io.StringIO(text[begins:].replace("\0", ""), newline="")
    csv.field_size_limit(LONGEST_CELL)
    lines: list[str] = []
    reader = csv.reader(_remembered(source, lines), delimiter=separator, skipinitialspace=True)
    skipped = text.count("\n", 0, begins)
    number = skipped + 1
    try:
        for row in reader:
            goes_on = len(lines) > 1
            if goes_on:
                # A quote within a line may stand for itself; one that takes further lines in has to be closed properly.
                list(csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True))
            lines.clear()
            cells = tuple(each.strip().strip("\ufeff") for each in row)
            if any(cells):
                yield Line(number, cells, goes_on)
            number = skipped + reader.line_num + 1
    except csv.Error as error:
        raise Torn(number) from error


def _remembered(lines: Iterable[str], into: list[str]) -> Iterator[str]:
    for line in lines:
        into.append(line)
        yield line


def _separator(text: str) -> tuple[str, int]:
    """What separates cells, and where the table begins: Excel lets a first line `sep=;` say it."""
    first = text[:8].lstrip("\ufeff").lower()
    if first.startswith("sep=") and len(first) > 4 and first[4] in SEPARATORS:
        return first[4], text.find("\n") + 1
    lines = [each for each in text[:200_000].splitlines()[:_SAMPLE_LINES] if each.strip()]
    best, points = ",", (0, 0)
    for separator in SEPARATORS:
        widths = Counter(_outside_quotes(each, separator) for each in lines)
        widths.pop(0, None)
        if not widths:
            continue
        # Most lines of a table are alike; titles and totals are not. A comma is also in decimals.
        width, times = max(widths.items(), key=lambda pair: (pair[1], pair[0]))
        if (times, width) > points:
            best, points = separator, (times, width)
    return best, 0


def _outside_quotes(line: str, separator: str) -> int:
    return sum(part.count(separator) for part in line.split('"')[::2])


def folded_name(name: str) -> str:
    """A heading, to be compared: small letters, one space, no ё."""
    return " ".join(name.replace("\ufeff", "").replace("_", " ").split()).lower().replace("ё", "е")


def headings(cells: Sequence[str]) -> tuple[str, ...]:
    return tuple(map(folded_name, cells))


def width_of(names: Sequence[str]) -> int:
    """Up to the last heading that says something."""
    return max((place for place, name in enumerate(names, 1) if name), default=0)
