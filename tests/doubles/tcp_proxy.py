"""A line between a client and a server that a test can cut, refuse and silence."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class TcpProxy:
    def __init__(self, upstream: Callable[[], Awaitable[Streams]], *, group: asyncio.TaskGroup):
        self._upstream = upstream
        self._group = group
        self._server: asyncio.Server | None = None
        self._pipes: set[asyncio.Task[None]] = set()
        self._transports: set[asyncio.WriteTransport] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._refusals = 0
        self.port = 0

    async def restore(self) -> None:
        """Takes connections again, on the same port."""
        self._flowing.set()
        if self._server is None:
            self._server = await asyncio.start_server(
                partial(self._connected, self._refusals), "127.0.0.1", self.port, reuse_address=True
            )
            self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Resets every connection there is; new ones are taken."""
        for transport in self._transports:
            transport.abort()
        self._transports.clear()

    def silence(self) -> None:
        """Connections stay, and nothing comes through any more."""
        self._flowing.clear()

    def refuse(self) -> None:
        """The server is away: connections are reset, new ones refused."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self._refusals += 1
        self.cut()

    def stop(self) -> None:
        self.refuse()
        for pipe in self._pipes:
            pipe.cancel()

    async def _connected(
        self, refusals: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        server_reader, server_writer = await self._upstream()
        if self._refusals != refusals:  # refused while it was being made
            writer.transport.abort()
            server_writer.transport.abort()
            return
        self._transports |= {writer.transport, server_writer.transport}
        for source, sink in ((reader, server_writer), (server_reader, writer)):
            pipe = self._group.create_task(self._pipe(source, sink))
            self._pipes.add(pipe)
            pipe.add_done_callback(self._pipes.discard)

    async def _pipe(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                await self._flowing.wait()
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            pass
        finally:
            self._transports.discard(sink.transport)
            sink.close()


@asynccontextmanager
async def tcp_proxy(upstream: Callable[[], Awaitable[Streams]]) -> AsyncGenerator[TcpProxy]:
    async with asyncio.TaskGroup() as group:
        proxy = TcpProxy(upstream, group=group)
        await proxy.restore()
        try:
            yield proxy
        finally:
            proxy.stop()
