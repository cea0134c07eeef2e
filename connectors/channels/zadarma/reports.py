"""Notifications of the exchange → reports of calls.

| event | becomes |
|---|---|
| NOTIFY_START | the call rings, and Zadarma asks where to put it through |
| NOTIFY_INTERNAL | an extension rings |
| NOTIFY_ANSWER | somebody talks |
| NOTIFY_END | the call has ended, or was missed: `disposition` is not "answered" |
| NOTIFY_OUT_START, NOTIFY_OUT_END | a call to a customer rings, has ended |
| NOTIFY_RECORD | a recording that can be had soon |
| NOTIFY_IVR and others | named and ignored |

A notification comes when its event happens, and of moments it has only `call_start`, in the account's own zone; so an
event is as old as its arrival.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from hmac import compare_digest
from json import dumps
from typing import Any, Final

from connectors.callers import OtherSide, line, other_side
from connectors.channels.zadarma.signing import signature
from connectors.connector import Account, Answer, Caller, Enquiry, Incoming, Received, Request
from connectors.errors import Malformed, Unverified
from connectors.loose_fields import form_fields, said, seconds
from connectors.moments import believable, wall_clock, zone_of_account
from connectors.source_addresses import came_from_an_allowed_address
from router.clean_text import clean_line
from router.message import CallReported, Direction, Event

SIGNED: Final = {
    "NOTIFY_START": ("caller_id", "called_did", "call_start"),
    "NOTIFY_INTERNAL": ("caller_id", "called_did", "call_start"),
    "NOTIFY_IVR": ("caller_id", "called_did", "call_start"),
    "NOTIFY_ANSWER": ("caller_id", "destination", "call_start"),
    "NOTIFY_END": ("caller_id", "called_did", "call_start"),
    "NOTIFY_OUT_START": ("internal", "destination", "call_start"),
    "NOTIFY_OUT_END": ("internal", "destination", "call_start"),
    "NOTIFY_RECORD": ("pbx_call_id", "call_id_with_rec"),
}
"""What is signed of each event (Zadarma, user-api-v1, lib/Webhook)."""

OTHERS: Final = (*SIGNED.values(), ("result",))
"""Of an event that is not in the table: the same strings, or `result`, as it is for SMS and number look-ups."""

ECHO_LIMIT: Final = 512

_EXTENSION: Final = re.compile(r"\d{3}")
"""Zadarma, NOTIFY_START: an extension has three digits; other words to redirect to are scenarios and lists."""

Told = Mapping[str, str]


def receive(account: Account, request: Request) -> Received:
    """One notification per request. Raises Unverified before anything is understood, Malformed."""
    if request.method == "GET":
        # The cabinet's own question, from wherever: it proves nothing, and its answer tells nothing.
        return _echo(request)
    came_from_an_allowed_address(account, request)
    told = form_fields(request.body)
    prove_origin(account, request, told)
    received = _read(account, told, request.body, request.received_at)
    enquiry = _enquiry(account, told) if received.incoming else None
    return Received(incoming=received.incoming, ignored=received.ignored, enquiry=enquiry)


def reread(account: Account, raw: bytes, received_at: datetime) -> Received:
    """The notification in `raw`, a form's body. Raises Malformed."""
    return _read(account, form_fields(raw), raw, received_at)


def prove_origin(account: Account, request: Request, told: Told) -> None:
    """Raises Unverified."""
    secret = account["api_secret"]
    if not secret:
        raise Unverified("the account has no api_secret", missing=True)
    given = request.headers.get("Signature")
    if not given:
        raise Unverified("no Signature", missing=True)
    proof = given.strip().encode(errors="backslashreplace")
    signed = SIGNED.get(told.get("event", ""))
    for names in (signed,) if signed else OTHERS:
        text = "".join(told.get(name, "") for name in names)
        if text and compare_digest(proof, signature(secret, text).encode()):
            return
    raise Unverified("a wrong Signature")


def _echo(request: Request) -> Received:
    """Zadarma tries an address when it is set: what it gives in zd_echo must come back."""
    given = request.query.get("zd_echo")
    if given is None:
        raise Unverified("neither a notification nor zd_echo", missing=True)
    if len(given) > ECHO_LIMIT:
        raise Malformed("zd_echo is longer than Zadarma's")
    return Received(
        ignored=("zd_echo: the address was set",),
        answer=Answer(body=given.encode(errors="replace")),
    )


def _read(account: Account, told: Told, raw: bytes, received_at: datetime) -> Received:
    kind = told.get("event", "")
    if kind == "NOTIFY_IVR":
        return Received(ignored=("menu: the caller is in one",))
    if kind not in SIGNED:
        return Received(ignored=(f"unknown event: {clean_line(kind, limit=64)}",))
    call = said(told, "pbx_call_id")
    if not call:
        raise Malformed("a notification without pbx_call_id")
    if kind != "NOTIFY_RECORD" and _is_internal(told, call):
        return Received(ignored=("internal call: between colleagues",))
    event = _EVENTS[kind](account, told, call, received_at)
    return Received(incoming=(Incoming(event=event, raw=raw),))


def _is_internal(told: Told, call: str) -> bool:
    """A colleague has called an extension: those have three digits, and no customer has."""
    if not call.startswith("out") and not told.get("event", "").startswith("NOTIFY_OUT"):
        return False
    return _EXTENSION.fullmatch(said(told, "destination")) is not None


