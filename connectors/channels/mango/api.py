"""The exchange's one door: a command's JSON in, its answer out, or a SendError that says what to do.

VPBX API, "Requests": POST a form with vpbx_api_key, sign, json. What it answers is JSON with `result`, 1000 when it
did it; or a status alone.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import aiohttp

from connectors.channels.mango.reports import signature
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

VENDOR: Final = "https://app.mango-office.ru"
DOMAINS: Final = ("mango-office.ru", "mangotele.com")
DONE: Final = "1000"
LOCKED: Final = 120.0
"""Seconds for which bad requests lock the API, which then answers 401."""

_RESULTS: Final = (
    ("2", "Mango Office does not make the call: look at the balance and the tariff"),
    ("32", "Mango Office says that the number is wrong"),
    ("42", "Mango Office could not reach the other side"),
    ("5", "Mango Office is out of order"),
)


def api_base(account: Account) -> str:
    return (account["api_base"] or VENDOR).rstrip("/")


def signed(account: Account, command: Mapping[str, Any]) -> dict[str, str]:
    """The form. Raises AccountBroken without credentials."""
    key, salt = account["api_key"], account["api_salt"]
    if not key or not salt:
        raise AccountBroken("Set api_key and api_salt: they are in Mango Office's API connector")
    body = json.dumps(command, ensure_ascii=False)
    return {"vpbx_api_key": key, "sign": signature(key, body, salt), "json": body}


async def call(
    account: Account, http: aiohttp.ClientSession, path: str, command: Mapping[str, Any]
) -> dict[str, Any]:
    """The answer. Raises a SendError for anything but a success."""
    reply = await post(account, http, path, command)
    if reply.status != 200:
        raise OutcomeUnknown("Mango Office's answer could not be read")
    try:
        answer = json.loads(reply.body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise OutcomeUnknown("Mango Office's answer could not be read")
    result = said(answer, "result")
    if result not in {"", DONE}:
        raise _failure(result)
    return answer


async def post(
    account: Account, http: aiohttp.ClientSession, path: str, command: Mapping[str, Any]
) -> Reply:
    """The answer as it came, 200 or 204. Raises a SendError."""
    url = f"{api_base(account)}/vpbx/{path}"
    try:
        reply = await exchange(http, "POST", url, data=signed(account, command), timeout=15)
    except (Unreachable, OutcomeUnknown) as error:
        raise type(error)(f"Mango Office: {error}") from None
    if reply.status not in {200, 204}:
        raise refusal(reply.status)
    return reply


def refusal(status: int) -> SendError:
    if status == 401:
        # It may be a wrong key as well as a lock; to believe the worse would stop the channel for two minutes' sake.
        return Throttled(
            "Mango Office does not accept the key and the signature, or has locked its API for two minutes "
            "after wrong requests (401)",
            retry_after=LOCKED,
        )
    if status == 403:
        return AccountBroken("Mango Office does not accept the exchange's code (403)")
    if status == 429:
        return Throttled("Mango Office takes ten requests a second", retry_after=2)
    if status >= 500:
        return Unreachable(f"Mango Office is out of order ({status})")
    return Rejected(f"Mango Office refuses ({status})")


def _failure(result: str) -> SendError:
    words = next((words for start, words in _RESULTS if result.startswith(start)), "")
    text = f"{words or 'Mango Office refuses'} (result {result})"
    return Unreachable(text) if result.startswith("5") else Rejected(text)
