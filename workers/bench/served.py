"""An `allo serve` of the bench's own, as its operator has it: real processes, seen from outside.

    async with installed(directory, roles=…, environment=…) as served:
        await served.start()            seconds until all of it is ready
        served.memory()                 of everything it started
        await served.stop()

PSS shares a page fairly among the processes that have it, so that a sum over processes counts every page once: the
pages of PostgreSQL's shared buffers, too.
"""

import asyncio
import os
import re
import signal
import socket
import sys
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
import psutil

STARTS_WITHIN_S: Final = 120.0
STOPS_WITHIN_S: Final = 60.0
LOOK_S: Final = 0.02

_PSS: Final = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Seconds of CPU since the beginning."""

    allo: float
    postgres: float


@dataclass(slots=True, kw_only=True)
class Served:
    """`urls` by role. The embedded database is a child of `allo serve`, or else of the bench itself."""

    directory: Path
    environment: Mapping[str, str]
    urls: Mapping[str, str]
    commands: Sequence[tuple[str, ...]]
    addresses: Sequence[str]
    running: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def start(self) -> float:
        """Seconds until every process says that it is ready."""
        began = time.perf_counter()
        for address, command in zip(self.addresses, self.commands, strict=True):
            with (self.directory / f"{address.replace(':', '-')}.log").open("ab") as log:
                self.running.append(
                    await asyncio.create_subprocess_exec(
                        *(sys.executable, "-m", "workers", "serve", *command),
                        env=self._settings(address),
                        cwd=self.directory,
                        stdin=asyncio.subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                    )
                )
        async with aiohttp.ClientSession() as http, asyncio.timeout(STARTS_WITHIN_S):
            for address in self.addresses:
                while not await self._ready(http, address):  # noqa: ASYNC110  # another process: nothing to wait on
                    await asyncio.sleep(LOOK_S)
        return time.perf_counter() - began

    async def stop(self) -> float:
        """Seconds until all have stopped; None of them may need force."""
        began = time.perf_counter()
        for process in self.running:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOPS_WITHIN_S):
            for process in self.running:
                await process.wait()
        self.running.clear()
        return time.perf_counter() - began

    async def end(self) -> None:
        """Whatever state they are in. -9 is no harm: its directory is thrown away, and its PostgreSQL notices."""
        try:
            await self.stop()
        except TimeoutError:
            for process in self.running:
                process.kill()
                await process.wait()

    def memory(self) -> float:
        """Megabytes."""
        total = 0
        for process in _started():
            # One that has just ended has none.
            with suppress(OSError):
                found = _PSS.search(Path(f"/proc/{process.pid}/smaps_rollup").read_text())
                total += int(found[1]) if found else 0
        return total / 1024

    def usage(self) -> Usage:
        """Of those that live: a backend that has ended takes what it used with it."""
        allo = postgres = 0.0
        for process in _started():
            with suppress(psutil.Error):
                times, name = process.cpu_times(), process.name()
                if name.startswith("postgres"):
                    postgres += times.user + times.system
                else:
                    allo += times.user + times.system
        return Usage(allo=allo, postgres=postgres)

    async def _ready(self, http: aiohttp.ClientSession, address: str) -> bool:
        for process in self.running:
            if process.returncode is not None:
                raise RuntimeError(f"allo serve ended by itself:\n{self._last_words()}")
        with suppress(aiohttp.ClientError, TimeoutError):
            timeout = aiohttp.ClientTimeout(total=5)
            async with http.get(f"http://{address}/readyz", timeout=timeout) as answer:
                return answer.status == 200
        return False

    def _settings(self, address: str) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()  # noqa: TID251  # a child's, without the settings of our own
            if not name.startswith("ALLO_")
        }
        return inherited | dict(self.environment) | {"ALLO_HTTP": address}

    def _last_words(self) -> str:
        return "\n".join(
            each.read_text(errors="replace")[-3000:] for each in self.directory.glob("*.log")
        )


@asynccontextmanager
async def installed(
    directory: Path, *, roles: Sequence[str], environment: Mapping[str, str]
) -> AsyncGenerator[Served]:
    """Not started yet. `roles`: each in a process of its own; none: all in one."""
    addresses = [f"127.0.0.1:{free_port()}" for _ in roles or ("all",)]
    by_role = {
        role: f"http://{addresses[n % len(addresses)]}"
        for n, role in enumerate(roles or ("connectors",))
    }
    served = Served(
        directory=directory,
        environment={
            "ALLO_DATA_DIR": str(directory / "var"),
            "ALLO_SMTP_LISTEN": f"127.0.0.1:{free_port()}",
            **environment,
        },
        urls=by_role if roles else dict.fromkeys(("connectors", "inbox"), by_role["connectors"]),
        commands=[("--role", role) for role in roles] or [()],
        addresses=addresses,
    )
    try:
        yield served
    finally:
        await served.end()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _started() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)
