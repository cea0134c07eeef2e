"""The exchange: notifications, a scenario that asks, and the Call API. https://comagic.github.io/call-api/"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aiohttp import web
from typing_extensions import override

from sandbox.exchange import Exchange, Json, beep
from sandbox.rates import Window

LINE: Final = "74951234567"
MOSCOW: Final = timedelta(hours=3)
FILE_AFTER: Final = 5.0

FIELDS: Final = (
    *("call_session_id", "direction", "is_internal", "start_time", "contact_phone_number"),
    *("calling_phone_number", "called_phone_number", "virtual_phone_number", "employee_id"),
    *("is_lost", "talk_duration", "finish_reason", "recording", "external_id"),
    *("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term"),
    *("gclid", "yclid", "campaign_name", "visitor_id", "entrance_page", "referrer"),
    "contact_full_name",
)


@dataclass(frozen=True, slots=True)
class Recording:
    content: bytes
    ready_at: float


class Uis(Exchange):
    """`listed`: the caller's address is in the list of the account. `employees` are ids; `phones` what scenarios reach."""

    def __init__(
        self,
        *,
        now: Callable[[], float],
        token: str,
        hook: str = "",
        employees: Sequence[str] = ("8031", "8032"),
        first_call: int = 1_482_390_001,
    ) -> None:
        super().__init__(now=now, hook=hook)
        self.token = token
        self.employees = tuple(employees)
        self.listed = True
        self.recordings: dict[str, Recording] = {}
        self.dialled: list[Json] = []
        self.requests_rate = Window(60, 60.0)
        self._next = first_call

    # Calls

    async def incoming(
        self,
        *,
        phone: str,
        answered_by: str = "",
        passed_to: str = "",
        name: str = "",
        visit: Mapping[str, str] | None = None,
    ) -> None:
        """Somebody calls; without `answered_by` everybody misses it. `visit`: what call tracking knows."""
        call = self._call("in", phone) | {"contact_full_name": name} | dict(visit or {})
        await self.notify("incoming", call)
        for each in self.employees:
            await self.notify("ringing", call | {"employee_id": each})
        if not answered_by:
            missed = {"is_lost": "true", "talk_duration": "0", "finish_reason": "timeout"}
            await self.notify("ended", call | missed)
            await self.notify("lost", call | missed)
            return
        await self.notify("talking", call | {"employee_id": answered_by})
        if passed_to:
            await self.notify("transferred", call | {"employee_id": passed_to})
        await self._ends("ended", call | {"employee_id": passed_to or answered_by})

    async def outgoing(
        self, *, phone: str, employee: str, session: str = "", external_id: str = ""
    ) -> None:
        ours = {"employee_id": employee, "external_id": external_id}
        call = self._call("out", phone) | ours
        if session:
            call["call_session_id"] = session
        await self.notify("outgoing", call)
        await self.notify("talking", call)
        await self._ends("outgoing_ended", call)

    async def _ends(self, event: str, call: Mapping[str, str]) -> None:
        talked = {"is_lost": "false", "talk_duration": "42"}
        await self.notify(event, dict(call) | talked | {"finish_reason": "subscriber_disconnects"})
        path = f"/system/media/talk/{call['call_session_id']}/0f1e2d3c4b5a/"
        self.recordings[path] = Recording(beep(), self.now() + FILE_AFTER)
        await self.notify("recorded", dict(call) | {"recording": f"{self.url}{path}"})

    async def asks(self, phone: str) -> Json:
        """A scenario's "interactive processing": who calls. Returns the answer, {} when there was none to use."""
        query = {"cdr_id": "1", "start_time": "", "input_result": "", "numa": phone, "numb": LINE}
        told = await self.tell("question", self.hook, method="GET", params=query)
        answer: Json = json.loads(told.body) if told.status == 200 else {}
        return answer

    async def notify(self, event: str, call: Mapping[str, str]) -> None:
        lines = [f'"event": "{event}"', *(f'"{name}": "{call.get(name, "")}"' for name in FIELDS)]
        body = "{\n" + ",\n".join(lines) + "\n}"
        headers = {"Content-Type": "application/json"}
        await self.tell(event, self.hook, data=body.encode(), headers=headers)

    def _call(self, direction: str, phone: str) -> dict[str, str]:
        self._next += 1
        moment = datetime.fromtimestamp(self.now(), UTC) + MOSCOW
        return {
            "call_session_id": str(self._next),
            "direction": direction,
            "start_time": moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3],
            "contact_phone_number": phone,
            "virtual_phone_number": LINE,
        }

    # The Call API

    @override
    def routes(self) -> Sequence[web.RouteDef]:
        return (
            web.post("/v4.0", self._call_api),
            web.get("/system/media/talk/{session}/{hash}/", self._media),
        )

    async def _call_api(self, request: web.Request) -> web.Response:
        """Failures come with status 200."""
        told = await request.json()
        params = told.get("params", {})
        error = self._refuses(params)
        if error is None and told["method"] == "start.employee_call":
            error, data = self._start(params)
        elif error is None and told["method"] == "list.calls":
            data = []
        elif error is None:
            error, data = _error(-32601, "method_not_found", "Method not found"), None
        else:
            data = None
        answer: Json = {"jsonrpc": "2.0", "id": told.get("id")}
        answer |= {"error": error} if error else {"result": {"data": data}}
        return web.json_response(answer)

    def _refuses(self, params: Json) -> Json | None:
        if not self.listed:
            return _error(-32003, "ip_not_whitelisted", "Access from this IP is not allowed")
        if params.get("access_token") != self.token:
            return _error(-32001, "access_token_invalid", "Access token is invalid")
        if self.requests_rate.take(self.now()):
            return _error(-32029, "minute_limit_exceeded", "Minute limit of requests is exceeded")
        return None

    def _start(self, params: Json) -> tuple[Json | None, Any]:
        missing = {"first_call", "virtual_phone_number", "contact", "employee"} - params.keys()
        if missing:
            return _error(-32602, "required_parameter_missed", f"Missed: {sorted(missing)}"), None
        if str(params["employee"].get("id")) not in self.employees:
            return _error(-32602, "employee_not_found", "Employee is not found"), None
        self._next += 1
        self.dialled.append(params | {"call_session_id": self._next})
        return None, {"call_session_id": self._next}

    async def _media(self, request: web.Request) -> web.Response:
        found = self.recordings.get(request.path)
        if found is None or self.now() < found.ready_at:
            raise web.HTTPNotFound(text="<html>404</html>", content_type="text/html")
        return web.Response(body=found.content, content_type="audio/wav")


def _error(code: int, mnemonic: str, message: str) -> Json:
    return {"code": code, "message": message, "data": {"mnemonic": mnemonic}}
