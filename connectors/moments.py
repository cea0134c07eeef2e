"""Moments as platforms write them: seconds or milliseconds since 1970, or what a clock on their wall shows."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from math import isfinite
from typing import Final
from zoneinfo import ZoneInfo

from connectors.connector import Account, Field

MILLISECONDS_FROM: Final = 100_000_000_000
"""A larger number of seconds is in the year 5138: these are milliseconds."""

TIME_ZONE: Final = Field(
    name="timezone",
    label="Time zone of the account",
    default="Europe/Moscow",
    help="As in the exchange's settings, like Europe/Moscow or UTC+3: it writes moments without one",
)

_OFFSET: Final = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE)


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
