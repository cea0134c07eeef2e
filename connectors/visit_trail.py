"""What the script on the business's site remembers of a visitor, as it travels in one parameter: `allo`.

Base64url of JSON: {"t": [[age, id, landing, referrer, utm, click ids], …]}, oldest first; `age` in seconds, because clocks of
visitors are years off, but run evenly. All of it is written by a browser that is not ours: cut, cleaned, known names only, and
what cannot be read is nothing.
"""

from base64 import urlsafe_b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from connectors.page_sources import CLICK_IDS, LONGEST, UTM, clean_url
from router.clean_text import clean_line
from router.message import SourceKeys

PARAMETER: Final = "allo"
LONGEST_TRAIL: Final = 6000
MOST_VISITS: Final = 8
OLDEST: Final = timedelta(days=400)
"""Browsers keep nothing longer."""

_Words = Annotated[str, Meta(max_length=2048)]
_Pairs = Annotated[dict[str, _Words], Meta(max_length=32)]


class _Visit(Struct, frozen=True, array_like=True):
    age: Annotated[float, Meta(ge=0, le=400 * 86_400)]
    id: Annotated[str, Meta(max_length=64)]
    landing: _Words = ""
    referrer: _Words = ""
    utm: _Pairs = {}
    click_ids: _Pairs = {}


class _Trail(Struct, frozen=True):
    t: Annotated[tuple[_Visit, ...], Meta(max_length=MOST_VISITS)] = ()


def trail_of(written: str, *, now: datetime) -> tuple[SourceKeys, ...]:
    """Visits, oldest first; none of what cannot be read."""
    if not written or len(written) > LONGEST_TRAIL:
        return ()
    try:
        told = msgspec.json.decode(
            urlsafe_b64decode(written.encode("ascii") + b"=" * (-len(written) % 4)), type=_Trail
        )
    except (NotBase64, UnicodeError, ValueError, msgspec.MsgspecError, RecursionError):
        return ()
    visits = sorted(told.t, key=lambda each: -each.age)
    return tuple(
        SourceKeys(
            utm=utm_of(each.utm),
            click_ids=click_ids_of(each.click_ids),
            landing=clean_url(each.landing),
            referrer=clean_url(each.referrer),
            visited_at=now - timedelta(seconds=each.age),
            visit=clean_line(each.id, limit=64),
        )
        for each in visits
    )


def utm_of(given: Mapping[str, str]) -> dict[str, str]:
    """By name without the prefix, whichever way they were written."""
    told = {name.lower().removeprefix("utm_"): value for name, value in given.items()}
    return {name: value for name in UTM if (value := clean_line(told.get(name, ""), limit=LONGEST))}


def click_ids_of(given: Mapping[str, str]) -> dict[str, str]:
    told = {name.lower(): value for name, value in given.items()}
    return {
        name: value
        for name in sorted(CLICK_IDS & told.keys())
        if (value := clean_line(told[name], limit=LONGEST))
    }
