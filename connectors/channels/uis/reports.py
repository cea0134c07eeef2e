"""Notifications → reports of calls; and the question who calls.

The customer makes a notification for each event of the cabinet, out of our template (`docs/channels/uis.md`), and its
field `event` says which:

| event | becomes |
|---|---|
| incoming | the call rings |
| ringing | an employee's telephone rings |
| talking | an employee and the customer talk |
| transferred | the call went from one employee to another, who talks now |
| ended, lost | the call has ended, or was missed |
| outgoing, outgoing_ended | a call to a customer rings, has ended |
| recorded | a recording that can be had |

A notification comes when its event happens, so an event is as old as its arrival; moments in it are in the account's own
zone, unless they have one. Where it came from is what call tracking knows: UTM, click ids, the visit.
"""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from json import dumps
from typing import Any, Final, Literal
from urllib.parse import urlencode

from connectors.callers import OtherSide, line, other_side
from connectors.channels.uis.colleagues import by_extension, extension_of
from connectors.channels.uis.template import fields_of
from connectors.connector import Account, Answer, Caller, Enquiry, Incoming, Received, Request
from connectors.errors import Malformed, Unverified
from connectors.loose_fields import said, seconds
from connectors.moments import believable, unix_moment, wall_clock, zone_of_account
from connectors.source_addresses import came_from_an_allowed_address
from router.clean_text import clean_line
from router.message import CallReported, Direction, Event, SourceKeys

SECRET_HEADER: Final = "X-Allo-Secret"  # noqa: S105  # a header's name

AS_THE_SCENARIO_SAYS: Final = 1
"""The branch of a scenario for whom we do not know, or whose manager cannot be told."""

Phase = Literal["ringing", "talking", "ended", "missed", "recorded"]

_PHASES: Final[dict[str, Phase]] = {
    "incoming": "ringing",
    "ringing": "ringing",
    "talking": "talking",
    "transferred": "talking",
    "ended": "ended",
    "lost": "missed",
    "outgoing": "ringing",
    "outgoing_ended": "ended",
    "recorded": "recorded",
}
_CLICK_IDS: Final = ("gclid", "yclid", "ymclid", "ef_id", "fbclid", "vkclid", "rb_clickid")
_REFERRAL: Final = (
    *("campaign_name", "campaign_id", "source_name", "source_id", "channel"),
    *("search_query", "search_engine", "referrer_domain"),
    *("visitor_id", "visitor_session_id", "visits_count"),
    *("visitor_first_campaign_name", "visitor_first_campaign_id"),
    *("ua_client_id", "ym_client_id", "virtual_phone_number"),
)
_UTM: Final = ("source", "medium", "campaign", "content", "term")

Told = Mapping[str, str]


def receive(account: Account, request: Request) -> Received:
    """One notification per request. Raises Unverified before anything is parsed, Malformed."""
    came_from_an_allowed_address(account, request)
    prove_origin(account, request)
    told = fields_of(request.body, request.query)
    if "numa" in told:
        return _asked(account, told)
    raw = request.body or urlencode(dict(request.query)).encode()
    return _read(account, told, raw, request.received_at)


def reread(account: Account, raw: bytes, received_at: datetime) -> Received:
    """The notification in `raw`. Raises Malformed."""
    return _read(account, fields_of(raw, {}), raw, received_at)


def prove_origin(account: Account, request: Request) -> None:
    """The secret is the last part of the address, or in a header. Raises Unverified."""
    expected = account["path_secret"]
    if not expected:
        raise Unverified("the account has no path_secret", missing=True)
    given = request.headers.get(SECRET_HEADER) or request.path.strip("/").rpartition("/")[2]
    if not given:
        raise Unverified("no secret in the address", missing=True)
    if not compare_digest(given.encode(errors="backslashreplace"), expected.encode()):
        raise Unverified("a wrong secret")


def _read(account: Account, told: Told, raw: bytes, received_at: datetime) -> Received:
    kind, call = said(told, "event").lower(), said(told, "call_session_id")
    if kind not in _PHASES:
        return Received(ignored=(f"unknown event: {clean_line(kind, limit=64)}",))
    if not call:
        raise Malformed("a notification without call_session_id")
    if said(told, "is_internal").lower() in {"true", "1", "да"}:
        return Received(ignored=("internal call: between colleagues",))
    if kind == "recorded":
        events: tuple[Event, ...] = _recordings(account, told, call, received_at)
        if not events:
            return Received(ignored=("recording: the notification has no link to it",))
    else:
        events = (_call(account, told, kind, call, received_at),)
    return Received(incoming=tuple(Incoming(event=each, raw=raw) for each in events))


