"""The Graph API's one door: a call in, its JSON out, or a SendError that says what to do.

https://developers.facebook.com/documentation/business-messaging/whatsapp/ (Graph API v26.0). The token travels in a header
only, so an address may be shown; answers and errors never hold it.
"""

import re
from typing import Any, Final, TypeVar

import aiohttp
import msgspec

from connectors.channels.whatsapp.dialect import Error
from connectors.channels.whatsapp.refusals import refusal
from connectors.connector import Account
from connectors.errors import AccountBroken, OutcomeUnknown, Rejected, Unreachable
from connectors.outgoing import Reply, exchange

T = TypeVar("T")

VENDOR: Final = "https://graph.facebook.com"
VERSION: Final = "v26.0"
_VERSIONED: Final = re.compile(r"/v[0-9]+\.[0-9]+$")
_ID: Final = re.compile(r"[0-9]{1,32}")
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,4096}")
GATEWAY_GAVE_UP: Final = 504


class _Failure(msgspec.Struct, frozen=True):
    error: Error


_decode_failure: Final = msgspec.json.Decoder(_Failure).decode


def base_url(account: Account) -> str:
    """With the version of the API, unless `api_base` names another."""
    base = (account["api_base"] or VENDOR).rstrip("/")
    return base if _VERSIONED.search(base) else f"{base}/{VERSION}"


def headers_of(account: Account) -> dict[str, str]:
    """Raises AccountBroken for a token that cannot be one (a line break would be a header of its own)."""
    token = account["access_token"].strip()
    if _TOKEN.fullmatch(token) is None:
        raise AccountBroken("The access token is missing or is not one")
    return {"Authorization": f"Bearer {token}"}


def own_number(account: Account) -> str:
    """Raises AccountBroken for an id that would lead to another address."""
    return _number(account["phone_number_id"], "phone_number_id")


def own_business(account: Account) -> str:
    """Raises AccountBroken."""
    return _number(account["waba_id"], "waba_id")


def _number(given: str, name: str) -> str:
    if _ID.fullmatch(given.strip()) is None:
        raise AccountBroken(
            f"{name} is missing or is not one: it has digits only, and is not the telephone number"
        )
    return given.strip()


async def call(
    account: Account,
    http: aiohttp.ClientSession,
    method: str,
    path: str,
    kind: type[T],
    *,
    timeout: float = 30,
    **request: Any,
) -> T:
    """`path` below the version. `request` is aiohttp's: json, data, params. Raises a SendError."""
    reply = await post(account, http, method, path, timeout=timeout, **request)
    try:
        return msgspec.json.decode(reply.body, type=kind)
    except (ValueError, RecursionError):
        raise OutcomeUnknown("WhatsApp's answer could not be read") from None


async def post(
    account: Account,
    http: aiohttp.ClientSession,
    method: str,
    path: str,
    *,
    timeout: float = 30,
    **request: Any,
) -> Reply:
    """The answer to a call that went well. Raises a SendError."""
    try:
        reply = await exchange(
            http,
            method,
            f"{base_url(account)}/{path}",
            timeout=timeout,
            headers=headers_of(account),
            **request,
        )
    except (Unreachable, OutcomeUnknown) as error:
        raise type(error)(f"WhatsApp: {error}") from error
    if 200 <= reply.status < 300:
        return reply
    raise _failure(reply)


def _failure(reply: Reply) -> Exception:
    """What the answer says, or what its status says when it is not the API's own."""
    asked = reply.headers.get("Retry-After", "")
    retry_after = min(float(asked), 3600.0) if asked.isdecimal() else None
    try:
        error = _decode_failure(reply.body).error
    except (ValueError, RecursionError):
        if reply.status == GATEWAY_GAVE_UP:
            # A gateway that waited in vain: what stands behind it may have done it.
            return OutcomeUnknown("WhatsApp: a gateway gave up waiting (HTTP 504)")
        if reply.status in {408, 429} or reply.status >= 500:
            return refusal(
                Error(code=-1, message=f"HTTP {reply.status}"),
                status=reply.status,
                retry_after=retry_after,
            )
        if reply.status in {404, 405}:
            return Unreachable(f"What answers at api_base is something else (HTTP {reply.status})")
        return Rejected(f"WhatsApp: HTTP {reply.status}")
    return refusal(error, status=reply.status, retry_after=retry_after)
