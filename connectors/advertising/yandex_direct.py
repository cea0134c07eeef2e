"""Yandex Direct, asked for a report. https://yandex.ru/dev/direct/doc/ru/reports

    POST /json/v5/reports ─▶ 200 the report · 201, 202 being made: the identical request again after `retryIn` seconds

A report is known by its name: the same name with other parameters is refused, and within five hours the same name with the
same parameters is the same report, as it was then. So each round of asking has a name of its own, and keeps to it until
it is answered. At most five reports of an advertiser wait at a time, and 20 requests are taken in ten seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import aiohttp
import msgspec

from connectors.errors import AccountBroken, Rejected, Throttled, Unreachable
from connectors.outgoing import Reply, exchange

API_BASE: Final = "https://api.direct.yandex.com"
REQUESTS: Final = 20
REQUESTS_WITHIN_S: Final = 10.0
TIMEOUT_S: Final = 120.0
"""An `auto` report may be made while the connection waits."""
LARGEST: Final = 64 << 20
RETRY_S: Final = 10.0
LONGEST_WAIT_S: Final = 600.0
SHORTEST_WAIT_S: Final = 1.0
MOST_DAYS: Final = 31
"""Of one report of ours, so that it stays small enough to be made at once."""
FIELDS: Final = (
    *("Date", "CampaignId", "CampaignName", "AdGroupId", "AdId", "Criterion"),
    *("Impressions", "Clicks", "Cost"),
)

_REFUSES_US: Final = frozenset({"52", "53", "54", "58", "513", "3228"})
"""Error codes about the token and who may use it."""
_TOO_MUCH: Final = frozenset({"56", "152", "506", "9000"})
"""Too many requests, points, connections, reports in the queue."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The report, TSV."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Later:
    """It is being made: ask the same in so many seconds."""

    seconds: float


def request_for(first: date, last: date, *, name: str, with_vat: bool) -> dict[str, Any]:
    """The parameters of a report; what has once been asked with a name has to stay as it is."""
    return {
        "params": {
            "SelectionCriteria": {"DateFrom": first.isoformat(), "DateTo": last.isoformat()},
            "FieldNames": list(FIELDS),
            "ReportName": name,
            "ReportType": "CUSTOM_REPORT",
            "DateRangeType": "CUSTOM_DATE",
            "Format": "TSV",
            "IncludeVAT": "YES" if with_vat else "NO",
            "IncludeDiscount": "NO",
        }
    }


async def ask_report(
    http: aiohttp.ClientSession, fields: Mapping[str, str], request: Mapping[str, Any]
) -> Ready | Later:
    """Once. Raises Throttled, Unreachable, OutcomeUnknown (asking again is safe), Rejected, AccountBroken."""
    headers = {
        "Authorization": f"Bearer {fields['token']}",
        "Accept-Language": "ru",
        "Content-Type": "application/json; charset=utf-8",
        "processingMode": "auto",
        "returnMoneyInMicros": "false",
        "skipReportHeader": "true",
        "skipReportSummary": "true",
    }
    if fields.get("client_login"):
        headers["Client-Login"] = fields["client_login"]
    reply = await exchange(
        http,
        "POST",
        f"{(fields.get('api_base') or API_BASE).rstrip('/')}/json/v5/reports",
        timeout=TIMEOUT_S,
        limit=LARGEST,
        data=msgspec.json.encode(request),
        headers=headers,
    )
    if reply.status == 200:
        return Ready(reply.body)
    if reply.status in {201, 202}:
        return Later(_seconds(reply))
    raise _refusal(reply)


def _seconds(reply: Reply) -> float:
    asked = reply.headers.get("retryIn", "")
    return min(max(float(asked), SHORTEST_WAIT_S), LONGEST_WAIT_S) if asked.isdecimal() else RETRY_S


def _refusal(reply: Reply) -> Exception:
    code, words = _said(reply.body)
    if reply.status == 401 or code in _REFUSES_US:
        return AccountBroken(f"Yandex Direct does not let us in: {words}. Give it a new token.")
    if reply.status == 429 or code in _TOO_MUCH:
        return Throttled(f"Yandex Direct asks us to wait: {words}", retry_after=60.0)
    if reply.status >= 500:
        return Unreachable(f"Yandex Direct is out of order: {words}")
    return Rejected(f"Yandex Direct refuses the report: {words}")


def _said(body: bytes) -> tuple[str, str]:
    """(error_code, its words)"""
    try:
        said = msgspec.json.decode(body)
        error = said["error"]
        words = " ".join(f"{error['error_string']} {error.get('error_detail', '')}".split())
        return str(error["error_code"]), words[:300] or "no reason given"
    except (
        msgspec.DecodeError,
        UnicodeDecodeError,
        RecursionError,
        KeyError,
        TypeError,
        AttributeError,
    ):
        return "", "no reason given"
