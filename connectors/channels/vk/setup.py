"""Trying the token, and telling VK where to send events: `allo channel check`, and whenever an account changes.

Everything is said in words for the person who looks after the installation; nothing is raised. A callback server is
confirmed by VK in the moment it is set: it asks our address, which must know the code by then. So the code is part of
the account, and is compared with VK's first.
"""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from connectors.channels.vk.events import EVENTS
from connectors.channels.vk.long_poll import polls
from connectors.channels.vk.method_calls import call
from connectors.channels.vk.people import community_of
from connectors.channels.vk.refusals import API_VERSION
from connectors.connector import Account, Finding
from connectors.errors import SendError

TITLE: Final = "Allo"
"""The server's name in the community's settings; VK takes 14 characters."""

SECRET_LIMIT: Final = 50
NEEDED: Final = ("messages", "manage")
"""Without the first nothing can be sent, without the second nothing set up. Photos and documents are warned about."""

FOR_FILES: Final = ("photos", "docs")


def _ok(text: str) -> Finding:
    return Finding(level="ok", text=text)


def _warning(text: str) -> Finding:
    return Finding(level="warning", text=text)


def _error(text: str) -> Finding:
    return Finding(level="error", text=text)


async def check(
    account: Account, http: aiohttp.ClientSession, *, webhook_url: str
) -> Sequence[Finding]:
    """Changes nothing."""
    if not community_of(account):
        return [_error("Set group_id to the community's number, as in vk.com/club222")]
    try:
        findings = [await _community(account, http)]
        if findings[0].level == "error":
            return findings
        findings += await _permissions(account, http)
        if polls(account):
            findings += await _long_poll(account, http)
        else:
            findings += await _callback(account, http, webhook_url)
    except SendError as error:
        return [_error(str(error))]
    return findings


async def connect(
    account: Account, http: aiohttp.ClientSession, *, webhook_url: str
) -> Sequence[Finding]:
    """Switches Long Poll on, or makes VK call our address; events that Allo does not read stay as they are."""
    community = community_of(account)
    if not community:
        return [_error("Set group_id to the community's number, as in vk.com/club222")]
    wanted: dict[str, Any] = {"group_id": community, "api_version": API_VERSION}
    wanted |= dict.fromkeys(EVENTS, 1)
    try:
        if polls(account):
            await call(account, http, "groups.setLongPollSettings", {"enabled": 1, **wanted})
            await _take_server_away(account, http, webhook_url)
            return [_ok("Messages are asked for (Long Poll)")]
        problem = await _unfit(account, http, webhook_url)
        if problem:
            return [_error(problem)]
        number = await _set_server(account, http, webhook_url)
        await call(account, http, "groups.setCallbackSettings", {"server_id": number, **wanted})
        return [await _state(account, http, webhook_url)]
    except SendError as error:
        return [_error(str(error))]


async def _community(account: Account, http: aiohttp.ClientSession) -> Finding:
    answer = await call(account, http, "groups.getById", {"group_id": community_of(account)})
    groups = answer.get("groups") if isinstance(answer, dict) else answer
    told = groups[0] if isinstance(groups, list) and groups else {}
    name = told.get("name", "") if isinstance(told, dict) else ""
    number = told.get("id") if isinstance(told, dict) else None
    if number != community_of(account):
        return _error(f"VK does not know a community with the number {community_of(account)}")
    return _ok(f"VK knows the community: {name}")


async def _permissions(account: Account, http: aiohttp.ClientSession) -> list[Finding]:
    """groups.getTokenPermissions → {"mask", "permissions": [{"name", "setting"}]}"""
    answer = await call(account, http, "groups.getTokenPermissions")
    told = answer.get("permissions") if isinstance(answer, dict) else None
    granted = {each.get("name") for each in told or () if isinstance(each, dict)}
    findings = []
    if missing := [name for name in NEEDED if name not in granted]:
        findings.append(_error(f"The token lacks a permission: {', '.join(missing)}"))
    if missing := [name for name in FOR_FILES if name not in granted]:
        findings.append(_warning(f"Files cannot be sent: the token lacks {', '.join(missing)}"))
    return findings


