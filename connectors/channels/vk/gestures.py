"""Small things between the messages: a pressed button's spinner, "typing…", and that a message was read."""

import aiohttp

from connectors.channels.vk.method_calls import call
from connectors.channels.vk.people import peer_of
from connectors.channels.vk.refusals import Refused
from connectors.connector import Account
from connectors.errors import Rejected

SECONDS = 10.0


async def acknowledge(account: Account, callback: str, http: aiohttp.ClientSession) -> None:
    """Until it is called the person's program shows that the button works, for a minute at most.

    https://dev.vk.com/ru/method/messages.sendMessageEventAnswer
    """
    user, peer, event = (*callback.split(":", 2), "", "")[:3]
    if not event:
        raise Rejected("That is no button of VK's")
    values = {"event_id": event, "user_id": user, "peer_id": peer}
    try:
        await call(account, http, "messages.sendMessageEventAnswer", values, timeout=SECONDS)
    except Refused as refusal:
        # 100: "event_id is invalid or expired": the spinner is gone by itself.
        if refusal.code != 100:
            raise


async def show_typing(
    account: Account, chat: str, http: aiohttp.ClientSession, *, message_id: str = ""
) -> None:
    """For ten seconds, or until the next message (VK API: messages.setActivity)."""
    values = {"peer_id": peer_of(chat), "type": "typing"}
    await call(account, http, "messages.setActivity", values, timeout=SECONDS)


async def mark_read(account: Account, chat: str, http: aiohttp.ClientSession) -> None:
    """The person sees that their messages were read (VK API: messages.markAsRead)."""
    values = {"peer_id": peer_of(chat), "mark_conversation_as_read": 1}
    await call(account, http, "messages.markAsRead", values, timeout=SECONDS)
