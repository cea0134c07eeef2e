"""Calls as Asterisk 16.28 tells of them: the events that decide, in the order that was measured on a real one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

Event = list[tuple[str, str]]

TRUNK: Final = "from-trunk"
AGENTS: Final = "from-internal"


def captures(path: Path) -> dict[str, list[Event]]:
    """A capture's scenarios, by name."""
    found: dict[str, list[Event]] = {}
    for row in path.read_text().splitlines():
        told = json.loads(row)
        found.setdefault(told["scenario"], []).append([(n, v) for n, v in told["fields"]])
    return found


def _channel(name: str, leg: str, call: str, *, number: str, context: str, exten: str) -> Event:
    return [
        ("Channel", name),
        ("ChannelStateDesc", "Ring"),
        ("CallerIDNum", number),
        ("CallerIDName", "<unknown>"),
        ("ConnectedLineNum", "<unknown>"),
        ("Context", context),
        ("Exten", exten),
        ("Priority", "1"),
        ("Uniqueid", leg),
        ("Linkedid", call),
    ]


class Call:
    """Names the channels of one call. `number` makes its ids unique."""

    def __init__(
        self, number: int, *, caller: str, did: str, extension: str, id_: str = ""
    ) -> None:
        self.id = id_ or f"standin-1795292945.{number}"
        self.leg = f"standin-1795292945.{number + 1}"
        self.bridge = f"bridge-{number}"
        self.trunk = _channel(
            f"PJSIP/trunk-{number:08x}", self.id, self.id, number=caller, context=TRUNK, exten=did
        )
        self.agent = _channel(
            f"PJSIP/{extension}-{number + 1:08x}",
            self.leg,
            self.id,
            number=extension,
            context=AGENTS,
            exten="s",
        )

    def dial(self, event: str, **more: str) -> Event:
        dest = [(f"Dest{name}", value) for name, value in self.agent]
        return [("Event", event), *self.trunk, *dest, *more.items()]

    def rings(self) -> Iterator[Event]:
        yield [("Event", "Newchannel"), *self.trunk]
        yield [("Event", "Newchannel"), *self.agent]
        yield self.dial("DialBegin", DialString="101")

    def bridged(self, event: str, channel: Event) -> Event:
        return [
            ("Event", event),
            ("BridgeUniqueid", self.bridge),
            ("BridgeTechnology", "simple_bridge"),
            *channel,
        ]

    def hangs_up(self, channel: Event, cause: str, words: str) -> Event:
        return [("Event", "Hangup"), *channel, ("Cause", cause), ("Cause-txt", words)]


def answered(number: int, *, caller: str, did: str, extension: str) -> Iterator[Event]:
    call = Call(number, caller=caller, did=did, extension=extension)
    yield from call.rings()
    yield call.dial("DialEnd", DialStatus="ANSWER")
    yield call.bridged("BridgeEnter", call.agent)
    yield call.bridged("BridgeEnter", call.trunk)
    yield call.bridged("BridgeLeave", call.trunk)
    yield call.bridged("BridgeLeave", call.agent)
    yield call.hangs_up(call.agent, "16", "Normal Clearing")
    yield call.hangs_up(call.trunk, "16", "Normal Clearing")


def missed(number: int, *, caller: str, did: str, extension: str) -> Iterator[Event]:
    call = Call(number, caller=caller, did=did, extension=extension)
    yield from call.rings()
    yield call.dial("DialEnd", DialStatus="NOANSWER")
    yield call.hangs_up(call.trunk, "16", "Normal Clearing")
    yield call.hangs_up(call.agent, "0", "Unknown")


def abandoned(number: int, *, caller: str, did: str, extension: str) -> Iterator[Event]:
    """A queue's call: the channel is Up, and nobody was there."""
    call = Call(number, caller=caller, did=did, extension=extension)
    ring, *rest = call.rings()
    yield ring
    yield [("Event", "QueueCallerJoin"), *call.trunk, ("Queue", "sales"), ("Position", "1")]
    yield from rest
    yield call.dial("DialEnd", DialStatus="CANCEL")
    yield call.dial("DialEnd", DialStatus="CANCEL")
    yield call.hangs_up(call.agent, "0", "Unknown")
    yield [("Event", "QueueCallerAbandon"), *call.trunk, ("Queue", "sales"), ("HoldTime", "3")]
    yield call.hangs_up(call.trunk, "16", "Normal Clearing")


def originated(
    number: int, *, id_: str, channel: str, context: str, exten: str, picks_up: bool
) -> Iterator[Event]:
    """What becomes of an Originate. The colleague who does not pick up is told as a failure, before the hang-up."""
    extension = channel.rpartition("/")[2]
    ours = _channel(
        f"{channel}-{number:08x}", id_, id_, number=extension, context=context, exten="s"
    )
    dest = [(f"Dest{name}", value) for name, value in ours]
    yield [("Event", "Newchannel"), *ours]
    yield [("Event", "DialBegin"), *dest]
    response = [
        ("Event", "OriginateResponse"),
        ("ActionID", id_),
        ("Channel", channel),
        ("Context", context),
        ("Exten", exten),
        ("Uniqueid", id_),
    ]
    if not picks_up:
        yield [*response, ("Response", "Failure"), ("Reason", "3")]
        yield [("Event", "DialEnd"), *dest, ("DialStatus", "NOANSWER")]
        yield [("Event", "Hangup"), *ours, ("Cause", "0"), ("Cause-txt", "Unknown")]
        return
    yield [*response, ("Response", "Success"), ("Reason", "4")]
    call = Call(number, caller=exten, did="s", extension=extension, id_=id_)
    theirs = _channel(
        f"PJSIP/trunk-{number + 1:08x}", call.leg, id_, number=exten, context=TRUNK, exten="s"
    )
    calling = [*ours[:6], ("Exten", exten), *ours[7:]]
    rung = [(f"Dest{name}", value) for name, value in theirs]
    yield [("Event", "Newchannel"), *theirs]
    yield [("Event", "DialBegin"), *calling, *rung, ("DialString", f"{exten}@trunk")]
    yield [("Event", "DialEnd"), *calling, *rung, ("DialStatus", "ANSWER")]
    yield call.bridged("BridgeEnter", theirs)
    yield call.bridged("BridgeEnter", calling)
    yield call.bridged("BridgeLeave", calling)
    yield call.hangs_up(calling, "16", "Normal Clearing")
    yield call.hangs_up(theirs, "16", "Normal Clearing")
