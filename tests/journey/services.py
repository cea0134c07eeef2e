"""A PostgreSQL and a RabbitMQ of a test's own, to be killed and started again under the feet of Allo."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import aio_pika

from storage.embedded import EmbeddedServer, embedded_server
from tests.journey.processes import eventually, free_port
from workers.topology import QUEUES, RETRY_DELAYS

RABBIT: Final = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Behind Debian's wrapper, which insists on Debian's own user and directories."""
METHOD_FRAME: Final = b"\x01"
"""AMQP 0-9-1, 2.3.5: what a frame with a method begins with."""


class OwnPostgres:
    """The programs are the embedded server's; what matters here is that it can be killed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stack = AsyncExitStack()
        self._server: EmbeddedServer | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        return self._server.url

    async def start(self) -> None:
        server = embedded_server(self._directory, settings={"max_connections": "150"})
        self._server = await self._stack.enter_async_context(server)

    async def crash(self) -> None:
        """SIGQUIT: it stops at once, writes nothing, and recovers from its log at the next start."""
        assert self._server is not None
        os.kill(self._server.pid, signal.SIGQUIT)
        await self.stop()

    async def stop(self) -> None:
        await self._stack.aclose()


class OwnRabbit:
    """A node with its own name, ports, directories and port mapper."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._port = free_port()
        self._mapper_port = free_port()
        self._running: list[asyncio.subprocess.Process] = []
        self.url = f"amqp://guest:guest@127.0.0.1:{self._port}"
        for each in ("mnesia", "log"):
            (directory / each).mkdir(parents=True)
        (directory / "rabbitmq.conf").write_text(
            "log.console = true\nlog.console.level = warning\n"
        )
        (directory / "env.conf").write_text("")
        (directory / "plugins").write_text("[].\n")
        self._environment = os.environ | {
            "HOME": str(directory),
            "ERL_EPMD_PORT": str(self._mapper_port),
            "RABBITMQ_NODENAME": f"journey-{self._port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self._port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(directory / "env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
            "RABBITMQ_LOG_BASE": str(directory / "log"),
            "RABBITMQ_LOGS": "-",
        }

    async def start(self) -> None:
        # Started here, for otherwise the node would leave one behind.
        await self._run(
            str(_port_mapper()), "-port", str(self._mapper_port), "-address", "127.0.0.1"
        )
        await self._run(str(RABBIT))
        await eventually(self._answers, within=60, every=0.1)

    async def crash(self) -> None:
        """SIGKILL."""
        for each in self._running:
            with suppress(ProcessLookupError):
                os.killpg(each.pid, signal.SIGKILL)
        for each in self._running:
            await each.wait()
        self._running.clear()

    async def waiting(self) -> dict[str, int]:
        """Messages that wait in the queues of Allo, by queue; empty ones are left out."""
        connection = await aio_pika.connect(self.url, timeout=5)
        async with connection, connection.channel() as channel:
            found = {}
            for name in (*QUEUES, *(f"allo.retry.{delay:g}s" for delay in RETRY_DELAYS)):
                declared = await channel.declare_queue(name, passive=True)
                found[name] = declared.declaration_result.message_count or 0
        return {name: count for name, count in found.items() if count}

    async def _run(self, *command: str) -> None:
        with (self._directory / "output").open("ab") as output:
            self._running.append(
                await asyncio.create_subprocess_exec(
                    *command,
                    env=self._environment,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            )

    async def _answers(self) -> bool:
        """It greets us in AMQP; the port is open a little earlier."""
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            try:
                writer.write(b"AMQP\x00\x00\x09\x01")
                return await reader.read(1) == METHOD_FRAME
            finally:
                writer.close()


def _port_mapper() -> Path:
    return max(Path("/usr/lib/erlang").glob("erts-*/bin/epmd"))


@asynccontextmanager
async def own_postgres(directory: Path) -> AsyncGenerator[OwnPostgres]:
    server = OwnPostgres(directory)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def own_rabbit(directory: Path) -> AsyncGenerator[OwnRabbit]:
    node = OwnRabbit(directory)
    try:
        await node.start()
        yield node
    finally:
        await node.crash()
