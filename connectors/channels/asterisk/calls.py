"""Events of the Manager Interface → reports of calls. No I/O: events in, reports out, the state in between can be kept.

A call is what shares a Linkedid, a leg is a channel. What comes from a trunk's context is outside, Local/… is plumbing,
all else is a telephone of ours. The first channel tells the direction: outside, somebody calls us, and every other
channel is somebody of ours being rung; one of ours, we call, once a channel outside is dialled. Calls in which nobody outside
takes part are nobody's business here.

*Talking* is: the customer is in a bridge, and one of ours is. Neither a channel that is up (menus and queues answer), nor
a hang-up's cause, nor a Cdr says so. *Ended* is when the customer has hung up, or when nobody is left. What is told
once is not told again, and nothing depends on the order of hang-ups, of Cdr (not read at all) or of an Originate's response.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

from connectors.callers import line, other_side
from connectors.channels.asterisk.framing import Message
from connectors.connector import Account
from connectors.phone_numbers import e164
from router.clean_text import clean_line
from router.message import CallReported

OURS_BEGINS: Final = "allo-"
"""ChannelId and ActionID of the calls that we ask for, followed by what they were called when asked."""

ANSWERED_ELSEWHERE: Final = "26"
"""Hangup's Cause of those who lost the race: no missed call of theirs."""

NOT_MADE: Final = "0"
"""OriginateResponse's Reason when there was not even a channel."""

MOST_CALLS: Final = 2000
MOST_LEGS: Final = 200

_REASONS: Final = {
    "0": "no such extension",
    "1": "failure",
    "3": "noanswer",
    "5": "busy",
    "8": "congestion",
}
"""OriginateResponse's Reason (AST_CONTROL_…)."""

_NO_PERSON: Final = frozenset({"s", "h", "i", "t", "failed"})
"""Extensions of the dial plan that nobody dials."""

_CHANNELS_NUMBER: Final = re.compile(r"-[0-9a-f]{8}(?:;[12])?$")

Place = Literal["outside", "inside", "between"]


class Leg(msgspec.Struct, omit_defaults=True):
    """`number`: the extension, or the telephone number of somebody outside. `since`: when the conversation began."""

    place: Place
    number: str = ""
    bridge: str = ""
    rung: bool = False
    transferred: bool = False
    since: float | None = None
    reason: str = ""


class Call(msgspec.Struct, omit_defaults=True):
    """`first`: the leg it began with. `told`: somebody knows of it; `over`: and that it ended."""

    id: str
    first: str
    began: float
    first_place: Place
    theirs: str = ""
    name: str = ""
    ours: str = ""
    extension: str = ""
    answered: float | None = None
    answered_by: str = ""
    told: bool = False
    over: bool = False
    recording: str = ""
    reason: str = ""
    legs: dict[str, Leg] = {}

    @property
    def inbound(self) -> bool:
        return self.first_place == "outside"

    def is_customer(self, number: str, leg: Leg) -> bool:
        return number == self.first if self.inbound else leg.place == "outside"

    def is_ours(self, number: str, leg: Leg) -> bool:
        return leg.place != "between" and not self.is_customer(number, leg)


_Kept = list[Call]


