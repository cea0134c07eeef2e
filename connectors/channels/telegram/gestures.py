"""Small things between the messages: a pressed button's spinner, and "typing…"."""

import aiohttp

from connectors.channels.telegram.bot_api import call
from connectors.channels.telegram.people import split_chat_id
from connectors.connector import Account
from connectors.errors import Rejected


async def acknowledge(account: Account, callback: str, http: aiohttp.ClientSession) -> None:
    """Until it is called the person's program shows that the button works (Bot API, answerCallbackQuery)."""
    try:
        await call(
            account, http, "answerCallbackQuery", {"callback_query_id": callback}, timeout=10
        )
    except Rejected as refusal:
        # "query is too old and response timeout expired or query ID is invalid": the spinner is gone by itself.
        if "query is too old" not in str(refusal).lower():
            raise


async def show_typing(
    account: Account, chat: str, http: aiohttp.ClientSession, *, message_id: str = ""
) -> None:
    """For five seconds, or until the next message (Bot API, sendChatAction)."""
    number, connection = split_chat_id(chat)
    fields: dict[str, object] = {"chat_id": number, "action": "typing"}
    if connection:
        fields["business_connection_id"] = connection
    await call(account, http, "sendChatAction", fields, timeout=10)
