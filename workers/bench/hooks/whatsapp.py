"""Texts of many people to one number, one to a request, about 600 bytes each."""

import hashlib
import hmac
import random
from typing import Final

import msgspec

from connectors.connector import Account
from router.ids import new_id
from workers.bench.hooks import MADE_AT, Called, Hook
from workers.bench.people import WORDS, writers

SECRET: Final = "bench-secret"  # noqa: S105  # the bench's own
NUMBER_ID: Final = "106540352242922"
WABA: Final = "104996122399160"


def hook(count: int) -> Hook:
    chance = random.Random(1)  # noqa: S311  # reproducible, not secret
    fields = {
        "phone_number_id": NUMBER_ID,
        "waba_id": WABA,
        "access_token": "EAAG-bench",
        "app_secret": SECRET,
        "verify_token": "bench",
    }
    return Hook(
        account=Account(id=new_id(), kind="whatsapp", slug="bench", fields=fields),
        requests=[
            _called(n, person, chance.choice(WORDS))
            for n, person in enumerate(writers(count, chance))
        ],
    )


def _called(n: int, person: int, text: str) -> Called:
    phone, user = f"7916{person:07}", f"RU.134912086553027{person:05}"
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "74951234567", "phone_number_id": NUMBER_ID},
        "contacts": [
            {"profile": {"name": f"Покупатель {person}"}, "wa_id": phone, "user_id": user}
        ],
        "messages": [
            {
                "from": phone,
                "from_user_id": user,
                "id": f"wamid.HBgLNzkxNjEyMzQ1NjcVAgASGBQzQTdC{n:012X}AA==",
                "timestamp": str(int(MADE_AT.timestamp())),
                "text": {"body": text},
                "type": "text",
            }
        ],
    }
    entry = {"id": WABA, "changes": [{"value": value, "field": "messages"}]}
    body = msgspec.json.encode({"object": "whatsapp_business_account", "entry": [entry]})
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return Called(
        body=body,
        headers={
            "Content-Type": "application/json",
            "X-Hub-Signature-256": f"sha256={signature}",
        },
    )
