"""What the stand-ins of telephone exchanges share: being served, going wrong to order, telling a webhook, and a sound.

Such a platform tells of an event once: what is not taken is not told again, and `told` remembers what was answered.
"""

import asyncio
import io
import math
import struct
import wave
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from aiohttp import web

from sandbox.telegram.faults import Fault, Faults

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ANSWER_WITHIN: Final = 10.0
RATE_HZ: Final = 8000


@dataclass(frozen=True, slots=True)
class Told:
    """An event, and what the webhook answered; status 0: nothing."""

    what: str
    status: int
    body: bytes = b""


@dataclass(slots=True)
class Window:
    """At most `limit` things in any `seconds`."""

    limit: int
    seconds: float
    refused: int = 0
    _taken: list[float] = field(default_factory=list)

    def take(self, now: float) -> float:
        """0, or the seconds until there is room."""
        self._taken = [at for at in self._taken if now - at < self.seconds]
        if len(self._taken) < self.limit:
            self._taken.append(now)
            return 0.0
        self.refused += 1
        return self._taken[0] + self.seconds - now


class Exchange:
    """`running()` serves it; `url` is then the `api_base` to give to an account. `hook` is where events are told.

    `requests` are the paths that were asked for. Faults go by the last word of the path.
    """

    def __init__(self, *, now: Callable[[], float], hook: str = "") -> None:
        self.now = now
        self.hook = hook
        self.url = ""
        self.requests: list[str] = []
        self.told: list[Told] = []
        self._faults = Faults([])
        self._http: aiohttp.ClientSession | None = None

    def routes(self) -> Sequence[web.RouteDef]:
        raise NotImplementedError

    def go_wrong(self, *faults: Fault) -> None:
        self._faults.waiting.extend(faults)

    @asynccontextmanager
    async def running(
        self, *, host: str = "127.0.0.1", port: int = 0, routes: Sequence[web.RouteDef] = ()
    ) -> AsyncGenerator[None]:
        app = web.Application(middlewares=[self._stand_between])
        app.add_routes([*self.routes(), *routes])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            address = runner.addresses[0]
            self.url = f"http://{address[0]}:{address[1]}"
            async with aiohttp.ClientSession() as self._http:
                yield
        finally:
            await runner.cleanup()

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
        fault = self._faults.next(path.rpartition("/")[2])
        if fault is None:
            return await handler(request)
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            return await handler(request)
        if fault.kind == "answer":
            headers = {
                name.replace("_", "-").title(): str(value)
                for name, value in (fault.parameters or {}).items()
            }
            return web.Response(status=fault.status, text=fault.description, headers=headers)
        if fault.kind.endswith("after"):
            await handler(request)
        if fault.kind.startswith("hang"):
            await asyncio.sleep(3600)
        if request.transport is not None:
            request.transport.abort()
        return web.Response()


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
