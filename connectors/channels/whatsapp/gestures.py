"""Small things between the messages: "typing…"."""

import aiohttp

from connectors.channels.whatsapp.graph_api import own_number, post
from connectors.connector import Account
from connectors.errors import Rejected

SECONDS = 10.0


async def show_typing(
    account: Account, chat: str, http: aiohttp.ClientSession, *, message_id: str = ""
) -> None:
    """For 25 seconds, or until the next message; it also marks what the person wrote as read (Meta, typing indicators).

    It is said about a message of theirs, not about a chat. Raises a SendError.
    """
    if not message_id:
        raise Rejected("WhatsApp shows typing only under a message of the person's")
    await post(
        account,
        http,
        "POST",
        f"{own_number(account)}/messages",
        timeout=SECONDS,
        json={
            "messaging_product": "whatsapp",
            "status": "read",
            "message_id": message_id,
            "typing_indicator": {"type": "text"},
        },
    )
