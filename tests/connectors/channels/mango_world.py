"""Builders for what Mango Office posts; the sequences are those of VPBX API, "Examples of sequences"."""

import json
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from connectors.channels.mango import connector
from connectors.channels.mango.reports import signature
from connectors.connector import Account, Received, Request
from router.message import CallReported
from tests.connectors.channels.calls_world import ANNA, AT, NOON, SHOP, calls_in

KEY = "f6o5d4gp8ez1pqkyrccgkbhlyqcn2xxo"
SALT = "9ohxaqcmfjtkdsw1ppo2rnkq0mwsd3vc"
ENTRY = "NTc0NTc4OTE1OjI4Nw=="

Json = dict[str, Any]


def an_account(**fields: str) -> Account:
    own = {"api_key": KEY, "api_salt": SALT}
    return Account(id=UUID(int=1), kind="mango", slug="shop", fields=own | fields)


def a_request(
    path: str, told: Json | str, *, key: str = KEY, salt: str = SALT, **more: Any
) -> Request:
    text = told if isinstance(told, str) else json.dumps(told)
    fields = {"vpbx_api_key": key, "sign": signature(key, text, salt), "json": text}
    return Request(
        method="POST",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode(fields).encode(),
        path=path,
        received_at=NOON,
        **more,
    )


def received(request: Request, account: Account | None = None) -> Received:
    assert connector.receive is not None
    return connector.receive(account or an_account(), request)


def report_of(path: str, told: Json, account: Account | None = None) -> CallReported:
    (report,) = calls_in(received(a_request(path, told), account))
    return report


def a_leg(state: str, seq: int, *, leg: str = "L1", at: int = -60, **more: Any) -> Json:
    """Anna calls the shop and 101 is rung, unless it says otherwise."""
    return {
        "entry_id": ENTRY,
        "call_id": leg,
        "timestamp": AT + at,
        "seq": seq,
        "call_state": state,
        "location": "abonent",
        "from": {"number": ANNA},
        "to": {"extension": "101", "number": "sip:user1@shop.mangosip.ru", "line_number": SHOP},
    } | more


def a_summary(**more: Any) -> Json:
    return {
        "entry_id": ENTRY,
        "call_direction": 1,
        "from": {"number": ANNA},
        "to": {"extension": "101", "number": "sip:user1@shop.mangosip.ru"},
        "line_number": SHOP,
        "create_time": AT - 60,
        "forward_time": AT - 55,
        "talk_time": AT - 50,
        "end_time": AT - 5,
        "entry_result": 1,
        "disconnect_reason": 1110,
    } | more


RECORDED = {
    "entry_id": ENTRY,
    "product_id": 400012345,
    "user_id": -1,
    "recording_id": "MToxMDAxNTc1NzoxOTY3NzUyMTQ5Og==",
    "timestamp": AT - 2,
}

MENU = {"location": "ivr", "to": {"number": SHOP, "line_number": SHOP}}
QUEUE = {"location": "queue", "to": {"number": SHOP, "line_number": SHOP, "acd_group": "10"}}
FILED = {"recording_state": "Completed", "completion_code": 1000, "recipient": "Cloud", "seq": 2}
SECOND = {"extension": "102", "number": "sip:user2@shop.mangosip.ru"}
ASKING = {
    "from": {"extension": "101", "number": "sip:user1", "taken_from_call_id": "L1"},
    "to": SECOND,
}
PASSED_ON = {"from": {"number": ANNA, "taken_from_call_id": "L1"}, "to": SECOND}

ANSWERED = (
    ("events/call", a_leg("Appeared", 1, at=-60, **MENU)),
    ("events/call", a_leg("Connected", 2, at=-59, **MENU)),
    ("events/call", a_leg("Appeared", 3, at=-57, **QUEUE)),
    ("events/call", a_leg("Appeared", 1, leg="L2", at=-55)),
    ("events/call", a_leg("Connected", 2, leg="L2", at=-50)),
    ("events/call", a_leg("Disconnected", 3, leg="L2", at=-5, disconnect_reason=1110)),
    ("events/summary", a_summary()),
    ("events/recording", RECORDED | FILED | {"call_id": "L2", "extension": "101"}),
    ("events/record/added", RECORDED),
)

MISSED = (
    ("events/call", a_leg("Appeared", 1, at=-60)),
    ("events/call", a_leg("Disconnected", 2, at=-30, disconnect_reason=1110)),
    ("events/summary", a_summary(talk_time=0, entry_result=0, end_time=AT - 30)),
)

CONSULTED = (
    ("events/call", a_leg("Appeared", 1, at=-60)),
    ("events/call", a_leg("Connected", 2, at=-55)),
    ("events/call", a_leg("OnHold", 3, at=-45)),
    ("events/call", a_leg("Appeared", 1, leg="L2", at=-44, **ASKING)),
    ("events/call", a_leg("Connected", 2, leg="L2", at=-40, **ASKING)),
    ("events/call", a_leg("Disconnected", 4, at=-30, disconnect_reason=1120)),
    ("events/call", a_leg("Connected", 3, leg="L2", at=-30, **PASSED_ON)),
    ("events/call", a_leg("Disconnected", 4, leg="L2", at=-5, disconnect_reason=1110, **PASSED_ON)),
    ("events/summary", a_summary(to={"extension": "102"}, talk_time=AT - 55)),
)


def requests_of(sequence: tuple[tuple[str, Json], ...]) -> list[Request]:
    return [a_request(path, told) for path, told in sequence]
