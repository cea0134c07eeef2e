"""Builders for WhatsApp's webhooks; what a test does not name is ordinary."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from connectors.channels.whatsapp import connector
from connectors.connector import Account, Received, Request
from router.message import Event, InboundMessage

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
AT = 1763700000
NUMBER_ID = "106540352242922"
WABA = "104996122399160"
SECRET = "app-s3cret"
VERIFY = "a-word-of-ours"
TOKEN = "EAAG-test-token"
ANA = {
    "profile": {"name": "Ana", "username": "ana.k"},
    "wa_id": "5511987654321",
    "user_id": "BR.13491208655302741918",
}

Json = dict[str, Any]


def an_account(**fields: str) -> Account:
    own = {
        "phone_number_id": NUMBER_ID,
        "waba_id": WABA,
        "access_token": TOKEN,
        "app_secret": SECRET,
        "verify_token": VERIFY,
    }
    return Account(id=UUID(int=1), kind="whatsapp", slug="shop", fields=own | fields)


def a_message(text: str = "Olá", **content: Any) -> Json:
    """From Ana; `content` replaces the text."""
    told = {"type": "text", "text": {"body": text}} if "type" not in content else {}
    sender = {"from": ANA["wa_id"], "from_user_id": ANA["user_id"]}
    return {**sender, "id": "wamid.IN1", "timestamp": str(AT), **told, **content}


def a_status(state: str = "delivered", **more: Any) -> Json:
    to = {"recipient_id": ANA["wa_id"], "recipient_user_id": ANA["user_id"]}
    return {"id": "wamid.OUT1", "status": state, "timestamp": str(AT + 5), **to, **more}


def a_change(
    *messages: Any,
    statuses: Any = (),
    contacts: Any = (ANA,),
    number: str = NUMBER_ID,
    field: str = "messages",
    **value: Any,
) -> Json:
    lists = {
        name: list(items)
        for name, items in (("messages", messages), ("statuses", statuses))
        if items
    }
    about = {"display_phone_number": "15550001111", "phone_number_id": number}
    told = {"messaging_product": "whatsapp", "metadata": about, "contacts": list(contacts)}
    return {"field": field, "value": {**told, **lists, **value}}


def a_body(*changes: Any) -> bytes:
    return in_json(
        {"object": "whatsapp_business_account", "entry": [{"id": WABA, "changes": changes}]}
    )


def in_json(told: Any) -> bytes:
    return json.dumps(told).encode()


def sign(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def a_request(body: bytes, *, signature: str | None = "", **more: Any) -> Request:
    headers = {} if signature is None else {"X-Hub-Signature-256": signature or sign(body)}
    return Request(method="POST", headers=headers, body=body, received_at=NOON, **more)


def received(body: bytes, account: Account | None = None) -> Received:
    assert connector.receive is not None
    return connector.receive(account or an_account(), a_request(body))


def events_of(*changes: Any) -> list[Event]:
    return [each.event for each in received(a_body(*changes)).incoming]


def event_of(message: Json, **change: Any) -> Event:
    (event,) = events_of(a_change(message, **change))
    return event


def message_of(text: str = "Olá", **content: Any) -> InboundMessage:
    event = event_of(a_message(text, **content))
    assert isinstance(event, InboundMessage)
    return event
