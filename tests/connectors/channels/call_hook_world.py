"""Reports as an exchange sends them, signed by hand; what a test does not name is ordinary."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from multidict import CIMultiDict

from connectors.channels.call_hook import connector
from connectors.connector import Account, Received, Request
from router.message import CallReported

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SECRET = "a-long-random-word-5c1f"
CUSTOMER = "+79161234567"

Json = dict[str, Any]


def an_account(**fields: str) -> Account:
    own = {"secret": SECRET}
    return Account(id=UUID(int=1), kind="call_hook", slug="pbx", fields=own | fields)


def a_report(phase: str = "ringing", **more: Any) -> Json:
    return {
        "call": "17",
        "phase": phase,
        "customer": "8 (916) 123-45-67",
        "line": "+74951234567",
    } | more


def a_request(told: Any, *, secret: str = SECRET, at: datetime = NOON, **headers: str) -> Request:
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    moment = str(int(at.timestamp()))
    mac = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    own = {"Content-Type": "application/json", "Allo-Signature": f"t={moment},v1={mac}"}
    return Request(method="POST", headers=CIMultiDict(own | headers), body=body, received_at=NOON)


def received(told: Any, **fields: str) -> Received:
    assert connector.receive is not None
    return connector.receive(an_account(**fields), a_request(told))


def reports_of(told: Any) -> list[CallReported]:
    found = [each.event for each in received(told).incoming]
    return [each for each in found if isinstance(each, CallReported)]
