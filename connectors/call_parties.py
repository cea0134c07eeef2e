"""Who is on the telephone, and when, out of what exchanges write about it.

A number that is one is the chat and proves the person: the telephone network, not the caller, says where a call comes
from. Callers who hide their number are nobody's chat: each of their calls is one of its own, without a key, so that they
do not all become one contact. Numbers that many share (8-800…) have a chat and identify nobody, either.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from math import isfinite
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from connectors.connector import Account, Field
from connectors.phone_numbers import e164, phone_key
from router.clean_text import clean_line
from router.message import Chat, Sender

HIDDEN: Final = frozenset(
    {
        *("anonymous", "blocked", "hidden", "none", "null", "private", "restricted"),
        *("unavailable", "undefined", "unknown", "withheld"),
        *("аноним", "анонимный", "скрыт", "скрытый"),
    }
)
"""What exchanges write in place of a number that the caller hides; "" and "0" are others."""

MILLISECONDS_FROM: Final = 100_000_000_000
"""A larger number of seconds is in the year 5138: these are milliseconds."""

TIME_ZONE: Final = Field(
    name="timezone",
    label="Time zone of the account",
    default="Europe/Moscow",
    help="As in the exchange's settings, like Europe/Moscow or UTC+3: it writes moments without one",
)

_OFFSET: Final = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE)
_SIP: Final = re.compile(r"^sips?:", re.IGNORECASE)


class Party(NamedTuple):
    """The other side of a call. `number` in E.164, or as it was written (a short code), or "" when it is hidden."""

    chat: Chat
    sender: Sender | None = None
    number: str = ""


def party(
    raw: str, *, call: str, region: str, how: str, name: str = "", international: bool = True
) -> Party:
    """`international`: the exchange writes numbers with their country's code; False for what a colleague has dialled."""
    written = without_sip(raw)
    number = e164(written, region=region, international=international)
    if number is None:
        hidden = written.lower() in HIDDEN or not any(each.isalnum() for each in written.strip("0"))
        return Party(chat_of_call(call), number="" if hidden else written)
    # Of the number itself: nobody has written it in a way worth showing.
    key = phone_key(number, region=region, proof="proved", how=how)
    sender = Sender(keys=(key,), name=name) if key is not None else None
    return Party(Chat(id=number), sender, number)


def nobody(call: str) -> Party:
    """For reports that do not say who the other side is."""
    return Party(chat_of_call(call))


def chat_of_call(call: str) -> Chat:
    return Chat(id=f"call:{call}")


def line_of_ours(raw: str, *, region: str) -> str:
    """In E.164 where it is such a number, or else as it is written (a SIP line)."""
    written = without_sip(raw)
    return e164(written, region=region, international=True) or written


def without_sip(raw: str) -> str:
    """The user of a SIP address, or what else is written; without spaces at its ends."""
    if _SIP.match(raw):
        raw = _SIP.sub("", raw).partition("@")[0]
    return clean_line(raw, limit=64)


def said(told: Mapping[str, Any], name: str, *, limit: int = 255) -> str:
    """A field's text, whether it is written as text or as a number; "" for what is neither."""
    value = told.get(name)
    match value:
        case str():
            return clean_line(value, limit=limit)
        case bool():
            return ""
        case int():
            return clean_line(f"{value}", limit=limit) if abs(value) < 1 << 63 else ""
        case float() if isfinite(value):
            return clean_line(f"{value:.15g}", limit=limit)
        case _:
            return ""


def seconds(text: str) -> float | None:
    """A length of time; None for what is no number, and for what nobody talks."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) and 0 <= value <= 7 * 86_400 else None


def unix_moment(text: str) -> datetime | None:
    """Seconds or milliseconds since 1970; None for 0 and for what is none."""
    try:
        value = float(text)
        if not isfinite(value) or value <= 0:
            return None
        return datetime.fromtimestamp(value / 1000 if value >= MILLISECONDS_FROM else value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def wall_clock(text: str, zone: tzinfo) -> datetime | None:
    """`2026-11-21 12:03:00`, with or without a fraction and an offset; without one it is the zone's."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def believable(moment: datetime | None, received_at: datetime) -> datetime | None:
    """None for a moment that was not yet when we were told of it, or was days ago: the clock or its zone is another."""
    if moment is None or not timedelta(minutes=-1) <= received_at - moment <= timedelta(days=3):
        return None
    return min(moment, received_at)


@lru_cache(maxsize=256)
def zone_of(name: str) -> tzinfo | None:
    """Europe/Moscow, UTC+3, +03:00; None for what is no zone."""
    offset = _OFFSET.fullmatch(name.strip())
    if offset is not None:
        ahead = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        if ahead >= timedelta(hours=24):
            return None
        return timezone(ahead if offset[1] == "+" else -ahead)
    try:
        return ZoneInfo(name.strip())
    except (KeyError, ValueError, OSError):
        # Of a directory of zones ("Europe") it says so with an OSError.
        return None


def zone_of_account(account: Account) -> tzinfo:
    """What `TIME_ZONE` says; Moscow's when it says nothing that can be understood."""
    return zone_of(account[TIME_ZONE.name] or TIME_ZONE.default) or ZoneInfo(TIME_ZONE.default)
