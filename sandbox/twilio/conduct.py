"""One call from its first ring to its end, led as TwiML says. https://www.twilio.com/docs/voice/twiml

The clock of a call is told, not waited for. Callbacks go out one after another, each answered before the next, as far as
`Line.callback` does; whoever wants them late, twice or in another order puts that there.
"""

import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final
from urllib.parse import urljoin
from xml.etree import ElementTree as ET

from sandbox.twilio.world import ACCOUNT, Call, Person

ANSWER_WITHIN: Final = 15.0
USUAL_TIMEOUT: Final = 30
MOST_DOCUMENTS: Final = 20
SILENT: Final = frozenset({"Say", "Play", "Pause", "Gather"})

Fields = dict[str, str]


class BadTwiml(Exception):
    """Error 12100, 12200: the answer is no TwiML."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """How the conduct reaches the world. `ask` gives the TwiML that an address answers with; "" when it fails."""

    ask: Callable[[str, Fields], Awaitable[str]]
    callback: Callable[[str, Fields], Awaitable[None]]
    person: Callable[[str], Person]
    record: Callable[[Call, int], str]
    leg_sids: Iterator[str]
    clock: float


def sign(token: str, url: str, fields: Mapping[str, str]) -> str:
    """X-Twilio-Signature of a form."""
    signed = url + "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(
        hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()
    ).decode()


class Conduct:
    def __init__(self, call: Call, line: Line, *, status_callback: str, events: str) -> None:
        self.call = call
        self.line = line
        self.status_callback = status_callback
        self.events = events.split()
        self.seconds = 0

    def common(self, status: str) -> Fields:
        call = self.call
        return {
            "AccountSid": ACCOUNT,
            "ApiVersion": "2010-04-01",
            "CallSid": call.sid,
            "CallStatus": status,
            "Called": call.to,
            "Caller": call.from_,
            "Direction": call.direction,
            "From": call.from_,
            "To": call.to,
        }

    async def inbound(self, voice_url: str) -> None:
        self.call.status = "ringing"
        fields = self.common("ringing") | {"FromCountry": "RU", "CallerName": ""}
        await self._follow(voice_url, fields)

    async def outbound(self, twiml: str, url: str) -> None:
        """Ours is rung first, then the document is followed."""
        await self._tell("initiated", "initiated")
        await self._tell("ringing", "ringing")
        person = self.line.person(self.call.to)
        self.call.rung.append(self.call.to)
        if person.busy or not person.answers:
            self.seconds += 0 if person.busy else 60
            await self._over("busy" if person.busy else "no-answer")
            return
        self.seconds += person.after
        self.call.status = "in-progress"
        machine = {"AnsweredBy": "machine_start"} if person.machine else {}
        await self._tell("in-progress", "answered", **machine)
        if twiml:
            await self._obey(twiml, "")
            await self._over("completed")
        else:
            await self._follow(url, self.common("in-progress"))

    async def _follow(self, url: str, fields: Fields) -> None:
        """Asks, obeys, asks again where it is sent, until the call is over."""
        ends = "completed"
        for _ in range(MOST_DOCUMENTS):
            self.call.told.append((url, fields))
            document = await self.line.ask(url, fields)
            if not document:
                ends = "failed"
                break
            step = await self._obey(document, url)
            if isinstance(step, str):
                ends = step
                break
            url, fields = step
        await self._over(ends)

    async def _obey(self, document: str, here: str) -> str | tuple[str, Fields]:
        """How the call ends, or where to ask on. Raises BadTwiml."""
        try:
            root = ET.fromstring(document)  # noqa: S314  # from the program under test
        except ET.ParseError as error:
            raise BadTwiml(document[:200]) from error
        if root.tag != "Response":
            raise BadTwiml(root.tag)
        for verb in root:
            if verb.tag == "Reject":
                return "busy" if verb.get("reason") == "busy" else "canceled"
            if verb.tag == "Hangup":
                return "completed"
            if verb.tag == "Dial":
                result = await self._dial(verb)
                if action := verb.get("action"):
                    return urljoin(here, action), self.common("in-progress") | result
                continue
            if verb.tag not in SILENT:
                raise BadTwiml(verb.tag)
        return "completed"

    async def _dial(self, verb: ET.Element) -> Fields:
        timeout = int(verb.get("timeout", USUAL_TIMEOUT))
        legs = [_Leg(noun, next(self.line.leg_sids), self) for noun in verb]
        for leg in legs:
            self.call.rung.append(leg.target)
            await leg.tell("initiated")
            await leg.tell("ringing")
        answering = [leg for leg in legs if leg.person.answers and not leg.person.busy]
        winner = min(answering, key=lambda leg: leg.person.after, default=None)
        if winner is None or winner.person.after > timeout:
            self.seconds += timeout if any(not leg.person.busy for leg in legs) else 0
            for leg in legs:
                await leg.tell("busy" if leg.person.busy else "no-answer")
            busy = all(leg.person.busy for leg in legs)
            return {
                "DialCallStatus": "busy" if busy else "no-answer",
                "DialCallSid": legs[-1].sid if legs else "",
            }
        self.seconds += winner.person.after
        self.call.status = "in-progress"
        machine = {"AnsweredBy": "machine_start"} if winner.person.machine else {}
        await winner.tell("in-progress", **machine)
        for leg in legs:
            if leg is not winner:
                await leg.tell("busy" if leg.person.busy else "canceled")
        if not winner.person.machine:
            self.call.spoke.append(winner.target)
        talked = winner.person.talks
        self.seconds += talked
        await winner.tell("completed", CallDuration=str(talked), Duration="1", **machine)
        result = {
            "DialCallStatus": "completed",
            "DialCallSid": winner.sid,
            "DialCallDuration": str(talked),
        }
        if verb.get("record", "do-not-record") != "do-not-record":
            recording = self.line.record(self.call, talked)
            await self._recorded(verb, recording, talked)
            result["RecordingUrl"] = f"https://api.twilio.com/Recordings/{recording}"
        return result

    async def _recorded(self, verb: ET.Element, recording: str, talked: int) -> None:
        if url := verb.get("recordingStatusCallback"):
            await self._callback(
                url,
                {
                    "AccountSid": ACCOUNT,
                    "CallSid": self.call.sid,
                    "RecordingSid": recording,
                    "RecordingUrl": f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Recordings/{recording}",
                    "RecordingStatus": "completed",
                    "RecordingDuration": str(talked),
                    "RecordingChannels": "2",
                    "RecordingSource": "DialVerb",
                    "RecordingStartTime": self.timestamp(),
                },
            )

    async def _tell(self, status: str, event: str, **more: str) -> None:
        if self.status_callback and event in self.events:
            await self._callback(self.status_callback, self.common(status) | self.progress() | more)

    async def _over(self, status: str) -> None:
        self.call.status = status
        await self._tell(status, "completed", CallDuration=str(self.seconds), Duration="1")

    async def _callback(self, url: str, fields: Fields) -> None:
        self.call.told.append((url, fields))
        await self.line.callback(url, fields)

    def progress(self) -> Fields:
        return {
            "Timestamp": self.timestamp(),
            "CallbackSource": "call-progress-events",
            "SequenceNumber": str(next(self.call.sequence)),
        }

    def timestamp(self) -> str:
        return format_datetime(datetime.fromtimestamp(self.line.clock + self.seconds, UTC))


class _Leg:
    """One number rung by a Dial."""

    def __init__(self, noun: ET.Element, sid: str, conduct: Conduct) -> None:
        if noun.tag not in {"Number", "Sip", "Client"}:
            raise BadTwiml(noun.tag)
        said = (noun.text or "").strip()
        self.target = f"client:{said}" if noun.tag == "Client" else said
        self.sid = sid
        self.conduct = conduct
        self.url = noun.get("statusCallback", "")
        self.events = noun.get("statusCallbackEvent", "completed").split()
        self.person = conduct.line.person(self.target)

    async def tell(self, status: str, **more: str) -> None:
        event = {"in-progress": "answered", "initiated": "initiated", "ringing": "ringing"}.get(
            status, "completed"
        )
        if not self.url or event not in self.events:
            return
        call = self.conduct.call
        fields = self.conduct.common(status) | {
            "CallSid": self.sid,
            "ParentCallSid": call.sid,
            "Direction": "outbound-dial",
            "To": self.target,
            "Called": self.target,
        }
        await self.conduct._callback(self.url, fields | self.conduct.progress() | more)  # noqa: SLF001  # the leg's own call
