"""The exchange's one door: a method's fields in, its answer out, or a SendError that says what to do.

Zadarma, "Authorization": `Authorization: key:signature`. Answers are JSON with `status` success or error, and
`message` for what went wrong.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import aiohttp

from connectors.channels.zadarma.signing import signed_query
from connectors.connector import Account
from connectors.errors import (
    AccountBroken,
    OutcomeUnknown,
    Rejected,
    SendError,
    Throttled,
    Unreachable,
)
from connectors.loose_fields import said
from connectors.outgoing import Reply, exchange

VENDOR: Final = "https://api.zadarma.com"
DOMAINS: Final = ("zadarma.com", "novofon.com")


def api_base(account: Account) -> str:
    return (account["api_base"] or VENDOR).rstrip("/")


async def call(
    account: Account,
    http: aiohttp.ClientSession,
    path: str,
    fields: Mapping[str, str] | None = None,
    *,
    once: bool = False,
) -> dict[str, Any]:
    """GETs `path` ("/v1/…/"). Raises a SendError for anything but a success.

    `once`: of a method that does something, though it is a GET. aiohttp by itself asks again when the connection closes
    without an answer, and a customer would be called twice.
    """
    key, secret = account["api_key"], account["api_secret"]
    if not key or not secret:
        raise AccountBroken("Set api_key and api_secret: they are in Zadarma's settings")
    query, proof = signed_query(secret, path, fields or {})
    url = f"{api_base(account)}{path}" + (f"?{query}" if query else "")
    try:
        reply = await exchange(
            http,
            "GET",
            url,
            headers={"Authorization": f"{key}:{proof}"},
            timeout=15,
            middlewares=(_only_once(),) if once else (),
        )
    except (Unreachable, OutcomeUnknown) as error:
        raise type(error)(f"Zadarma: {error}") from None
    return _answer(reply)


def _only_once() -> aiohttp.ClientMiddlewareType:
    asked = False

    async def middleware(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        nonlocal asked
        if asked:
            raise aiohttp.ClientConnectionError("closed without an answer")
        asked = True
        return await handler(request)

    return middleware


def _answer(reply: Reply) -> dict[str, Any]:
    try:
        answer = json.loads(reply.body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        answer = {}
    if reply.status == 200 and said(answer, "status") == "success":
        return answer
    raise refusal(reply, said(answer, "message", limit=300))


def refusal(reply: Reply, message: str) -> SendError:
    """The table of what can go wrong."""
    asked = reply.headers.get("Retry-After", "")
    if reply.status == 401:
        return AccountBroken("Zadarma does not accept the API key and secret")
    if reply.status == 429:
        return Throttled(
            "Zadarma takes a hundred requests a minute",
            retry_after=float(asked) if asked.isdecimal() else 60,
        )
    if reply.status >= 500:
        return Unreachable(f"Zadarma is out of order ({reply.status})")
    if not message and 200 <= reply.status < 300:
        return OutcomeUnknown("Zadarma's answer could not be read")
    return Rejected(f"Zadarma: {message or f'error {reply.status}'}")
