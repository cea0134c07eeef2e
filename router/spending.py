"""What advertising cost, in the words that both sides speak: those who read files of it and those who keep it.

    a file, a platform's answer, a form ─▶ Spending (rows, and what is wrong with the rest) ─▶ storage.spending

A row may stand for several days: then it is spread evenly, and the last day bears what cannot be divided. Reasons are
sentences in English that name what was found; pages say them in the reader's language.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Final, Literal
from zoneinfo import ZoneInfo

from router.clean_text import clean_line

Level = Literal["account", "campaign", "ad_group", "ad"]

LONGEST_NAME: Final = 255
"""As `router.attribution` keeps what links were marked with."""
LONGEST_RANGE: Final = 366
"""Days that one amount may be spread over."""
MOST_ROWS: Final = 500_000
"""Of one import, spread over their days."""
MOST_PROBLEMS: Final = 1000
"""Kept of a file; nobody reads more."""
MOST: Final = Decimal(10) ** 11
"""Of one row: the column holds twelve digits before the point."""
LARGEST_RATE: Final = Decimal(100_000)
"""Of a currency: with the largest amount, what a bigint of minor units holds."""
FIRST_DAY: Final = date(2000, 1, 1)
LAST_DAY: Final = date(2100, 1, 1)
_LONGEST_ID: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendRow:
    """An amount, and what it was spent on. What is "" or None is the ad account's: currency, source, medium, VAT."""

    first_day: date
    last_day: date
    amount: Decimal
    line: int = 0
    currency: str = ""
    level: Level = "account"
    object_id: str = ""
    object_name: str = ""
    campaign: str = ""
    campaign_id: str = ""
    content: str = ""
    term: str = ""
    source: str = ""
    medium: str = ""
    vat_included: bool | None = None
    clicks: int | None = None
    impressions: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """`line` counts from 1; 0 is the file as a whole. What is not `refused` is written all the same."""

    line: int
    reason: str
    refused: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What was read. `covered`: the days it speaks for, also those on which nothing was spent.

    `problems` are the first of them, `refused` counts all lines that cannot be written.
    """

    format: str
    rows: Sequence[SpendRow] = ()
    problems: Sequence[Problem] = ()
    refused: int = 0
    covered: tuple[date, date] | None = None


def last_spent(now: datetime, zone: str) -> date:
    """The last day on which something can have been spent: tomorrow, for at a platform it may have begun already."""
    return now.astimezone(ZoneInfo(zone)).date() + timedelta(days=1)


def days_covered(rows: Sequence[SpendRow]) -> tuple[date, date] | None:
    """From the first to the last day of any row."""
    if not rows:
        return None
    return min(row.first_day for row in rows), max(row.last_day for row in rows)


def spread(row: SpendRow, *, decimals: int = 2) -> Iterator[SpendRow]:
    """A row for each day: equal shares, of as many decimals as the currency has, and what is left on the last day.

    Clicks and impressions likewise. 100.00 over three days is 33.33, 33.33 and 33.34; 100 yen are 33, 33 and 34.
    """
    days = (row.last_day - row.first_day).days + 1
    if days == 1:
        yield row
        return
    share = (row.amount / days).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_DOWN)
    for number in range(days):
        day = row.first_day + timedelta(days=number)
        last = number == days - 1
        yield replace(
            row,
            first_day=day,
            last_day=day,
            amount=row.amount - share * (days - 1) if last else share,
            clicks=_part(row.clicks, days, last=last),
            impressions=_part(row.impressions, days, last=last),
        )


def _part(count: int | None, days: int, *, last: bool) -> int | None:
    if count is None:
        return None
    share = count // days
    return count - share * (days - 1) if last else share


def object_of(row: SpendRow) -> str:
    """What the row is of, within its account, level and day: what came from a platform by its number, the rest by name.

    Two rows of one object and day are parts of one figure (a campaign by device, say), and are added up.
    """
    named = (
        row.object_id or folded(row.object_name),
        row.campaign_id or folded(row.campaign),
        folded(row.content),
        folded(row.term),
        folded(row.source),
        folded(row.medium),
    )
    if row.object_id and not any(named[2:]):
        return row.object_id[:_LONGEST_ID]
    written = "\x1f".join(named).rstrip("\x1f")
    if len(written) <= _LONGEST_ID:
        return written.replace("\x1f", "/")
    # It is a part of a key, and an index takes no more than a third of a page.
    return blake2b(written.encode(), digest_size=20).hexdigest()


@lru_cache(maxsize=10_000)
def folded(value: str) -> str:
    """Lower-cased, in one line: as `router.attribution` keeps what a link was marked with.

    Remembered: the hundred thousand rows of a file name a few hundred campaigns.
    """
    return clean_line(value, limit=LONGEST_NAME).lower()
