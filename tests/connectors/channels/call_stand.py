"""Our webhook door, for the stand-ins of exchanges to tell their calls to; and a clock that goes when it is told to."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.channel_log import ChannelLog, Entry
from connectors.connector import Account, Caller, Fetched, Incoming, Request
from connectors.registry import discover
from connectors.webhook import Webhooks
from router.message import CallReported
from tests.connectors.channels.calls_world import AT


@dataclass
class Clock:
    at: float = float(AT)

    def __call__(self) -> float:
        return self.at

    def go(self, seconds: float) -> None:
        self.at += seconds


@dataclass
class Door:
    """`url` is /hooks/telephony/shop; `account` may be given late, because the stand-in's address is in it."""

    clock: Clock
    account: Account | None = None
    url: str = ""
    events: list[CallReported] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    log: list[Entry] = field(default_factory=list)

    def find(self, slug: str) -> Account | None:
        return self.account if slug == "shop" else None

    async def look_up(self, slug: str) -> Account | None:
        return self.find(slug)

    def of_kind(self, kind: str) -> Sequence[Account]:
        return []

    async def accept(self, account: Account, incoming: Sequence[Incoming]) -> None:
        for each in incoming:
            assert isinstance(each.event, CallReported)
            self.events.append(each.event)

    def write(self, entry: Entry) -> None:
        self.log.append(entry)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.at, UTC)


class _Counts:
    def __init__(self, door: Door) -> None:
        self._door = door

    def received(self, kind: str) -> None:
        """What came is in `Door.events`."""

    def refused(self, kind: str, status: int) -> None:
        self._door.refused.append(status)

    def ignored(self, kind: str, reason: str) -> None:
        self._door.ignored.append(reason)


@asynccontextmanager
async def a_door(clock: Clock, *extra: web.RouteDef) -> AsyncGenerator[Door]:
    door = Door(clock)
    webhooks = Webhooks(
        connectors=discover(),
        accounts=door,
        intake=door,
        now=door.now,
        counts=_Counts(door),
        log=ChannelLog(sink=door, now=door.now),
    )
    app = web.Application()
    app.add_routes([*webhooks.routes(), *extra])
    async with TestServer(app, host="127.0.0.1") as server:
        door.url = str(server.make_url("/hooks/telephony/shop"))
        yield door


def who_asks(account: Account, caller: Caller | None) -> web.RouteDef:
    """A door at /asked that looks nothing up: everybody is `caller`."""

    async def answer(request: web.Request) -> web.Response:
        receive = discover()[account.kind].receive
        assert receive is not None
        told = receive(
            account,
            Request(
                method=request.method,
                headers=request.headers,
                body=await request.read(),
                query=request.query,
                path=request.match_info["path"],
                received_at=datetime.fromtimestamp(AT, UTC),
            ),
        )
        said = told.answer if told.enquiry is None else told.enquiry.answer(caller)
        return web.Response(
            status=said.status, body=said.body, headers={"Content-Type": said.content_type}
        )

    return web.route("*", "/asked{path:.*}", answer)


async def all_of(fetched: Fetched) -> bytes:
    return b"".join([piece async for piece in fetched.chunks])
