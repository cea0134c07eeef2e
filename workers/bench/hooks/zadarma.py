"""Calls to a shop, four notifications of each: it rings, a colleague's telephone rings, they talk, the end; about 200 bytes each."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlencode

from connectors.channels.zadarma.reports import SIGNED
from connectors.channels.zadarma.signing import signature
from connectors.connector import Account
from router.ids import new_id
from workers.bench.hooks import Called, Hook
from workers.bench.people import callers

SECRET: Final = "bench-secret"  # noqa: S105  # the bench's own
START: Final = "2026-11-21 14:58:00"
"""In the account's zone, a little before the requests were made."""


def hook(count: int) -> Hook:
    fields = {"api_key": "b6e2f0c4d8a1", "api_secret": SECRET}
    events = (
        event
        for n, phone in enumerate(callers(count // 4 + 1))
        for event in _call(f"in_{n:032x}", phone)
    )
    return Hook(
        account=Account(id=new_id(), kind="zadarma", slug="bench", fields=fields),
        requests=[_called(event) for event, _ in zip(events, range(count), strict=False)],
    )


def _call(call: str, phone: str) -> Iterator[dict[str, str]]:
    common = {
        "call_start": START,
        "pbx_call_id": call,
        "caller_id": f"+{phone}",
        "called_did": "74951234567",
    }
    colleague = {"internal": "101"}
    yield {"event": "NOTIFY_START", **common}
    yield {"event": "NOTIFY_INTERNAL", **common, **colleague}
    yield {"event": "NOTIFY_ANSWER", **common, **colleague, "destination": "101"}
    yield {
        "event": "NOTIFY_END",
        **common,
        **colleague,
        "duration": "42",
        "disposition": "answered",
        "status_code": "16",
        "is_recorded": "0",
        "call_id_with_rec": "",
    }


def _called(told: dict[str, str]) -> Called:
    signed = "".join(told[name] for name in SIGNED[told["event"]])
    return Called(
        body=urlencode(told).encode(),
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "Signature": signature(SECRET, signed),
        },
    )
