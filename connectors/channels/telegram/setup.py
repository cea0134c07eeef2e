"""Trying the token, and telling Telegram where to send updates: `allo channel check`, and whenever an account changes.

Everything is said in words for the person who looks after the installation; nothing is raised.
"""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import msgspec

from connectors.channels.telegram.bot_api import VENDOR, api_base, call, read_result
from connectors.channels.telegram.polling import polls
from connectors.channels.telegram.updates import ALLOWED_UPDATES
from connectors.connector import Account, Finding
from connectors.errors import AccountBroken, SendError, Unreachable

PORTS: Final = frozenset({443, 80, 88, 8443})
"""Bot API, setWebhook: "Ports currently supported for webhooks"."""

CONNECTIONS: Final = 40
"""Updates that Telegram sends at a time; of one chat always one."""

_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")


class _Me(msgspec.Struct, frozen=True):
    id: int = 0
    first_name: str = ""
    username: str = ""
    can_read_all_group_messages: bool = False


class _WebhookInfo(msgspec.Struct, frozen=True):
    url: str = ""
    pending_update_count: int = 0
    last_error_message: str = ""


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
    findings: list[Finding] = []
    try:
        me = read_result(await call(account, http, "getMe"), _Me)
        findings.append(
            _ok(f"Telegram accepts the token: this is @{me.username} ({me.first_name})")
        )
        if me.can_read_all_group_messages and account["username"].removeprefix("@") != me.username:
            findings.append(
                _warning(
                    f"The bot reads everything in groups; set username={me.username}, "
                    "so that commands to other bots are not taken for its own"
                )
            )
        told = await call(account, http, "getWebhookInfo")
        findings += _delivery(account, read_result(told, _WebhookInfo), webhook_url)
    except AccountBroken as error:
        findings.append(
            Finding(
                level="error",
                text=f"{error}. Copy all of it from @BotFather, with the digits before the colon.",
                field="token",
            )
        )
    except Unreachable as error:
        findings.append(
            _error(
                f"{error}. Does this server reach the internet? The Bot API server can be a proxy."
            )
        )
    except SendError as error:
        findings.append(_error(str(error)))
    return findings


def _delivery(account: Account, info: _WebhookInfo, webhook_url: str) -> list[Finding]:
    findings: list[Finding] = []
    if polls(account):
        if info.url:
            findings.append(
                _warning(
                    "Telegram still sends messages to a webhook; it is removed when polling starts"
                )
            )
        else:
            findings.append(_ok("Messages are asked for (polling)"))
    else:
        problem = _unfit(account, webhook_url)
        if problem:
            findings.append(_error(problem))
        elif info.url != webhook_url:
            where = f"to {info.url}" if info.url else "nowhere yet"
            findings.append(_warning(f"Telegram sends messages {where}, not to {webhook_url}"))
        else:
            findings.append(_ok(f"Telegram sends messages to {webhook_url}"))
        if info.last_error_message:
            findings.append(
                _warning(f"Telegram had trouble delivering last: {info.last_error_message}")
            )
    if info.pending_update_count:
        findings.append(_warning(f"{info.pending_update_count} updates are waiting at Telegram"))
    return findings


async def connect(
    account: Account, http: aiohttp.ClientSession, *, webhook_url: str
) -> Sequence[Finding]:
    """Sets the webhook, or removes it for polling; what waits at Telegram is kept either way."""
    try:
        if polls(account):
            await call(account, http, "deleteWebhook", {"drop_pending_updates": False})
            return [_ok("Messages are asked for (polling)")]
        problem = _unfit(account, webhook_url)
        if problem:
            return [_error(problem)]
        await call(
            account,
            http,
            "setWebhook",
            {
                "url": webhook_url,
                "secret_token": account["webhook_secret"],
                "allowed_updates": ALLOWED_UPDATES,
                "max_connections": CONNECTIONS,
                "drop_pending_updates": False,
            },
        )
    except SendError as error:
        return [_error(str(error))]
    return [_ok(f"Telegram sends messages to {webhook_url}")]


def _unfit(account: Account, webhook_url: str) -> str:
    """Why Telegram could not or should not send updates there; "" when it can."""
    if not account["webhook_secret"]:
        return "Set webhook_secret: without it anybody could send messages in Telegram's name"
    if _SECRET.fullmatch(account["webhook_secret"]) is None:
        return "webhook_secret may only have A-Z a-z 0-9 _ - and 256 characters"
    address = urlsplit(webhook_url)
    if not address.hostname:
        return "Set ALLO_PUBLIC_URL to the address at which Telegram can reach Allo, or use mode=polling"
    # A Bot API server of one's own, in --local mode, calls any address.
    if api_base(account) == VENDOR:
        if address.scheme != "https":
            return f"Telegram calls https addresses only, not {webhook_url}; use mode=polling without one"
        try:
            port = address.port or 443
        except ValueError:
            port = 0
        if port not in PORTS:
            return f"Telegram calls the ports 443, 80, 88 and 8443 only, not {address.netloc}"
    return ""
