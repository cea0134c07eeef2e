"""The door of the chat: which account is meant, from which page, by which visitor, and not too often.

Everything a browser asks goes through `Door.opened`, which refuses with a problem (RFC 9457) the widget has a
sentence for, and answers other origins with exact CORS headers. A request that changes something must name its
origin: browsers always do, and whatever does not is no browser.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
import structlog
from aiohttp import web

from connectors.channels.site_chat.receive import Unfit
from connectors.channels.site_chat.storefront import Storefront, storefront
from connectors.channels.site_chat.visitors import Visitor, visitor_of
from connectors.connector import Account, NotDurable, Surroundings
from connectors.errors import Malformed, ReceiveError, TooLarge, Unverified
from connectors.page_origins import origin_of
from connectors.rates import Rate, Rates, network

KIND: Final = "site_chat"
BODY_LIMIT: Final = 64 * 1024
"""Of everything but files: text of 8 KB, five tickets, a page and a visit with long URLs."""
AGAIN_AFTER_S: Final = 2
PAUSED_AGAIN_AFTER_S: Final = 60

T = TypeVar("T")

log = structlog.get_logger()


class TooOften(Exception):
    def __init__(self, wait: float) -> None:
        super().__init__(f"{wait:.1f} s")
        self.wait = wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """A request at the right door."""

    request: web.Request
    account: Account
    shop: Storefront
    origin: str
    """"" when the request names none."""


Handler = Callable[[Guest], Awaitable[web.StreamResponse]]


class Door:
    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._rates = Rates()

    def opened(
        self, handler: Handler, *, changes: bool
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """`handler` behind the door; `changes`: it changes something, so the origin must be known and allowed."""

        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                guest = self._guest(request, changes=changes)
            except Unverified as error:
                log.info("site_chat_refused", slug=request.match_info["slug"], reason=str(error))
                return problem(403, "origin", "This page may not use this chat.")
            try:
                response = await handler(guest)
            except (ReceiveError, TooOften, NotDurable, Unfit) as error:
                response = self._refused(guest, error)
            # A stream has sent its headers already, with these among them.
            if not response.prepared:
                response.headers.update(self.cors(guest))
            return response

        return answer

    async def preflight(self, request: web.Request) -> web.Response:
        try:
            guest = self._guest(request, changes=True)
        except Unverified:
            return web.Response(status=403)
        return web.Response(
            status=204,
            headers={
                **self.cors(guest),
                "Access-Control-Allow-Methods": "GET, POST",
                "Access-Control-Allow-Headers": "Authorization, Content-Type",
                "Access-Control-Max-Age": "600",
            },
        )

    def cors(self, guest: Guest) -> Mapping[str, str]:
        if not guest.origin:
            return {"Vary": "Origin"}
        return {
            "Access-Control-Allow-Origin": guest.origin,
            "Access-Control-Expose-Headers": "Retry-After",
            "Vary": "Origin",
        }

    def account(self, request: web.Request) -> Account:
        """Raises HTTPNotFound, HTTPServiceUnavailable."""
        slug = request.match_info["slug"]
        account = self._surroundings.accounts.find(slug)
        if account is None and any(each.slug == slug for each in self._surroundings.resting(KIND)):
            # Paused: the widget keeps what the visitor wrote, and comes again.
            raise web.HTTPServiceUnavailable(
                text='{"status": 503, "title": "The chat is paused.", "fault": "busy"}',
                content_type="application/problem+json",
                headers={"Retry-After": str(PAUSED_AGAIN_AFTER_S)},
            )
        if account is None or account.kind != KIND:
            raise web.HTTPNotFound(text="There is no such chat.")
        return account

    def own_origins(self, request: web.Request) -> frozenset[str]:
        """Ours as we know it, and as this browser does: a proxy may have changed the scheme."""
        return frozenset(
            {
                origin_of(self._surroundings.public_url),
                origin_of(f"{request.scheme}://{request.host}"),
            }
            - {""}
        )

    def visitor(self, guest: Guest) -> Visitor:
        """Raises Unverified."""
        scheme, _, token = guest.request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unverified("no visitor token", missing=True)
        try:
            return visitor_of(
                token.strip(),
                account=guest.account.id,
                secret=self._surroundings.secret,
                now=self._surroundings.now(),
            )
        except Unverified as error:
            # 401 tells the widget to begin anew; 403 is about something else than the token.
            raise Unverified(str(error), missing=True) from error

    def limit(self, what: str, who: str, rate: Rate) -> None:
        """Raises TooOften."""
        if wait := self._wait(what, who, rate):
            raise TooOften(wait)

    def allows(self, what: str, who: str, rate: Rate) -> bool:
        """For what may be left out without the visitor's knowing."""
        return not self._wait(what, who, rate)

    def limit_address(self, what: str, guest: Guest, rate: Rate) -> None:
        """For everybody behind the same address; off when the account's `ip_rate` is 0. Raises TooOften."""
        if guest.shop.ip_rate:
            self.limit(f"{what}:{guest.account.slug}", network(guest.request.remote or ""), rate)

    def _wait(self, what: str, who: str, rate: Rate) -> float:
        now = self._surroundings.now().timestamp()
        return self._rates.take(what, who, rate, now=now)

    def _guest(self, request: web.Request, *, changes: bool) -> Guest:
        account = self.account(request)
        shop = storefront(account)
        origin = request.headers.get("Origin", "")
        if not origin and changes:
            raise Unverified("no Origin")
        if origin and not shop.admits(origin, own=self.own_origins(request)):
            raise Unverified(f"origin {origin[:200]!r}")
        return Guest(request=request, account=account, shop=shop, origin=origin)

    def _refused(self, guest: Guest, error: Exception) -> web.Response:
        slug = guest.account.slug
        match error:
            case Unverified():
                log.info("site_chat_refused", slug=slug, reason=str(error))
                return problem(
                    401 if error.missing else 403, "unverified", "This could not be verified."
                )
            case TooLarge():
                return problem(413, "too_large", "This is too large.")
            case Unfit():
                return problem(422, error.fault, f"Please check: {error.field}.", field=error.field)
            case TooOften():
                log.info("site_chat_slowed", slug=slug, wait=round(error.wait, 1))
                return problem(429, "too_often", "Too often.", retry_after=error.wait)
            case NotDurable():
                # The widget keeps the message and comes again.
                log.warning("site_chat_not_durable", slug=slug)
                return problem(
                    503, "busy", "Please try again in a moment.", retry_after=AGAIN_AFTER_S
                )
            case _:
                return problem(400, "malformed", "This is not what the chat sends.")


