"""GET /go/{code}: a link of the business's own that counts, remembers where the visitor came from, and leads on.

    the link ─▶ a click, if a person made it: what its address, its referrer and the site's script say, under a code of its own
             ─▶ where the link leads, the code in the messenger's own parameter (`connectors.entrance`)

It leads nowhere but where somebody of the business said: nothing of the request chooses the target. Machines that look a
link up (previews, prefetching, crawlers) are led on and counted as nobody. From one address only so many clicks are kept;
beyond them people are still led on, by the link's own code.
"""

import html
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

from aiohttp import web

from connectors.connector import Connector
from connectors.entrance import Way
from connectors.page_sources import UTM, clean_url
from connectors.rates import Rate, Rates, network
from connectors.visit_trail import PARAMETER, click_ids_of, trail_of, utm_of
from router.ids import new_code
from router.message import SourceKeys

SITE: Final = "site"
"""The kind of links to pages."""
CLICKS: Final = Rate(count=60, seconds=60, burst=30)
_CODE: Final = re.compile(r"[a-z0-9_-]{1,64}")
_MACHINES: Final = re.compile(
    r"bot\b|bot/|crawl|spider|preview|slurp|facebookexternalhit|facebot|whatsapp/|vkshare|embedly|skypeuripreview|"
    r"monitor|pingdom|lighthouse|curl/|wget/|python|okhttp|go-http-client|java/|libwww|axios/|scan",
    re.IGNORECASE,
)
_AHEAD: Final = ("prefetch", "prerender", "preview")


class Leading(Protocol):
    """A link as it is followed: `kind` of channel or SITE, `address` there."""

    @property
    def id(self) -> UUID: ...

    @property
    def code(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def address(self) -> str: ...

    @property
    def text(self) -> str: ...

    @property
    def manner(self) -> str: ...

    @property
    def utm(self) -> Mapping[str, str]: ...


class Links(Protocol):
    async def find(self, code: str) -> Leading | None:
        """None: there is none, or it was put away."""

    async def clicked(self, link: Leading, *, code: str, keys: SourceKeys, now: datetime) -> None:
        """Counts, and keeps what is known under the click's own code."""


class TrackedLinks:
    def __init__(
        self, *, links: Links, connectors: Mapping[str, Connector], now: Callable[[], datetime]
    ) -> None:
        self._links = links
        self._connectors = connectors
        self._now = now
        self._rates = Rates()

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/go/{code}", self.go)]

    async def go(self, request: web.Request) -> web.Response:
        code = request.match_info["code"].lower()
        link = await self._links.find(code) if _CODE.fullmatch(code) else None
        if link is None:
            raise web.HTTPNotFound(text="There is no such link.", headers=_HEADERS)
        carried = link.code
        if self._counts(request):
            carried = new_code()
            await self._links.clicked(
                link, code=carried, keys=keys_of(request, now=self._now()), now=self._now()
            )
        return _led(self._target(link, carried, request.query))

    def _counts(self, request: web.Request) -> bool:
        if request.method != "GET" or is_machine(request.headers):
            return False
        now, who = self._now().timestamp(), network(request.remote or "")
        return self._rates.take("click", who, CLICKS, now=now) == 0

    def _target(self, link: Leading, code: str, query: Mapping[str, str]) -> str:
        if link.kind == SITE:
            return page_url(link, query)
        connector = self._connectors.get(link.kind)
        if connector is None or connector.entrance is None:
            raise web.HTTPNotFound(text="There is no such link.", headers=_HEADERS)
        return connector.entrance.url(
            Way(address=link.address, code=code, text=link.text, manner=link.manner)
        )


def is_machine(headers: Mapping[str, str]) -> bool:
    """A program that looks the address up, for itself or ahead of a person who may never come."""
    ahead = " ".join(
        headers.get(name, "") for name in ("Purpose", "Sec-Purpose", "X-Purpose", "X-Moz")
    ).lower()
    agent = headers.get("User-Agent", "")
    return any(word in ahead for word in _AHEAD) or not agent or bool(_MACHINES.search(agent))


def keys_of(request: web.Request, *, now: datetime) -> SourceKeys:
    """What the click's own address says, then the page it was clicked on, and what the site's script remembers."""
    query = request.query
    referrer = clean_url(request.headers.get("Referer", "")[:4096])
    own = utm_of({name: value for name, value in query.items() if name.lower().startswith("utm_")})
    ids = click_ids_of(dict(query))
    earlier = trail_of(query.get(PARAMETER, ""), now=now)
    if not earlier and referrer:
        # Where a page sends its whole address along, it says as much as the script would.
        page = (
            dict(parse_qsl(urlsplit(referrer).query, max_num_fields=100)) if "?" in referrer else {}
        )
        utm = utm_of({n: value for n, value in page.items() if n.lower().startswith("utm_")})
        clicked = click_ids_of(page)
        if utm or clicked:
            earlier = (SourceKeys(utm=utm, click_ids=clicked, landing=referrer, visited_at=now),)
    return SourceKeys(utm=own, click_ids=ids, referrer=referrer, visited_at=now, earlier=earlier)


def page_url(link: Leading, query: Mapping[str, str]) -> str:
    """The page, with the link's UTM and what the click's own address adds; what the page's address has already stays."""
    parts = urlsplit(link.address)
    there = parse_qsl(parts.query, keep_blank_values=True)
    names = {name.lower() for name, _ in there}
    added = {f"utm_{name}": link.utm[name] for name in UTM if link.utm.get(name)}
    added |= {f"utm_{name}": value for name, value in utm_of(dict(_utm(query))).items()}
    added |= click_ids_of(dict(query))
    there += [(name, value) for name, value in added.items() if name not in names]
    return parts._replace(query=urlencode(there)).geturl()


def _utm(query: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in query.items() if name.lower().startswith("utm_")]


_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}


def _led(target: str) -> web.Response:
    if target.startswith(("https://", "http://")):
        return web.Response(status=302, headers={**_HEADERS, "Location": target})
    # A redirect to a telephone or a mail program that is not there leaves an error or nothing at all: so a page goes
    # there by itself and shows the number, which can be written down.
    shown = html.escape(target.partition(":")[2].partition("?")[0])
    where = html.escape(target)
    return web.Response(
        text=f'<!doctype html><html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta name="color-scheme" content="light dark"><meta http-equiv="refresh" content="0;url={where}">'
        f'<title>{shown}</title></head><body><h1><a href="{where}">{shown}</a></h1></body></html>',
        content_type="text/html",
        headers={
            **_HEADERS,
            "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        },
    )
