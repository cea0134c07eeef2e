"""The events of calls in the order in which they happen. VPBX API 1.9, "Examples of sequences".

Each is (path, JSON). Moments are Unix seconds, the last of them `now`.
"""

from dataclasses import dataclass, field
from typing import Any, Final

Json = dict[str, Any]
Event = tuple[str, Json]

LINE: Final = "74951234567"


@dataclass(slots=True, kw_only=True)
class Call:
    """One entry_id. Counts the events of each leg."""

    entry: str
    phone: str
    now: int
    line: str = LINE
    command: Json = field(default_factory=dict)
    tracking: Json = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    _seq: dict[str, int] = field(default_factory=dict)

    def leg(
        self,
        state: str,
        name: str,
        ago: int,
        sides: Json,
        *,
        location: str = "abonent",
        reason: int | None = None,
    ) -> None:
        leg = f"{self.entry}:{name}"
        self._seq[leg] = self._seq.get(leg, 0) + 1
        told = {
            "entry_id": self.entry,
            "call_id": leg,
            "timestamp": self.now - ago,
            "seq": self._seq[leg],
            "call_state": state,
            "location": location,
        }
        if reason is not None:
            told["disconnect_reason"] = reason
        self.events.append(("events/call", told | self.tracking | self.command | sides))

    def summary(
        self, sides: Json, *, direction: int, began: int, ago: int, talk: int | None
    ) -> None:
        told = {
            "entry_id": self.entry,
            "call_direction": direction,
            "line_number": self.line,
            "create_time": self.now - began,
            "forward_time": self.now - began,
            "talk_time": 0 if talk is None else self.now - talk,
            "end_time": self.now - ago,
            "entry_result": 0 if talk is None else 1,
            "disconnect_reason": 1110,
        }
        self.events.append(("events/summary", told | self.tracking | sides))

    def recording(self, name: str, extension: str) -> str:
        """Returns its id."""
        found = f"{self.entry}:{name}:rec"
        told = {"entry_id": self.entry, "recording_id": found, "timestamp": self.now}
        leg = {"call_id": f"{self.entry}:{name}", "extension": extension, "recipient": "Cloud"}
        for number, state in enumerate(("Started", "Completed")):
            done = {"recording_state": state, "seq": number + 1, "completion_code": 1000}
            self.events.append(("events/recording", told | leg | done))
        self.events.append(("events/record/added", told | {"product_id": 400012345, "user_id": -1}))
        return found


def customer(call: Call) -> Json:
    return {"number": call.phone} if call.phone else {}


def colleague(extension: str, **more: Any) -> Json:
    return {"extension": extension, "number": f"sip:user{extension}@shop.mangosip.ru"} | more


def answered(call: Call, extension: str, *, talk: int = 45) -> str:
    """A menu, a queue, somebody answers. Returns the recording's id."""
    who = {"from": customer(call)}
    menu = who | {"to": {"number": call.line, "line_number": call.line}}
    here = who | {"to": colleague(extension, line_number=call.line)}
    call.leg("Appeared", "1", talk + 15, menu, location="ivr")
    call.leg("Connected", "1", talk + 14, menu, location="ivr")
    call.leg("Appeared", "1", talk + 10, menu, location="queue")
    call.leg("Appeared", "2", talk + 8, here)
    call.leg("Connected", "2", talk, here)
    call.leg("Disconnected", "2", 0, here, reason=1110)
    call.summary(here, direction=1, began=talk + 15, ago=0, talk=talk)
    return call.recording("2", extension)


def missed(call: Call, rings: tuple[str, ...]) -> None:
    """Rings one after the other; nobody answers. The summary names the first who missed it."""
    who = {"from": customer(call)}
    for number, extension in enumerate(rings):
        here = who | {"to": colleague(extension, line_number=call.line)}
        call.leg("Appeared", f"{number}", 20, here)
        call.leg("Disconnected", f"{number}", 5, here, reason=1121)
    call.summary(who | {"to": colleague(rings[0])}, direction=1, began=20, ago=0, talk=None)


def consulted(call: Call, first: str, second: str) -> str:
    """The first asks the second while the customer waits, and then leaves them to each other."""
    who = {"from": customer(call)}
    here = who | {"to": colleague(first, line_number=call.line)}
    taken = f"{call.entry}:1"
    asking = {"from": colleague(first, taken_from_call_id=taken), "to": colleague(second)}
    there = {"from": {"number": call.phone, "taken_from_call_id": taken}, "to": colleague(second)}
    call.leg("Appeared", "1", 60, here)
    call.leg("Connected", "1", 55, here)
    call.leg("OnHold", "1", 40, here)
    call.leg("Appeared", "2", 39, asking)
    call.leg("Connected", "2", 35, asking)
    call.leg("Disconnected", "1", 30, here, reason=1120)
    call.leg("Connected", "2", 30, there)
    call.leg("Disconnected", "2", 0, there, reason=1110)
    call.summary(who | {"to": colleague(second)}, direction=1, began=60, ago=0, talk=55)
    return call.recording("2", second)


def outgoing(call: Call, extension: str, *, talk: int | None = 30) -> None:
    """A colleague calls; `talk` None: nobody answers. One that was asked for rings the colleague first."""
    ours = {"from": colleague(extension)}
    there = ours | {"to": {"number": call.phone, "line_number": call.line}}
    length = talk or 0
    if call.command:
        first = {"from": {"number": call.line}, "to": colleague(extension)}
        call.leg("Appeared", "0", length + 20, first)
        call.leg("Connected", "0", length + 15, first)
    call.leg("Appeared", "1", length + 10, there)
    if talk is not None:
        call.leg("Connected", "1", talk, there)
    call.leg("Disconnected", "1", 0, there, reason=1110)
    call.summary(there, direction=2, began=length + 10, ago=0, talk=talk)
