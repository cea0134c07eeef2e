"""The HTTP side of the stand-in: methods, Long Poll, uploads and files."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from sandbox.vk import uploads
from sandbox.vk.delivery import Delivery
from sandbox.vk.faults import Fault, Faults
from sandbox.vk.limits import Limits
from sandbox.vk.messages import Refusal
from sandbox.vk.methods import METHODS
from sandbox.vk.world import Community, Json

UPLOADS: Final = 210_000_000
CONFIRMING: Final = frozenset({"groups.addcallbackserver", "groups.editcallbackserver"})
LONGEST_WAIT: Final = 90


class VK:
    """`running()` serves it; `url` is then the `api_base` to give to a client."""

    def __init__(
        self, *, now: Callable[[], float], tempo: float = 1.0, limits: Limits | None = None
    ) -> None:
        self.now = now
        self.limits = limits or Limits()
        self.communities: dict[int, Community] = {}
        self.faults = Faults([])
        self.delivery = Delivery(tempo=tempo)
        self.calls: list[str] = []
        self.url = ""
        self._group: asyncio.TaskGroup | None = None
        self._pushing: list[asyncio.Task[None]] = []
        self._http: aiohttp.ClientSession | None = None
        self._site: web.TCPSite | None = None
        self._runner: web.AppRunner | None = None

    def add_community(self, number: int, token: str, *, first: int = 1) -> Community:
        community = Community(
            number,
            token,
            self.now,
            self.delivery.news.beat,
            self.limits,
            base=lambda: self.url,
            first=first,
        )
        self.communities[number] = community
        self._push(community)
        return community

    def _push(self, community: Community) -> None:
        if self._group is not None and self._http is not None:
            push = self.delivery.push(community, self._http)
            self._pushing.append(self._group.create_task(push))

    def go_wrong(self, *faults: Fault) -> None:
        self.faults.waiting.extend(faults)

    @asynccontextmanager
    async def running(
        self, *, host: str = "127.0.0.1", port: int = 0, routes: Sequence[web.RouteDef] = ()
    ) -> AsyncGenerator["VK"]:
        app = web.Application(client_max_size=UPLOADS)
        app.add_routes(
            [
                web.route("*", "/method/{method}", self._call),
                # Most clients ask with GET, vkbottle with POST.
                web.route("*", "/whp/{group}", self._long_poll),
                web.post("/upload/{group}/{kind}", self._upload),
                web.get("/files/{group}/{key}", self._file),
                *routes,
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        try:
            await self._listen(host, port)
            async with aiohttp.ClientSession() as self._http, asyncio.TaskGroup() as self._group:
                for community in self.communities.values():
                    self._push(community)
                yield self
                for task in self._pushing:
                    task.cancel()
                self._pushing.clear()
        finally:
            await self._runner.cleanup()

    async def _listen(self, host: str, port: int) -> None:
        if self._runner is None:
            raise RuntimeError("not running")
        self._site = web.TCPSite(self._runner, host, port)
        await self._site.start()
        address = self._runner.addresses[0]
        self.url = f"http://{address[0]}:{address[1]}"

    async def go_down(self) -> None:
        """Connections are refused until `come_back`."""
        if self._site is None or self._runner is None or self._runner.server is None:
            return
        await self._site.stop()
        for connection in self._runner.server.connections:
            connection.force_close()

    async def come_back(self) -> None:
        address = urlsplit(self.url)
        await self._listen(address.hostname or "", address.port or 0)

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        self.calls.append(method)
        return await self._faulty(request, method, self._do)

    async def _faulty(
        self,
        request: web.Request,
        what: str,
        do: Callable[[web.Request], Any],
    ) -> web.StreamResponse:
        fault = self.faults.next(what)
        if fault is not None and fault.kind in {"error", "status", "drop_before", "hang_before"}:
            await request.read()
            return await _spoilt(request, fault)
        if fault is not None and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        response: web.StreamResponse = await do(request)
        if fault is not None and fault.kind == "late":
            await asyncio.sleep(fault.seconds)
        if fault is not None and fault.kind in {"drop_after", "hang_after"}:
            return await _spoilt(request, fault)
        return response

    async def _do(self, request: web.Request) -> web.Response:
        method = request.match_info["method"].lower()
        fields: Json = dict(request.query) | dict(await request.post())
        try:
            result = await self._result(self._whose(request, fields), method, fields)
        except Refusal as refusal:
            return _refusal(refusal.code, refusal.description, fields)
        return web.json_response({"response": result})

    async def _result(self, community: Community, method: str, fields: Json) -> Any:
        if method not in METHODS:
            raise Refusal(3, "Unknown method passed")
        if not community.meter.allows(self.now()):
            raise Refusal(6, "Too many requests per second")
        result = METHODS[method](community, fields)
        if method in CONFIRMING and self._http is not None:
            server = community.servers[int(fields.get("server_id") or result["server_id"])]
            await self.delivery.confirm(community, server, self._http)
        return result

    def _whose(self, request: web.Request, fields: Json) -> Community:
        token = fields.get("access_token", "")
        token = token or request.headers.get("Authorization", "").removeprefix("Bearer ")
        for community in self.communities.values():
            if community.token == token:
                break
        else:
            raise Refusal(5, "User authorization failed: invalid access_token (4).")
        if not str(fields.get("v", "")).startswith("5."):
            raise Refusal(8, "Invalid request: v (version) is required")
        return community

    async def _long_poll(self, request: web.Request) -> web.StreamResponse:
        return await self._faulty(request, "long_poll", self._poll)

    async def _poll(self, request: web.Request) -> web.Response:
        community = self._community(request)
        asked = dict(request.query) | dict(await request.post())
        if asked.get("act") != "a_check":
            return web.json_response({"failed": 4})
        ts, key, wait = (str(asked.get(name, "")) for name in ("ts", "key", "wait"))
        seconds = min(float(wait or 25), LONGEST_WAIT)
        told = await self.delivery.poll(community, ts, key, seconds)
        return web.json_response(told)

    def _community(self, request: web.Request) -> Community:
        number = request.match_info["group"]
        community = self.communities.get(int(number)) if number.isdecimal() else None
        if community is None:
            raise web.HTTPNotFound
        return community

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        async def take(request: web.Request) -> web.Response:
            return await uploads.take(self._community(request), request.match_info["kind"], request)

        return await self._faulty(request, "upload", take)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        async def give(request: web.Request) -> web.Response:
            return uploads.give(self._community(request).files.get(request.match_info["key"]))

        return await self._faulty(request, "file", give)


def _refusal(code: int, description: str, fields: Json) -> web.Response:
    """With HTTP 200, and what was sent, all of it, as VK does."""
    params = [{"key": name, "value": str(value)} for name, value in fields.items()]
    error = {"error_code": code, "error_msg": description, "request_params": params}
    if code == 14:
        error |= {"captcha_sid": "1", "captcha_img": "https://api.vk.ru/captcha.php?sid=1"}
    return web.json_response({"error": error})


async def _spoilt(request: web.Request, fault: Fault) -> web.StreamResponse:
    if fault.kind == "error":
        return _refusal(fault.code, fault.description, dict(await request.post()))
    if fault.kind == "status":
        return web.Response(status=fault.status, text="<html>")
    if fault.kind.startswith("hang"):
        await asyncio.sleep(3600)
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
