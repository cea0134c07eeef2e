"""Real `allo` processes, seen through the doors that everybody uses: the command line, HTTP, SMTP.

    place = Place(directory, …)                     one installation: settings that all its processes share
    async with place.process("router") as router:   one process with its own address and log
        await router.ready()
        await router.kill()                         -9: no goodbye
        await router.start()
    async with api_of(inbox, token=await place.token()) as api:

A process that ends by itself fails whatever waits for it, with the end of its log.
"""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import aiohttp

T = TypeVar("T")

PASSWORD: Final = "correct horse battery"
STARTS_WITHIN: Final = 60.0
"""A first start makes a database; on a busy machine that takes a while."""
STOPS_WITHIN: Final = 30.0
LOG_SHOWN: Final = 6000
"""Characters of a log in a failure."""

_given: set[int] = set()


def free_port() -> int:
    """One that nobody listens on, and that this run has not given away before."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port


async def eventually(
    probe: Callable[[], Awaitable[T]], *, within: float = 30.0, every: float = 0.05
) -> T:
    """The first true answer. Fails with the last one, or with the assertion that failed last."""
    last: object = None
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            last = answer = await probe()
            if answer:
                return answer
        except (AssertionError, OSError, aiohttp.ClientError, TimeoutError) as error:
            last = error
        await asyncio.sleep(every)
    raise AssertionError(f"not within {within} s; last: {last!r}") from (
        last if isinstance(last, BaseException) else None
    )


@dataclass(frozen=True, slots=True)
class Said:
    status: int
    out: str
    err: str


class Place:
    """One installation. What is given in `environment` goes to all its processes and commands."""

    def __init__(self, directory: Path, **environment: str) -> None:
        self.directory = directory
        self.front = f"127.0.0.1:{free_port()}"
        """Where platforms, visitors and mail servers come: the process of the connectors."""
        self.smtp = f"127.0.0.1:{free_port()}"
        self.environment = {
            "ALLO_DATA_DIR": str(directory / "var"),
            "ALLO_PUBLIC_URL": f"http://{self.front}",
            **environment,
        }

    def settings(self, **more: str) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if not name.startswith("ALLO_")}
        return ours | self.environment | more

    async def cli(self, *arguments: str, stdin: str = "", check: bool = True) -> Said:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "workers", *arguments),
            env=self.settings(),
            cwd=_REPOSITORY,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(90):
            out, err = await process.communicate(stdin.encode())
        said = Said(process.returncode or 0, out.decode(), err.decode())
        if check and said.status:
            raise AssertionError(f"allo {' '.join(arguments)}: {said.status}\n{said.err[-2000:]}")
        return said

    async def token(self) -> str:
        made = await self.cli("token", "create", "--name", "journey", "--scope", "admin", "--json")
        token: str = json.loads(made.out)["token"]
        return token

    async def add_user(self, email: str, *, name: str, role: str = "manager") -> None:
        await self.cli(
            *("user", "add", email, "--role", role, "--name", name, "--password-stdin"),
            stdin=f"{PASSWORD}\n",
        )

    async def add_channel(self, kind: str, slug: str, **fields: str) -> None:
        pairs = [part for name, value in fields.items() for part in ("--set", f"{name}={value}")]
        await self.cli("channel", "add", kind, slug, *pairs)

    @asynccontextmanager
    async def process(self, *roles: str, **environment: str) -> AsyncGenerator["Process"]:
        """Started on entering; what fails meanwhile is shown the end of its log; stopped on leaving."""
        name = "-".join(roles) or "allo"
        in_front = not roles or "connectors" in roles
        address = self.front if in_front else f"127.0.0.1:{free_port()}"
        listen = {"ALLO_HTTP": address, "ALLO_SMTP_LISTEN": self.smtp if in_front else "off"}
        process = Process(
            name=name,
            arguments=("serve", *(("--role", ",".join(roles)) if roles else ())),
            environment=self.settings(**listen, **environment),
            url=f"http://{address}",
            log=self.directory / f"{name}-{address.rpartition(':')[2]}.log",
        )
        try:
            await process.start()
            yield process
        except BaseException as failure:
            failure.add_note(process.last_words())
            # What is broken already may not stop in order, and would hide why.
            await process.kill()
            raise
        finally:
            await process.stop()


@dataclass(kw_only=True)
class Process:
    """One `allo serve`. `url` stays the same over restarts, as `log` does."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    url: str
    log: Path
    running: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.running = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "workers", *self.arguments),
                env=dict(self.environment),
                cwd=_REPOSITORY,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Its own group, so that whatever ends the tests' does not end it before it is asked to.
                start_new_session=True,
            )

    async def ready(self, *, within: float = STARTS_WITHIN) -> "Process":
        """Once /readyz says so."""
        async with aiohttp.ClientSession() as http:

            async def probe() -> bool:
                self.must_run()
                timeout = aiohttp.ClientTimeout(total=5)
                async with http.get(f"{self.url}/readyz", timeout=timeout) as answer:
                    return answer.status == 200

            await eventually(probe, within=within)
        return self

    async def kill(self) -> None:
        """As the kernel does when memory is short, or as a cable that is pulled."""
        if self.running is not None and self.running.returncode is None:
            self.running.kill()
            await self.running.wait()

    async def restart(self) -> None:
        await self.kill()
        await self.start()

    async def stop(self) -> int:
        """As an administrator does. Its exit status."""
        if self.running is None:
            return 0
        if self.running.returncode is None:
            self.running.send_signal(signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(STOPS_WITHIN):
                    return await self.running.wait()
            self.running.kill()
            await self.running.wait()
            raise AssertionError(f"{self.name} did not stop in {STOPS_WITHIN} s{self.last_words()}")
        return self.running.returncode

    def must_run(self) -> None:
        """Raises RuntimeError when it ended by itself."""
        if self.running is not None and self.running.returncode is not None:
            raise RuntimeError(
                f"{self.name} ended with {self.running.returncode}{self.last_words()}"
            )

    def last_words(self) -> str:
        said = self.log.read_text(errors="replace") if self.log.exists() else ""
        return f"\n--- the log of {self.name} ends with ---\n{said[-LOG_SHOWN:]}"

    def lines(self, event: str) -> list[str]:
        """What its log says about one kind of event."""
        said = self.log.read_text(errors="replace") if self.log.exists() else ""
        return [line for line in said.splitlines() if f" {event} " in f"{line} "]


@dataclass(kw_only=True)
class Api:
    """The REST API of a process, as another program uses it."""

    url: str
    token: str
    http: aiohttp.ClientSession

    async def send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        async with self.http.request(
            method,
            f"{self.url}/api/v1{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.token}", **(headers or {})},
            timeout=aiohttp.ClientTimeout(total=30),
        ) as answer:
            said = await answer.read()
            return answer.status, json.loads(said) if said else None

    async def get(self, path: str) -> Any:
        status, said = await self.send("GET", path)
        assert status == 200, f"GET {path}: {status} {said}"
        return said

    async def post(self, path: str, body: Any = None, *, key: str = "") -> Any:
        """`key`: the Idempotency-Key."""
        headers = {"Idempotency-Key": key} if key else None
        status, said = await self.send("POST", path, body, headers)
        assert status in {200, 201, 204}, f"POST {path}: {status} {said}"
        return said

    async def all(self, path: str) -> list[dict[str, Any]]:
        """Every item, over all the pages."""
        items: list[dict[str, Any]] = []
        cursor = None
        joint = "&" if "?" in path else "?"
        while True:
            page = await self.get(
                f"{path}{joint}limit=500" + (f"&cursor={cursor}" if cursor else "")
            )
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items