async def _long_poll(account: Account, http: aiohttp.ClientSession) -> list[Finding]:
    asked = {"group_id": community_of(account)}
    told = await call(account, http, "groups.getLongPollSettings", asked)
    told = told if isinstance(told, dict) else {}
    if not told.get("is_enabled"):
        return [_error("Long Poll is switched off; Allo switches it on when the account is saved")]
    events = told.get("events")
    if isinstance(events, dict) and not events.get("message_new"):
        return [_error("Long Poll does not bring messages (message_new); save the account again")]
    return [_ok("Messages are asked for (Long Poll)")]


async def _callback(
    account: Account, http: aiohttp.ClientSession, webhook_url: str
) -> list[Finding]:
    problem = await _unfit(account, http, webhook_url)
    return [_error(problem) if problem else await _state(account, http, webhook_url)]


async def _unfit(account: Account, http: aiohttp.ClientSession, webhook_url: str) -> str:
    """Why VK could not or should not send events there; "" when it can."""
    if not account["secret"]:
        return "Set secret: without it anybody could send messages in VK's name"
    if len(account["secret"]) > SECRET_LIMIT:
        return f"secret may have {SECRET_LIMIT} characters"
    if not urlsplit(webhook_url).hostname:
        return "Set ALLO_PUBLIC_URL to the address at which VK can reach Allo, or use mode=longpoll"
    asked = {"group_id": community_of(account)}
    answer = await call(account, http, "groups.getCallbackConfirmationCode", asked)
    code = answer.get("code") if isinstance(answer, dict) else None
    if isinstance(code, str) and code and code != account["confirmation"].strip():
        return f"VK's confirmation code is {code}: set confirmation={code}"
    return ""


async def _servers(account: Account, http: aiohttp.ClientSession) -> list[dict[str, Any]]:
    asked = {"group_id": community_of(account)}
    answer = await call(account, http, "groups.getCallbackServers", asked)
    items = answer.get("items") if isinstance(answer, dict) else None
    return [each for each in items or () if isinstance(each, dict)]


async def _set_server(account: Account, http: aiohttp.ClientSession, webhook_url: str) -> int:
    values: dict[str, Any] = {
        "group_id": community_of(account),
        "url": webhook_url,
        "title": TITLE,
        "secret_key": account["secret"],
    }
    for server in await _servers(account, http):
        if server.get("url") == webhook_url and isinstance(server.get("id"), int):
            number: int = server["id"]
            await call(account, http, "groups.editCallbackServer", values | {"server_id": number})
            return number
    answer = await call(account, http, "groups.addCallbackServer", values)
    made = answer.get("server_id") if isinstance(answer, dict) else None
    return made if isinstance(made, int) else 0


async def _take_server_away(
    account: Account, http: aiohttp.ClientSession, webhook_url: str
) -> None:
    """What is asked for need not be pushed as well: the two ways name the same event differently, for all we know."""
    for server in await _servers(account, http):
        if webhook_url and server.get("url") == webhook_url:
            asked = {"group_id": community_of(account), "server_id": server.get("id")}
            await call(account, http, "groups.deleteCallbackServer", asked)


async def _state(account: Account, http: aiohttp.ClientSession, webhook_url: str) -> Finding:
    """`status` of ours: ok, wait, failed, unconfigured."""
    server = next(
        (each for each in await _servers(account, http) if each.get("url") == webhook_url), None
    )
    if server is None:
        return _warning(f"VK sends no messages to {webhook_url} yet; save the account again")
    if server.get("status") == "ok":
        return _ok(f"VK sends messages to {webhook_url}")
    if server.get("status") == "wait":
        return _warning(f"VK is about to try {webhook_url}")
    return _error(f"VK could not confirm {webhook_url}: it must be reachable from the internet")
