"""What the exchange posts → reports of calls.

Each report says only what its own event says; that they come in any order, and twice, is settled where they are put
together. The address a customer is known by is in most events and missing in some (a consultation between colleagues, a
recording): those name the call and nobody.

| posted to | becomes |
|---|---|
| events/call | a leg rings, talks, or has ended |
| events/summary | the call has ended, or was missed: once per entry_id |
| events/record/added | a recording that can be had |
| events/recording, record/tagged, dtmf, sms, result/…, ping | named and ignored |

"Talking" is a leg that is connected to a person (location `abonent`); menus and queues connect, too.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final, NamedTuple

from connectors.callers import OtherSide, line, other_side
from connectors.channels.mango.statistics import KEPT_AS, read as statistics
from connectors.connector import Account, Incoming, Received, Request
from connectors.errors import Malformed, Unverified
from connectors.loose_fields import form_fields, said, seconds
from connectors.moments import unix_moment
from connectors.source_addresses import came_from_an_allowed_address
from router.clean_text import clean_line
from router.message import CallReported, Direction, Event, SourceKeys

MOSCOW: Final = timedelta(hours=3)
AHEAD: Final = timedelta(hours=1)
"""The API says that its moments are "in UTC+3". Seconds since 1970 have no zone, but should they be shifted, they are
this far in the future."""

IGNORED: Final = {
    "events/recording": "recording: goes on, and is not a file yet",
    "events/record/tagged": "recording: was tagged",
    "events/dtmf": "key pressed: in a menu",
    "events/sms": "text message: was sent from the exchange",
    "ping": "ping: a test from the cabinet",
}
_REASONS: Final = (
    ("1110", "the caller hung up"),
    ("1120", "the called side hung up"),
    ("11", "ended as usual"),
    ("2", "refused for billing"),
    ("32", "wrong number"),
    ("42", "could not be reached"),
    ("5", "trouble in the exchange"),
)
"""VPBX API, "Reasons of disconnection", by how the code begins."""

Told = Mapping[str, Any]


def receive(account: Account, request: Request) -> Received:
    """One event per request. Raises Unverified before anything is parsed, Malformed."""
    came_from_an_allowed_address(account, request)
    path = _event_of(request.path)
    fields = form_fields(request.body)
    if path == "ping" and "sign" not in fields:
        return Received(ignored=(IGNORED["ping"],))
    prove_origin(account, fields)
    if path == KEPT_AS:
        return Received(ignored=(f"unknown event: {path}",))
    # The path says what the event is, and only the body is kept: so it goes in front.
    return reread(account, f"{path}\n{fields['json']}".encode(), request.received_at)


def prove_origin(account: Account, fields: Mapping[str, str]) -> None:
    """Raises Unverified."""
    key, salt = account["api_key"], account["api_salt"]
    if not key or not salt:
        raise Unverified("the account has no api_key or no api_salt", missing=True)
    given = fields.get("sign")
    if given is None or "json" not in fields:
        raise Unverified("no sign or no json", missing=True)
    expected = signature(key, fields["json"], salt)
    if not compare_digest(given.lower().encode(), expected.encode()):
        raise Unverified("a wrong sign")
    if not compare_digest(fields.get("vpbx_api_key", "").encode(), key.encode()):
        raise Unverified("another vpbx_api_key")


def signature(key: str, *rest: str) -> str:
    return sha256("".join((key, *rest)).encode()).hexdigest()


def reread(account: Account, raw: bytes, received_at: datetime) -> Received:
    """What `raw` tells: the path, a line feed, the json; or rows of statistics. Raises Malformed."""
    try:
        path, _, body = raw.decode().partition("\n")
        if path == KEPT_AS:
            return statistics(account, body, received_at)
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed("not in UTF-8, or not JSON") from None
    if not isinstance(told, dict):
        raise Malformed("not an object")
    match path:
        case "events/call":
            event = _leg(account, told, received_at)
        case "events/summary":
            event = _summary(account, told, received_at)
        case "events/record/added":
            event = _recorded(account, told, received_at)
        case _ if path.startswith("result/"):
            event = "result: of a command"
        case _:
            event = IGNORED.get(path, f"unknown event: {clean_line(path, limit=64)}")
    if isinstance(event, str):
        return Received(ignored=(event,))
    return Received(incoming=(Incoming(event=event, raw=raw),))


def _event_of(path: str) -> str:
    """Whatever the administrator wrote before it, and with or without a slash at the end."""
    path = path.strip("/")
    for start in ("events/", "result/"):
        _, found, rest = f"/{path}".rpartition(f"/{start}")
        if found:
            return start + rest
    return "ping" if path.rpartition("/")[2] == "ping" else path


class _Leg(NamedTuple):
    """`customer`: the other side is on this leg, so that whoever connects talks with them."""

    direction: Direction
    other: OtherSide
    extension: str
    customer: bool


def _leg(account: Account, told: Told, received_at: datetime) -> Event | str:  # noqa: PLR0911  # a table, a line each
    call, leg = said(told, "entry_id"), said(told, "call_id")
    state = said(told, "call_state").lower()
    if not call or not leg:
        raise Malformed("a call's event without entry_id or call_id")
    caller, called = _side(told, "from"), _side(told, "to")
    # The API's own examples have both spellings.
    with_person = (said(told, "location") or said(told, "locaton")).lower() == "abonent"
    sides = _sides(account, told, caller, called, call=call, with_person=with_person)
    if sides is None:
        return "internal call: between colleagues"
    number = said(told, "seq") or f"{state}@{said(told, 'timestamp')}"
    at = _moment(told, "timestamp", received_at) or received_at
    report: dict[str, Any] = {
        "key": f"leg:{call}:{leg}:{number}",
        "chat": sides.other.chat,
        "sender": sides.other.sender,
        "at": at,
        "call": call,
        "leg": leg,
        "direction": sides.direction,
        "ours": _ours(account, told, called, sides.direction),
        "theirs": sides.other.number,
        "extension": sides.extension,
        "initiated": said(told, "command_id"),
        "source": _source(account, told) if sides.direction == "in" else None,
    }
    if state == "onhold":
        return "on hold: the conversation goes on"
    if state == "appeared":
        return CallReported(phase="ringing", started_at=at, **report)
    if state == "disconnected":
        reason = _reason(said(told, "disconnect_reason"))
        return CallReported(phase="ended", ended_at=at, reason=reason, **report)
    if state != "connected":
        return f"unknown state: {state[:32]}"
    if not with_person or not sides.customer:
        # A menu or a queue; or a colleague who is asked while the customer waits, or is called before they are.
        return CallReported(phase="ringing", **report)
    came_in = sides.direction == "in"
    moved = came_in and _was_transferred(told, caller, called)
    return CallReported(
        phase="talking",
        answered_at=at,
        answered_by=sides.extension if came_in else "",
        transferred_to=sides.extension if moved else "",
        **report,
    )


def _sides(
    account: Account, told: Told, caller: Told, called: Told, *, call: str, with_person: bool
) -> _Leg | None:
    """None when both sides are ours, and no customer waits for what they have to say."""
    from_ours, to_ours = said(caller, "extension"), said(called, "extension")
    number = said(called, "number")
    nobody = other_side("", call=call, region=account.region)
    # A command may also have moved a call that came in.
    moved = _was_transferred(told, caller, called) or said(caller, "taken_from_call_id")
    asked_for = said(told, "callback_initiator") or (said(told, "command_id") and not moved)
    if asked_for and (to_ours or not number):
        # The exchange calls both, ours first. Of this leg the API does not say what "from" is.
        return _Leg("out", nobody, to_ours or from_ours, customer=False)
    if asked_for or (from_ours and not to_ours):
        return _Leg("out", _called(account, number, call), from_ours, customer=True)
    if from_ours:
        return _Leg("in", nobody, to_ours, customer=False) if moved else None
    if with_person and not to_ours:
        # Forwarded to somebody's own telephone.
        to_ours = line(number, region=account.region, international=True)
    return _Leg("in", _calls(account, said(caller, "number"), call), to_ours, customer=True)


def _calls(account: Account, number: str, call: str) -> OtherSide:
    return other_side(number, call=call, region=account.region, international=True)


def _called(account: Account, number: str, call: str) -> OtherSide:
    """As a colleague has dialled it: 8 495… is no foreign number."""
    return other_side(number, call=call, region=account.region)


def _ours(account: Account, told: Told, called: Told, direction: Direction) -> str:
    number = said(called, "line_number") or said(told, "line_number")
    if not number and direction == "in" and not said(called, "extension"):
        number = said(called, "number")
    return line(number, region=account.region, international=True)


def _was_transferred(told: Told, caller: Told, called: Told) -> bool:
    """A leg of a queue names the one it was taken from, too, and is no transfer; one that connects twice is.

    VPBX API's example of a consultation says no more than that the leg, connected to a colleague, connects to the
    customer. A conversation that goes on after a hold may look the same: then "transferred to" is who has it.
    """
    again = seconds(said(told, "seq")) or 0
    return bool(
        said(told, "transfer")
        or _is_true(caller.get("was_transferred"))
        or _is_true(called.get("was_transferred"))
        or (said(caller, "taken_from_call_id") and again >= 3)
    )


def _is_true(value: object) -> bool:
    return isinstance(value, bool | int | str) and str(value).lower() in {"true", "1"}


def _summary(account: Account, told: Told, received_at: datetime) -> Event | str:
    call = said(told, "entry_id")
    if not call:
        raise Malformed("a summary without entry_id")
    caller, called = _side(told, "from"), _side(told, "to")
    way = said(told, "call_direction")
    if way == "0":
        return "internal call: between colleagues"
    from_ours, to_ours = said(caller, "extension"), said(called, "extension")
    out = way == "2" or (way != "1" and bool(from_ours) and not to_ours)
    direction: Direction = "out" if out else "in"
    other = (
        _called(account, said(called, "number"), call)
        if out
        else _calls(account, said(caller, "number"), call)
    )
    started = _moment(told, "create_time", received_at)
    ended = _moment(told, "end_time", received_at)
    answered, duration = _talk(told, ended, received_at)
    talked = said(told, "entry_result") != "0" and answered is not None
    who = to_ours or line(said(called, "number"), region=account.region, international=True)
    return CallReported(
        key=f"summary:{call}",
        chat=other.chat,
        sender=other.sender,
        at=ended or received_at,
        call=call,
        direction=direction,
        phase="ended" if talked or out else "missed",
        ours=_ours(account, told, {}, direction),
        theirs=other.number,
        # Of a chain that nobody answered, "to" is who missed it first: no reason to name them.
        answered_by=who if talked and not out else "",
        extension=from_ours if out else who if talked else "",
        duration=duration if talked else None,
        started_at=started,
        answered_at=answered if talked else None,
        ended_at=ended,
        reason=_reason(said(told, "disconnect_reason")),
        initiated=said(told, "command_id"),
        source=_source(account, told) if not out else None,
    )


def _talk(
    told: Told, ended: datetime | None, received_at: datetime
) -> tuple[datetime | None, float | None]:
    """When the conversation began and how many seconds it took; (None, None) when there was none.

    `talk_time` is 0 without a conversation, and otherwise the moment it began (VPBX API); where it is too small for a
    moment it can only be its length, which some descriptions of the API say it is.
    """
    text = said(told, "talk_time")
    number = seconds(text)
    if number is not None:
        if not number or ended is None:
            return None, None
        return ended - timedelta(seconds=number), number
    began = _moment(told, "talk_time", received_at)
    if began is None:
        return None, None
    return began, max((ended - began).total_seconds(), 0.0) if ended else None


def _recorded(account: Account, told: Told, received_at: datetime) -> Event:
    call, recording = said(told, "entry_id"), said(told, "recording_id")
    if not call or not recording:
        raise Malformed("a recording without entry_id or recording_id")
    return CallReported(
        key=f"record:{recording}",
        chat=other_side("", call=call, region=account.region).chat,
        at=_moment(told, "timestamp", received_at) or received_at,
        call=call,
        leg=said(told, "call_id"),
        phase="recorded",
        recording=recording,
    )


def _side(told: Told, name: str) -> Told:
    side = told.get(name)
    return side if isinstance(side, dict) else {}


def _moment(told: Told, name: str, received_at: datetime) -> datetime | None:
    moment = unix_moment(said(told, name))
    if moment is None:
        return None
    if moment > received_at + AHEAD:
        moment -= MOSCOW
    return min(moment, received_at)


def _reason(code: str) -> str:
    words = next((words for start, words in _REASONS if code.startswith(start)), "")
    return f"{code} {words}".strip()


def _source(account: Account, told: Told) -> SourceKeys | None:
    """Call tracking: the number that was shown to one visit (dynamic), or stands for an advertisement (static)."""
    shown = told.get("dct")
    if not isinstance(shown, dict):
        return None
    kind = {"1": "dynamic_number", "2": "static_number"}.get(said(shown, "type"))
    number = line(said(shown, "number"), region=account.region, international=True)
    return SourceKeys(referral={kind: number}) if kind and number else None