@asynccontextmanager
async def api_of(process: Process, *, token: str) -> AsyncGenerator[Api]:
    async with aiohttp.ClientSession() as http:
        yield Api(url=process.url, token=token, http=http)


@dataclass
class Feed:
    """What /api/v1/events/stream tells, resumed by Last-Event-ID whenever it breaks."""

    events: list[dict[str, Any]] = field(default_factory=list)
    resumed: int = 0
    live: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the stream is open: what happens from then on is told."""

    async def follow(self, process: Process, *, token: str, after: int | None = None) -> None:
        """Until it is cancelled."""
        last = after
        async with aiohttp.ClientSession() as http:
            while True:
                headers = {"Authorization": f"Bearer {token}"}
                if last is not None:
                    headers["Last-Event-ID"] = str(last)
                with suppress(aiohttp.ClientError, OSError):
                    async with http.get(
                        f"{process.url}/api/v1/events/stream",
                        headers=headers,
                        timeout=aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=60),
                    ) as answer:
                        if answer.status == 200:
                            self.live.set()
                            async for line in answer.content:
                                if line.startswith(b"data: "):
                                    event = json.loads(line[6:])
                                    self.events.append(event)
                                    last = event["position"]
                self.resumed += 1
                await asyncio.sleep(0.2)

    def told(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.events if each["type"] == kind]


@asynccontextmanager
async def following(
    process: Process, *, token: str, after: int | None = None
) -> AsyncGenerator[Feed]:
    feed = Feed()
    reading = asyncio.ensure_future(feed.follow(process, token=token, after=after))
    try:
        async with asyncio.timeout(20):
            await feed.live.wait()
        yield feed
    finally:
        reading.cancel()
        await asyncio.wait((reading,))


_REPOSITORY: Final = Path(__file__).parents[2]
