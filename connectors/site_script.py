"""The script on the business's own site, and the numbers that it shows there.

    GET  /source.js          static/source.js; what it does stands in it. widget.js carries it, too
    POST /source/number      a number for this visit, or the one that it has for longer

Numbers are few and anybody can ask for one: so they are lent to pages of the business's own sites only (a setting; browsers say
which page asks), and to one address on the net only so many in an hour. Who gets none shows what the page shows anyway.
"""

import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Protocol
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from connectors.page_origins import LOCAL, NotAnOrigin, allows, origin_of, read_origins
from connectors.phone_numbers import shown_number
from connectors.rates import Rate, Rates, network
from connectors.visit_trail import LONGEST_TRAIL, trail_of
from router.message import SourceKeys

AGAIN_S: Final = 60
EXHAUSTED_AGAIN_S: Final = 120
BODY_LIMIT: Final = 10_000
ASKED: Final = Rate(count=60, seconds=60, burst=60)
LENT: Final = Rate(count=30, seconds=3600, burst=10)
"""New leases, for everybody behind one address: an office of some people, no more."""
_SCRIPT: Final = Path(__file__).parent / "static" / "source.js"


class Numbers(Protocol):
    async def sites(self) -> str:
        """The business's sites, as somebody wrote them."""

    async def lend(
        self, pool: str, *, lease: UUID | None, may_begin: bool, keys: SourceKeys, now: datetime
    ) -> "Lent | None":
        """The number that `lease` has already, for longer; or another, when one may be lent anew."""


class Lent(Protocol):
    @property
    def id(self) -> UUID: ...

    @property
    def number(self) -> str: ...


class _Asked(Struct, frozen=True):
    pool: Annotated[str, Meta(max_length=40)] = "site"
    lease: Annotated[str, Meta(max_length=64)] = ""
    trail: Annotated[str, Meta(max_length=LONGEST_TRAIL)] = ""


@cache
def script() -> str:
    """Without indentation and lines of comment: strangers' pages load it."""
    text = re.sub(r"\A/\*.*?\*/\n", "", _SCRIPT.read_text(), flags=re.DOTALL)
    return re.sub(r"^[ \t]*(?://.*)?\n|^[ \t]+", "", text, flags=re.MULTILINE)


class SiteScript:
    def __init__(self, *, numbers: Numbers, now: Callable[[], datetime], public_url: str) -> None:
        self._numbers = numbers
        self._now = now
        self._public_url = public_url
        self._rates = Rates()
        # Read before there is a loop to block.
        self._etag = f'"{hashlib.sha256(script().encode()).hexdigest()[:20]}"'

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/source.js", self.source), web.post("/source/number", self.number)]

    async def source(self, request: web.Request) -> web.Response:
        headers = {
            "Cache-Control": "public, max-age=600",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "X-Content-Type-Options": "nosniff",
            "ETag": self._etag,
        }
        if request.headers.get("If-None-Match") == self._etag:
            return web.Response(status=304, headers=headers)
        return web.Response(text=script(), content_type="text/javascript", headers=headers)

    async def number(self, request: web.Request) -> web.Response:
        """A simple request (text/plain), so that browsers ask for no permission first."""
        origin = request.headers.get("Origin", "")
        if not await self._admits(origin, request):
            return web.Response(status=403, headers=_PRIVATE)
        headers = {**_PRIVATE, "Access-Control-Allow-Origin": origin}
        now, who = self._now(), network(request.remote or "")
        if wait := self._rates.take("asked", who, ASKED, now=now.timestamp()):
            headers["Retry-After"] = str(round(wait) + 1)
            return web.Response(status=429, headers=headers)
        asked = await _asked(request)
        if asked is None:
            return web.Response(status=400, headers=headers)
        lent = await self._numbers.lend(
            asked.pool,
            lease=_uuid(asked.lease),
            may_begin=self._rates.peek("lent", who, LENT, now=now.timestamp()) == 0,
            keys=SourceKeys(earlier=trail_of(asked.trail, now=now)),
            now=now,
        )
        if lent is not None and str(lent.id) != asked.lease:
            self._rates.take("lent", who, LENT, now=now.timestamp())
        told = {"number": "", "again": EXHAUSTED_AGAIN_S}
        if lent is not None:
            told = {
                "number": lent.number,
                "shown": shown_number(lent.number),
                "lease": str(lent.id),
                "again": AGAIN_S,
            }
        return web.json_response(told, headers=headers)

    async def _admits(self, origin: str, request: web.Request) -> bool:
        own = {origin_of(self._public_url), origin_of(f"{request.scheme}://{request.host}")}
        if not origin or origin in own:
            return bool(origin)
        try:
            sites = read_origins(await self._numbers.sites())
        except (NotAnOrigin, UnicodeError):
            return False
        return allows(sites or LOCAL, origin)


_PRIVATE: Final = {"Cache-Control": "no-store", "Vary": "Origin"}


async def _asked(request: web.Request) -> _Asked | None:
    content = await request.content.read(BODY_LIMIT + 1)
    try:
        return msgspec.json.decode(content, type=_Asked) if len(content) <= BODY_LIMIT else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _uuid(written: str) -> UUID | None:
    try:
        return UUID(written)
    except ValueError:
        return None
