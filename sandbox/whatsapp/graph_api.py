"""What businesses call: the HTTP side of the stand-in. https://developers.facebook.com/documentation/business-messaging/whatsapp/

Every call wants the access token; addresses of files want it too, and live five minutes. A path that is not here answers
as Graph does for an object that does not exist.
"""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
from aiohttp import web

from sandbox.faults import Faults
from sandbox.serving import Served
from sandbox.whatsapp.delivery import Delivery, body_of
from sandbox.whatsapp.faults import Fault, refusal_answer
from sandbox.whatsapp.limits import Limits
from sandbox.whatsapp.sending import LIMITS, TYPES, Refusal, send
from sandbox.whatsapp.world import Json, Number, Webhook

UPLOADS: Final = 110_000_000
ADDRESS_LIVES: Final = 300.0
WABA: Final = "104996122399160"


class WhatsApp(Served):
    """`running()` serves it; `url` is then the `api_base` to give to an account."""

    def __init__(
        self,
        *,
        now: Callable[[], float],
        token: str,
        app_secret: str,
        tempo: float = 1.0,
        limits: Limits | None = None,
        strict_webhooks: bool = False,
    ) -> None:
        super().__init__()
        self.now = now
        self.token = token
        self.app_secret = app_secret
        self.limits = limits or Limits()
        self.strict_webhooks = strict_webhooks
        self.numbers: dict[str, Number] = {}
        self.faults: Faults[Fault] = Faults()
        self.delivery = Delivery(app_secret=app_secret, tempo=tempo)
        self.calls: list[str] = []
        self._addresses: dict[str, tuple[str, float]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._bringing: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None

    def add_number(
        self, number_id: str, *, waba: str = WABA, display: str = "15550001111"
    ) -> Number:
        number = Number(number_id, waba, display, self.now, self._tell, self.limits)
        self.numbers[number_id] = number
        return number

    @property
    def waiting(self) -> int:
        """Webhooks that were not taken yet."""
        return len(self._bringing)

    def go_wrong(self, *faults: Fault) -> None:
        self.faults.waiting.extend(faults)

    def let_go(self) -> None:
        """What was held is brought now."""
        self.delivery.holding = False
        for number, body in self.delivery.held:
            self._bring(number, body)
        self.delivery.held.clear()

    def _tell(self, number: Number, value: Json, name: str) -> None:
        body = body_of(number, value, name)
        if self.delivery.holding:
            self.delivery.held.append((number, body))
        else:
            self._bring(number, body)

    def _bring(self, number: Number, body: bytes) -> None:
        if self._group is None or self._http is None or number.webhook is None:
            return
        task = self._group.create_task(self.delivery.bring(number, body, self._http))
        self._bringing.add(task)
        task.add_done_callback(self._bringing.discard)

    @asynccontextmanager
    async def running(
        self, *, host: str = "127.0.0.1", port: int = 0, routes: Sequence[web.RouteDef] = ()
    ) -> AsyncGenerator["WhatsApp"]:
        app = web.Application(client_max_size=UPLOADS)
        app.add_routes(
            [
                *routes,
                web.get("/file/{address}", self._file),
                web.route("*", r"/{version:v\d+\.\d+}/{object}", self._call),
                web.route("*", r"/{version:v\d+\.\d+}/{object}/", self._call),
                web.route("*", r"/{version:v\d+\.\d+}/{object}/{edge}", self._call),
            ]
        )
        async with self.serving(app, host, port):
            try:
                async with (
                    aiohttp.ClientSession() as self._http,
                    asyncio.TaskGroup() as self._group,
                ):
                    yield self
                    for task in self._bringing:
                        task.cancel()
            finally:
                self._group = self._http = None

    # Requests

    async def _call(self, request: web.Request) -> web.StreamResponse:
        what = request.match_info.get("edge", "object")
        self.calls.append(what)
        return await self.faults.between(request, what, self._answer)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            self._authorise(request)
            return web.json_response(await self._result(request))
        except Refusal as refusal:
            return refusal_answer(refusal)

    def _authorise(self, request: web.Request) -> None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if given != self.token:
            raise Refusal(401, 190, "Error validating access token: The session is invalid.")
        proof = request.query.get("appsecret_proof")
        expected = hmac.new(self.app_secret.encode(), self.token.encode(), hashlib.sha256)
        if proof is not None and proof != expected.hexdigest():
            raise Refusal(400, 100, "Invalid appsecret_proof provided in the API argument")

    async def _result(self, request: web.Request) -> Any:
        where, edge = request.match_info["object"], request.match_info.get("edge", "")
        number = self.numbers.get(where)
        if number is not None:
            return await self._of_number(number, edge, request)
        numbers = [each for each in self.numbers.values() if each.waba == where]
        if numbers:
            return self._of_business(numbers, edge, request)
        if not edge and request.method == "GET":
            return self._media(where, request)
        raise _missing(where)

    async def _of_number(self, number: Number, edge: str, request: web.Request) -> Any:
        match request.method, edge:
            case "GET", "":
                return _about(number)
            case "POST", "":
                return await self._configure(number, await request.json())
            case "POST", "messages":
                return send(number, await request.json())
            case "POST", "media":
                return await _upload(number, request)
            case _:
                raise _missing(f"{number.id}/{edge}")

    def _of_business(self, numbers: list[Number], edge: str, request: web.Request) -> Any:
        match request.method, edge:
            case "GET", "phone_numbers":
                return {"data": [_about(each) for each in numbers]}
            case "POST", "subscribed_apps":
                for each in numbers:
                    each.subscribed = True
                return {"success": True}
            case "GET", "subscribed_apps":
                app = {"whatsapp_business_api_data": {"name": "Shop", "id": "670843887433847"}}
                return {"data": [app] if all(each.subscribed for each in numbers) else []}
            case "GET", "message_templates":
                return _templates(numbers[0], request)
            case _:
                raise _missing(edge)

    async def _configure(self, number: Number, told: Json) -> Json:
        """Meta asks the new address at once whether it knows the word."""
        configuration = told.get("webhook_configuration") or {}
        url = str(configuration.get("override_callback_uri") or "")
        word = str(configuration.get("verify_token") or "")
        if not url:
            number.webhook = None
            return {"success": True}
        if self.strict_webhooks and not url.startswith("https://"):
            raise Refusal(400, 100, "(#100) override_callback_uri should represent a valid URL")
        if not await self._is_theirs(url, word):
            raise Refusal(
                400,
                2200,
                "(#2200) Callback verification failed with the following errors: HTTP Status Code = 403; HTTP Message = Forbidden",
            )
        number.webhook = Webhook(url, word)
        return {"success": True}

    async def _is_theirs(self, url: str, word: str) -> bool:
        if self._http is None:
            return False
        query = {"hub.mode": "subscribe", "hub.verify_token": word, "hub.challenge": "1158201444"}
        try:
            async with self._http.get(url, params=query) as response:
                return response.status == 200 and await response.text() == query["hub.challenge"]
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    def _media(self, media: str, request: web.Request) -> Json:
        owner = next((each for each in self.numbers.values() if media in each.files), None)
        asked = request.query.get("phone_number_id")
        if owner is None or (asked is not None and asked != owner.id):
            raise _missing(media)
        file = owner.files[media]
        address = hashlib.sha256(f"{media}{self.now()}{len(self._addresses)}".encode()).hexdigest()
        self._addresses[address] = (media, self.now() + ADDRESS_LIVES)
        return {
            "url": f"{self.url}/file/{address}",
            "mime_type": file.mime,
            "sha256": hashlib.sha256(file.content).hexdigest(),
            "file_size": len(file.content),
            "id": media,
            "messaging_product": "whatsapp",
        }

    async def _file(self, request: web.Request) -> web.StreamResponse:
        self.calls.append("file")

        async def answer(request: web.Request) -> web.StreamResponse:
            if request.headers.get("Authorization") != f"Bearer {self.token}":
                return web.Response(status=401)
            media, until = self._addresses.get(request.match_info["address"], ("", 0.0))
            file = next(
                (each.files[media] for each in self.numbers.values() if media in each.files), None
            )
            if file is None or until < self.now():
                return web.Response(status=404)
            return web.Response(body=file.content, content_type=file.mime.partition(";")[0])

        return await self.faults.between(request, "file", answer)


def _about(number: Number) -> Json:
    told: Json = {
        "id": number.id,
        "display_phone_number": number.display,
        "verified_name": "Shop",
        "quality_rating": "GREEN",
    }
    if number.webhook is not None:
        told["webhook_configuration"] = {"phone_number": number.webhook.url}
    return told


async def _upload(number: Number, request: web.Request) -> Json:
    form = await request.post()
    file = form.get("file")
    if form.get("messaging_product") != "whatsapp" or not isinstance(file, web.FileField):
        raise Refusal(400, 100, "(#100) The parameter file is required.")
    mime = str(form.get("type") or file.content_type)
    content = file.file.read()
    kinds = [kind for kind, types in TYPES.items() if types is not None and mime in types]
    limit = LIMITS[kinds[0]] if kinds else LIMITS["document"]
    # A picture that is too large for one may still be a document, so only the largest limit is certain here.
    if not content or len(content) > max(limit, LIMITS["document"]):
        raise Refusal(400, 131053, "(#131053) Media upload error", "File size is out of bounds")
    return {"id": number.keep(content, mime)}


def _templates(number: Number, request: web.Request) -> Json:
    limit, after = int(request.query.get("limit", 25)), request.query.get("after", "")
    status = request.query.get("status")
    found = [each.about for each in number.templates if status in {None, each.status}]
    start = int(after) if after.isdecimal() else 0
    page = found[start : start + limit]
    paging: Json = {"cursors": {"before": str(start), "after": str(start + len(page))}}
    if start + len(page) < len(found):
        paging["next"] = f"{request.url}"
    told: Json = {"data": page, "paging": paging}
    if "summary" in request.query:
        told["summary"] = {
            "total_count": len(found),
            "message_template_count": len(number.templates),
            "message_template_limit": 250,
            "are_translations_complete": True,
        }
    return told


def _missing(what: str) -> Refusal:
    return Refusal(
        400,
        100,
        f"Unsupported request. Object with ID '{what}' does not exist, cannot be loaded due to missing permissions, "
        "or does not support this operation",
    )
