"""The Call API: click-to-call, and whether the key is good. https://comagic.github.io/call-api/

JSON-RPC 2.0 over POST {api_base}/v4.0. Failures come with status 200 and `error`: {code, message, data: {mnemonic}}.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import aiohttp

from connectors.channels.uis import colleagues
from connectors.connector import Account, Finding
from connectors.errors import (
    AccountBroken,
    OutcomeUnknown,
    Rejected,
    SendError,
    Throttled,
    Unreachable,
)
from connectors.loose_fields import said
from connectors.moments import zone_of
from connectors.outgoing import Reply, exchange
from connectors.source_addresses import unreadable

VENDOR: Final = "https://callapi.uiscom.ru"
SHORTEST_SECRET: Final = 16

_FOR_AN_ADDRESS: Final = re.compile(r"[A-Za-z0-9_.~-]*")
_CREDENTIALS: Final = ("auth", "access_token", "login_or_password", "token_expired")
_ADDRESS: Final = ("ip_not", "ip_address", "whitelist", "white_list")
_LIMIT: Final = ("limit", "too_many")


def api_base(account: Account) -> str:
    return (account["api_base"] or VENDOR).rstrip("/")


async def dial(
    account: Account, *, extension: str, phone: str, initiated: str, http: aiohttp.ClientSession
) -> str:
    """Returns call_session_id; `initiated` comes back as external_id."""
    number = "".join(each for each in account["virtual_phone_number"] if each.isdecimal())
    if not number:
        raise Rejected("Set virtual_phone_number: UIS wants to know which number customers see")
    employee = colleagues.by_extension(account, extension).employee
    if not employee.isdecimal():
        raise Rejected("Set employees: UIS wants the employee's id of this extension")
    data = await call(
        account,
        http,
        "start.employee_call",
        {
            "first_call": "employee",
            "switch_at_once": True,
            "virtual_phone_number": number,
            "contact": phone.removeprefix("+"),
            "employee": {"id": int(employee)},
            "external_id": initiated,
        },
    )
    return said(data, "call_session_id") if isinstance(data, dict) else ""


async def check(
    account: Account, http: aiohttp.ClientSession, *, webhook_url: str
) -> Sequence[Finding]:
    """Asks for the calls that go on now. Changes nothing."""
    findings = unreadable(account)
    findings += [
        _error(f"employees: {each} is not like 101=8031") for each in colleagues.unreadable(account)
    ]
    if account["timezone"] and zone_of(account["timezone"]) is None:
        findings.append(_error("timezone is not one: it looks like Europe/Moscow or UTC+3"))
    if not account["access_token"]:
        findings.append(
            Finding(level="warning", text="Without access_token nobody can call from Allo")
        )
    else:
        try:
            await call(account, http, "list.calls", {})
        except SendError as error:
            findings.append(_error(str(error)))
        else:
            findings.append(Finding(level="ok", text="UIS accepts the API key from this address"))
    findings.append(_where(account, webhook_url))
    return findings


def _where(account: Account, webhook_url: str) -> Finding:
    secret = account["path_secret"]
    if not _FOR_AN_ADDRESS.fullmatch(secret):
        return _error("path_secret is part of an address: use A-Z a-z 0-9 _ - only")
    if len(secret) < SHORTEST_SECRET:
        return _error(
            f"path_secret is the only proof: make it {SHORTEST_SECRET} characters long or longer"
        )
    if not webhook_url:
        return _error("Set ALLO_PUBLIC_URL to the address at which UIS can reach Allo")
    return Finding(
        level="ok", text=f"In UIS, notifications must go to {webhook_url}/ and path_secret after it"
    )


def _error(text: str) -> Finding:
    return Finding(level="error", text=text)


async def call(
    account: Account, http: aiohttp.ClientSession, method: str, params: Mapping[str, Any]
) -> Any:
    """`result.data`. Raises a SendError for anything but a result."""
    token = account["access_token"]
    if not token:
        raise AccountBroken("Set access_token: the permanent key of a user of UIS")
    request = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": method,
        "params": {"access_token": token} | dict(params),
    }
    try:
        reply = await exchange(http, "POST", f"{api_base(account)}/v4.0", json=request, timeout=15)
    except (Unreachable, OutcomeUnknown) as error:
        raise type(error)(f"UIS: {error}") from None
    return _result(reply)


def _result(reply: Reply) -> Any:
    try:
        answer = json.loads(reply.body)
    except (ValueError, RecursionError):
        answer = None
    if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
        raise _failure(answer["error"])
    if reply.status >= 500:
        raise Unreachable(f"UIS is out of order ({reply.status})")
    if reply.status != 200:
        raise Rejected(f"What answers at the Call API's address refuses (HTTP {reply.status})")
    result = answer.get("result") if isinstance(answer, dict) else None
    if not isinstance(result, dict):
        raise OutcomeUnknown("UIS's answer could not be read")
    return result.get("data")


def _failure(error: Mapping[str, Any]) -> SendError:
    """By the mnemonic, which is stable; codes are shared by several."""
    data = error.get("data")
    mnemonic = said(data, "mnemonic").lower() if isinstance(data, dict) else ""
    message = said(error, "message", limit=300)
    if any(each in mnemonic for each in _ADDRESS):
        return AccountBroken(
            "UIS does not take calls from this address: list it in the API's settings"
        )
    if any(each in mnemonic for each in _CREDENTIALS):
        return AccountBroken("UIS does not accept the API key")
    if any(each in mnemonic for each in _LIMIT):
        return Throttled(f"UIS: {message or mnemonic}", retry_after=60)
    if "internal" in mnemonic:
        return Unreachable(f"UIS is out of order ({message or mnemonic})")
    return Rejected(f"UIS: {message or mnemonic or 'it refuses'}")
