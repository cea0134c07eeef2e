"""Twilio's REST API, one door: what is asked, its JSON, or a SendError. https://www.twilio.com/docs/usage/twilios-response"""

from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import msgspec

from connectors.connector import Account
from connectors.errors import (
    AccountBroken,
    OutcomeUnknown,
    Rejected,
    SendError,
    Throttled,
    Unreachable,
)
from connectors.outgoing import Reply, exchange
from router.clean_text import clean_line

VENDOR: Final = "https://api.twilio.com"
VERSION: Final = "2010-04-01"
LIMIT: Final = 4 << 20
LONGEST_WAIT: Final = 3600.0


class _Failure(msgspec.Struct, frozen=True):
    code: int | None = None
    message: str = ""


def url(account: Account, path: str) -> str:
    """`path` under the account's own resource. Raises AccountBroken for a sid that would lead elsewhere."""
    sid = account["account_sid"]
    if not (sid.isascii() and sid.isalnum() and sid.startswith("AC")):
        raise AccountBroken("The account SID is not one: AC and 32 characters")
    return f"{(account['api_base'] or VENDOR).rstrip('/')}/{VERSION}/Accounts/{sid}{path}"


def credentials(account: Account) -> dict[str, str]:
    """The Authorization header. Raises AccountBroken."""
    if not account["auth_token"]:
        raise AccountBroken("The auth token is not set")
    return {
        "Authorization": aiohttp.encode_basic_auth(
            account["account_sid"], account["auth_token"], encoding="utf-8"
        )
    }


async def get(
    account: Account, http: aiohttp.ClientSession, path: str, query: Mapping[str, str] | None = None
) -> Any:
    """Raises a SendError."""
    reply = await exchange(
        http,
        "GET",
        url(account, path),
        params=dict(query or {}),
        headers=credentials(account),
        limit=LIMIT,
    )
    return _result(reply, changes=False)


async def post(
    account: Account, http: aiohttp.ClientSession, path: str, form: list[tuple[str, str]]
) -> Any:
    """Raises a SendError."""
    reply = await exchange(
        http,
        "POST",
        url(account, path),
        data=aiohttp.FormData(form),
        headers=credentials(account),
        limit=LIMIT,
    )
    return _result(reply, changes=True)


def _result(reply: Reply, *, changes: bool) -> Any:
    if 200 <= reply.status < 300:
        try:
            told = msgspec.json.decode(reply.body)
        except (ValueError, RecursionError):
            told = None
        if isinstance(told, dict):
            return told
        kind = OutcomeUnknown if changes else Unreachable
        raise kind("Twilio's answer could not be read")
    raise failure(reply, changes=changes)


def failure(reply: Reply, *, changes: bool) -> SendError:
    """`changes`: the request may have done something although it answered 5xx."""
    try:
        told = msgspec.json.decode(reply.body, type=_Failure)
    except (ValueError, RecursionError):
        told = _Failure()
    words = clean_line(told.message, limit=300) or f"HTTP {reply.status}"
    if told.code:
        words = f"{words} ({told.code})"
    # 20003 is "Authenticate", also with 404 for an account that is another's.
    if reply.status in {401, 403} or told.code == 20003:
        return AccountBroken(f"Twilio does not accept the account SID and token: {words}")
    if reply.status == 429:
        return Throttled(f"Twilio: {words}", retry_after=_wait(reply))
    if reply.status == 503 or (reply.status >= 500 and not changes):
        return Unreachable(f"Twilio is out of order: {words}")
    if reply.status >= 500:
        return OutcomeUnknown(f"Twilio may or may not have done it: {words}")
    return Rejected(f"Twilio: {words}")


def _wait(reply: Reply) -> float:
    told = reply.headers.get("Retry-After", "")
    wait = float(told) if told.isascii() and told.isdecimal() and len(told) < 7 else 1.0
    return min(max(wait, 1.0), LONGEST_WAIT)
