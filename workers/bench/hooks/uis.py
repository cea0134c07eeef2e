"""Calls from advertisements, four notifications of each, by the template of docs/channels/uis.md, about 1,200 bytes each."""

import json
from collections.abc import Iterator
from typing import Final

from connectors.connector import Account
from router.ids import new_id
from workers.bench.hooks import Called, Hook
from workers.bench.people import callers

SECRET: Final = "bench-secret-of-the-address"  # noqa: S105  # the bench's own
LINE: Final = "74951234567"
VISIT: Final = {
    "utm_source": "yandex",
    "utm_medium": "cpc",
    "utm_campaign": "kolodki_msk",
    "utm_content": "banner_2",
    "utm_term": "замена тормозных колодок",
    "eq_utm_source": "",
    "eq_utm_medium": "",
    "eq_utm_campaign": "",
    "gclid": "",
    "yclid": "1234567890123456789",
    "ymclid": "",
    "campaign_name": "Яндекс.Директ: колодки",
    "source_name": "yandex",
    "channel": "Контекстная реклама",
    "visitor_id": "1520339815",
    "visitor_session_id": "1784390011",
    "visits_count": "2",
    "ua_client_id": "1111111111.1700000000",
    "ym_client_id": "1600000000123456789",
    "entrance_page": "https://shop.example/kolodki?utm_source=yandex&utm_medium=cpc&utm_campaign=kolodki_msk",
    "referrer": "https://yandex.ru/",
    "search_query": "",
}


def hook(count: int) -> Hook:
    fields = {"path_secret": SECRET, "employees": "101=8031=79031112233 102=8032"}
    events = (
        event
        for n, phone in enumerate(callers(count // 4 + 1))
        for event in _call(str(1_482_390_123 + n), phone)
    )
    return Hook(
        account=Account(id=new_id(), kind="uis", slug="bench", fields=fields),
        requests=[
            Called(
                path=f"/{SECRET}",
                # The template has a field to a line, and words as they are.
                body=json.dumps(event, ensure_ascii=False, indent=0).encode(),
                headers={"Content-Type": "application/json"},
            )
            for event, _ in zip(events, range(count), strict=False)
        ],
    )


def _call(session: str, phone: str) -> Iterator[dict[str, str]]:
    for event, employee in (("incoming", ""), ("ringing", "8031"), ("talking", "8031"), ("ended", "8031")):  # fmt: skip
        over = event == "ended"
        yield {
            "event": event,
            "call_session_id": session,
            "direction": "in",
            "is_internal": "",
            "start_time": "2026-11-21 14:58:00.123",
            "contact_phone_number": phone,
            "calling_phone_number": phone,
            "called_phone_number": LINE,
            "virtual_phone_number": LINE,
            "employee_id": employee,
            "is_lost": "false" if over else "",
            "talk_duration": "42" if over else "",
            "finish_reason": "subscriber_disconnects" if over else "",
            "recording": "",
            "external_id": "",
            **VISIT,
            "contact_full_name": "",
        }
