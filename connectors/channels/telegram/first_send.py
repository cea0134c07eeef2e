"""The way to `sending`, whose import is long: made in a thread, when the first reply goes out."""

import asyncio
import importlib
import sys
from typing import Final

import aiohttp

from connectors.connector import Account, Outgoing, Sent

_SENDING: Final = "connectors.channels.telegram.sending"


async def send(account: Account, outgoing: Outgoing, http: aiohttp.ClientSession) -> Sent:
    """Raises a SendError."""
    sending = sys.modules.get(_SENDING)
    if sending is None or not hasattr(sending, "send"):
        sending = await asyncio.to_thread(importlib.import_module, _SENDING)
    sent: Sent = await sending.send(account, outgoing, http)
    return sent