class Calls:
    """The calls of one exchange that are going on."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.contexts = tuple(
            each.strip() for each in account["inbound_context"].split(",") if each.strip()
        )
        self.going_on: dict[str, Call] = {}
        self._call_of: dict[str, str] = {}
        self._events: dict[str, Callable[[Message, datetime, list[CallReported]], None]] = {
            "Newchannel": self._born,
            "DialBegin": self._rung,
            "DialEnd": self._rung_out,
            "QueueCallerAbandon": self._abandoned,
            "BridgeEnter": self._entered,
            "BridgeLeave": self._left,
            "Hangup": self._hung_up,
            "BlindTransfer": self._transferred,
            "AttendedTransfer": self._transferred,
            "VarSet": self._recorded,
            "OriginateResponse": self._originated,
            "CoreShowChannel": self._shown,
            "CoreShowChannelsComplete": self._all_shown,
        }
        self._showing: dict[str, Message] = {}

    def keep(self) -> str:
        """For `restore`, in another process or after a lost connection."""
        return msgspec.json.encode(list(self.going_on.values())).decode()

    def restore(self, kept: str) -> None:
        """What cannot be read is as if nothing had been going on."""
        try:
            calls = msgspec.json.decode(kept, type=_Kept)
        except (ValueError, RecursionError):
            return
        self.going_on = {call.id: call for call in calls}
        self._call_of = {leg: call.id for call in calls for leg in call.legs}

    def take(self, message: Message, *, now: datetime) -> list[CallReported]:
        """What this event tells anew."""
        at = _moment(message, now)
        found: list[CallReported] = []
        self._follow(message, at, found)
        happened = self._events.get(message.event)
        if happened is not None:
            happened(message, at, found)
        return found

    def only(self, living: set[str], *, now: datetime) -> list[CallReported]:
        """After a look at what lives: all other legs are gone, and nobody saw how."""
        found: list[CallReported] = []
        for number in [each for each in self._call_of if each not in living]:
            call = self.going_on[self._call_of[number]]
            self._gone(call, number, now, found, reason="lost sight of")
        return found

    # What happens

    def _born(self, message: Message, at: datetime, found: list[CallReported]) -> None:
        number, linked = message["Uniqueid"], message["Linkedid"] or message["Uniqueid"]
        if not number or number in self._call_of:
            return
        place = self._place(message)
        call = self.going_on.get(linked)
        if call is None:
            self._make_room(at, found)
            call = self.going_on[linked] = Call(
                id=linked, first=number, began=at.timestamp(), first_place=place
            )
            if place == "outside":
                call.theirs = message["CallerIDNum"]
                call.name = message["CallerIDName"]
                call.ours = _dialled(message["Exten"])
            else:
                call.extension = self._number(message, place)
        if len(call.legs) >= MOST_LEGS:
            return
        call.legs[number] = Leg(place=place, number=self._number(message, place))
        self._call_of[number] = linked
        if call.inbound:
            self._announce(call, at, found)

    def _rung(self, message: Message, at: datetime, found: list[CallReported]) -> None:
        """DialBegin; of the first leg of an Originate it has no calling channel."""
        number = message["DestUniqueid"]
        call, leg = self._leg(number)
        if call is None or leg is None:
            return
        if call.is_customer(number, leg) and not call.inbound:
            call.theirs = call.theirs or self._called(message)
            call.ours = call.ours or _telephone(message["CallerIDNum"], self.account.region)
            leg.number = call.theirs
            self._announce(call, at, found)
        elif call.inbound and call.is_ours(number, leg) and not leg.rung:
            leg.rung = True
            if leg.place == "outside":
                leg.number = self._called(message)
            found.append(self._report(call, "ringing", at, leg=number, extension=leg.number))

    def _rung_out(self, message: Message, at: datetime, found: list[CallReported]) -> None:
        """DialEnd: kept for the end; the same leg's may come again."""
        call, leg = self._leg(message["DestUniqueid"])
        if call is not None and leg is not None and message["DialStatus"] != "ANSWER":
            leg.reason = leg.reason or clean_line(message["DialStatus"], limit=40).lower()
            call.reason = leg.reason

    def _abandoned(self, message: Message, at: datetime, found: list[CallReported]) -> None:
        call, _ = self._leg(message["Uniqueid"])
        if call is not None:
            call.reason = "abandoned"

    def _entered(self, message: Message, at: datetime, found: list[CallReported]) -> None:
        call, leg = self._leg(message["Uniqueid"])
        # Those who wait for something are kept in a holding bridge: nobody talks there.
        if call is None or leg is None or message["BridgeTechnology"] == "holding_bridge":
            return
        leg.bridge = message["BridgeUniqueid"] or "?"
        self._anybody_talking(call, at, found)

    def _left(self, message: Message, at: datetime, found: list[CallReported]) -> None:
        _, leg = self._leg(message["Uniqueid"])
        if leg is not None and leg.bridge in {message["BridgeUniqueid"], "?"}:
            leg.bridge = ""

    def _hung_up(self, message: Message, at: datetime, found: list[CallReported]) -> None:
        number = message["Uniqueid"]
        self._showing.pop(number, None)
        call, leg = self._leg(number)
        if call is not None and leg is not None:
            if message["Cause"] == ANSWERED_ELSEWHERE:
                leg.reason = "answered elsewhere"
            self._gone(call, number, at, found, reason=clean_line(message["Cause-txt"], limit=60))

    def _transferred(self, message: Message, at: datetime, found: list[CallReported]) -> None:
        """AttendedTransfer names both of the transferer's channels; the first has the customer."""
        to = message["Extension"] or message["SecondTransfererConnectedLineNum"]
        number = message["TransfererUniqueid"] or message["OrigTransfererUniqueid"]
        call, leg = self._leg(number)
        if message["Result"] != "Success" or call is None or leg is None or not call.told:
            return
        if leg.transferred:
            return
        leg.transferred = True
        found.append(
            self._report(
                call,
                "transferred",
                at,
                leg=number,
                extension=leg.number,
                transferred_to=clean_line(to, limit=64),
            )
        )

    def _recorded(self, message: Message, at: datetime, found: list[CallReported]) -> None:
        """MixMonitorStart names no file; this variable, set at the same moment, does."""
        call, _ = self._leg(message["Uniqueid"])
        if call is not None and message["Variable"] == "MIXMONITOR_FILENAME":
            call.recording = clean_line(message["Value"], limit=400)

    def _originated(self, message: Message, at: datetime, found: list[CallReported]) -> None:
        """What became of a call that we asked for, before its first leg hangs up, or instead of there being one.

        A repeated Originate is refused while the call goes on, under the same names and with Reason 0 (measured): that is
        no end of the call, so that where there are legs, their end alone is.
        """
        id_, failed = message["ActionID"], message.response == "Failure"
        if not id_.startswith(OURS_BEGINS):
            return
        reason = _REASONS.get(message["Reason"], "failure")
        call = self.going_on.get(id_)
        if call is not None:
            call.theirs = call.theirs or self._without_prefix(message["Exten"])
            if failed and message["Reason"] != NOT_MADE:
                call.reason = call.reason or reason
        elif failed:
            call = Call(
                id=id_,
                first=id_,
                began=at.timestamp(),
                first_place="inside",
                theirs=self._without_prefix(message["Exten"]),
                extension=_extension(message["Channel"]),
            )
            self._end(call, at, found, reason=reason)

    def _shown(self, message: Message, at: datetime, found: list[CallReported]) -> None:
        self._showing[message["Uniqueid"]] = message

    def _all_shown(self, message: Message, at: datetime, found: list[CallReported]) -> None:
        """What lives, in the order in which it began as far as that can be told: the list itself has none (measured)."""

        def began(shown: Message) -> tuple[bool, bool]:
            # With the first leg gone, a call with somebody outside is taken for theirs.
            return shown["Uniqueid"] != shown["Linkedid"], self._place(shown) != "outside"

        showing, self._showing = self._showing, {}
        for shown in sorted(showing.values(), key=began):
            self._seen(shown, at, found)

    def _seen(self, message: Message, at: datetime, found: list[CallReported]) -> None:
        """A channel that lives, perhaps begun while we did not listen."""
        number = message["Uniqueid"]
        if number not in self._call_of:
            self._born(message, at, found)
        call, leg = self._leg(number)
        if call is None or leg is None:
            return
        leg.bridge = message["BridgeId"]
        if not call.inbound and leg.place == "outside" and not call.told:
            call.theirs = message["CallerIDNum"]
            self._announce(call, at, found)
        self._anybody_talking(call, at, found)

    def _follow(self, message: Message, at: datetime, found: list[CallReported]) -> None:
        """A leg whose Linkedid has changed now belongs to the older call: a consultation that became a transfer."""
        number, linked = message["Uniqueid"], message["Linkedid"]
        before = self._call_of.get(number)
        if before is None or not linked or linked == before or message.event == "Hangup":
            return
        left, joined = self.going_on[before], self.going_on.get(linked)
        # A customer's call stays what it is, also when an older one between colleagues swallows it.
        if joined is None or (left.told and not joined.told):
            return
        leg = left.legs.pop(number)
        joined.legs[number] = leg
        self._call_of[number] = linked
        if not left.legs:
            self._end(left, at, found, reason="joined to another call")
            self._forget(left)
        self._anybody_talking(joined, at, found)

    # What follows from it

    def _announce(self, call: Call, at: datetime, found: list[CallReported]) -> None:
        if not call.told:
            call.told = True
            found.append(self._report(call, "ringing", at))

    def _anybody_talking(self, call: Call, at: datetime, found: list[CallReported]) -> None:
        customers = [leg for number, leg in call.legs.items() if call.is_customer(number, leg)]
        if call.over or not any(leg.bridge for leg in customers):
            return
        for number, leg in call.legs.items():
            if not leg.bridge or leg.since is not None or not call.is_ours(number, leg):
                continue
            self._announce(call, at, found)
            leg.since = at.timestamp()
            answered_by = leg.number if call.inbound else ""
            if call.answered is None:
                call.answered, call.answered_by = leg.since, answered_by
            found.append(
                self._report(
                    call,
                    "talking",
                    at,
                    leg=number,
                    extension=leg.number,
                    answered_by=answered_by,
                    answered_at=at,
                )
            )

    def _gone(
        self, call: Call, number: str, at: datetime, found: list[CallReported], *, reason: str
    ) -> None:
        leg = call.legs[number]
        customer = call.is_customer(number, leg)
        if call.told and call.is_ours(number, leg) and (call.inbound or leg.since is not None):
            found.append(
                self._report(
                    call,
                    "ended",
                    at,
                    leg=number,
                    extension=leg.number,
                    answered_at=_time(leg.since),
                    duration=_between(leg.since, at),
                    reason=reason if leg.since is not None else leg.reason or reason,
                    ended_at=at,
                )
            )
        del call.legs[number]
        del self._call_of[number]
        if (customer and call.inbound) or not call.legs:
            self._end(call, at, found, reason=reason)
        if not call.legs:
            self._close(call, at, found)

    def _end(self, call: Call, at: datetime, found: list[CallReported], *, reason: str) -> None:
        """Once. A call of ours that never got as far as the customer is told only when somebody asked for it.

        Whom it was to, an OriginateResponse says; when that is yet to come, it will tell the end as well.
        """
        asked_for = call.id.startswith(OURS_BEGINS) and bool(call.theirs)
        if call.over or not (call.told or asked_for):
            return
        call.over = True
        if call.answered is None:
            reason = call.reason or reason
        found.append(
            self._report(
                call,
                "ended",
                at,
                answered_by=call.answered_by,
                answered_at=_time(call.answered),
                duration=_between(call.answered, at),
                reason=reason,
                ended_at=at,
            )
        )

    def _close(self, call: Call, at: datetime, found: list[CallReported]) -> None:
        """Nobody is left, so the file is whole; without a conversation there is nothing in it."""
        if call.recording and call.answered is not None and self.account["recordings_url"]:
            found.append(self._report(call, "recorded", at, recording=call.recording))
        self._forget(call)

    def _forget(self, call: Call) -> None:
        for number in call.legs:
            self._call_of.pop(number, None)
        self.going_on.pop(call.id, None)

    def _make_room(self, at: datetime, found: list[CallReported]) -> None:
        """Channels whose telephone died stay up for ever; the oldest calls make room for the new."""
        while len(self.going_on) >= MOST_CALLS:
            oldest = next(iter(self.going_on.values()))
            self._end(oldest, at, found, reason="lost sight of")
            self._forget(oldest)

    # Words

    def _report(
        self,
        call: Call,
        phase: Literal["ringing", "talking", "ended", "transferred", "recorded"],
        at: datetime,
        *,
        leg: str = "",
        **said: Any,
    ) -> CallReported:
        region = self.account.region
        far = other_side(call.theirs, call=call.id, region=region, name=call.name)
        said.setdefault("extension", "" if call.inbound else call.extension)
        return CallReported(
            key=f"{call.id}:{leg}:{phase}" if leg else f"{call.id}:{phase}",
            chat=far.chat,
            at=at,
            sender=far.sender,
            call=call.id,
            leg=leg,
            direction="in" if call.inbound else "out",
            phase=phase,
            ours=line(call.ours, region=region),
            theirs=far.number,
            started_at=_time(call.began),
            initiated=call.id.removeprefix(OURS_BEGINS) if call.id.startswith(OURS_BEGINS) else "",
            **said,
        )

    def _leg(self, number: str) -> tuple[Call, Leg] | tuple[None, None]:
        call = self.going_on.get(self._call_of.get(number, ""))
        if call is None or number not in call.legs:
            return None, None
        return call, call.legs[number]

    def _place(self, message: Message) -> Place:
        channel, context = message["Channel"], message["Context"]
        if channel.startswith("Local/"):
            return "between"
        if any(context == each or context.startswith(f"{each}-") for each in self.contexts):
            return "outside"
        if message.event == "CoreShowChannel" and self._wandered(message):
            return "outside"
        return "inside"

    def _wandered(self, message: Message) -> bool:
        """Seen midway, a caller may be anywhere in the dial plan; a telephone of ours is named as its extension."""
        number = message["CallerIDNum"]
        return (
            _extension(message["Channel"]) != number
            and e164(number, region=self.account.region) is not None
        )

    def _number(self, message: Message, place: Place) -> str:
        if place == "inside":
            return _extension(message["Channel"])
        return message["CallerIDNum"] if place == "outside" else ""

    def _called(self, message: Message) -> str:
        """Whom somebody outside is dialled as: by the plan's extension, the channel, or the words for the trunk."""
        candidates = (
            self._without_prefix(_dialled(message["Exten"])),
            message["DestCallerIDNum"],
            self._without_prefix(message["DialString"].partition("@")[0].rpartition("/")[2]),
        )
        told = [each for each in candidates if each]
        real = (each for each in told if e164(each, region=self.account.region) is not None)
        return next(real, told[0] if told else "")

    def _without_prefix(self, number: str) -> str:
        """A prefix is taken away once, and only where a number is left: 8 may be a prefix, and begin a number."""
        rest = number.removeprefix(self.account["dial_prefix"])
        return rest if e164(rest, region=self.account.region) is not None else number


def _extension(channel: str) -> str:
    """PJSIP/101-0000000a is 101, and so is PJSIP/101."""
    return clean_line(
        _CHANNELS_NUMBER.sub("", channel.partition("/")[2]).partition("@")[0], limit=64
    )


def _dialled(extension: str) -> str:
    return "" if extension in _NO_PERSON else extension


def _telephone(number: str, region: str) -> str:
    return number if e164(number, region=region) is not None else ""


def _moment(message: Message, now: datetime) -> datetime:
    """With timestampevents=yes Asterisk tells when; never later than now, whatever its clock says."""
    try:
        return min(datetime.fromtimestamp(float(message["Timestamp"]), UTC), now)
    except (ValueError, OverflowError, OSError):
        return now


def _time(seconds: float | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None


def _between(since: float | None, at: datetime) -> float | None:
    return round(max(at.timestamp() - since, 0.0), 3) if since is not None else None


def living(message: Message) -> Iterator[str]:
    """The leg that a line of CoreShowChannels, or an event of a channel's own, proves to live."""
    if message.event in {"CoreShowChannel", "Newchannel"} and message["Uniqueid"]:
        yield message["Uniqueid"]