def _call(
    account: Account, told: Told, call: str, received_at: datetime, *, direction: Direction
) -> dict[str, Any]:
    """What the events of a call have in common."""
    other = _other(account, told, call, direction)
    ours = said(told, "called_did") if direction == "in" else said(told, "caller_id")
    started = wall_clock(said(told, "call_start"), zone_of_account(account))
    key = ":".join((call, said(told, "event"), said(told, "internal"), said(told, "call_start")))
    return {
        "key": key,
        "chat": other.chat,
        "sender": other.sender,
        "at": received_at,
        "call": call,
        "direction": direction,
        "ours": line(ours, region=account.region, international=True),
        "theirs": other.number,
        "extension": said(told, "internal"),
        "started_at": believable(started, received_at),
    }


def _other(account: Account, told: Told, call: str, direction: Direction) -> OtherSide:
    came_in = direction == "in"
    # What a colleague has dialled is national: 8 495… is no foreign number.
    return other_side(
        said(told, "caller_id" if came_in else "destination"),
        call=call,
        region=account.region,
        international=came_in,
    )


def _rings(account: Account, told: Told, call: str, received_at: datetime) -> Event:
    common = _call(account, told, call, received_at, direction="in")
    return CallReported(phase="ringing", leg=said(told, "internal"), **common)


def _rings_out(account: Account, told: Told, call: str, received_at: datetime) -> Event:
    return CallReported(phase="ringing", **_call(account, told, call, received_at, direction="out"))


def _answered(account: Account, told: Told, call: str, received_at: datetime) -> Event:
    """Whose call it is says the beginning of its id; a call out was answered by the customer."""
    direction: Direction = "out" if call.startswith("out") else "in"
    common = _call(account, told, call, received_at, direction=direction)
    # Who answered is in `destination` when it is no extension; which line of ours was called is not said.
    destination = line(said(told, "destination"), region=account.region, international=True)
    answered_by = "" if direction == "out" else common["extension"] or destination
    # Two telephones without extensions may answer one call, one after the other.
    key = common["key"] if common["extension"] else f"{common['key']}:{destination}"
    return CallReported(
        phase="talking",
        leg=common["extension"] if direction == "in" else "",
        answered_by=answered_by,
        answered_at=received_at,
        **(common | {"key": key, "ours": "", "extension": common["extension"] or answered_by}),
    )


def _ended(account: Account, told: Told, call: str, received_at: datetime) -> Event:
    return _end(account, told, call, received_at, direction="in")


def _ended_out(account: Account, told: Told, call: str, received_at: datetime) -> Event:
    return _end(account, told, call, received_at, direction="out")


def _end(
    account: Account, told: Told, call: str, received_at: datetime, *, direction: Direction
) -> Event:
    """`duration` of a call that nobody answered is how long it rang, or was in the menu."""
    common = _call(account, told, call, received_at, direction=direction)
    disposition = said(told, "disposition").lower()
    talked = disposition == "answered"
    came_in = direction == "in"
    status = said(told, "status_code")
    return CallReported(
        phase="ended" if talked or not came_in else "missed",
        answered_by=common["extension"] if talked and came_in else "",
        duration=seconds(said(told, "duration")) if talked else None,
        ended_at=received_at,
        recording=_recording(told, call) if said(told, "is_recorded") == "1" else "",
        reason=f"{disposition} ({status})" if status else disposition,
        **(common if talked or not came_in else common | {"extension": ""}),
    )


def _recorded(account: Account, told: Told, call: str, received_at: datetime) -> Event:
    recording = _recording(told, call)
    if not recording:
        raise Malformed("NOTIFY_RECORD without call_id_with_rec")
    return CallReported(
        key=f"{call}:NOTIFY_RECORD:{said(told, 'call_id_with_rec')}",
        chat=other_side("", call=call, region=account.region).chat,
        at=received_at,
        call=call,
        direction="out" if call.startswith("out") else "in",
        phase="recorded",
        recording=recording,
    )


def _recording(told: Told, call: str) -> str:
    """Both names: the API is asked by the call's, and a call may have several recordings."""
    recording = said(told, "call_id_with_rec")
    return f"{call}/{recording}" if recording else ""


_EVENTS: Final[dict[str, Callable[[Account, Told, str, datetime], Event]]] = {
    "NOTIFY_START": _rings,
    "NOTIFY_INTERNAL": _rings,
    "NOTIFY_ANSWER": _answered,
    "NOTIFY_END": _ended,
    "NOTIFY_OUT_START": _rings_out,
    "NOTIFY_OUT_END": _ended_out,
    "NOTIFY_RECORD": _recorded,
}


def _enquiry(account: Account, told: Told) -> Enquiry | None:
    if told.get("event") != "NOTIFY_START":
        return None
    caller = other_side(said(told, "caller_id"), call="", region=account.region, international=True)
    if not caller.number.startswith("+"):
        return None
    wait = seconds(account["return_timeout"] or "20")
    return Enquiry(
        phone=caller.number, answer=lambda known: route(known, 20 if wait is None else int(wait))
    )


def route(caller: Caller | None, return_timeout: int) -> Answer:
    """Where to put the call through, and whom the colleague's telephone shows. An empty answer changes nothing.

    Zadarma, NOTIFY_START: return_timeout is 0, or at least 3 seconds.
    """
    if caller is None:
        return Answer()
    told: dict[str, Any] = {}
    if _EXTENSION.fullmatch(caller.extension):
        told["redirect"] = caller.extension
        told["return_timeout"] = max(return_timeout, 3) if return_timeout else 0
    if caller.name:
        told["caller_name"] = clean_line(caller.name, limit=60)
    if not told:
        return Answer()
    return Answer(body=dumps(told, ensure_ascii=False).encode(), content_type="application/json")
