"""Nobody else's page may act in a colleague's name.

Two checks, each sufficient: the request comes from our own origin, and it carries the session's token, which a foreign
page cannot read. Cookies are SameSite=Lax besides.
"""

import hmac
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

FIELD: Final = "csrf"
HEADER: Final = "X-CSRF-Token"


def comes_from_us(request: web.Request, *, public_url: str) -> bool:
    """False when the browser says that another site asked.

    Fetch standard: browsers send Origin with every POST, "null" from a sandboxed frame. A client without Origin and
    Sec-Fetch-Site is no browser, has nobody's cookies by accident, and still needs the token.
    """
    origin = request.headers.get("Origin")
    if origin is not None:
        return urlsplit(origin).netloc in {request.host, urlsplit(public_url).netloc}
    return request.headers.get("Sec-Fetch-Site", "same-origin") in {"same-origin", "none"}


def token_is_right(given: str, expected: str) -> bool:
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())
