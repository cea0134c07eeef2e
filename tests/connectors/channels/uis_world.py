"""Builders for UIS's notifications: the template of docs/channels/uis.md, filled in as UIS does it, without any quoting."""

import re
from pathlib import Path
from textwrap import dedent
from typing import Any
from uuid import UUID

from connectors.channels.uis import connector
from connectors.connector import Account, Received, Request
from router.message import CallReported
from tests.connectors.channels.calls_world import ANNA, NOON, SHOP, calls_in

SECRET = "5f1d7e0c9b8a46d2a1c3e5f7"
SESSION = "1482390123"
DOCUMENT = Path(__file__).parents[3] / "docs" / "channels" / "uis.md"
TEMPLATE = dedent(DOCUMENT.read_text().partition("\n    {\n")[2].partition("\n    }\n")[0])


def an_account(**fields: str) -> Account:
    own = {"path_secret": SECRET, "employees": "101=8031=79031112233 102=8032"}
    return Account(id=UUID(int=1), kind="uis", slug="shop", fields=own | fields)


def filled(event: str, **values: str) -> bytes:
    """A placeholder without a value is empty, as with UIS."""
    told = {
        "call_session_id": SESSION,
        "direction": "in",
        "start_time": "2026-11-21 14:58:00.123",
        "contact_phone_number": ANNA,
        "virtual_phone_number": SHOP,
    } | values
    lines = TEMPLATE.replace('"incoming"', f'"{event}"')
    body = re.sub(r"\{\{(\w+)\}\}", lambda found: told.get(found[1], ""), lines)
    return f"{{\n{body}\n}}".encode()


def a_request(body: bytes, *, path: str = SECRET, **more: Any) -> Request:
    given = {"method": "POST", "headers": {"Content-Type": "application/json"}} | more
    return Request(body=body, path=path, received_at=NOON, **given)


def received(request: Request, account: Account | None = None) -> Received:
    assert connector.receive is not None
    return connector.receive(account or an_account(), request)


def report_of(event: str, account: Account | None = None, **values: str) -> CallReported:
    (report,) = calls_in(received(a_request(filled(event, **values)), account))
    return report


LINK = "https://app.uiscom.ru/system/media/talk/1482390123/0f1e2d3c4b5a/"

ANSWERED = (
    filled("incoming"),
    filled("ringing", employee_id="8031"),
    filled("talking", employee_id="8031"),
    filled("transferred", employee_id="8032"),
    filled(
        "ended",
        employee_id="8032",
        talk_duration="42",
        is_lost="false",
        finish_reason="subscriber_disconnects",
    ),
    filled("recorded", full_record_file_link=LINK),
)
MISSED = (
    filled("incoming"),
    filled("ringing", employee_id="8031"),
    filled("ended", talk_duration="0", is_lost="true", finish_reason="timeout"),
    filled("lost", finish_reason="timeout"),
)
CALLED = (
    filled("outgoing", direction="out", employee_id="8031", external_id="allo-42"),
    filled("talking", direction="out", employee_id="8031", external_id="allo-42"),
    filled("outgoing_ended", direction="out", employee_id="8031", talk_duration="42"),
)
