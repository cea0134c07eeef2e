"""The webhook door: who is let in, what a platform is told, and that a 2xx is a promise."""

import asyncio
import gzip
import socket
import threading
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from connectors import webhook
from connectors.channel_log import ChannelLog, Entry
from connectors.connector import (
    Account,
    Answer,
    Capabilities,
    Connector,
    Field,
    Incoming,
    NotDurable,
    Received,
    Request,
)
from connectors.errors import Malformed, ReceiveError, Unverified
from router.message import Chat, InboundMessage
from tests.conftest import NOON

ACCOUNT = Account(id=UUID(int=1), kind="parrot", slug="polly", fields={"secret": "cracker"})
MUTE = Account(id=UUID(int=2), kind="mute", slug="mute")
LIMIT = 100_000


def receive(account: Account, request: Request) -> Received:
    if "X-Secret" not in request.headers:
        raise Unverified("no secret", missing=True)
    if request.headers["x-secret"] != account["secret"]:
        raise Unverified(f"not {account['secret']}")
    if request.method == "GET":
        return Received(answer=Answer(body=request.query["challenge"].encode()))
    if request.body == b"odd":
        raise Malformed("odd")
    if request.body == b"other":
        raise ReceiveError("other")
    if request.body == b"bug":
        raise KeyError("a mistake of ours")
    if request.body == b"boring":
        return Received(ignored=("typing: somebody types",), answer=Answer(status=204))
    event = InboundMessage(
        key=request.path or "1",
        chat=Chat(id="7"),
        at=request.received_at,
        external_id="1",
        text=request.body.decode(),
        details={"thread": threading.get_ident()},
    )
    return Received(incoming=(Incoming(event=event),))


def a_channel(kind: str, **more: Any) -> Connector:
    return Connector(
        kind=kind,
        label=kind,
        icon=kind,
        identity=kind,
        fields=(Field(name="secret", label="Secret", secret=True),),
        capabilities=Capabilities(),
        **more,
    )


@dataclass
class World:
    """Accounts, intake, counts and a log's sink in one."""

    accepted: list[Incoming] = field(default_factory=list)
    counted: list[tuple[Any, ...]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    durable: bool = True
    gate: asyncio.Event | None = None

    async def look_up(self, slug: str) -> Account | None:
        return self.find(slug)

    def find(self, slug: str) -> Account | None:
        return {"polly": ACCOUNT, "mute": MUTE}.get(slug)

    def of_kind(self, kind: str) -> Sequence[Account]:
        return [each for each in (ACCOUNT, MUTE) if each.kind == kind]

    async def accept(self, account: Account, incoming: Sequence[Incoming]) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if not self.durable:
            raise NotDurable
        self.accepted.extend(incoming)

    def received(self, kind: str) -> None:
        self.counted.append(("received", kind))

    def refused(self, kind: str, status: int) -> None:
        self.counted.append(("refused", kind, status))

    def ignored(self, kind: str, reason: str) -> None:
        self.counted.append(("ignored", kind, reason))

    def write(self, entry: Entry) -> None:
        self.entries.append(entry)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def door(world: World) -> AsyncGenerator[TestClient[web.Request, web.Application]]:
    app = web.Application()
    parrot = a_channel("parrot", hook="birds", body_limit=LIMIT, receive=receive)
    hooks = webhook.Webhooks(
        connectors={"parrot": parrot, "mute": a_channel("mute", hook="birds")},
        accounts=world,
        intake=world,
        now=lambda: NOON,
        counts=world,
        log=ChannelLog(world, lambda: NOON),
    )
    app.add_routes(hooks.routes())
    async with TestClient(TestServer(app)) as client:
        yield client


Door = TestClient[web.Request, web.Application]
HELLO = {"X-Secret": "cracker"}


async def posted(
    door: Door, data: Any = b"hello", *, path: str = "/hooks/birds/polly", **more: Any
) -> int:
    async with door.post(path, data=data, **{"headers": HELLO} | more) as response:
        return response.status


async def test_an_event_is_accepted_and_counted(door: Door, world: World) -> None:
    assert await posted(door) == 200
    (incoming,) = world.accepted
    assert isinstance(incoming.event, InboundMessage)
    assert (incoming.event.text, incoming.event.at) == ("hello", NOON)
    assert world.counted == [("received", "parrot")]
    assert world.entries == []


async def test_the_answer_waits_until_the_event_is_durable(door: Door, world: World) -> None:
    world.gate = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        request = group.create_task(posted(door))
        await asyncio.sleep(0.05)
        assert not request.done()
        world.gate.set()
    assert request.result() == 200


async def test_what_is_not_durable_is_asked_for_again(door: Door, world: World) -> None:
    world.durable = False
    async with door.post("/hooks/birds/polly", data=b"x", headers=HELLO) as response:
        assert response.status == 503
        assert int(response.headers["Retry-After"]) > 0
    assert world.counted == [("refused", "parrot", 503)]


@pytest.mark.parametrize(
    ("headers", "data", "status"),
    [
        ({}, b"hello", 401),
        ({"X-Secret": "wrong"}, b"hello", 403),
        (HELLO, b"odd", 400),
        (HELLO, b"other", 400),
    ],
)
async def test_what_is_refused_never_reaches_the_intake(
    door: Door, world: World, headers: dict[str, str], data: bytes, status: int
) -> None:
    async with door.post("/hooks/birds/polly", data=data, headers=headers) as response:
        assert response.status == status
        assert await response.read() == b""
    assert world.accepted == []
    assert world.counted == [("refused", "parrot", status)]
    assert len(world.entries) == 1
    assert "cracker" not in world.entries[0].detail


@pytest.mark.parametrize(
    "path",
    ["/hooks/birds/nobody", "/hooks/fish/polly", "/hooks/birds/mute", "/hooks/birds/nobody/more"],
)
async def test_what_is_not_there_looks_the_same(door: Door, world: World, path: str) -> None:
    async with door.post(path, data=b"x", headers=HELLO) as response:
        assert (response.status, await response.read()) == (404, b"")
    assert world.accepted == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "PATCH"])
