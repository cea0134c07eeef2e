"""The exchange: notifications in the order of a call, and API methods. https://zadarma.com/en/support/api/"""

import hmac
import json
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Final
from urllib.parse import urlencode

from aiohttp import web
from typing_extensions import override

from sandbox.exchange import Exchange, Json, Told, beep
from sandbox.rates import Window

LINE: Final = "74951234567"
FILE_AFTER: Final = 40.0
Fields = dict[str, str]

SIGNED: Final = {
    "NOTIFY_START": ("caller_id", "called_did", "call_start"),
    "NOTIFY_INTERNAL": ("caller_id", "called_did", "call_start"),
    "NOTIFY_ANSWER": ("caller_id", "destination", "call_start"),
    "NOTIFY_END": ("caller_id", "called_did", "call_start"),
    "NOTIFY_OUT_START": ("internal", "destination", "call_start"),
    "NOTIFY_OUT_END": ("internal", "destination", "call_start"),
    "NOTIFY_RECORD": ("pbx_call_id", "call_id_with_rec"),
}
STATUS: Final = {"answered": "16", "no answer": "19", "busy": "17", "cancel": "16"}


@dataclass(frozen=True, slots=True)
class Recording:
    name: str
    content: bytes
    ready_at: float


class Zadarma(Exchange):
    """`zone_hours`: of the account, ahead of UTC. `recordings` by pbx_call_id."""

    def __init__(
        self,
        *,
        now: Callable[[], float],
        key: str,
        secret: str,
        hook: str = "",
        extensions: Sequence[str] = ("100", "101", "102"),
        zone_hours: int = 3,
        first_call: int = 1,
    ) -> None:
        super().__init__(now=now, hook=hook)
        self.key, self.secret = key, secret
        self.extensions = tuple(extensions)
        self.zone_hours = zone_hours
        self.recordings: dict[str, Recording] = {}
        self.dialled: list[Fields] = []
        self.requests_rate = Window(100, 60.0)
        self._next = first_call

    # Calls

    async def incoming(
        self, *, phone: str, answered_by: str = "", passed_to: str = "", disposition: str = ""
    ) -> list[Fields]:
        """Somebody calls. Whom the webhook wants them to go to rings first; returns what was told, in order."""
        call = {
            "caller_id": phone,
            "called_did": LINE,
            "call_start": self.wall_clock(),
            "pbx_call_id": self._id("in"),
        }
        told = [await self.notify("NOTIFY_START", call)]
        answer = _json_of(self.told[-1])
        wanted = answer.get("redirect", "")
        told += [
            await self.notify("NOTIFY_INTERNAL", call | {"internal": each})
            for each in dict.fromkeys(
                (*((wanted,) if wanted in self.extensions else self.extensions),)
            )
        ]
        who = [each for each in (answered_by, passed_to) if each]
        for number, each in enumerate(who):
            if number:
                told.append(await self.notify("NOTIFY_INTERNAL", call | {"internal": each}))
            told.append(
                await self.notify("NOTIFY_ANSWER", call | {"destination": each, "internal": each})
            )
        ended = self._ended(call, who[-1] if who else "", disposition)
        told.append(await self.notify("NOTIFY_END", call | ended))
        if "call_id_with_rec" in ended:
            told.append(await self._recorded(call, ended["call_id_with_rec"]))
        return told

    async def outgoing(self, *, phone: str, extension: str, answered: bool = True) -> list[Fields]:
        call = {
            "destination": phone,
            "internal": extension,
            "call_start": self.wall_clock(),
            "pbx_call_id": self._id("out"),
        }
        told = [await self.notify("NOTIFY_OUT_START", call)]
        if answered:
            told.append(await self.notify("NOTIFY_ANSWER", call | {"caller_id": LINE}))
        ended = self._ended(call, extension if answered else "", "")
        told.append(await self.notify("NOTIFY_OUT_END", call | ended | {"caller_id": LINE}))
        if "call_id_with_rec" in ended:
            told.append(await self._recorded(call, ended["call_id_with_rec"]))
        return told

    def _ended(self, call: Fields, who: str, disposition: str) -> Fields:
        said = disposition or ("answered" if who else "no answer")
        ended = {"duration": "42", "disposition": said, "status_code": STATUS.get(said, "31")}
        if who:
            ended["internal"] = who
        if said == "answered":
            return ended | {
                "is_recorded": "1",
                "call_id_with_rec": f"{self.now():.0f}.{self._next}",
            }
        return ended | {"is_recorded": "0"}

    async def _recorded(self, call: Fields, name: str) -> Fields:
        self.recordings[call["pbx_call_id"]] = Recording(name, beep(), self.now() + FILE_AFTER)
        told = {"pbx_call_id": call["pbx_call_id"], "call_id_with_rec": name}
        return await self.notify("NOTIFY_RECORD", told)

    async def notify(self, event: str, fields: Fields) -> Fields:
        told = {"event": event} | fields
        proof = self.sign("".join(told.get(name, "") for name in SIGNED[event]))
        await self.tell(event, self.hook, data=told, headers={"Signature": proof})
        return told

    async def tries_the_address(self, echo: str = "b5ad1f") -> bool:
        """As when a person sets it: only one that gives zd_echo back is taken."""
        told = await self.tell("zd_echo", self.hook, method="GET", params={"zd_echo": echo})
        return told.status == 200 and told.body == echo.encode()

    def wall_clock(self) -> str:
        moment = datetime.fromtimestamp(self.now(), UTC) + timedelta(hours=self.zone_hours)
        return moment.strftime("%Y-%m-%d %H:%M:%S")

    def sign(self, text: str) -> str:
        digest = hmac.new(self.secret.encode(), text.encode(), "sha1").hexdigest()
        return b64encode(digest.encode()).decode()

    def _id(self, way: str) -> str:
        self._next += 1
        return f"{way}_{md5(str(self._next).encode(), usedforsecurity=False).hexdigest()[:16]}"

    # Methods

    @override
    def routes(self) -> Sequence[web.RouteDef]:
        return (
            web.get("/v1/info/timezone/", self._timezone),
            web.get("/v1/request/callback/", self._callback),
            web.get("/v1/pbx/record/request/", self._record),
            web.get("/v1/pbx/record/download/{call}/{name}", self._download),
        )

    def _fields(self, request: web.Request) -> Mapping[str, str]:
        """Raises an HTTP error for what is not signed, or comes too fast."""
        key, _, proof = request.headers.get("Authorization", "").partition(":")
        query = urlencode(sorted(request.query.items()))
        digest = md5(query.encode(), usedforsecurity=False).hexdigest()
        expected = self.sign(f"{request.path}{query}{digest}")
        if key != self.key or not hmac.compare_digest(proof.encode(), expected.encode()):
            raise _refusal(web.HTTPUnauthorized, "Not authorized")
        if self.requests_rate.take(self.now()):
            raise _refusal(web.HTTPTooManyRequests, "You exceeded the rate limit per minute")
        return request.query

    async def _timezone(self, request: web.Request) -> web.Response:
        self._fields(request)
        return web.json_response(
            {
                "status": "success",
                "unixtime": int(self.now()),
                "datetime": self.wall_clock(),
                "timezone": f"UTC{self.zone_hours:+d}",
            }
        )

    async def _callback(self, request: web.Request) -> web.Response:
        fields = self._fields(request)
        if not fields.get("from") or not fields.get("to", "").isdecimal():
            raise _refusal(web.HTTPBadRequest, "Wrong caller number")
        self.dialled.append(dict(fields))
        answer = {"from": fields["from"], "to": int(fields["to"]), "time": int(self.now())}
        return web.json_response({"status": "success"} | answer)

    async def _record(self, request: web.Request) -> web.Response:
        call = self._fields(request).get("pbx_call_id", "")
        found = self.recordings.get(call)
        if found is None or self.now() < found.ready_at:
            raise _refusal(web.HTTPNotFound, "Record not found")
        link = f"{self.url}/v1/pbx/record/download/{call}/{found.name}.wav"
        till = (datetime.fromtimestamp(self.now(), UTC) + timedelta(minutes=30)).isoformat(" ")
        return web.json_response({"status": "success", "links": [link], "lifetime_till": till})

    async def _download(self, request: web.Request) -> web.Response:
        found = self.recordings.get(request.match_info["call"])
        if found is None or f"{found.name}.wav" != request.match_info["name"]:
            raise web.HTTPNotFound
        return web.Response(body=found.content, content_type="audio/wav")


def _refusal(kind: type[web.HTTPException], message: str) -> web.HTTPException:
    text = json.dumps({"status": "error", "message": message})
    return kind(text=text, content_type="application/json")


def _json_of(told: Told) -> Json:
    try:
        answer = json.loads(told.body or b"{}")
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
