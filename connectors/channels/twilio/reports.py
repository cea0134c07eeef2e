"""Twilio's fields → reports of a call. https://www.twilio.com/docs/voice/api/call-resource#statuscallback

What decides "answered" is the leg of somebody of ours, or, when we call, the customer's: the parent of an inbound call
is "in-progress" while a menu plays and "completed" although nobody came (Voice webhooks). A machine that picks up
(`AnsweredBy`, when its detection is on) is no person. A leg that is "completed" had been answered, also when that
callback was lost; so its end tells both.

A report's key is made of what Twilio repeats unchanged: the call, the callback, its SequenceNumber and status.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from connectors.callers import OtherSide, line, other_side
from connectors.channels.twilio.addresses import Whose
from connectors.connector import Account
from connectors.errors import Malformed
from router.clean_text import clean_line
from router.message import CallReported

RINGING: Final = frozenset({"queued", "initiated", "ringing"})
ANSWERED: Final = frozenset({"in-progress", "answered"})
UNANSWERED: Final = frozenset({"busy", "no-answer", "failed", "canceled"})
OVER: Final = UNANSWERED | {"completed"}

LONGEST_CALL_S: Final = 7 * 86_400

Read = tuple[tuple[CallReported, ...], str]
"""The reports, or none and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A callback: its fields, what our own address added to it, and when it came."""

    account: Account
    fields: Mapping[str, str]
    whose: Whose
    received_at: datetime

    def __getitem__(self, name: str) -> str:
        return clean_line(self.fields.get(name, ""), limit=256)

    @property
    def at(self) -> datetime:
        """Timestamp is RFC 2822; never later than now, whatever a clock says."""
        try:
            told = parsedate_to_datetime(self["Timestamp"])
        except ValueError:
            return self.received_at
        told = told if told.tzinfo is not None else told.replace(tzinfo=UTC)
        return min(told.astimezone(UTC), self.received_at)

    @property
    def outgoing(self) -> bool:
        """Whether we call the customer: as our address says, or, for callbacks set up elsewhere, as Twilio does."""
        if self.whose.phone or self.whose.direction == "out":
            return self.whose.direction == "out"
        return self["Direction"] == "outbound-api"

    def seconds(self, name: str) -> float | None:
        told = self[name]
        if not (told.isascii() and told.isdecimal()) or len(told) > 7:
            return None
        return float(min(int(told), LONGEST_CALL_S))

    def far(self, call: str) -> OtherSide:
        return other_side(
            self.whose.phone or self[_theirs(self)],
            call=call,
            region=self.account.region,
            name=self["CallerName"] if not self.outgoing else "",
            international=True,
        )


def _theirs(told: Told) -> str:
    """Which field has the customer's number. A leg rung for an inbound call shows theirs as the caller, too."""
    return "To" if told.outgoing else "From"


def call_of(told: Told) -> str:
    """The whole call: the parent's sid, of a leg as of itself. Raises Malformed."""
    call = told["ParentCallSid"] or told["CallSid"]
    if not call:
        raise Malformed("no CallSid")
    return call


def asked(told: Told) -> Read:
    """Somebody calls, and Twilio asks what to do."""
    call = call_of(told)
    return (_report(told, call, key=f"{call}:asked", phase="ringing", started_at=told.at),), ""


def status(told: Told) -> Read:
    """Of the whole call: its end is the end. Twilio's `in-progress` says only that somebody, or a menu, picked up."""
    call, said = call_of(told), told["CallStatus"]
    key = f"{call}:{said}:{told['SequenceNumber']}"
    if said in RINGING:
        return (_report(told, call, key=key, phase="ringing", started_at=told.at),), ""
    if said in ANSWERED:
        # One that nobody bridges: a program of the owner's called the customer, who picked up.
        if told.outgoing and not told.whose.phone and _a_person(told):
            return (_report(told, call, key=key, phase="talking", answered_at=told.at),), ""
        return (), "picked up: by a menu, or by our own side of a call we asked for"
    if said not in OVER:
        return (), "unknown: a CallStatus we do not know"
    ended = _report(
        told, call, key=key, phase="ended", reason=said, ended_at=told.at, started_at=_began(told)
    )
    return (ended,), ""


