"""Builders for Telegram's updates; what a test does not name is ordinary."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from connectors.channels.telegram import connector
from connectors.connector import Account, Received, Request
from router.message import Event, InboundMessage

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TOKEN = "123456:TEST"
SECRET = "s3cret"
ANNA = {
    "id": 5512345678,
    "is_bot": False,
    "first_name": "Анна",
    "last_name": "К",
    "username": "anna_k",
    "language_code": "ru",
}
PRIVATE = {"id": 5512345678, "type": "private", "first_name": "Анна"}
GROUP = {"id": -1001234567890, "type": "supergroup", "title": "Чат"}
CHANNEL = {"id": -1009876543210, "type": "channel", "title": "Новости"}
AT = 1763700000

Json = dict[str, Any]


def an_account(**fields: str) -> Account:
    own = {"token": TOKEN, "webhook_secret": SECRET}
    return Account(id=UUID(int=1), kind="telegram", slug="shop", fields=own | fields)


def a_message(**content: Any) -> Json:
    return {"message_id": 41, "date": AT, "from": ANNA, "chat": PRIVATE} | content


def an_update(
    kind: str = "message", told: Json | None = None, *, number: int = 870001, **content: Any
) -> bytes:
    told = a_message(**(content or {"text": "привет"})) if told is None else told
    return json.dumps({"update_id": number, kind: told}).encode()


def a_request(body: bytes, *, secret: str | None = SECRET, **more: Any) -> Request:
    headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
    return Request(method="POST", headers=headers, body=body, received_at=NOON, **more)


def received(body: bytes, account: Account | None = None) -> Received:
    assert connector.receive is not None
    return connector.receive(account or an_account(), a_request(body))


def event_of(body: bytes, account: Account | None = None) -> Event:
    (incoming,) = received(body, account).incoming
    assert incoming.raw == body
    return incoming.event


def message_of(**content: Any) -> InboundMessage:
    event = event_of(an_update(**content))
    assert isinstance(event, InboundMessage)
    return event
