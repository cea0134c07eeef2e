"""Builders for VK's events; what a test does not name is ordinary."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from connectors.channels.vk import connector
from connectors.connector import Account, Received, Request
from router.message import Event, InboundMessage

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
GROUP = 222
TOKEN = "vk1.a.TEST"
SECRET = "s3cr"
CONFIRMATION = "a1b2c3d4"
ANNA = 300500
CHAT = 2_000_000_001
AT = 1763700000
EVENT_ID = "9f0c2f3e5b6d7a8c9e0f1a2b3c4d5e6f70819203"

Json = dict[str, Any]


def an_account(**fields: str) -> Account:
    own = {
        "group_id": str(GROUP),
        "access_token": TOKEN,
        "secret": SECRET,
        "confirmation": CONFIRMATION,
        "mode": "callback",
    }
    return Account(id=UUID(int=1), kind="vk", slug="shop", fields=own | fields)


def a_message(**content: Any) -> Json:
    return {
        "id": 1201,
        "conversation_message_id": 57,
        "date": AT,
        "peer_id": ANNA,
        "from_id": ANNA,
        "out": 0,
        "version": 10000123,
        "text": "",
        "attachments": [],
        "fwd_messages": [],
        "important": False,
        "is_hidden": False,
        "random_id": 0,
    } | content


def an_event(kind: str, told: Any, *, event_id: str | None = EVENT_ID, **envelope: Any) -> bytes:
    event: Json = {"type": kind, "object": told, "group_id": GROUP, "v": "5.199", "secret": SECRET}
    if event_id is not None:
        event["event_id"] = event_id
    return json.dumps(event | envelope).encode()


def a_message_new(*, event_id: str = EVENT_ID, **content: Any) -> bytes:
    client = {"keyboard": True, "inline_keyboard": True, "carousel": True, "lang_id": 0}
    told = {"message": a_message(**(content or {"text": "Здравствуйте"})), "client_info": client}
    return an_event("message_new", told, event_id=event_id)


def a_reply(*, event_id: str = EVENT_ID, **content: Any) -> bytes:
    """message_reply: what the community wrote. Flat."""
    ordinary = {"id": 1202, "conversation_message_id": 58, "from_id": -GROUP, "out": 1}
    return an_event("message_reply", a_message(**ordinary | content), event_id=event_id)


def a_request(body: bytes, **more: Any) -> Request:
    return Request(method="POST", headers={}, body=body, received_at=NOON, **more)


def received(body: bytes, account: Account | None = None) -> Received:
    assert connector.receive is not None
    return connector.receive(account or an_account(), a_request(body))


def event_of(body: bytes, account: Account | None = None) -> Event:
    (incoming,) = received(body, account).incoming
    assert incoming.raw is not None
    # As it came, but for what proved its origin.
    assert SECRET.encode() not in incoming.raw
    assert connector.reread is not None
    again = connector.reread(account or an_account(), incoming.raw, NOON)
    assert again is not None
    assert again.incoming[0].event == incoming.event
    return incoming.event


def message_of(**content: Any) -> InboundMessage:
    event = event_of(a_message_new(**content))
    assert isinstance(event, InboundMessage)
    return event
