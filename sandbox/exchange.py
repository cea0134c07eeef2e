"""What the stand-ins of telephone exchanges share: being served, going wrong to order, telling a webhook, and a sound.

Such a platform tells of an event once: what is not taken is not told again, and `told` remembers what was answered.
"""

import asyncio
import io
import math
import struct
import wave
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

import aiohttp
from aiohttp import web
from typing_extensions import override

from sandbox.faults import Faults, Handler, MethodFault
from sandbox.serving import Served

Json = dict[str, Any]
FaultKind = Literal["answer", "slow", "drop_before", "drop_after", "hang_before", "hang_after"]

ANSWER_WITHIN: Final = 10.0
RATE_HZ: Final = 8000


@dataclass(frozen=True, slots=True)
class Told:
    """An event, and what the webhook answered; status 0: nothing."""

    what: str
    status: int
    body: bytes = b""


@dataclass(slots=True, kw_only=True)
class Fault(MethodFault):
    """Of paths whose last word is `method`, or of any when it is empty; as every platform's, and

    answer        `status`, `headers` and `description` as the body, instead of doing it
    """

    kind: FaultKind
    status: int = 500
    description: str = "Internal Server Error"
    headers: dict[str, str] | None = None

    @override
    async def instead(self, request: web.Request) -> web.Response | None:
        if self.kind != "answer":
            return None
        return web.Response(status=self.status, text=self.description, headers=self.headers)


class Exchange(Served, ABC):
    """`running()` serves it; `url` is then the `api_base` to give to an account. `hook` is where events are told.

    `requests` are the paths that were asked for.
    """

    def __init__(self, *, now: Callable[[], float], hook: str = "") -> None:
        super().__init__()
        self.now = now
        self.hook = hook
        self.requests: list[str] = []
        self.told: list[Told] = []
        self._faults: Faults[Fault] = Faults()
        self._http: aiohttp.ClientSession | None = None

    @abstractmethod
    def routes(self) -> Sequence[web.RouteDef]:
        """What its API answers, and its control door."""

    def go_wrong(self, *faults: Fault) -> None:
        self._faults.waiting.extend(faults)

    @asynccontextmanager
    async def running(
        self, *, host: str = "127.0.0.1", port: int = 0, routes: Sequence[web.RouteDef] = ()
    ) -> AsyncGenerator[None]:
        app = web.Application(middlewares=[self._stand_between])
        app.add_routes([*self.routes(), *routes])
        async with self.serving(app, host, port), aiohttp.ClientSession() as self._http:
            yield

    async def tell(self, what: str, url: str, *, method: str = "POST", **request: Any) -> Told:
        """One request to a webhook, never repeated. `request` is aiohttp's."""
        if self._http is None:
            raise RuntimeError("not running")
        timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN)
        try:
            async with self._http.request(method, url, timeout=timeout, **request) as response:
                told = Told(what, response.status, await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError):
            told = Told(what, 0)
        self.told.append(told)
        return told

    @web.middleware
    async def _stand_between(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        path = request.path.rstrip("/")
        if path.startswith("/control"):
            return await handler(request)
        self.requests.append(path)
        return await self._faults.between(request, path.rpartition("/")[2], handler)


def beep(seconds: float = 0.3, pitch_hz: float = 440.0) -> bytes:
    """A WAV file."""
    samples = (
        int(12_000 * math.sin(2 * math.pi * pitch_hz * number / RATE_HZ))
        for number in range(int(seconds * RATE_HZ))
    )
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE_HZ)
        sound.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return file.getvalue()


def control(
    exchange: Exchange, incoming: Callable[..., Awaitable[object]]
) -> Sequence[web.RouteDef]:
    """A door for a person.

    POST /control/call {"phone", "answered_by"?, …}: somebody calls; the fields are the arguments of `incoming`.
    GET  /control/told: what was told, and what was answered.
    """

    async def call(request: web.Request) -> web.Response:
        fields = await request.json() if request.can_read_body else {}
        try:
            happening = incoming(**fields)
        except TypeError as error:
            raise web.HTTPBadRequest(text=f"{error}\n") from None
        before = len(exchange.told)
        await happening
        return web.json_response([each.what for each in exchange.told[before:]])

    async def told(request: web.Request) -> web.Response:
        return web.json_response(
            [
                {"what": each.what, "status": each.status, "body": each.body.decode()}
                for each in exchange.told
            ]
        )

    return (web.post("/control/call", call), web.get("/control/told", told))


def by_hand(
    name: str,
    exchange: Exchange,
    incoming: Callable[..., Awaitable[object]],
    *,
    host: str,
    port: int,
) -> None:
    """Serves it, with `control`, until it is interrupted."""

    async def serve() -> None:
        routes = control(exchange, incoming)
        async with exchange.running(host=host, port=port, routes=routes):
            print(f"A stand-in for {name} at {exchange.url}, telling {exchange.hook}")  # noqa: T201  # a command
            await asyncio.Event().wait()

    asyncio.run(serve())
