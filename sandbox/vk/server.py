"""The HTTP side of the stand-in: methods, Long Poll, uploads and files."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
from aiohttp import web

from sandbox.faults import Faults
from sandbox.serving import Served
from sandbox.vk import uploads
from sandbox.vk.delivery import Delivery
from sandbox.vk.faults import Fault, refusal_answer
from sandbox.vk.limits import Limits
from sandbox.vk.messages import Refusal
from sandbox.vk.methods import METHODS
from sandbox.vk.world import Community, Json

UPLOADS: Final = 210_000_000
CONFIRMING: Final = frozenset({"groups.addcallbackserver", "groups.editcallbackserver"})
LONGEST_WAIT: Final = 90


class VK(Served):
    """`running()` serves it; `url` is then the `api_base` to give to a client."""

    def __init__(
        self, *, now: Callable[[], float], tempo: float = 1.0, limits: Limits | None = None
    ) -> None:
        super().__init__()
        self.now = now
        self.limits = limits or Limits()
        self.communities: dict[int, Community] = {}
        self.faults: Faults[Fault] = Faults()
        self.delivery = Delivery(tempo=tempo)
        self.calls: list[str] = []
        self._group: asyncio.TaskGroup | None = None
        self._pushing: list[asyncio.Task[None]] = []
        self._http: aiohttp.ClientSession | None = None

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
        async with (
            self.serving(app, host, port),
            aiohttp.ClientSession() as self._http,
            asyncio.TaskGroup() as self._group,
        ):
            for community in self.communities.values():
                self._push(community)
            yield self
            for task in self._pushing:
                task.cancel()
            self._pushing.clear()

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        self.calls.append(method)
        return await self.faults.between(request, method, self._do)

    async def _do(self, request: web.Request) -> web.Response:
        method = request.match_info["method"].lower()
        fields: Json = dict(request.query) | dict(await request.post())
        try:
            result = await self._result(self._whose(request, fields), method, fields)
        except Refusal as refusal:
            return refusal_answer(refusal.code, refusal.description, fields)
        return web.json_response({"response": result})

    async def _result(self, community: Community, method: str, fields: Json) -> Any:
        if method not in METHODS:
            raise Refusal(3, "Unknown method passed")
        if community.meter.take(self.now()):
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
        return await self.faults.between(request, "long_poll", self._poll)

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

        return await self.faults.between(request, "upload", take)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        async def give(request: web.Request) -> web.Response:
            return uploads.give(self._community(request).files.get(request.match_info["key"]))

        return await self.faults.between(request, "file", give)
