"""Requests that providers really make, for the checks that every channel passes."""

import hashlib
import hmac

from connectors.connector import Request
from tests.conftest import NOON
from tests.connectors.channels.email_hooks import form, mailgun_proof
from tests.connectors.channels.email_world import a_raw, an_account

KEY = "key-0123456789"
ACCOUNT = an_account(address="shop@example.com", mode="hook", hook_signing_key=KEY)


def _mailgun() -> Request:
    fields = {
        "recipient": "shop@example.com",
        "sender": "petr@example.org",
        "from": "Пётр <petr@example.org>",
        "subject": "Заказ",
        "body-plain": "Сколько стоит?",
        "message-headers": '[["From", "Пётр <petr@example.org>"], ["Message-Id", "<m1@example.org>"]]',
    }
    return form(fields | mailgun_proof(KEY), path="mailgun")


def _mailgun_mime() -> Request:
    fields = {"recipient": "shop@example.com", "sender": "petr@example.org", "body-mime": a_raw()}
    return form(fields | mailgun_proof(KEY), path="mailgun/mime", multipart=True)


def _raw() -> Request:
    body, timestamp = a_raw("Есть размер M?"), str(int(NOON.timestamp()))
    signed = hmac.new(KEY.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    headers = {"X-Allo-Timestamp": timestamp, "X-Allo-Signature": signed.hexdigest()}
    return Request(method="POST", headers=headers, body=body, path="raw", received_at=NOON)


REQUESTS = (_mailgun(), _mailgun_mime(), _raw())
