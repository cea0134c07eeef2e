"""Requests as Twilio makes them, signed by Twilio's own library; what a test does not name is ordinary."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from multidict import CIMultiDict
from twilio.request_validator import RequestValidator

from connectors.channels.twilio import connector
from connectors.connector import Account, Received, Request
from router.message import CallReported

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SID = "AC" + "0" * 32
TOKEN = "stand-in-7f3a91c2"
CUSTOMER = "+79161234567"
NUMBER = "+14155550100"
ANNA = "+14155550101"
BORIS = "+14155550102"
CALL = "CA" + "1" * 32
LEG = "CA" + "2" * 32
HOST = "shop.example"
BASE = f"https://{HOST}/hooks/telephony/shop"


def an_account(**fields: str) -> Account:
    own = {"account_sid": SID, "auth_token": TOKEN, "number": NUMBER, "ring": f"{ANNA}, {BORIS}"}
    return Account(id=UUID(int=1), kind="twilio", slug="shop", region="US", fields=own | fields)


def a_call(status: str = "ringing", **fields: str) -> dict[str, str]:
    return {
        "AccountSid": SID,
        "ApiVersion": "2010-04-01",
        "CallSid": CALL,
        "CallStatus": status,
        "Direction": "inbound",
        "From": CUSTOMER,
        "To": NUMBER,
    } | fields


def a_progress(status: str, number: int = 0, **fields: str) -> dict[str, str]:
    return a_call(
        status,
        CallbackSource="call-progress-events",
        SequenceNumber=str(number),
        Timestamp="Sat, 21 Nov 2026 11:59:30 +0000",
        **fields,
    )


def a_leg(status: str, number: int = 0, **fields: str) -> dict[str, str]:
    own = {"CallSid": LEG, "ParentCallSid": CALL, "Direction": "outbound-dial", "To": ANNA}
    return a_progress(status, number, **(own | fields))


def a_request(
    fields: dict[str, str],
    path: str = "",
    query: dict[str, str] | None = None,
    *,
    token: str = TOKEN,
    url: str = "",
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Request:
    target = f"/hooks/telephony/shop{'/' * bool(path)}{path}"
    target += f"?{urlencode(query)}" if query else ""
    signed = url or f"https://{HOST}{target}"
    own = {
        "Host": HOST,
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Twilio-Signature": RequestValidator(token).compute_signature(signed, fields),
    }
    told: dict[str, Any] = {"received_at": NOON} | more
    return Request(
        method="POST",
        headers=CIMultiDict(own | (headers or {})),
        body=urlencode(fields).encode(),
        query=query or {},
        path=path,
        target=target,
        **told,
    )


def received(
    fields: dict[str, str],
    path: str = "",
    query: dict[str, str] | None = None,
    *,
    account: Account | None = None,
) -> Received:
    assert connector.receive is not None
    return connector.receive(account or an_account(), a_request(fields, path, query))


def reports_of(
    fields: dict[str, str],
    path: str = "",
    query: dict[str, str] | None = None,
    *,
    account: Account | None = None,
) -> list[CallReported]:
    found = [each.event for each in received(fields, path, query, account=account).incoming]
    return [each for each in found if isinstance(each, CallReported)]
