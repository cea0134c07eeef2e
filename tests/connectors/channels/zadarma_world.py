"""Builders for Zadarma's notifications."""

from typing import Any
from uuid import UUID

from connectors.channels.zadarma import connector
from connectors.channels.zadarma.reports import SIGNED
from connectors.channels.zadarma.signing import signature
from connectors.connector import Account, Received, Request
from router.message import CallReported
from tests.connectors.channels.calls_world import ANNA, SHOP, calls_in, posted

SECRET = "c2f1d3a4b5e6f7089a1b"
CALL = "in_4a8c0f0e2b1d9c7f"
OUT = "out_77d1c2b3a4958670"
RECORDING = "1763726580.1234567"
START = "2026-11-21 14:58:00"

Fields = dict[str, str]


def an_account(**fields: str) -> Account:
    own = {"api_key": "b6e2f0c4d8a1", "api_secret": SECRET}
    return Account(id=UUID(int=1), kind="zadarma", slug="shop", fields=own | fields)


def signed(told: Fields, secret: str = SECRET) -> str:
    return signature(secret, "".join(told.get(name, "") for name in SIGNED[told["event"]]))


def a_request(told: Fields, **headers: str) -> Request:
    return posted(told, **({"Signature": signed(told)} | headers))


def received(request: Request, account: Account | None = None) -> Received:
    assert connector.receive is not None
    return connector.receive(account or an_account(), request)


def report_of(told: Fields, account: Account | None = None) -> CallReported:
    (report,) = calls_in(received(a_request(told), account))
    return report


def told(event: str, **more: Any) -> Fields:
    """Anna's call, or a call to her."""
    if event.startswith("NOTIFY_OUT"):
        own = {"pbx_call_id": OUT, "destination": ANNA, "internal": "101"}
    else:
        own = {"pbx_call_id": CALL, "caller_id": f"+{ANNA}", "called_did": SHOP}
    return {"event": event, "call_start": START} | own | more


def ended(disposition: str, event: str = "NOTIFY_END", **more: str) -> Fields:
    own = {"duration": "42", "disposition": disposition, "status_code": "16", "is_recorded": "0"}
    return told(event, **(own | more))


def recorded(call: str = CALL) -> Fields:
    return {"event": "NOTIFY_RECORD", "call_id_with_rec": RECORDING, "pbx_call_id": call}


ANSWERED = (
    told("NOTIFY_START"),
    told("NOTIFY_IVR", ivr_saydigits="COMPLETE"),
    told("NOTIFY_INTERNAL", internal="100"),
    told("NOTIFY_INTERNAL", internal="101"),
    told("NOTIFY_ANSWER", destination="101", internal="101"),
    ended("answered", internal="101", is_recorded="1", call_id_with_rec=RECORDING),
    recorded(),
)
MISSED = (
    told("NOTIFY_START"),
    told("NOTIFY_INTERNAL", internal="101"),
    ended("no answer", duration="30", status_code="19"),
)
CALLED = (
    told("NOTIFY_OUT_START"),
    told("NOTIFY_ANSWER", pbx_call_id=OUT, destination=ANNA, internal="101", caller_id="101"),
    ended("answered", "NOTIFY_OUT_END", caller_id=SHOP),
)
TRANSFERRED = (
    told("NOTIFY_START"),
    told("NOTIFY_INTERNAL", internal="101"),
    told("NOTIFY_ANSWER", destination="101", internal="101"),
    told("NOTIFY_INTERNAL", internal="102"),
    told("NOTIFY_ANSWER", destination="102", internal="102"),
    ended("answered", internal="102"),
)
