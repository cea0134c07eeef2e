"""Telegram's pushes all the way to the intake: in order per chat, once, whatever happens on the way."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.channel_log import ChannelLog, Entry
from connectors.channels.telegram import connector
from connectors.connector import Account, Incoming, NotDurable
from connectors.webhook import Webhooks
from router.message import InboundMessage
from tests.connectors.channels.telegram_stand import ANNA, Stand, a_stand
from tests.connectors.channels.telegram_world import NOON


@dataclass
class Edge:
    """Stores by key, as the router does; `failures` requests are turned away first, `lies` after they were stored."""

    account: Account
    failures: int = 0
    lies: int = 0
    stored: dict[str, InboundMessage] = field(default_factory=dict)
    repeats: int = 0
    statuses: list[int] = field(default_factory=list)

    async def look_up(self, slug: str) -> Account | None:
        return self.find(slug)

    def find(self, slug: str) -> Account | None:
        return self.account if slug == self.account.slug else None

    def of_kind(self, kind: str) -> Sequence[Account]:
        return [self.account]

    async def accept(self, account: Account, incoming: Sequence[Incoming]) -> None:
        if self.failures:
            self.failures -= 1
            raise NotDurable
        for each in incoming:
            assert isinstance(each.event, InboundMessage)
            self.repeats += each.event.key in self.stored
            self.stored.setdefault(each.event.key, each.event)
        if self.lies:
            self.lies -= 1
            raise NotDurable

    def received(self, kind: str) -> None: ...

    def refused(self, kind: str, status: int) -> None:
        self.statuses.append(status)

    def ignored(self, kind: str, reason: str) -> None: ...

    def write(self, entry: Entry) -> None: ...


@asynccontextmanager
async def a_door(stand: Stand, **trouble: Any) -> AsyncGenerator[Edge]:
    edge = Edge(stand.account, **trouble)
    hooks = Webhooks(
        connectors={"telegram": connector},
        accounts=edge,
        intake=edge,
        now=lambda: NOON,
        counts=edge,
        log=ChannelLog(edge, lambda: NOON),
    )
    app = web.Application()
    app.add_routes(hooks.routes())
    async with TestServer(app) as server:
        assert connector.connect is not None
        url = str(server.make_url("/hooks/telegram/shop"))
        (finding,) = await connector.connect(stand.account, stand.http, webhook_url=url)
        assert finding.level == "ok"
        yield edge


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.005)


async def test_everything_arrives_once_and_in_order_through_a_bad_hour() -> None:
    async with a_stand(mode="webhook") as stand:
        for number in range(60):
            stand.bot.writes(ANNA + number % 3, str(number))
        async with a_door(stand, failures=7, lies=5) as edge:
            await until(lambda: not stand.bot.pending)
    texts = [event.text for event in edge.stored.values()]
    assert len(texts) == 61
    for person in range(3):
        own = [text for text in texts if text.isdecimal() and int(text) % 3 == person]
        assert own == sorted(own, key=int)
    assert edge.repeats == 5
    assert edge.statuses == [503] * 12


async def test_a_stranger_who_knows_the_address_gets_nowhere() -> None:
    async with a_stand(mode="webhook") as stand, a_door(stand) as edge:
        await until(lambda: not stand.bot.pending)
        assert stand.bot.webhook is not None
        stand.bot.webhook.secret = "guessed"
        stand.bot.writes(ANNA, "forged")
        await until(lambda: edge.statuses)
        stand.bot.pending.clear()
    assert set(edge.statuses) == {403}
    assert "forged" not in [event.text for event in edge.stored.values()]
