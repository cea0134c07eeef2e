"""Which pages may talk to a channel from the browser: exact origins, and wildcards for the subdomains of one.

An empty list means this server's own pages and those on localhost, so that a fresh installation can be tried and
nobody else's page can use it.
"""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

LOCAL: Final = (
    "http://localhost:*",
    "http://127.0.0.1:*",
    "https://localhost:*",
    "https://127.0.0.1:*",
)
_ENTRY: Final = re.compile(
    r"(https?)://(\*\.)?([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::(\d{1,5}))?", re.ASCII
)


class NotAnOrigin(ValueError):
    """Not `https://shop.example`, `https://*.shop.example` or a bare `*.shop.example`."""


def read_origins(written: str) -> tuple[str, ...]:
    """The entries, separated by spaces, commas or lines, as `scheme://host[:port]`; a bare host means https.

    Raises NotAnOrigin.
    """
    found = []
    for word in written.replace(",", " ").split():
        entry = word.lower().rstrip("/")
        if "://" not in entry:
            entry = f"https://{entry}"
        host = entry.split("://", 1)[1].removeprefix("*.").split(":", 1)[0]
        entry = entry.replace(host, host.encode("idna").decode()) if not host.isascii() else entry
        if not _ENTRY.fullmatch(entry):
            raise NotAnOrigin(word)
        found.append(_without_default_port(entry))
    return tuple(found)


def origin_of(url: str) -> str:
    """The origin of a URL as browsers write it; "" when it has none."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return ""
    return _without_default_port(f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}")


def allows(origins: Sequence[str], origin: str) -> bool:
    """Whether a page of `origin` (as the browser's header says it) may talk to the channel."""
    try:
        parts = urlsplit(origin)
        port = str(parts.port or "")
    except ValueError:
        return False  # "http://[", "http://shop.example:evil": no browser's
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path:
        return False  # "null", a file, an extension
    for entry in origins:
        scheme, _, authority = entry.partition("://")
        if scheme != parts.scheme:
            continue
        if authority.startswith("*."):
            host, _, own_port = authority[2:].partition(":")
            if parts.hostname.endswith(f".{host}") and port == own_port:
                return True
        elif authority.endswith(":*"):
            if parts.hostname == authority[:-2]:
                return True
        elif origin == entry:
            return True
    return False


def _without_default_port(origin: str) -> str:
    scheme, _, authority = origin.partition("://")
    default = ":443" if scheme == "https" else ":80"
    return f"{scheme}://{authority.removesuffix(default)}"
