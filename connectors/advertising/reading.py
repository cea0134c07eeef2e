"""The one way into a file of spend: whatever it is, and whatever is wrong with it."""

from collections.abc import Sequence
from datetime import date
from itertools import islice
from typing import Final

from connectors.advertising import (
    generic_csv,
    google_ads_csv,
    meta_ads_csv,
    vk_ads_statistics,
    yandex_direct_report,
)
from connectors.advertising.decoding import decoded
from connectors.advertising.ledger import (
    HEADINGS_WITHIN,
    Dialect,
    found_in,
    has_marks,
    read_table,
    whole,
)
from connectors.advertising.table import Line, Torn, lines_of
from router.spending import LAST_DAY, MOST_ROWS, Spending

AUTO: Final = "auto"
DIALECTS: Final[Sequence[Dialect]] = (
    yandex_direct_report.DIALECT,
    meta_ads_csv.DIALECT,
    google_ads_csv.DIALECT,
    generic_csv.DIALECT,
)
"""The most particular first."""
FORMATS: Final = (AUTO, "csv", "yandex-direct", "vk-ads", "google-ads", "meta-ads")
LARGEST: Final = 50 << 20
"""Bytes of a file."""


def read_spend(
    data: bytes, *, format_: str = AUTO, micros: bool | None = None, until: date = LAST_DAY
) -> Spending:
    """What the file says. `micros`: whether Yandex Direct's costs are in millionths, for whoever knows. `until`: the last day
    on which something can have been spent. Never raises for anything a file may hold.
    """
    if len(data) > LARGEST:
        return whole(format_, f"The file is larger than {LARGEST >> 20} MB: split it into several.")
    if not data.strip(b" \t\r\n\0\xef\xbb\xbf\xff\xfe"):
        return whole(format_, "The file is empty.")
    text = decoded(data)
    if text is None:
        return whole(
            format_,
            "This is not a text file: save the table as CSV, or take the report as CSV or TSV.",
        )
    if format_ == vk_ads_statistics.FORMAT or (
        format_ == AUTO and text.lstrip("\ufeff \t\r\n")[:1] in {"{", "["}
    ):
        return vk_ads_statistics.read_statistics(text.lstrip("\ufeff"), until=until)
    try:
        # What is more than can be taken is not even cut into cells.
        lines = list(islice(lines_of(text), MOST_ROWS + HEADINGS_WITHIN + 1))
    except Torn as torn:
        return whole(
            format_,
            "From here on it is no table: perhaps a quotation mark is never closed.",
            line=torn.line,
        )
    dialect = _dialect(lines, format_)
    return read_table(
        lines,
        dialect,
        micros=micros if dialect is yandex_direct_report.DIALECT else False,
        until=until,
    )


def _dialect(lines: Sequence[Line], format_: str) -> Dialect:
    for dialect in DIALECTS:
        if dialect.format == format_:
            return dialect
    for line in lines[:HEADINGS_WITHIN]:
        for dialect in DIALECTS:
            if has_marks(line.cells, dialect) and found_in(line.cells, dialect) is not None:
                return dialect
    return generic_csv.DIALECT
