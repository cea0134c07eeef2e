"""Where a person came from: a touch made of the raw keys that an event carries.

What the keys say first wins: UTM, then click ids, then a deep-link code, then what the platform attaches, then the
referrer. Names are lower-cased for grouping; what was written stays in `raw`. A code that is base64url of a query
string is read as that query string, which is how such links are usually built.
"""

import binascii
from base64 import urlsafe_b64decode
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

from router.clean_text import clean_line
from router.message import SourceKeys
from router.records import Lead, Touch
from router.world import World

# Which advertising system hands out a click id; organic ones (ysclid, and fbclid, which Facebook adds to every link)
# say where the person was, and not that anybody paid.
_CLICK_IDS: Final = {
    "yclid": ("yandex", "cpc"),
    "ymclid": ("yandex_market", "cpc"),
    "gclid": ("google", "cpc"),
    "gbraid": ("google", "cpc"),
    "wbraid": ("google", "cpc"),
    "dclid": ("google_display", "cpm"),
    "vkclid": ("vk", "cpc"),
    "rb_clickid": ("vk", "cpc"),
    "ttclid": ("tiktok", "cpc"),
    "msclkid": ("bing", "cpc"),
    "ctwa_clid": ("meta", "cpc"),
    "ysclid": ("yandex", "organic"),
    "fbclid": ("facebook", "social"),
}
# Click-to-WhatsApp: what WhatsApp says of the advertisement or the post that was clicked; a click id may be missing.
_ADVERTISEMENTS: Final = {"ad": ("meta", "cpc"), "post": ("meta", "social")}
# By whole labels of the host: "google" is google.de, www.google.co.uk; and tanya.ru is not ya.ru.
_SEARCH: Final = {
    "yandex": "yandex",
    "ya.ru": "yandex",
    "google": "google",
    "bing": "bing",
    "go.mail.ru": "mail.ru",
    "duckduckgo": "duckduckgo",
    "rambler": "rambler",
}
_SOCIAL: Final = (
    "vk.com",
    "vk.ru",
    "ok.ru",
    "t.me",
    "facebook",
    "instagram",
    "youtube",
    "dzen.ru",
    "tiktok",
)


def touch_of(
    world: World,
    keys: SourceKeys | None,
    *,
    channel: str,
    contact: UUID,
    event: UUID,
    at: datetime,
) -> Touch | None:
    """The touch that an event's keys make, or None when they say nothing new about where the person came from."""
    if keys is None:
        return None
    keys = _open_code(keys)
    source, medium, campaign = _origin(keys, channel)
    if not source:
        return None
    at = keys.visited_at or at
    if any(
        touch.at == at and (touch.source, touch.campaign) == (source, campaign)
        for touch in world.touches.get(contact, ())
    ):
        # The site repeats the visit's keys with every message; the visit was one touch.
        return None
    return world.add(
        Touch(
            id=world.new_id(),
            contact_id=contact,
            event_id=event,
            at=at,
            channel=channel,
            source=source,
            medium=medium,
            campaign=campaign,
            content=_folded(keys.utm.get("content", "")),
            term=_folded(keys.utm.get("term", "")),
            click_ids=dict(keys.click_ids),
            landing=keys.landing[:2000],
            referrer=keys.referrer[:2000],
            raw={"utm": dict(keys.utm), "code": keys.code, "referral": dict(keys.referral)},
        )
    )


def take_snapshot(world: World, lead: Lead) -> bool:
    """Sets the lead's first and last touch from its contact's touches up to its opening; True when they changed."""
    before = [
        touch for touch in world.touches.get(lead.contact_id, ()) if touch.at <= lead.created_at
    ]
    if not before:
        had = lead.first_touch_id is not None
        lead.first_touch_id = lead.last_touch_id = lead.first_touch = lead.last_touch = None
        return had
    before.sort(key=lambda touch: (touch.at, touch.id))
    first, last = before[0], before[-1]
    if (first.id, last.id) == (lead.first_touch_id, lead.last_touch_id):
        return False
    lead.first_touch_id, lead.first_touch = first.id, snapshot(first)
    lead.last_touch_id, lead.last_touch = last.id, snapshot(last)
    return True


def snapshot(touch: Touch) -> dict[str, Any]:
    """What a lead keeps of a touch."""
    return {
        "id": str(touch.id),
        "at": touch.at,
        "channel": touch.channel,
        "source": touch.source,
        "medium": touch.medium,
        "campaign": touch.campaign,
        "content": touch.content,
        "term": touch.term,
    }


def _origin(keys: SourceKeys, channel: str) -> tuple[str, str, str]:
    """(source, medium, campaign); all empty when nothing is known."""
    campaign = _folded(keys.utm.get("campaign", ""))
    if keys.utm.get("source"):
        return _folded(keys.utm["source"]), _folded(keys.utm.get("medium", "")), campaign
    if paid := _ADVERTISEMENTS.get(keys.referral.get("source_type", "")):
        return *paid, campaign or _folded(keys.referral.get("source_id", ""))
    for name, (source, medium) in _CLICK_IDS.items():
        if name in keys.click_ids:
            return source, medium, campaign
    if keys.code:
        return "link", channel, _folded(keys.code)
    if keys.referral:
        name, value = next(iter(keys.referral.items()))
        return _folded(name), channel, _folded(value)
    source, medium = _referrer(keys)
    return source, medium, campaign


def _referrer(keys: SourceKeys) -> tuple[str, str]:
    try:
        host = (urlsplit(keys.referrer).hostname or "").removeprefix("www.")
        own = (urlsplit(keys.landing).hostname or "").removeprefix("www.")
    except ValueError:
        return "", ""
    if not host or _within(host, own) or _within(own, host):
        return "", ""
    for name, engine in _SEARCH.items():
        if _is(host, name):
            return engine, "organic"
    return host, "social" if any(_is(host, name) for name in _SOCIAL) else "referral"


def _within(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def _is(host: str, name: str) -> bool:
    """`name` is a domain, or the label before the public suffix, which may have two parts (google.co.uk)."""
    if "." in name:
        return _within(host, name)
    *labels, _ = host.split(".")
    if len(labels) > 1 and labels[-1] in {"com", "co"}:
        labels.pop()
    return labels[-1:] == [name]


def _open_code(keys: SourceKeys) -> SourceKeys:
    if not keys.code or keys.utm:
        return keys
    try:
        text = urlsafe_b64decode(keys.code + "=" * (-len(keys.code) % 4)).decode()
    except (binascii.Error, ValueError):
        return keys
    pairs = {name.removeprefix("utm_"): value for name, value in parse_qsl(text)}
    if "source" not in pairs:
        return keys
    return SourceKeys(
        code=keys.code,
        utm={
            name: pairs[name]
            for name in ("source", "medium", "campaign", "content", "term")
            if name in pairs
        },
        click_ids={name: pairs[name] for name in _CLICK_IDS if name in pairs} | keys.click_ids,
        landing=keys.landing,
        referrer=keys.referrer,
        referral=keys.referral,
        visited_at=keys.visited_at,
    )


def _folded(value: str) -> str:
    return clean_line(value, limit=255).lower()
