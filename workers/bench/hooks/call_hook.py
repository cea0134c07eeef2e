"""Calls that an exchange of one's own reports, three reports of each, about 250 bytes each."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import msgspec

from connectors.channels.call_hook.signature import HEADER, sign
from connectors.connector import Account
from router.ids import new_id
from workers.bench.hooks import MADE_AT, Called, Hook
from workers.bench.people import callers

SECRET: Final = "bench-secret"  # noqa: S105  # the bench's own


def hook(count: int) -> Hook:
    events = (
        event
        for n, phone in enumerate(callers(count // 3 + 1))
        for event in _call(f"1795262340.{n}", f"8{phone[1:]}")
    )
    return Hook(
        account=Account(id=new_id(), kind="call_hook", slug="bench", fields={"secret": SECRET}),
        requests=[_called(event) for event, _ in zip(events, range(count), strict=False)],
    )


def _call(call: str, phone: str) -> Iterator[dict[str, object]]:
    """The number as an exchange in Russia sees it: 89160000001."""
    common = {"call": call, "direction": "in", "customer": phone, "line": "+74951234567"}
    colleague = {"leg": f"{call}-101", "extension": "101", "answered_by": "101"}
    began, answered = MADE_AT - timedelta(seconds=60), MADE_AT - timedelta(seconds=50)
    yield {**common, "phase": "ringing", "at": began, "route": True}
    yield {**common, **colleague, "phase": "talking", "at": answered, "answered_at": answered}
    yield {
        **common,
        "phase": "ended",
        "at": MADE_AT,
        "started_at": began,
        "answered_at": answered,
        "ended_at": MADE_AT,
        "duration": 50,
        "answered_by": "101",
        "reason": "the caller hung up",
    }


def _called(told: dict[str, object]) -> Called:
    body = msgspec.json.encode(told)
    return Called(
        body=body,
        headers={"Content-Type": "application/json", HEADER: sign(SECRET, body, at=MADE_AT)},
    )
