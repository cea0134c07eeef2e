"""The Bot API's one door: a method's fields in, its result out, or a SendError that says what to do.

https://core.telegram.org/bots/api#making-requests. The token is part of the address, so neither address nor raw
error ever leaves this module. What the errors mean: tdlib/telegram-bot-api, Client.cpp, and the table below.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import aiohttp
import msgspec

from connectors.connector import Account
from connectors.errors import (
    AccountBroken,
    Blocked,
    ChatMoved,
    OutcomeUnknown,
    Rejected,
    SendError,
    Throttled,
    Unreachable,
)
from connectors.outgoing import Reply, exchange
from router.clean_text import clean_line

T = TypeVar("T")

VENDOR: Final = "https://api.telegram.org"
_TOKEN: Final = re.compile(r"[0-9]+:[A-Za-z0-9_-]+")

ACCOUNT_WIDE_FROM: Final = 60.0
"""Telegram does not say whose limit was hit. A chat's own passes in seconds; a longer ban is the bot's."""

_GONE: Final = (
    "user is deactivated",
    "bot was blocked",
    "bot was kicked",
    "user_is_blocked",
    "input_user_deactivated",
    "group chat was deleted",
    "peer_id_invalid",
    "chat not found",
)
"""400 and 403 descriptions after which nothing reaches the chat until something comes from it."""

_PLAIN: Final = {
    "message is too long": "The text is longer than Telegram takes (4096 characters)",
    "message caption is too long": "The caption is longer than Telegram takes (1024 characters)",
    "message text is empty": "Telegram does not take an empty message",
    "file is too big": "The file is larger than Telegram lets a bot fetch (20 MB)",
    "not enough rights": "The bot has no right to write in this chat",
    "have no rights to send": "The bot has no right to write in this chat",
    "topic_closed": "The topic is closed",
    "wrong file identifier": "Telegram no longer knows this file",
    "voice_messages_forbidden": "The person does not accept voice messages",
    "business connection": "The business account is no longer connected to the bot",
    "business_connection": "The business account is no longer connected to the bot",
}


class Failure(msgspec.Struct, frozen=True):
    """`parameters` of a failed call."""

    retry_after: float | None = None
    migrate_to_chat_id: int | None = None


class _Answer(msgspec.Struct, frozen=True):
    ok: bool = False
    result: msgspec.Raw = msgspec.Raw(b"null")
    error_code: int = 0
    description: str = ""
    parameters: Failure = Failure()


class Conflict(Throttled):
    """409: a webhook is set, or somebody else asks for this bot's updates as well."""


_decode: Final = msgspec.json.Decoder(_Answer).decode


def api_base(account: Account) -> str:
    return (account["api_base"] or VENDOR).rstrip("/")


def token_of(account: Account) -> str:
    """Raises AccountBroken for what cannot be one, and what would lead to another address."""
    token = account["token"]
    if _TOKEN.fullmatch(token) is None:
        raise AccountBroken("The bot token is not one: it looks like 123456:ABC-DEF…")
    return token


def file_url(account: Account, path: str) -> str:
    """Holds the token: for calling only, never for keeping or showing."""
    return f"{api_base(account)}/file/bot{token_of(account)}/{path}"


async def call(
    account: Account,
    http: aiohttp.ClientSession,
    method: str,
    fields: Mapping[str, Any] | None = None,
    *,
    timeout: float = 30,
) -> msgspec.Raw:
    """The method's `result`, still JSON. Raises a SendError."""
    reply = await post(account, http, method, form_of(fields or {}), timeout=timeout)
    return result_of(reply, to_chat=bool(fields and "chat_id" in fields))


def form_of(fields: Mapping[str, Any]) -> aiohttp.FormData:
    """Bot API: nested values are JSON in a form's fields."""
    form = aiohttp.FormData(quote_fields=False)
    for name, value in fields.items():
        form.add_field(name, value if isinstance(value, str) else json.dumps(value))
    return form


async def post(
    account: Account,
    http: aiohttp.ClientSession,
    method: str,
    form: aiohttp.FormData,
    *,
    timeout: float = 30,
) -> Reply:
    """The answer as it came. Raises Unreachable, OutcomeUnknown, AccountBroken."""
    url = f"{api_base(account)}/bot{token_of(account)}/{method}"
    try:
        return await exchange(http, "POST", url, data=form, timeout=timeout)
    except (Unreachable, OutcomeUnknown) as error:
        # Without the cause: aiohttp's errors name the address, and the address holds the token.
        raise type(error)(f"Telegram: {error}") from None


def read_result(result: msgspec.Raw, kind: type[T]) -> T:
    """Raises OutcomeUnknown when it is not of the kind."""
    try:
        return msgspec.json.decode(result, type=kind)
    except (ValueError, RecursionError):
        raise OutcomeUnknown("Telegram's answer could not be read") from None


def result_of(reply: Reply, *, to_chat: bool) -> msgspec.Raw:
    """Raises a SendError for anything but a result."""
    try:
        answer = _decode(reply.body)
    except (ValueError, RecursionError):
        raise _not_the_bot_api(reply.status) from None
    if answer.ok and 200 <= reply.status < 300:
        return answer.result
    raise failure(
        answer.error_code or reply.status, answer.description, answer.parameters, to_chat=to_chat
    )


def _not_the_bot_api(status: int) -> SendError:
    if 200 <= status < 300:
        return OutcomeUnknown("Telegram's answer could not be read")
    return Unreachable(f"What answers at the Bot API's address is something else (HTTP {status})")


def failure(  # noqa: PLR0911  # a table, a line each
    status: int, description: str, told: Failure, *, to_chat: bool
) -> SendError:
    """The table of what can go wrong, in the order in which it counts."""
    words = clean_line(description, limit=300)
    said = words.lower()
    if told.migrate_to_chat_id is not None:
        return ChatMoved(str(told.migrate_to_chat_id))
    if status == 429 or told.retry_after is not None:
        wait = max(told.retry_after or 1.0, 1.0)
        to_all = not to_chat or wait >= ACCOUNT_WIDE_FROM
        return Throttled(retry_after=wait, scope="account" if to_all else "chat")
    if status >= 500:
        return Unreachable(f"Telegram is out of order ({status} {words})".replace(" )", ")"))
    if status == 401 or (status == 404 and "method" not in said):
        return AccountBroken("Telegram does not accept the bot token")
    if status == 409:
        return Conflict(_conflict(said), retry_after=15)
    if status == 413:
        return Rejected("The file is larger than Telegram takes (50 MB, pictures 10 MB)")
    if status == 403 or any(each in said for each in _GONE):
        return Blocked(f"Telegram: {_without_prefix(words)}")
    plain = next((plain for each, plain in _PLAIN.items() if each in said), None)
    return Rejected(plain or f"Telegram: {_without_prefix(words) or f'error {status}'}")


def _conflict(said: str) -> str:
    if "webhook" in said:
        return "Telegram sends this bot's messages to a webhook, so they cannot be asked for"
    return "Another program asks Telegram for this bot's messages; only one can get them"


def _without_prefix(words: str) -> str:
    return words.removeprefix("Bad Request: ").removeprefix("Forbidden: ")
