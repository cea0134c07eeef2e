"""What a platform is told when nothing can go on: come again, where it does; and it is kept, where it does not."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from connectors import webhook
from connectors.channel_log import ChannelLog
from connectors.connector import (
    Account,
    Answer,
    Capabilities,
    Connector,
    Incoming,
    NotDurable,
    Received,
    Request,
)
from connectors.errors import Unverified
from tests.conftest import NOON
from tests.events import a_message

KINDS = ("again", "never")


def receive(account: Account, request: Request) -> Received:
    match request.body:
        case b"forged":
            raise Unverified("forged")
        case b"handshake":
            return Received(answer=Answer(body=b"confirmed", headers={"X-Said": "so"}))
        case _:
            return Received(incoming=(Incoming(event=a_message(key=request.body.decode())),))


def a_channel(kind: str, **more: Any) -> Connector:
    return Connector(
        kind=kind,
        label=kind,
        icon=kind,
        identity=kind,
        hook="birds",
        fields=(),
        capabilities=Capabilities(),
        receive=receive,
        comes_again=kind == "again",
        **more,
    )


@dataclass
class World:
    """Accounts, intake, spool, counts and a log's sink in one."""

    trouble: BaseException | None = None
    hangs: bool = False
    full: bool = False
    paused: bool = False
    taken: list[str] = field(default_factory=list)
    kept: list[tuple[str, str, datetime]] = field(default_factory=list)
    refused_: list[tuple[str, int]] = field(default_factory=list)
    counted: list[str] = field(default_factory=list)

    def _account(self, slug: str) -> Account | None:
        return Account(id=UUID(int=1), kind=slug, slug=slug) if slug in KINDS else None

    def find(self, slug: str) -> Account | None:
        return None if self.paused else self._account(slug)

    async def look_up(self, slug: str) -> Account | None:
        assert not self.paused, "what rests is known, and the database may be away"
        return self.find(slug)

    def resting(self, slug: str) -> Account | None:
        return self._account(slug) if self.paused else None

    def of_kind(self, kind: str) -> Sequence[Account]:
        return []

    async def accept(self, account: Account, incoming: Sequence[Incoming]) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.trouble is not None:
            raise self.trouble
        self.taken += [each.event.key for each in incoming]

    async def keep(
        self, account: Account, incoming: Sequence[Incoming], *, received_at: datetime
    ) -> None:
        if self.full:
            raise NotDurable
        self.kept += [(account.slug, each.event.key, received_at) for each in incoming]

    def received(self, kind: str) -> None:
        self.counted.append(kind)

    def refused(self, kind: str, status: int) -> None:
        self.refused_.append((kind, status))

    def ignored(self, kind: str, reason: str) -> None:
        raise AssertionError(reason)

    def write(self, entry: object) -> None:
        return


@pytest.fixture
def world() -> World:
    return World()


Door = TestClient[web.Request, web.Application]


@pytest.fixture
async def door(world: World) -> AsyncGenerator[Door]:
    hooks = webhook.Webhooks(
        connectors={kind: a_channel(kind) for kind in KINDS},
        accounts=world,
        intake=world,
        now=lambda: NOON,
        counts=world,
        log=ChannelLog(world, lambda: NOON),
        spool=world,
        resting=world.resting,
    )
    app = web.Application()
    app.add_routes(hooks.routes())
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_while_all_is_well_nothing_is_kept(door: Door, world: World) -> None:
    for kind in KINDS:
        assert (await door.post(f"/hooks/birds/{kind}", data=b"x")).status == 200
    assert world.taken == ["x", "x"]
    assert world.kept == []


@pytest.mark.parametrize("trouble", [NotDurable("away"), OSError("no disk"), KeyError("ours")])
async def test_what_nobody_would_bring_again_is_kept(
    door: Door, world: World, trouble: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    world.trouble = trouble
    answer = await door.post("/hooks/birds/never", data=b"x")
    assert answer.status == 200
    assert world.kept == [("never", "x", NOON)]
    assert world.counted == ["never"]
    answer = await door.post("/hooks/birds/again", data=b"x")
    assert answer.status == (503 if isinstance(trouble, NotDurable) else 500)
    assert len(world.kept) == 1


async def test_a_broker_that_hangs_costs_no_call(
    door: Door, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "SPOOL_AFTER", 0.01)
    world.hangs = True
    assert (await door.post("/hooks/birds/never", data=b"x")).status == 200
    assert world.kept == [("never", "x", NOON)]


async def test_a_full_spool_is_told(door: Door, world: World) -> None:
    world.trouble, world.full = NotDurable("away"), True
    answer = await door.post("/hooks/birds/never", data=b"x")
    assert answer.status == 503
    assert answer.headers["Retry-After"] == webhook.RETRY_AFTER
    assert world.refused_ == [("never", 503)]


async def test_a_paused_channel_takes_nothing_and_loses_nothing(door: Door, world: World) -> None:
    world.paused = True
    answer = await door.post("/hooks/birds/again", data=b"x")
    assert answer.status == 503
    assert answer.headers["Retry-After"] == webhook.PAUSED_RETRY_AFTER
    assert (await door.post("/hooks/birds/never", data=b"x")).status == 200
    assert world.taken == []
    assert world.kept == [("never", "x", NOON)]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_paused_channel_still_proves_and_shakes_hands(
    door: Door, world: World, kind: str
) -> None:
    world.paused = True
    answer = await door.post(f"/hooks/birds/{kind}", data=b"handshake")
    assert (answer.status, await answer.text()) == (200, "confirmed")
    assert answer.headers["X-Said"] == "so"
    assert (await door.post(f"/hooks/birds/{kind}", data=b"forged")).status == 403
    assert world.kept == []


async def test_whoever_is_no_page_has_no_preflight(door: Door, world: World) -> None:
    assert (await door.options("/hooks/birds/never")).status == 405
