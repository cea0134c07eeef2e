"""Texts of many people to one bot, about 400 bytes each."""

from collections.abc import Mapping
from typing import Final

import msgspec

from connectors.connector import Account
from router.ids import new_id
from workers.bench.hooks import Called, Hook
from workers.bench.people import updates

SECRET: Final = "bench-secret"  # noqa: S105  # the bench's own


def hook(count: int) -> Hook:
    fields = {"token": "123456:BENCH", "webhook_secret": SECRET, "mode": "webhook"}
    return Hook(
        account=Account(id=new_id(), kind="telegram", slug="bench", fields=fields),
        requests=[called(update) for update in updates(count)],
    )


def called(update: Mapping[str, object]) -> Called:
    return Called(
        body=msgspec.json.encode(update),
        headers={
            "Content-Type": "application/json",
            "X-Telegram-Bot-Api-Secret-Token": SECRET,
        },
    )
