"""Amounts and counts, however they are written: 1 234,56 · 1,234.56 · 1'234.56 · 1234.5 ₽ · (12.00) · −12.

Which of point and comma is the decimal one is found for a whole column: "1,234" alone may be either.
"""

import re
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Final, Literal

Style = Literal[".", ","]

EMPTY: Final = frozenset({"", "-", "--", "—", "–", "n/a", "нет данных"})
_SPACES: Final = re.compile(r"[\s\u00a0\u202f\u2009'’`]+")
_CURRENCY: Final = re.compile(
    r"^(?:[A-Za-z]{3}|[$€£₽₸₴₺]|руб\.?|р\.)|(?:[A-Za-z]{3}|[$€£₽₸₴₺]|руб\.?|р\.)$", re.IGNORECASE
)
_PLAIN: Final = re.compile(r"[+-]?\d{1,24}(?:\.\d{1,24})?")
_MANY: Final = 60
"""Characters; no amount is written in more."""


class Unreadable(ValueError):
    """It is no figure; the text is the sentence that says so."""


def style_of(cells: Iterable[str]) -> Style:
    """The decimal sign of a column: what most cells that leave no doubt have; else the point.

    Where all have doubt ("1,234"), the comma is taken for thousands: three decimals are written hardly anywhere.
    """
    votes = Counter(_own_style(_bare(cell)) for cell in cells)
    return "," if votes[","] > votes["."] else "."


def amount_of(cell: str, *, style: Style) -> Decimal:
    """Raises Unreadable."""
    if cell[:1] == "=" or cell[:1] == "@":
        raise Unreadable(f"“{_short(cell)}” is a formula, not a figure.")
    text = _bare(cell)
    # What leaves no doubt is read as it is, whatever the rest of the column does.
    style = _own_style(text) or style
    if text.startswith("(") and text.endswith(")"):
        text = f"-{text[1:-1]}"
    other = "," if style == "." else "."
    whole, sign, part = text.partition(style)
    if other in part or not _grouped(whole, other):
        raise Unreadable(f"“{_short(cell)}” is not an amount.")
    text = whole.replace(other, "") + ("." if sign and part else "") + part
    if not _PLAIN.fullmatch(text):
        raise Unreadable(f"“{_short(cell)}” is not an amount.")
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise Unreadable(f"“{_short(cell)}” is not an amount.") from error


def count_of(cell: str) -> int | None:
    """Clicks and the like; None for none. Raises Unreadable."""
    if cell.strip().lower() in EMPTY:
        return None
    text = _bare(cell)
    digits = text.replace(",", "").replace(".", "")
    grouped = all(_grouped(text, each) for each in ",." if each in text)
    if not grouped or not digits.isascii() or not digits.isdecimal() or len(digits) > 15:
        raise Unreadable(f"“{_short(cell)}” is not a number of times.")
    return int(digits)


def _own_style(text: str) -> Style | None:
    """The decimal sign of one figure; None when there is none, or it may as well separate thousands."""
    point, comma = text.rfind("."), text.rfind(",")
    if point < 0 and comma < 0:
        return None
    if point >= 0 and comma >= 0:
        return "." if point > comma else ","
    sign: Style = "." if point >= 0 else ","
    if text.count(sign) > 1:
        return "," if sign == "." else "."
    return None if len(text) - text.rfind(sign) - 1 == 3 else sign


def _grouped(whole: str, sign: str) -> bool:
    """Whether the sign stands only where it separates thousands."""
    first, *rest = whole.lstrip("+-").split(sign)
    return not rest or (0 < len(first) <= 3 and all(len(each) == 3 for each in rest))


def _bare(cell: str) -> str:
    if len(cell) > _MANY:
        return cell
    text = _SPACES.sub("", cell).replace("−", "-").replace("–", "-")
    return _CURRENCY.sub("", text).strip()


def _short(cell: str) -> str:
    return cell if len(cell) <= 40 else f"{cell[:40]}…"
