"""What stands between us and a mail server: a provider's token endpoint, and a wire that can be cut."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

from aiohttp import web
from aiohttp.test_utils import TestServer


class Tokens:
    """Answers like Google: an access token for the refresh token, or `invalid_grant` with `status`."""

    def __init__(self) -> None:
        self.gives = ""
        self.status = 200
        self.asked: list[dict[str, str]] = []
        application = web.Application()
        application.router.add_post("/token", self._answer)
        self._server = TestServer(application)

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append({name: str(value) for name, value in (await request.post()).items()})
        if self.status != 200:
            return web.json_response({"error": "invalid_grant"}, status=self.status)
        return web.json_response({"access_token": self.gives, "expires_in": 3599})

    @property
    def settings(self) -> dict[str, str]:
        return {
            "oauth_refresh_token": "refresh",
            "oauth_client_id": "client",
            "oauth_client_secret": "hush",
            "oauth_token_url": str(self._server.make_url("/token")),
        }

    async def __aenter__(self) -> Self:
        await self._server.start_server()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._server.close()


class Wire:
    """Passes everything on to a port of this machine; cut, it swallows everything and hangs up on nobody."""

    def __init__(self, to: int) -> None:
        self.cut = False
        self.port = 0
        self._to = to
        self._tasks: set[asyncio.Task[None]] = set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        beyond_reader, beyond_writer = await asyncio.open_connection("127.0.0.1", self._to)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass_on(reader, beyond_writer))
                group.create_task(self._pass_on(beyond_reader, writer))
        finally:
            self._tasks.discard(task)
            for each in (writer, beyond_writer):
                each.close()
                with suppress(OSError):
                    await each.wait_closed()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                if not self.cut:
                    writer.write(data)
                    await writer.drain()
        writer.close()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for each in list(self._tasks):
            each.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()