async def test_other_methods_are_not_allowed(door: Door, method: str) -> None:
    async with door.request(method, "/hooks/birds/polly", headers=HELLO) as response:
        assert response.status == 405
        assert response.headers["Allow"] == "GET, POST"


async def test_a_handshake_is_answered_by_the_channel(door: Door, world: World) -> None:
    async with door.get("/hooks/birds/polly?challenge=42", headers=HELLO) as response:
        assert (response.status, await response.text()) == (200, "42")
    assert world.accepted == []


async def test_what_follows_the_slug_is_the_channels(door: Door, world: World) -> None:
    assert await posted(door, path="/hooks/birds/polly/calls/in") == 200
    assert world.accepted[0].event.key == "calls/in"


async def test_what_is_of_no_interest_is_counted_by_name(door: Door, world: World) -> None:
    assert await posted(door, b"boring") == 204
    assert world.counted == [("ignored", "parrot", "typing")]


async def chunked(size: int) -> AsyncGenerator[bytes]:
    for _ in range(size // 10_000):
        yield b"x" * 10_000


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 10_000])
async def test_a_body_is_bounded_however_it_comes(door: Door, world: World, size: int) -> None:
    expected = 200 if size <= LIMIT else 413
    assert await posted(door, b"x" * size) == expected
    assert await posted(door, chunked(size)) == expected
    assert len(world.accepted) == (2 if expected == 200 else 0)


async def test_a_small_body_may_not_unpack_into_a_large_one(door: Door, world: World) -> None:
    headers = HELLO | {"Content-Encoding": "gzip"}
    assert await posted(door, gzip.compress(b"x" * 1000), headers=headers) == 200
    assert await posted(door, gzip.compress(b"x" * LIMIT * 50), headers=headers) in {400, 413}
    assert len(world.accepted) == 1


async def test_a_body_that_never_ends_is_not_waited_for(
    door: Door, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "BODY_DEADLINE", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(
        b"POST /hooks/birds/polly HTTP/1.1\r\nHost: x\r\nX-Secret: cracker\r\nContent-Length: 10\r\n\r\nabc"
    )
    status = await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert b"408" in status
    assert world.accepted == []


async def test_a_sender_who_goes_away_leaves_nothing_behind(door: Door, world: World) -> None:
    connection = socket.create_connection(("127.0.0.1", door.port or 0))
    connection.sendall(
        b"POST /hooks/birds/polly HTTP/1.1\r\nHost: x\r\nX-Secret: cracker\r\nContent-Length: 10\r\n\r\nabc"
    )
    connection.close()
    assert await posted(door) == 200
    assert [each.event.key for each in world.accepted] == ["1"]


async def test_a_mistake_of_ours_is_a_500_so_that_it_comes_again(
    door: Door, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    assert await posted(door, b"bug") == 500
    assert world.counted == [("refused", "parrot", 500)]
    assert "Error handling request" in caplog.text


async def test_a_large_body_is_read_in_a_thread_and_a_small_one_is_not(
    door: Door, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "BIG", 1000)
    for body in (b"x" * 999, b"x" * 1000):
        assert await posted(door, body) == 200
    small, large = (each.event for each in world.accepted)
    assert isinstance(small, InboundMessage)
    assert isinstance(large, InboundMessage)
    assert small.details["thread"] == threading.get_ident()
    assert large.details["thread"] != threading.get_ident()
    assert await posted(door, b"x" * 2000, headers={"X-Secret": "wrong"}) == 403


async def test_a_flood_of_forgeries_does_not_fill_the_log(door: Door, world: World) -> None:
    for _ in range(20):
        assert await posted(door, headers={"X-Secret": "wrong"}) == 403
    assert len(world.entries) == 1
    assert len(world.counted) == 20


async def test_headers_that_are_not_ascii_are_only_wrong(door: Door) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(
        b"POST /hooks/birds/polly HTTP/1.1\r\nHost: x\r\nX-Secret: \xd0\xb9\xff\r\nContent-Length: 1\r\n\r\nx"
    )
    status = await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert b" 403 " in status or b" 400 " in status
