"""How a stand-in is served: on a port of its own or a free one, going down and coming back at the same address."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from aiohttp import web


class Served:
    """`url` is known once it is `serving`, and stays the same when it goes down."""

    def __init__(self) -> None:
        self.url = ""
        self._site: web.TCPSite | None = None
        self._runner: web.AppRunner | None = None

    @asynccontextmanager
    async def serving(self, app: web.Application, host: str, port: int) -> AsyncGenerator[None]:
        """Port 0: any that is free."""
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        try:
            await self._listen(host, port)
            yield
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
