"""What a page's address and its cookies say about the advertising that brought a visitor: known names, cut and cleaned.

All of it is written by whoever made the link.
"""

from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from router.clean_text import clean_text

UTM: Final = ("source", "medium", "campaign", "content", "term", "id", "referrer")
CLICK_IDS: Final = frozenset(
    {
        "gclid",
        "gbraid",
        "wbraid",
        "gclsrc",
        "dclid",
        "yclid",
        "ymclid",
        "ysclid",
        "fbclid",
        "vkclid",
        "rb_clickid",
        "ttclid",
        "msclkid",
        "_openstat",
        "roistat",
        "rs",
        "calltouch_tm",
        "etext",
        "_ym_uid",
        "_ga",
        "_fbp",
        "_fbc",
        "roistat_visit",
    }
)
"""Query parameters, lower-cased, and what counters keep in cookies of the page (those after `etext`)."""
LONGEST: Final = 255
LONGEST_URL: Final = 2000
_SECRET: Final = (
    "token",
    "pass",
    "secret",
    "auth",
    "session",
    "code",
    "key",
    "sid",
    "email",
    "phone",
)
"""Parameters whose names say so carry what is nobody's business here."""


def clean_url(url: str) -> str:
    """Without the fragment, a password, and parameters that look like secrets; "" when it is not of the web."""
    try:
        parts = urlsplit(clean_text(url).strip())
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            return ""
    except ValueError:  # "http://[", an IPv6 address that is none
        return ""
    query = parts.query
    if any(word in query.lower() for word in _SECRET):
        pairs = parse_qsl(query, keep_blank_values=True)
        query = urlencode([pair for pair in pairs if not _is_secret(pair[0])])
    cleaned = parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query, fragment="")
    return cleaned.geturl()[:LONGEST_URL]


def _is_secret(name: str) -> bool:
    name = name.lower()
    return not name.startswith("utm_") and any(word in name for word in _SECRET)
