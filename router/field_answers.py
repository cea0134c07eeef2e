"""What is answered to a question of the business about a contact or a lead, held against the question's kind.

An answer is kept as text, whatever its kind: 2026-11-30, yes, 18.4, https://…; "" is no answer. Who shows it says it in
the reader's language.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

from router.asking import Refused
from router.clean_text import clean_line

Kind = Literal["text", "number", "date", "choice", "yes_no", "link"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
LONGEST: Final = 1000
_LARGEST: Final = Decimal(10) ** 15
_YES: Final = frozenset({"yes", "true", "1", "on", "да"})
_NO: Final = frozenset({"no", "false", "0", "off", "нет"})


def answered(kind: str, written: str, *, choices: Sequence[str] = ()) -> str:
    """As it is kept. Raises Refused with what would have been an answer."""
    given = clean_line(written, limit=LONGEST)
    if not given:
        return ""
    if kind == "choice" and given not in choices:
        raise Refused("Choose one of the answers that are offered.")
    read = {"number": _number, "date": _date, "yes_no": _yes_or_no, "link": _link}.get(kind)
    return read(given) if read else given


def _number(given: str) -> str:
    """Also "68 000,5": spaces between thousands, and a comma for the point."""
    bare = "".join(given.split()).replace(",", ".").replace("−", "-")
    try:
        number = Decimal(bare)
    except InvalidOperation:
        raise Refused("Write a number, for example 68000 or 18.4.") from None
    if not number.is_finite() or abs(number) > _LARGEST:
        raise Refused("Write a number, for example 68000 or 18.4.")
    exact = f"{number.normalize():f}"
    if len(exact) > 40:
        raise Refused("Write a number, for example 68000 or 18.4.")
    return "0" if exact == "-0" else exact


def _date(given: str) -> str:
    """Also "30.11.2026"."""
    parts = given.split(".")
    try:
        if len(parts) == 3:
            day, month, year = (int(part) for part in parts)
            return date(year, month, day).isoformat()
        return date.fromisoformat(given).isoformat()
    except ValueError:
        raise Refused("Write a date, for example 30.11.2026.") from None


def _yes_or_no(given: str) -> str:
    bare = given.casefold()
    if bare in _YES:
        return "yes"
    if bare in _NO:
        return "no"
    raise Refused("Answer yes or no.")


def _link(given: str) -> str:
    """With the scheme that people leave out; no other than the web's, or a click would run something."""
    whole = (
        given
        if "://" in given or given.lower().startswith(("javascript:", "data:"))
        else f"https://{given}"
    )
    try:
        parts = urlsplit(whole)
        host = parts.hostname or ""
    except ValueError:
        raise Refused("Write a web address, for example https://example.com.") from None
    if parts.scheme not in {"http", "https"} or "." not in host or " " in whole:
        raise Refused("Write a web address, for example https://example.com.")
    return whole
