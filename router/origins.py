"""Where somebody came from, by what is known of it: (source, medium, campaign).

What the keys say first wins: UTM, then click ids, then a deep-link code, then what the platform attaches, then the
referrer; a visit that says nothing of the kind is "direct". Names are lower-cased for grouping. A code that is base64url of
a query string is read as that query string, which is how such links are usually built.
"""

import binascii
from base64 import urlsafe_b64decode
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from msgspec.structs import replace

from router.clean_text import clean_line
from router.message import SourceKeys

DIRECT: Final = ("direct", "none", "")
"""A visit with no origin: a bookmark, an address typed in, a link in an app. That it was one is known."""

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


def origin_of(keys: SourceKeys, channel: str) -> tuple[str, str, str]:
    """(source, medium, campaign); all empty when nothing is known."""
    campaign = folded(keys.utm.get("campaign", ""))
    if keys.utm.get("source"):
        return folded(keys.utm["source"]), folded(keys.utm.get("medium", "")), campaign
    if paid := _ADVERTISEMENTS.get(keys.referral.get("source_type", "")):
        return *paid, campaign or folded(keys.referral.get("source_id", ""))
    for name, (source, medium) in _CLICK_IDS.items():
        if name in keys.click_ids:
            return source, medium, campaign
    attached = {"link": keys.code} if keys.code else keys.referral
    if attached:
        name, value = next(iter(attached.items()))
        return folded(name), channel, folded(value)
    source, medium = _referrer(keys)
    came_by_itself = not source and keys.landing and keys.visited_at is not None
    return DIRECT if came_by_itself else (source, medium, campaign)


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


def with_open_code(keys: SourceKeys) -> SourceKeys:
    if not keys.code or keys.utm:
        return keys
    try:
        text = urlsafe_b64decode(keys.code + "=" * (-len(keys.code) % 4)).decode()
    except (binascii.Error, ValueError):
        return keys
    pairs = {name.removeprefix("utm_"): value for name, value in parse_qsl(text)}
    if "source" not in pairs:
        return keys
    return replace(
        keys,
        utm={
            name: pairs[name]
            for name in ("source", "medium", "campaign", "content", "term")
            if name in pairs
        },
        click_ids={name: pairs[name] for name in _CLICK_IDS if name in pairs} | keys.click_ids,
    )


def folded(value: str) -> str:
    return clean_line(value, limit=255).lower()
