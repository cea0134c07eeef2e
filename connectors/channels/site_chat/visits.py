"""Where a visit came from: the page's URL, its referrer, campaign parameters and click ids, as the browser saw them.

All of it is written by whoever made the link, so it is cut, cleaned and kept under known names only.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from connectors.page_sources import CLICK_IDS, LONGEST, UTM, clean_url
from router.clean_text import clean_line
from router.message import SourceKeys

_Words = Annotated[str, Meta(max_length=4096)]


class Page(Struct, frozen=True, kw_only=True):
    url: _Words = ""
    title: _Words = ""


class Visit(Struct, frozen=True, kw_only=True):
    """`id` is the browser's own, the same when it tells of the visit again."""

    id: Annotated[str, Meta(max_length=64)]
    url: _Words = ""
    title: _Words = ""
    referrer: _Words = ""
    utm: Annotated[dict[str, _Words], Meta(max_length=16)] = field(default_factory=dict)
    click_ids: Annotated[dict[str, _Words], Meta(max_length=32)] = field(default_factory=dict)


def kept(visit: Visit, *, now: datetime) -> dict[str, Any]:
    """What `Threads.visitor_seen` is given: `SourceKeys` as JSON, and the visit's id.

    The time is ours: clocks of visitors are years off.
    """
    utm = {name.lower(): _value(value) for name, value in visit.utm.items()}
    ids = {name.lower(): _value(value) for name, value in visit.click_ids.items()}
    keys = SourceKeys(
        utm={name: utm[name] for name in UTM if utm.get(name)},
        click_ids={name: ids[name] for name in sorted(CLICK_IDS & ids.keys()) if ids[name]},
        landing=clean_url(visit.url),
        referrer=clean_url(visit.referrer),
        visited_at=now,
    )
    return {"visit": clean_line(visit.id, limit=64), **msgspec.to_builtins(keys)}


def source_of(touch: Mapping[str, Any] | None) -> SourceKeys | None:
    """The keys that a message carries: those of the visitor's last touch."""
    return msgspec.convert(touch, SourceKeys, strict=False) if touch else None


def _value(written: str) -> str:
    return clean_line(written, limit=LONGEST)
