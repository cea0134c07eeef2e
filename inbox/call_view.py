"""A telephone call in words: what it was, who talked, how long, why it ended.

Exchanges name the end of a call in codes of their own. Their meanings are few; a code that is not known is told as it is
when it is a word, and not at all when it is a number, which says nothing to anybody.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from connectors.registry import discover
from inbox.formats import Formats
from inbox.wording import N_
from storage.reading.calls import ShownCall

_CALLER_HUNG_UP: Final = N_("the caller hung up")
_WE_HUNG_UP: Final = N_("we hung up")
_BUSY: Final = N_("the line was busy")
_NO_ANSWER: Final = N_("nobody picked up")
_DECLINED: Final = N_("the call was declined")
_NO_SUCH_NUMBER: Final = N_("there is no such number")
_UNREACHABLE: Final = N_("the phone was switched off or out of reach")
_NO_MONEY: Final = N_("the exchange's balance is used up")
_LIMIT: Final = N_("the exchange's limit of calls was reached")
_TROUBLE: Final = N_("trouble on the line")
_LOST: Final = N_("its end was not reported")
_BLACK_LIST: Final = N_("the number is on the black list")

_REASONS: Final[Mapping[str, str]] = {
    # Q.931, as Asterisk and Zadarma give it; 16 and 31 are the usual end.
    "1": _NO_SUCH_NUMBER,
    "3": _UNREACHABLE,
    "17": _BUSY,
    "18": _NO_ANSWER,
    "19": _NO_ANSWER,
    "20": _UNREACHABLE,
    "21": _DECLINED,
    "27": _UNREACHABLE,
    "28": _NO_SUCH_NUMBER,
    "34": _TROUBLE,
    "38": _TROUBLE,
    "41": _TROUBLE,
    "42": _TROUBLE,
    # Words of Zadarma, UIS, MegaFon, Sipuni, Twilio and Asterisk.
    "busy": _BUSY,
    "operator busy": _BUSY,
    "user busy": _BUSY,
    "cancel": _CALLER_HUNG_UP,
    "canceled": _CALLER_HUNG_UP,
    "cancelled": _CALLER_HUNG_UP,
    "subscriber disconnects": _CALLER_HUNG_UP,
    "contact hangup": _CALLER_HUNG_UP,
    "operator disconnects": _WE_HUNG_UP,
    "employee hangup": _WE_HUNG_UP,
    "no answer": _NO_ANSWER,
    "noanswer": _NO_ANSWER,
    "missed": _NO_ANSWER,
    "timeout": _NO_ANSWER,
    "no success operator call": _NO_ANSWER,
    "declined": _DECLINED,
    "call rejected": _DECLINED,
    "notallowed": _DECLINED,
    "notavailable": _UNREACHABLE,
    "chanunavail": _UNREACHABLE,
    "unallocated number": _NO_SUCH_NUMBER,
    "notfound": _NO_SUCH_NUMBER,
    "no money": _NO_MONEY,
    "no money, no limit": _NO_MONEY,
    "no limit": _LIMIT,
    "no day limit": _LIMIT,
    "line limit": _LIMIT,
    "failed": _TROUBLE,
    "congestion": _TROUBLE,
    "numa in black list": _BLACK_LIST,
    "abandoned": _CALLER_HUNG_UP,
    "originator cancel": _CALLER_HUNG_UP,
    "user alerting, no answer": _NO_ANSWER,
    "no user responding": _NO_ANSWER,
    "subscriber absent": _UNREACHABLE,
    "destination out of order": _UNREACHABLE,
    "circuit/channel congestion": _TROUBLE,
    "lost sight of": _LOST,
}
_MANGO_DIGITS: Final = 4
_MANGO: Final = ((1110, 1110, _CALLER_HUNG_UP), (1120, 1120, _WE_HUNG_UP), (1100, 1199, ""), (2000, 2999, _NO_MONEY), (3200, 3299, _NO_SUCH_NUMBER), (4200, 4299, _UNREACHABLE), (5000, 5999, _TROUBLE))  # fmt: skip
_TITLES: Final = {
    ("in", "ringing"): N_("Incoming call, ringing"),
    ("in", "talking"): N_("Incoming call, talking"),
    ("in", "ended"): N_("Incoming call"),
    ("in", "missed"): N_("Missed call"),
    ("out", "ringing"): N_("Outgoing call, ringing"),
    ("out", "talking"): N_("Outgoing call, talking"),
    ("out", "ended"): N_("Outgoing call"),
}
_USUAL: Final = frozenset(
    {
        "answered",
        "answer",
        "completed",
        "success",
        "normal clearing",
        "normal",
        "ok",
        "answered elsewhere",
        "joined to another call",
        "16",
        "31",
    }
)
_CODE_AND_WORDS: Final = re.compile(r"(\d+) (.+)|(.+?) \((\d+)\)")
_BETWEEN: Final = re.compile(r"[\s_\-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallView:
    """`title` and `lines` are sentences. `since`: of a call that goes on, when what goes on began."""

    call: ShownCall
    title: str
    glyph: str
    missed: bool
    since: datetime | None
    lines: tuple[str, ...]
    can_call_back: bool


def call_view(call: ShownCall, *, channel: str, formats: Formats) -> CallView:
    _ = formats.language._
    connector = discover().get(channel)
    goes_on = call.phase in {"ringing", "talking"}
    return CallView(
        call=call,
        title=_(_TITLES[call.direction, call.phase]),
        glyph="callmiss" if call.phase == "missed" else f"call{call.direction}",
        missed=call.phase == "missed",
        since=(call.answered_at or call.started_at) if goes_on else None,
        lines=tuple(_lines(call, formats=formats)),
        can_call_back=bool(
            not goes_on and call.theirs and connector is not None and connector.dial is not None
        ),
    )


def reason_in_words(reason: str, *, formats: Formats) -> str:
    """Why a call ended; "" for the usual end, and when nobody can say."""
    parts = _readings(reason)
    if not parts or any(each in _USUAL for each in parts):
        return ""
    for each in parts:
        if each.isdecimal() and len(each) == _MANGO_DIGITS:
            known = next((words for low, high, words in _MANGO if low <= int(each) <= high), None)
            if known is not None:
                return formats.language._(known) if known else ""
        if each in _REASONS:
            return formats.language._(_REASONS[each])
    return "" if parts[0].isdecimal() else formats.language.sentence(reason.strip())


def _readings(reason: str) -> list[str]:
    """As it is, and taken apart: "1110 the caller hung up", "busy (17)"."""
    said = _BETWEEN.sub(" ", reason).strip().lower()
    found = _CODE_AND_WORDS.fullmatch(said)
    parts = [said, *(part.strip() for part in (found.groups() if found else ()) if part)]
    return [each for each in parts if each]


def _lines(call: ShownCall, *, formats: Formats) -> list[str]:
    _ = formats.language._
    who = _who(call.colleague, call.extension, formats=formats)
    lines: list[str] = []
    if call.direction == "out":
        said = [_("Called by {name}").format(name=who)] if who else []
        if call.phase == "ended" and call.answered_at is None:
            said.append(_("no answer"))
        lines.append(" · ".join(said))
    elif call.answered_at is not None:
        waited = int((call.answered_at - call.started_at).total_seconds())
        said = [_("Answered by {name}").format(name=who) if who else _("Answered")]
        if waited > 0:
            said.append(_("after {n} s").format(n=waited))
        lines.append(" · ".join(said))
    if call.transferred_to:
        to = _who(call.transferred_colleague, call.transferred_to, formats=formats)
        lines.append(_("Transferred to {name}").format(name=to))
    if call.phase in {"ended", "missed"}:
        lines.append(_sentence(reason_in_words(call.reason, formats=formats)))
    return [line for line in lines if line]


def _who(name: str, extension: str, *, formats: Formats) -> str:
    if name:
        return name
    # A transfer may go outside, to a number of its own.
    short = extension.isdecimal() and len(extension) < 7
    return formats.language._("extension {n}").format(n=extension) if short else extension


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