def _call(account: Account, told: Told, kind: str, call: str, received_at: datetime) -> Event:
    direction: Direction = "out" if _goes_out(told, kind) else "in"
    employee = said(told, "employee_id")
    extension = extension_of(account, employee) if employee else ""
    other = _other(account, told, call, direction)
    phase = _phase(told, kind, direction)
    talks = phase == "talking"
    over = kind in {"ended", "lost", "outgoing_ended"}
    duration = seconds(said(told, "talk_duration")) or None
    if phase == "missed" or not over:
        duration = None
    talked = talks or duration is not None
    return CallReported(
        key=f"{call}:{kind}:{employee}",
        chat=other.chat,
        sender=other.sender,
        at=received_at,
        call=call,
        # Of a transfer back and forth each employee has one leg, however often they had the call.
        leg="" if over or not employee else employee,
        direction=direction,
        phase=phase,
        ours=line(said(told, "virtual_phone_number"), region=account.region, international=True),
        theirs=other.number,
        extension="" if phase == "missed" else extension,
        answered_by=extension if talked and direction == "in" else "",
        transferred_to=extension if kind == "transferred" else "",
        duration=duration,
        recording=next(iter(_links(told, call)), "") if over else "",
        started_at=_moment(account, told, "start_time", received_at),
        answered_at=received_at if talks else None,
        ended_at=received_at if over else None,
        reason=said(told, "finish_reason", limit=100) if over else "",
        initiated=said(told, "external_id"),
        source=_source(told) if direction == "in" else None,
    )


def _goes_out(told: Told, kind: str) -> bool:
    way = said(told, "direction").lower()
    return kind.startswith("outgoing") or way in {"out", "outgoing", "исходящий"}


def _phase(told: Told, kind: str, direction: Direction) -> Phase:
    """Lost is what UIS calls so, or what ended without a conversation: finish_reason does not tell (Data API)."""
    if direction == "out":
        return "ended" if kind == "lost" else _PHASES[kind]
    lost = said(told, "is_lost").lower()
    if kind == "ended" and lost in {"true", "1", "да"}:
        return "missed"
    if kind == "ended" and not lost and said(told, "talk_duration") in {"0", "0.0"}:
        return "missed"
    return _PHASES[kind]


def _other(account: Account, told: Told, call: str, direction: Direction) -> OtherSide:
    called = "called_phone_number" if direction == "out" else "calling_phone_number"
    raw = said(told, "contact_phone_number") or said(told, called)
    return other_side(
        raw,
        call=call,
        region=account.region,
        name=said(told, "contact_full_name", limit=128),
        international=direction == "in",
    )


def _moment(account: Account, told: Told, name: str, received_at: datetime) -> datetime | None:
    text = said(told, name)
    moment = unix_moment(text) or wall_clock(text, zone_of_account(account))
    return believable(moment, received_at)


def _recordings(
    account: Account, told: Told, call: str, received_at: datetime
) -> tuple[Event, ...]:
    return tuple(
        CallReported(
            key=f"{call}:recorded:{sha256(link.encode()).hexdigest()[:16]}",
            chat=other_side("", call=call, region=account.region).chat,
            at=received_at,
            call=call,
            direction="out" if _goes_out(told, "recorded") else "in",
            phase="recorded",
            recording=link,
        )
        for link in _links(told, call)
    )


def _links(told: Told, call: str) -> list[str]:
    """`recording` may have several, with spaces or commas between; a hash becomes one with the call's id before it."""
    found = dict.fromkeys(told.get("recording", "").replace(",", " ").split())
    return [each if "/" in each else f"{call}/{each}" for each in found]


def _source(told: Told) -> SourceKeys | None:
    """What call tracking knows of the visit that showed the number. eq_utm_* stand for an advertisement without visits."""
    utm = {
        name: value
        for name in _UTM
        if (value := said(told, f"utm_{name}") or said(told, f"eq_utm_{name}"))
    }
    click_ids = {name: value for name in _CLICK_IDS if (value := said(told, name))}
    openstat = {name: value for name, value in told.items() if name.startswith("openstat_")}
    referral = {name: value for name in _REFERRAL if (value := said(told, name))} | openstat
    landing = _page(told, "entrance_page", "communication_page_url")
    referrer = _page(told, "referrer", "eq_utm_referrer")
    # Which number was called is no advertisement; it only says more of one.
    if not (utm or click_ids or landing or referrer or referral.keys() - {"virtual_phone_number"}):
        return None
    return SourceKeys(
        utm=utm, click_ids=click_ids, referral=referral, landing=landing, referrer=referrer
    )


def _page(told: Told, *names: str) -> str:
    return next((value for name in names if (value := said(told, name, limit=2000))), "")


def _asked(account: Account, told: Told) -> Received:
    """UIS, "Interactive processing": `numa` calls `numb`, and the scenario waits for the answer."""
    caller = other_side(said(told, "numa"), call="", region=account.region, international=True)
    answer = route(account, None)
    if not caller.number.startswith("+"):
        return Received(ignored=("question: the caller hides their number",), answer=answer)
    return Received(
        ignored=("question: who calls",),
        answer=answer,
        enquiry=Enquiry(phone=caller.number, answer=lambda known: route(account, known)),
    )


def route(account: Account, caller: Caller | None) -> Answer:
    """The phones of the customer's own manager, or the branch for everybody else."""
    told: dict[str, Any] = {"returned_code": AS_THE_SCENARIO_SAYS}
    if caller is not None and caller.extension:
        told = {"phones": [by_extension(account, caller.extension).phone]}
    return Answer(body=dumps(told).encode(), content_type="application/json")
