"""What programs call: Accounts, IncomingPhoneNumbers, Calls, Recordings; and /control for people.

Requests carry the account's sid and token as HTTP Basic; errors have Twilio's shape, code and status.
https://www.twilio.com/docs/usage/twilios-response
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
from aiohttp import web

from sandbox.serving import Served
from sandbox.twilio.conduct import ANSWER_WITHIN, Conduct, Fields, Line, sign
from sandbox.twilio.world import ACCOUNT, TOKEN, Call, Fault, Number, Person, sids

Json = dict[str, Any]
ROOT: Final = f"/2010-04-01/Accounts/{ACCOUNT}"
ALL_EVENTS: Final = "initiated ringing answered completed"


class Twilio(Served):
    """`running()` serves it; `url` is then the `api_base`. Calls made through the API are led by themselves.

    `shuffled`: callbacks wait until the call is over and then come in another order, each twice.
    """

    def __init__(self, *, now: Callable[[], float], shuffled: random.Random | None = None) -> None:
        super().__init__()
        self.now = now
        self.shuffled = shuffled
        self.numbers: dict[str, Number] = {}
        self.people: dict[str, Person] = {}
        self.calls: dict[str, Call] = {}
        self.recordings: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.refused: list[tuple[str, int]] = []
        """Addresses that did not answer 2xx, with what they answered; 0: nothing."""
        self._sids = {prefix: sids(prefix) for prefix in ("CA", "PN", "RE")}
        self._late: list[tuple[str, Fields]] = []
        self._group: asyncio.TaskGroup | None = None
        self._http: aiohttp.ClientSession | None = None

    def add_number(self, number: str, *, voice_url: str = "", status_callback: str = "") -> Number:
        made = Number(
            sid=next(self._sids["PN"]),
            number=number,
            voice_url=voice_url,
            status_callback=status_callback,
        )
        self.numbers[number] = made
        return made

    async def call_in(self, from_: str, to: str) -> Call:
        """Somebody calls one of the numbers; returns when the call is over."""
        number = self.numbers[to]
        call = self._call(from_, to, "inbound")
        conduct = Conduct(
            call, self._line(), status_callback=number.status_callback, events="completed"
        )
        await conduct.inbound(number.voice_url)
        await self._deliver_late()
        call.over.set()
        return call

    @asynccontextmanager
    async def running(self, *, host: str = "127.0.0.1", port: int = 0) -> AsyncGenerator["Twilio"]:
        app = web.Application()
        app.add_routes(
            [
                web.get(f"{ROOT}.json", self._door(self._account)),
                web.get(f"{ROOT}/IncomingPhoneNumbers.json", self._door(self._list_numbers)),
                web.post(f"{ROOT}/IncomingPhoneNumbers/{{sid}}.json", self._door(self._set_number)),
                web.post(f"{ROOT}/Calls.json", self._door(self._make_call)),
                web.get(f"{ROOT}/Calls/{{sid}}.json", self._door(self._show_call)),
                web.get(f"{ROOT}/Recordings/{{sid}}.mp3", self._door(self._recording)),
                web.post("/control/call", self._control_call),
                web.post("/control/person", self._control_person),
                web.get("/control/calls", self._control_calls),
                web.route("*", "/{rest:.*}", self._door(_not_found)),
            ]
        )
        async with (
            self.serving(app, host, port),
            aiohttp.ClientSession() as self._http,
            asyncio.TaskGroup() as self._group,
        ):
            yield self

    def _call(self, from_: str, to: str, direction: str) -> Call:
        call = Call(sid=next(self._sids["CA"]), from_=from_, to=to, direction=direction)
        self.calls[call.sid] = call
        return call

    def _line(self) -> Line:
        return Line(
            ask=self._ask,
            callback=self._callback,
            person=lambda target: self.people.get(target, Person()),
            record=self._record,
            leg_sids=self._sids["CA"],
            clock=self.now(),
        )

    def _record(self, call: Call, seconds: int) -> str:
        sid = next(self._sids["RE"])
        self.recordings[sid] = b"ID3" + f"{call.sid}:{seconds}".encode()
        return sid

    async def _ask(self, url: str, fields: Fields) -> str:
        return await self._post(url, fields) or ""

    async def _callback(self, url: str, fields: Fields) -> None:
        if self.shuffled is not None:
            self._late += [(url, fields), (url, fields)]
        else:
            await self._post(url, fields)

    async def _deliver_late(self) -> None:
        if self.shuffled is not None:
            late, self._late = self._late, []
            self.shuffled.shuffle(late)
            for url, fields in late:
                await self._post(url, fields)

    async def _post(self, url: str, fields: Fields) -> str | None:
        """The answer's body; None when it is no 2xx. Twilio does not try again."""
        if self._http is None:
            raise RuntimeError("not running")
        try:
            async with self._http.post(
                url,
                data=fields,
                headers={
                    "X-Twilio-Signature": sign(TOKEN, url, fields),
                    "User-Agent": "TwilioProxy/1.1",
                },
                timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN),
            ) as response:
                body = await response.text()
                if 200 <= response.status < 300:
                    return body
                self.refused.append((url, response.status))
        except (aiohttp.ClientError, TimeoutError, OSError):
            self.refused.append((url, 0))
        return None

    def _door(
        self, handle: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def guarded(request: web.Request) -> web.StreamResponse:
            fault = next((each for each in self.faults if each.path in request.path), None)
            if fault is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                if fault.after:
                    await handle(request)
                if fault.drop and request.transport is not None:
                    request.transport.abort()
                return _refusal(fault.status, fault.code, fault.message, fault.retry_after)
            expected = aiohttp.encode_basic_auth(ACCOUNT, TOKEN)
            if request.headers.get("Authorization") != expected:
                return _refusal(401, 20003, "Authenticate")
            return await handle(request)

        return guarded

    async def _account(self, request: web.Request) -> web.Response:
        told = {"sid": ACCOUNT, "friendly_name": "Stand-in", "status": "active", "type": "Full"}
        return web.json_response(told)

    async def _list_numbers(self, request: web.Request) -> web.Response:
        wanted = request.query.get("PhoneNumber", "")
        found = [_number(each) for each in self.numbers.values() if wanted in each.number]
        told = {"incoming_phone_numbers": found, "page": 0, "page_size": 50, "next_page_uri": None}
        return web.json_response(told)

    async def _set_number(self, request: web.Request) -> web.StreamResponse:
        sid = request.match_info["sid"]
        number = next((each for each in self.numbers.values() if each.sid == sid), None)
        if number is None:
            return await _not_found(request)
        form = await request.post()
        number.voice_url = str(form.get("VoiceUrl", number.voice_url))
        number.status_callback = str(form.get("StatusCallback", number.status_callback))
        return web.json_response(_number(number))

    async def _make_call(self, request: web.Request) -> web.Response:
        form = await request.post()
        to, from_ = str(form.get("To", "")), str(form.get("From", ""))
        if not to:
            return _refusal(400, 21201, "No 'To' number is specified")
        if from_ not in self.numbers:
            return _refusal(
                400,
                21210,
                f"The phone number provided {from_} is not yet verified for your account",
            )
        if not form.get("Twiml") and not form.get("Url"):
            return _refusal(400, 21205, "Url or Twiml is required")
        call = self._call(from_, to, "outbound-api")
        events = " ".join(str(each) for each in form.getall("StatusCallbackEvent", ["completed"]))
        conduct = Conduct(
            call,
            self._line(),
            status_callback=str(form.get("StatusCallback", "")),
            events=events,
        )
        if self._group is None:
            raise RuntimeError("not running")
        self._group.create_task(
            self._lead(conduct, str(form.get("Twiml", "")), str(form.get("Url", "")))
        )
        return web.json_response(_shown(call), status=201)

    async def _lead(self, conduct: Conduct, twiml: str, url: str) -> None:
        await conduct.outbound(twiml, url)
        await self._deliver_late()
        conduct.call.over.set()

    async def _show_call(self, request: web.Request) -> web.StreamResponse:
        call = self.calls.get(request.match_info["sid"])
        return web.json_response(_shown(call)) if call is not None else await _not_found(request)

    async def _recording(self, request: web.Request) -> web.StreamResponse:
        content = self.recordings.get(request.match_info["sid"])
        if content is None:
            return await _not_found(request)
        return web.Response(body=content, content_type="audio/mpeg")

    async def _control_call(self, request: web.Request) -> web.Response:
        told = await request.json()
        call = await self.call_in(told["from"], told["to"])
        return web.json_response(_shown(call) | {"spoke": call.spoke, "rung": call.rung})

    async def _control_person(self, request: web.Request) -> web.Response:
        told = await request.json()
        number = told.pop("number")
        self.people[number] = Person(**told)
        return web.json_response({})

    async def _control_calls(self, request: web.Request) -> web.Response:
        return web.json_response([_shown(each) for each in self.calls.values()])


def _number(number: Number) -> Json:
    return {
        "sid": number.sid,
        "phone_number": number.number,
        "voice_url": number.voice_url or None,
        "voice_method": "POST",
        "status_callback": number.status_callback or None,
    }


def _shown(call: Call) -> Json:
    return {
        "sid": call.sid,
        "account_sid": ACCOUNT,
        "from": call.from_,
        "to": call.to,
        "status": call.status,
        "direction": call.direction,
    }


def _refusal(status: int, code: int, message: str, retry_after: int | None = None) -> web.Response:
    told = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    headers = {"Retry-After": str(retry_after)} if retry_after is not None else {}
    return web.json_response(told, status=status, headers=headers)


async def _not_found(request: web.Request) -> web.StreamResponse:
    return _refusal(404, 20404, f"The requested resource {request.path} was not found")
