"""Calls to a shop, four events of each: it rings, somebody talks, the leg has ended, the summary; about 550 bytes each."""

import base64
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlencode

import msgspec

from connectors.channels.mango.reports import signature
from connectors.connector import Account
from router.ids import new_id
from workers.bench.hooks import MADE_AT, Called, Hook
from workers.bench.people import callers

KEY: Final = "f6o5d4gp8ez1pqkyrccgkbhlyqcn2xxo"
SALT: Final = "bench-salt"
LINE: Final = "74951234567"
AT: Final = int(MADE_AT.timestamp())


def hook(count: int) -> Hook:
    fields = {"api_key": KEY, "api_salt": SALT}
    events = (
        event
        for n, phone in enumerate(callers(count // 4 + 1))
        for event in _call(base64.b64encode(f"{574578915 + n}:287".encode()).decode(), phone)
    )
    return Hook(
        account=Account(id=new_id(), kind="mango", slug="bench", fields=fields),
        requests=[_called(*event) for event, _ in zip(events, range(count), strict=False)],
    )


def _call(entry: str, phone: str) -> Iterator[tuple[str, dict[str, object]]]:
    to = {"extension": "101", "number": "sip:user1@shop.mangosip.ru"}
    for seq, state in enumerate(("Appeared", "Connected", "Disconnected"), 1):
        over = {"disconnect_reason": 1110} if state == "Disconnected" else {}
        yield (
            "events/call",
            {
                "entry_id": entry,
                "call_id": f"MToxMDE0{entry}",
                "timestamp": AT - 60 + 10 * seq,
                "seq": seq,
                "call_state": state,
                "location": "abonent",
                "from": {"number": phone},
                "to": {**to, "line_number": LINE},
                **over,
            },
        )
    yield (
        "events/summary",
        {
            "entry_id": entry,
            "call_direction": 1,
            "from": {"number": phone},
            "to": to,
            "line_number": LINE,
            "create_time": AT - 55,
            "forward_time": AT - 50,
            "talk_time": AT - 40,
            "end_time": AT - 30,
            "entry_result": 1,
            "disconnect_reason": 1110,
        },
    )


def _called(path: str, told: dict[str, object]) -> Called:
    text = msgspec.json.encode(told).decode()
    fields = {"vpbx_api_key": KEY, "sign": signature(KEY, text, SALT), "json": text}
    return Called(
        path=f"/{path}",
        body=urlencode(fields).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
