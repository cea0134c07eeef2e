"""The exchange: it signs and tells events, and takes commands. VPBX API 1.9."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qs

from aiohttp import web
from typing_extensions import override

from sandbox.exchange import Exchange, Json, beep
from sandbox.mango.sequences import LINE, Call, Event, answered, consulted, missed, outgoing
from sandbox.rates import Window

DONE: Final = 1000
WRONG_NUMBER: Final = 3200
BAD_REQUEST: Final = 3100
BAD_WITHIN: Final = 120.0
"""One bad request in so many seconds is forgiven; the next locks the API for as many."""

FILE_AFTER: Final = 5.0
REPORT_AFTER: Final = 3.0
LONGEST_REPORT: Final = 31 * 86_400
LINK_LASTS: Final = 600


@dataclass(frozen=True, slots=True)
class Recording:
    content: bytes
    ready_at: float


class Mango(Exchange):
    def __init__(
        self,
        *,
        now: Callable[[], float],
        key: str,
        salt: str,
        hook: str = "",
        extensions: Sequence[str] = ("101", "102"),
        first_call: int = 1,
    ) -> None:
        super().__init__(now=now, hook=hook)
        self.key, self.salt = key, salt
        self.extensions = tuple(extensions)
        self.recordings: dict[str, Recording] = {}
        self.dialled: list[Json] = []
        self.requests_rate = Window(10, 1.0)
        self.callbacks_rate = Window(4, 1.0)
        self.reports_rate = Window(1, 2.0)
        self.history: list[dict[str, str]] = []
        self.reports: dict[str, tuple[str, float]] = {}
        self._next = first_call
        self._bad_at = self._locked_at = -BAD_WITHIN

    # Calls

    def call(
        self, phone: str, *, command: Json | None = None, tracking: Json | None = None
    ) -> Call:
        entry = f"MTA{self._next:06d}=="
        self._next += 1
        return Call(
            entry=entry,
            phone=phone,
            now=int(self.now()),
            command=command or {},
            tracking=tracking or {},
        )

    def incoming(
        self,
        *,
        phone: str = "",
        answered_by: str = "",
        passed_to: str = "",
        dynamic_number: str = "",
    ) -> list[Event]:
        """Somebody calls; without `answered_by` everybody misses it. No phone: the number is hidden."""
        tracking = {"dct": {"number": dynamic_number or LINE, "type": 1 if dynamic_number else 0}}
        call = self.call(phone, tracking=tracking)
        if answered_by and passed_to:
            self.records(consulted(call, answered_by, passed_to))
        elif answered_by:
            self.records(answered(call, answered_by))
        else:
            missed(call, self.extensions)
        return self.remember(call.events)

    def outgoing(self, *, phone: str, extension: str, talk: int | None = 30) -> list[Event]:
        call = self.call(phone)
        outgoing(call, extension, talk=talk)
        return self.remember(call.events)

    def connects(self, command: Json, *, talk: int | None = 30) -> list[Event]:
        """What happens after a call-back was asked for."""
        told = {"command_id": command["command_id"], "callback_initiator": "API"}
        call = self.call(command["to_number"], command=told)
        outgoing(call, command["from"]["extension"], talk=talk)
        return self.remember(call.events)

    def records(self, recording: str) -> None:
        self.recordings[recording] = Recording(beep(), self.now() + FILE_AFTER)

    async def rings(
        self,
        *,
        phone: str = "",
        answered_by: str = "",
        passed_to: str = "",
        dynamic_number: str = "",
    ) -> None:
        """As `incoming`, and it is told."""
        events = self.incoming(
            phone=phone,
            answered_by=answered_by,
            passed_to=passed_to,
            dynamic_number=dynamic_number,
        )
        await self.happen(events)

    def remember(self, events: list[Event]) -> list[Event]:
        """Rows of statistics: of each leg with a person, and of menus and queues."""
        legs: dict[str, dict[str, str]] = {}
        for path, told in events:
            if path == "events/record/added":
                last = next(reversed(legs.values()))
                last["records"] = f"[{told['recording_id']}]"
            if path != "events/call":
                continue
            at, row = str(told["timestamp"]), legs.setdefault(told["call_id"], {"answer": "0"})
            row.setdefault("start", at)
            row |= {"entry_id": told["entry_id"], "finish": at, "location": told["location"]}
            row |= {"records": "[]", "line_number": LINE}
            row["disconnect_reason"] = str(told.get("disconnect_reason", ""))
            for side in ("from", "to"):
                for name in ("extension", "number"):
                    row[f"{side}_{name}"] = str(told[side].get(name, ""))
            if told["call_state"] == "Connected" and told["location"] == "abonent":
                row["answer"] = at
        self.history += legs.values()
        return events

    async def happen(self, events: Sequence[Event]) -> None:
        for path, told in events:
            text = json.dumps(told, ensure_ascii=False)
            form = {"vpbx_api_key": self.key, "sign": self.sign(text), "json": text}
            await self.tell(path, f"{self.hook}/{path}", data=form)

    def sign(self, *rest: str) -> str:
        return sha256("".join((self.key, *rest, self.salt)).encode()).hexdigest()

    # Commands

    @override
    def routes(self) -> Sequence[web.RouteDef]:
        return (
            web.post("/vpbx/commands/callback", self._callback),
            web.post("/vpbx/config/users/request", self._users),
            web.post("/vpbx/stats/request", self._ask_for_statistics),
            web.post("/vpbx/stats/result", self._statistics),
            web.post("/vpbx/queries/recording/post", self._recording),
            web.get(
                "/vpbx/queries/recording/link/{id}/download/{key}/{until}/{sign}", self._download
            ),
        )

    async def _command(self, request: web.Request) -> Json:
        """Raises an HTTP error for what is not signed, or comes too fast."""
        now = self.now()
        if now - self._locked_at < BAD_WITHIN:
            raise web.HTTPUnauthorized
        if self.requests_rate.take(now):
            raise web.HTTPTooManyRequests
        form = {name: values[0] for name, values in parse_qs(await request.text()).items()}
        told = form.get("json", "")
        if form.get("vpbx_api_key") != self.key or form.get("sign") != self.sign(told):
            self._bad(now)
            raise web.HTTPUnauthorized
        command: Json = json.loads(told)
        return command

    def _bad(self, now: float) -> None:
        if now - self._bad_at < BAD_WITHIN:
            self._locked_at = now
        self._bad_at = now

    async def _callback(self, request: web.Request) -> web.Response:
        command = await self._command(request)
        if self.callbacks_rate.take(self.now()):
            raise web.HTTPTooManyRequests
        if not {"command_id", "from", "to_number"} <= command.keys():
            self._bad(self.now())
            return web.json_response({"result": BAD_REQUEST})
        if not command["to_number"].isdecimal() or len(command["to_number"]) < 10:
            return web.json_response({"result": WRONG_NUMBER})
        self.dialled.append(command)
        return web.json_response({"result": DONE})

    async def _ask_for_statistics(self, request: web.Request) -> web.Response:
        """The report is there after `REPORT_AFTER` seconds; one may be asked for in two."""
        command = await self._command(request)
        if self.reports_rate.take(self.now()):
            raise web.HTTPTooManyRequests
        since, until = int(command["date_from"]), int(command["date_to"])
        if until - since > LONGEST_REPORT:
            return web.json_response({"result": BAD_REQUEST})
        fields = [each.strip() for each in command["fields"].split(",")]
        rows = [
            ";".join(row.get(name, "") for name in fields)
            for row in self.history
            if since <= int(row["start"]) <= until
        ]
        key = f"report-{len(self.reports) + 1}"
        self.reports[key] = ("\r\n".join(rows), self.now() + REPORT_AFTER)
        return web.json_response({"key": key})

    async def _statistics(self, request: web.Request) -> web.Response:
        text, ready_at = self.reports.get(
            (await self._command(request)).get("key", ""), (None, 0.0)
        )
        if text is None:
            raise web.HTTPNotFound
        if self.now() < ready_at:
            return web.Response(status=204)
        return web.Response(text=text, content_type="text/csv")

    async def _users(self, request: web.Request) -> web.Response:
        await self._command(request)
        users = [
            {"general": {"name": f"Colleague {each}"}, "telephony": {"extension": each}}
            for each in self.extensions
        ]
        return web.json_response({"users": users})

    async def _recording(self, request: web.Request) -> web.Response:
        """Redirects to a link that is good for ten minutes."""
        command = await self._command(request)
        found = self.recordings.get(command.get("recording_id", ""))
        if found is None:
            raise web.HTTPNotFound
        if self.now() < found.ready_at:
            return web.Response(status=204)
        until, recording = str(int(self.now()) + LINK_LASTS), command["recording_id"]
        where = (
            f"/vpbx/queries/recording/link/{recording}/download/{self.key}/{until}/"
            f"{self.sign(until, recording)}"
        )
        raise web.HTTPFound(where)

    async def _download(self, request: web.Request) -> web.Response:
        told = request.match_info
        signed = self.sign(told["until"], told["id"])
        if told["sign"] != signed or int(told["until"]) < self.now():
            raise web.HTTPForbidden
        found = self.recordings.get(told["id"])
        if found is None:
            raise web.HTTPNotFound
        return web.Response(body=found.content, content_type="audio/wav")
