"""The network between a browser and the inbox, which can be cut: what is under way breaks off, what is new is refused."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress


class Line:
    def __init__(self, *, to: int) -> None:
        self._to = to
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.close()
            return
        both = {writer, back}
        self._open |= both
        with suppress(OSError, ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, back))
                group.create_task(_pump(there, writer))
        self._open -= both
        for each in both:
            each.close()


async def _pump(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
    while piece := await source.read(1 << 16):
        to.write(piece)
        await to.drain()
    raise ConnectionResetError


@asynccontextmanager
async def a_line(*, to: int) -> AsyncGenerator[Line]:
    line = Line(to=to)
    await line.mend()
    try:
        yield line
    finally:
        await line.cut()
