"""Calls to a number, two requests of each: what to do with it, and that it is over; about 600 bytes each."""

import hmac
from base64 import b64encode
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlencode

from connectors.connector import Account
from router.ids import new_id
from workers.bench.hooks import Called, Hook
from workers.bench.people import callers

TOKEN: Final = "bench-token"  # noqa: S105  # the bench's own
SID: Final = "AC" + "0" * 32
NUMBER: Final = "+14155550100"
BASE: Final = "https://shop.example/hooks/telephony/bench"


def hook(count: int) -> Hook:
    fields = {
        "account_sid": SID,
        "auth_token": TOKEN,
        "number": NUMBER,
        "ring": "+14155550101, +14155550102",
        "webhook_url": BASE,
    }
    events = (
        event
        for n, phone in enumerate(callers(count // 2 + 1))
        for event in _call(f"CA{n:032x}", f"+{phone}")
    )
    return Hook(
        account=Account(id=new_id(), kind="twilio", slug="bench", region="US", fields=fields),
        requests=[_called(*event) for event, _ in zip(events, range(count), strict=False)],
    )


def _call(call: str, phone: str) -> Iterator[tuple[str, dict[str, str]]]:
    common = {
        "AccountSid": SID,
        "ApiVersion": "2010-04-01",
        "CallSid": call,
        "Called": NUMBER,
        "CalledCity": "SAN FRANCISCO",
        "CalledCountry": "US",
        "CalledState": "CA",
        "CalledZip": "94105",
        "Caller": phone,
        "CallerCity": "",
        "CallerCountry": "RU",
        "CallerState": "",
        "CallerZip": "",
        "Direction": "inbound",
        "From": phone,
        "FromCity": "",
        "FromCountry": "RU",
        "FromState": "",
        "FromZip": "",
        "To": NUMBER,
        "ToCity": "SAN FRANCISCO",
        "ToCountry": "US",
        "ToState": "CA",
        "ToZip": "94105",
    }
    yield (
        "",
        {
            **common,
            "CallStatus": "ringing",
            "CallToken": '{"parentCallInfoToken":"eyJhbGciOiJFUzI1NiJ9","identityHeaderTokens":[]}',
        },
    )
    yield (
        "/status",
        {
            **common,
            "CallStatus": "completed",
            "CallbackSource": "call-progress-events",
            "CallDuration": "42",
            "Duration": "1",
            "SequenceNumber": "2",
            "Timestamp": "Sat, 21 Nov 2026 11:59:30 +0000",
        },
    )


def _called(path: str, told: dict[str, str]) -> Called:
    signed = BASE + path + "".join(f"{name}{told[name]}" for name in sorted(told))
    return Called(
        path=path,
        body=urlencode(told).encode(),
        headers={
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "X-Twilio-Signature": b64encode(
                hmac.new(TOKEN.encode(), signed.encode(), "sha1").digest()
            ).decode(),
        },
    )