def leg(told: Told) -> Read:
    """Of one number that was rung: who rings, who answers."""
    call, said = call_of(told), told["CallStatus"]
    number = told["CallSid"]
    key = f"{call}:{number}:{said}:{told['SequenceNumber']}"
    where = {"leg": number, "extension": _extension(told)}
    answered_by = "" if told.outgoing else where["extension"]
    if said in RINGING:
        return (_report(told, call, key=key, phase="ringing", **where),), ""
    if said in ANSWERED:
        if not _a_person(told):
            return (), "machine: an answering machine or a fax picked up"
        return (
            _report(
                told,
                call,
                key=key,
                phase="talking",
                answered_by=answered_by,
                answered_at=told.at,
                **where,
            ),
        ), ""
    if said not in OVER:
        return (), "unknown: a CallStatus we do not know"
    if said in UNANSWERED or not _a_person(told):
        return (
            _report(told, call, key=key, phase="ended", reason=said, ended_at=told.at, **where),
        ), ""
    duration = told.seconds("CallDuration")
    answered_at = told.at - timedelta(seconds=duration or 0)
    conversation: dict[str, Any] = {
        "answered_by": answered_by,
        "answered_at": answered_at,
        "duration": duration,
        **where,
    }
    return (
        _report(told, call, key=f"{key}:talked", phase="talking", at=answered_at, **conversation),
        _report(told, call, key=key, phase="ended", reason=said, ended_at=told.at, **conversation),
    ), ""


def dialled(told: Told) -> Read:
    """After everybody was rung: DialCallStatus is the only word on whether somebody came (Dial, action)."""
    call, said = call_of(told), told["DialCallStatus"]
    number = told["DialCallSid"]
    if said not in OVER | ANSWERED:
        return (), "unknown: a DialCallStatus we do not know"
    key = f"{call}:dialled:{number}:{said}"
    if not number:
        return (), f"dialled: nobody could be rung ({said})"
    if said in UNANSWERED:
        return (
            _report(told, call, key=key, phase="ended", leg=number, reason=said, ended_at=told.at),
        ), ""
    # Who answered is told by the leg's own callbacks: here it is one of all that were rung.
    duration = told.seconds("DialCallDuration")
    answered_at = told.at - timedelta(seconds=duration or 0)
    conversation: dict[str, Any] = {
        "leg": number,
        "duration": duration,
        "answered_at": answered_at,
    }
    return (
        _report(told, call, key=f"{key}:talked", phase="talking", at=answered_at, **conversation),
        _report(told, call, key=key, phase="ended", reason=said, ended_at=told.at, **conversation),
    ), ""


def recording(told: Told) -> Read:
    """CallSid is the parent's, whichever leg was recorded (Recording, recordingStatusCallback)."""
    call, said, file = call_of(told), told["RecordingStatus"], told["RecordingSid"]
    if said != "completed" or not file:
        return (), f"recording: {said if said in {'in-progress', 'absent', 'failed'} else 'none'}"
    return (
        _report(
            told,
            call,
            key=f"{call}:recording:{file}",
            phase="recorded",
            recording=file,
            at=told.received_at,
        ),
    ), ""


def _report(told: Told, call: str, **said: Any) -> CallReported:
    far = told.far(call)
    direction = "out" if told.outgoing else "in"
    return CallReported(
        **{
            "at": told.at,
            "chat": far.chat,
            "sender": far.sender,
            "call": call,
            "direction": direction,
            "ours": _ours(told),
            "theirs": far.number,
            "extension": told.whose.extension if direction == "out" else "",
            "initiated": told.whose.initiated,
            **said,
        }
    )


def _ours(told: Told) -> str:
    """The line called, also when it forwards to Twilio's. A leg's fields name whom it rings instead."""
    if told["ParentCallSid"]:
        return (
            line(told["From"], region=told.account.region, international=True)
            if told.outgoing
            else ""
        )
    # Of a call we asked for, To is the colleague's telephone.
    named = told["From"] if told.outgoing else told["ForwardedFrom"] or told["To"]
    return line(named, region=told.account.region, international=True)


def _extension(told: Told) -> str:
    """As our address says, or whom Twilio rang."""
    return told.whose.extension or (told["To"] if not told.outgoing else "")


def _a_person(told: Told) -> bool:
    return not told["AnsweredBy"].startswith(("machine", "fax"))


def _began(told: Told) -> datetime | None:
    duration = told.seconds("CallDuration")
    return told.at - timedelta(seconds=duration) if duration is not None else None
