"""Texts of many people to one community, by the Callback API, about 700 bytes each."""

import hashlib
import random
from typing import Final

import msgspec

from connectors.connector import Account
from router.ids import new_id
from workers.bench.hooks import MADE_AT, Called, Hook
from workers.bench.people import WORDS, writers

SECRET: Final = "bench-secret"  # noqa: S105  # the bench's own
GROUP: Final = 222
CLIENT: Final = {
    "button_actions": [
        *("text", "vkpay", "open_app", "location", "open_link"),
        *("callback", "intent_subscribe", "intent_unsubscribe"),
    ],
    "keyboard": True,
    "inline_keyboard": True,
    "carousel": True,
    "lang_id": 0,
}


def hook(count: int) -> Hook:
    chance = random.Random(1)  # noqa: S311  # reproducible, not secret
    fields = {
        "group_id": str(GROUP),
        "access_token": "vk1.a.BENCH",
        "secret": SECRET,
        "confirmation": "a1b2c3d4",
        "mode": "callback",
    }
    return Hook(
        account=Account(id=new_id(), kind="vk", slug="bench", fields=fields),
        requests=[
            _called(n, 300_000 + person, chance.choice(WORDS))
            for n, person in enumerate(writers(count, chance))
        ],
    )


def _called(n: int, person: int, text: str) -> Called:
    message = {
        "date": int(MADE_AT.timestamp()),
        "from_id": person,
        "id": 1000 + n,
        "version": 10_000_000 + n,
        "out": 0,
        "fwd_messages": [],
        "important": False,
        "is_hidden": False,
        "attachments": [],
        "conversation_message_id": 1 + n,
        "text": text,
        "is_unavailable": False,
        "peer_id": person,
        "random_id": 0,
    }
    event = {
        "group_id": GROUP,
        "type": "message_new",
        "event_id": hashlib.sha256(str(n).encode()).hexdigest()[:40],
        "v": "5.199",
        "object": {"client_info": CLIENT, "message": message},
        "secret": SECRET,
    }
    return Called(body=msgspec.json.encode(event), headers={"Content-Type": "application/json"})
