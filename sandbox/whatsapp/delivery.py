"""Webhooks on their way to businesses (Meta, webhooks overview): signed with the app's secret, in no particular order, and
again with growing pauses, for up to seven days, until they are answered 200.
"""

import asyncio
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from sandbox.whatsapp.world import Json, Number

FIRST_PAUSE: Final = 2.0
LONGEST_PAUSE: Final = 3600.0
EXPIRES: Final = 7 * 86_400.0
ANSWER_WITHIN: Final = 20.0


def signature(body: bytes, app_secret: str) -> str:
    return "sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()


def body_of(number: Number, value: Json, name: str) -> bytes:
    """Meta escapes what is not ASCII."""
    about = {"display_phone_number": number.display, "phone_number_id": number.id}
    told = {"messaging_product": "whatsapp", "metadata": about} | value
    entry = {"id": number.waba, "changes": [{"field": name, "value": told}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


@dataclass(slots=True)
class Delivery:
    """`attempts` counts the requests made."""

    app_secret: str
    tempo: float = 1.0
    attempts: int = 0
    held: list[tuple[Number, bytes]] = field(default_factory=list)
    holding: bool = False
    """Nothing is brought until it is let go: for tests of what comes before what."""

    async def bring(self, number: Number, body: bytes, http: aiohttp.ClientSession) -> None:
        """Until it is taken."""
        pause, waited = FIRST_PAUSE, 0.0
        while number.webhook is not None and waited < EXPIRES:
            if await self._post(number, body, http):
                return
            await asyncio.sleep(pause * self.tempo)
            waited += pause
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _post(self, number: Number, body: bytes, http: aiohttp.ClientSession) -> bool:
        webhook = number.webhook
        if webhook is None:
            return False
        self.attempts += 1
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "facebookexternalua",
            "X-Hub-Signature-256": signature(body, self.app_secret),
        }
        try:
            async with http.post(
                webhook.url,
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN),
            ) as response:
                webhook.last_error = "" if response.status == 200 else f"HTTP {response.status}"
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            webhook.last_error = type(error).__name__
            return False
