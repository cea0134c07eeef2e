"""What a browser loads: the loader, the frame with its styles and scripts, and a page to try it all on."""

import hashlib
import html
import json
import re
from functools import cache
from pathlib import Path
from typing import Final

from aiohttp import web

from connectors.channels.site_chat.door import Door, Guest, as_json
from connectors.channels.site_chat.files import headers_of, link_of
from connectors.channels.site_chat.storefront import storefront
from connectors.connector import Surroundings
from connectors.errors import Unverified
from connectors.page_origins import LOCAL
from connectors.site_script import script

STATIC: Final = Path(__file__).parent / "static"
PARTS: Final = {
    "frame.css": "text/css",
    "frame.js": "text/javascript",
    "asking.js": "text/javascript",
    "conversation.js": "text/javascript",
    "message_log.js": "text/javascript",
    "composer.js": "text/javascript",
    "pre_chat_form.js": "text/javascript",
    "words.js": "text/javascript",
    "try.css": "text/css",
}


class Pages:
    def __init__(self, surroundings: Surroundings, door: Door) -> None:
        self._surroundings = surroundings
        self._door = door

    async def loader(self, request: web.Request) -> web.Response:
        """The same for every account: which one it is for stands in its own URL or tag."""
        headers = {
            "Cache-Control": "public, max-age=600",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "X-Content-Type-Options": "nosniff",
        }
        return _cached(request, "widget.js", "text/javascript", headers)

    async def frame(self, request: web.Request) -> web.Response:
        account = self._door.account(request)
        shop = storefront(account)
        own = sorted(self._door.own_origins(request))
        page = _text("frame.html")
        origins = [*own, *(shop.origins or LOCAL)]
        for name, value in {
            "language": shop.language,
            "origins": json.dumps(origins),
            "shop": json.dumps(shop.shown(), ensure_ascii=False),
            "version": _version(),
        }.items():
            page = page.replace("{{ " + name + " }}", html.escape(value))
        ancestors = " ".join(["'self'", *origins])
        csp = (
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
            "img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; "
            f"frame-ancestors {ancestors}"
        )
        return web.Response(
            text=page,
            content_type="text/html",
            headers={
                "Content-Security-Policy": csp,
                "Cache-Control": "no-cache",
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
                "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
            },
        )

    async def part(self, request: web.Request) -> web.Response:
        name = request.match_info["part"]
        if name not in PARTS:
            raise web.HTTPNotFound
        self._door.account(request)
        # Modules import each other beside themselves, so a page never mixes two versions of them.
        current = request.match_info["version"] == _version()
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable" if current else "no-cache",
            "X-Content-Type-Options": "nosniff",
        }
        return _cached(request, name, PARTS[name], headers)

    async def try_it(self, request: web.Request) -> web.Response:
        """A small shop with the chat on it. It works at once: this server's own pages are always allowed."""
        account = self._door.account(request)
        english = request.query.get("lang", account.language) == "en"
        page = _text("try.en.html" if english else "try.html")
        page = page.replace("{{ slug }}", html.escape(account.slug))
        page = page.replace("{{ version }}", _version())
        page = page.replace(
            "{{ loader }}", html.escape(self._surroundings.public_url.rstrip("/") + "/widget.js")
        )
        return web.Response(
            text=page,
            content_type="text/html",
            headers={
                "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
                "frame-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'",
                "Cache-Control": "no-cache",
                "X-Content-Type-Options": "nosniff",
            },
        )

    async def config(self, guest: Guest) -> web.Response:
        return as_json(guest.shop.shown())

    async def file(self, guest: Guest) -> web.Response:
        """Through a signed link that expires: an <img> cannot send the visitor's token."""
        secret, now = self._surroundings.secret, self._surroundings.now()
        link = link_of(guest.request.match_info["link"], secret=secret, now=now)
        try:
            content = await self._surroundings.media.get(link.sha256)
        except KeyError as error:
            raise Unverified("a file that is gone") from error
        return web.Response(body=content, headers=headers_of(link))


@cache
def _text(name: str) -> str:
    text = (STATIC / name).read_text()
    return script() + _lean(text) if name == "widget.js" else text


def _lean(script: str) -> str:
    """Without indentation and lines of comment: strangers' pages load it. It holds no text of several lines."""
    script = re.sub(r"\A/\*.*?\*/\n", "", script, flags=re.DOTALL)
    return re.sub(r"^[ \t]*(?://.*)?\n|^[ \t]+", "", script, flags=re.MULTILINE)


@cache
def _etag(name: str) -> str:
    return hashlib.sha256(_text(name).encode()).hexdigest()[:20]


@cache
def _version() -> str:
    return hashlib.sha256("".join(map(_etag, sorted(PARTS))).encode()).hexdigest()[:12]


def warm() -> None:
    """Reads the files once, before there is a loop to block."""
    for name in ("widget.js", "frame.html", "try.html", "try.en.html", *PARTS):
        _text(name)
    _version()


def _cached(
    request: web.Request, name: str, content_type: str, headers: dict[str, str]
) -> web.Response:
    etag = f'"{_etag(name)}"'
    if request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers={"ETag": etag, **headers})
    return web.Response(
        text=_text(name), content_type=content_type, headers={"ETag": etag, **headers}
    )