def problem(
    status: int, fault: str, title: str, *, field: str = "", retry_after: float | None = None
) -> web.Response:
    body = {"type": "about:blank", "status": status, "title": title, "fault": fault}
    if field:
        body["field"] = field
    headers = {"Cache-Control": "no-store"}
    if retry_after is not None:
        headers["Retry-After"] = str(max(1, round(retry_after + 0.5)))
    return web.json_response(
        body, status=status, headers=headers, content_type="application/problem+json"
    )


def as_json(content: Any, *, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(content),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


async def body_of(guest: Guest) -> bytes:
    """Raises TooLarge, Malformed."""
    length = guest.request.content_length
    if length is not None and length > BODY_LIMIT:
        raise TooLarge("a body of the site chat")
    content = bytearray()
    try:
        async for chunk in guest.request.content.iter_chunked(16 * 1024):
            content += chunk
            if len(content) > BODY_LIMIT:
                raise TooLarge("a body of the site chat")
    except (web.RequestPayloadError, ConnectionResetError) as error:
        raise Malformed("not compressed or cut as it says") from error
    return bytes(content)


def parsed(content: bytes, as_: type[T]) -> T:
    """Raises Malformed."""
    try:
        return msgspec.json.decode(content or b"{}", type=as_)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Malformed(str(error)) from error
