"""VK Реклама: statistics of its API by day, JSON. https://ads.vk.com/doc/api/info/Statistics

    {"items": [{"id": 1, "rows": [{"date": "2026-11-01", "base": {"shows": 9, "clicks": 1, "spent": "152.34"}}]}]}

`spent` is a decimal in a string, in the account's currency. An item has an id and no name: whoever has the names (the
pull does) gives them. A `line` of a problem is the number of the item.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from connectors.advertising.days import NoSuchDay, day_of, of_these_years
from connectors.advertising.ledger import Problems, whole
from router.clean_text import clean_line
from router.spending import (
    LAST_DAY,
    LONGEST_NAME,
    MOST,
    MOST_ROWS,
    Spending,
    SpendRow,
    days_covered,
)

FORMAT: Final = "vk-ads"
_LONGEST_ID: Final = 40
_BAD_ROW: Final = "This day of the item is not as VK writes it."


def read_statistics(
    data: str | bytes, *, names: Mapping[str, str] | None = None, until: date = LAST_DAY
) -> Spending:
    """`names`: of campaigns, by id."""
    try:
        said = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return whole(FORMAT, "The file is broken: it is not complete JSON.")
    items = said.get("items") if isinstance(said, dict) else said
    if not isinstance(items, list):
        return whole(FORMAT, "There are no “items” in it: this is not VK's statistics.")
    rows: list[SpendRow] = []
    problems = Problems()
    for number, item in enumerate(items, 1):
        if not isinstance(item, dict) or not isinstance(item.get("rows"), list):
            problems.add(number, "The item has no “rows”: ask VK for statistics by day.")
            continue
        id_ = clean_line(str(item.get("id", "")), limit=_LONGEST_ID)
        for each in item["rows"]:
            try:
                rows.append(_row(each, number, id_, names or {}, until))
            except (NoSuchDay, ValueError) as wrong:
                problems.add(number, str(wrong))
                continue
            if rows[-1].amount < 0:
                problems.add(
                    number, "The cost is negative: it is taken as money returned.", refused=False
                )
        if len(rows) > MOST_ROWS:
            return whole(
                FORMAT, f"The file has more than {MOST_ROWS} lines: split it into several."
            )
    return Spending(
        format=FORMAT,
        rows=rows,
        problems=problems.first,
        refused=problems.refused,
        covered=days_covered(rows),
    )


def _row(said: Any, number: int, id_: str, names: Mapping[str, str], until: date) -> SpendRow:
    """Raises NoSuchDay, ValueError."""
    if not isinstance(said, dict) or not isinstance(said.get("base"), dict):
        raise ValueError(_BAD_ROW)  # noqa: TRY004  # what came is wrong, not our types
    base, day = said["base"], _day(said.get("date"), until)
    try:
        amount = round(Decimal(str(base["spent"])), 6)
    except (KeyError, InvalidOperation, ValueError) as error:
        raise ValueError(_BAD_ROW) from error
    if not amount.is_finite() or abs(amount) >= MOST:
        raise ValueError("No advertising costs that much.")
    name = clean_line(names.get(id_, ""), limit=LONGEST_NAME)
    return SpendRow(
        line=number,
        first_day=day,
        last_day=day,
        amount=amount,
        level="campaign" if id_ else "account",
        object_id=id_,
        object_name=name,
        campaign=name,
        campaign_id=id_,
        clicks=_count(base.get("clicks")),
        impressions=_count(base.get("shows")),
    )


def _day(said: Any, until: date) -> date:
    if not isinstance(said, str):
        raise NoSuchDay("There is no day in this line.")
    return of_these_years(day_of(said), until=until)


def _count(said: Any) -> int | None:
    if isinstance(said, int) and 0 <= said < 10**15:
        return said
    return None
