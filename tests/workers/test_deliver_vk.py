"""Replies to VK while it is in trouble, and shows each of them to us as well: delivered once, shown once."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import aiohttp
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.channels.vk import library
from connectors.connector import Account
from connectors.outgoing import open_http
from connectors.registry import discover
from sandbox.vk import VK, Community, Fault
from sandbox.vk.methods import KINDS
from storage.accounts import add_account
from storage.desk import Desk
from storage.engine import transaction
from storage.sealing import Sealer
from tests.conftest import NOON
from tests.doubles.site_chat import MemoryMedia
from tests.events import accepted
from tests.installation import Installation
from workers.account_book import AccountBook
from workers.deliver import Deliverer

GROUP = 222
TOKEN = "vk1.a.TEST"
SECRET = bytes(32)
CUSTOMERS = 8
REPLIES_EACH = 3


class Shop:
    """A manager answers in VK; what VK tells is routed as it comes."""

    def __init__(self, installation: Installation, vk: VK, community: Community) -> None:
        self.installation = installation
        self.vk = vk
        self.community = community
        self.at = NOON
        self.placed = asyncio.Event()
        """Long Poll knows from where on to ask: what was written before is not told."""

    def now(self) -> datetime:
        return self.at

    async def open(self, http: aiohttp.ClientSession) -> Deliverer:
        connectors, sealer = discover(), Sealer(SECRET)
        engine = self.installation.engine
        fields = {"group_id": str(GROUP), "access_token": TOKEN, "mode": "longpoll"}
        async with transaction(engine) as connection:
            account = await add_account(
                connection,
                kind="vk",
                slug="shop",
                fields=fields | {"api_base": self.vk.url},
                secrets=connectors["vk"].secrets,
                sealer=sealer,
                now=NOON,
                team_id=self.installation.team,
            )
        book = AccountBook(engine, connectors=connectors, sealer=sealer, secret=SECRET)
        await book.load()
        found = book.by_id(account)
        assert found is not None
        self.account: Account = found
        return Deliverer(
            engine=engine,
            connectors=connectors,
            accounts=book,
            media=MemoryMedia(),
            http=http,
            now=self.now,
            holder="here",
        )

    async def listen(self, http: aiohttp.ClientSession) -> None:
        """Routes what VK tells, until it is cancelled."""
        poll = discover()["vk"].poll
        assert poll is not None
        cursor = ""
        while True:
            polled = await poll(self.account, cursor, http)
            cursor = polled.cursor
            self.placed.set()
            if polled.incoming:
                events = [
                    accepted(self.account.id, each.event, channel="vk") for each in polled.incoming
                ]
                await self.installation.route(*events)

    async def answer_everybody(self, manager: UUID) -> None:
        desk = Desk(self.installation.engine, now=self.now, media=MemoryMedia())
        for row in await self.installation.sql("select id, chat from conversation"):
            for n in range(REPLIES_EACH):
                await desk.reply(UUID(str(row.id)), by=manager, text=f"{row.chat} №{n}")

    async def until_everything_is_settled(self, deliverer: Deliverer) -> None:
        async with asyncio.timeout(100):
            while True:
                (row,) = await self.installation.sql(
                    "select count(*) filter (where state = 'sending' or claimed_until > :now) as busy, count(*) as left,"
                    " min(next_attempt_at) filter (where state = 'queued') as due"
                    " from (select distinct on (conversation_id) * from delivery where state in ('queued', 'sending')"
                    "  order by conversation_id, id) as first",
                    now=self.at,
                )
                if not row.left:
                    return
                if not row.busy and row.due is not None and row.due > self.at:
                    self.at = row.due
                    deliverer.wake()
                await asyncio.sleep(0.02)


@pytest.fixture
async def shop(database: AsyncEngine) -> AsyncGenerator[Shop]:
    vk = VK(now=time.time, tempo=0.01)
    community = vk.add_community(GROUP, TOKEN)
    community.polling = True
    community.polled |= set(KINDS)
    installation = await Installation(database).found()
    async with vk.running():
        yield Shop(installation, vk, community)


@asynccontextmanager
async def at_work(
    shop: Shop, deliverer: Deliverer, http: aiohttp.ClientSession
) -> AsyncGenerator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(shop.listen(http))
        group.create_task(deliverer.run(stop))
        yield
        stop.set()
        listening.cancel()


async def messages(shop: Shop, direction: str) -> list[tuple[str, str]]:
    rows = await shop.installation.sql(
        "select text, state from message where direction = :direction", direction=direction
    )
    return sorted((row.text, row.state) for row in rows)


async def until_there(shop: Shop, direction: str, count: int) -> None:
    async with asyncio.timeout(20):
        while len(await messages(shop, direction)) < count:  # noqa: ASYNC110  # the database tells nobody
            await asyncio.sleep(0.02)


async def until_routed(shop: Shop) -> None:
    """Everything that VK told, all kinds of which are events."""
    async with asyncio.timeout(20):
        routed = 0
        while routed < len(shop.community.log):
            await asyncio.sleep(0.02)
            routed = (await shop.installation.one("select count(*) as n from inbound_event")).n


async def test_every_reply_arrives_once_and_is_shown_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "ANSWER_S", 0.5)
    anna = await shop.installation.hire("Anna")
    async with open_http() as http:
        deliverer = await shop.open(http)
        async with at_work(shop, deliverer, http):
            await shop.placed.wait()
            for n in range(CUSTOMERS):
                shop.community.writes(700 + n, "Здравствуйте")
            await until_there(shop, "in", CUSTOMERS)
            shop.vk.go_wrong(
                Fault(kind="error", code=6, method="messages.send", times=2),
                Fault(kind="drop_after", method="messages.send", times=3),
                Fault(kind="hang_after", method="messages.send", times=2),
                Fault(kind="error", code=10, method="messages.send", times=2),
                Fault(kind="status", status=502, method="messages.send", times=2),
                # The echo overtakes the answer.
                Fault(kind="late", method="messages.send", times=6, seconds=0.2),
            )
            await shop.answer_everybody(anna)
            await shop.until_everything_is_settled(deliverer)
            # The last echoes are on their way.
            await until_routed(shop)

    wanted = sorted(
        f"{700 + n} №{reply}" for n in range(CUSTOMERS) for reply in range(REPLIES_EACH)
    )
    assert sorted(each.text for each in shop.community.sent) == wanted
    assert await messages(shop, "out") == [(text, "sent") for text in wanted]
    for n in range(CUSTOMERS):
        said = [each.text for each in shop.community.sent if each.peer == 700 + n]
        assert said == sorted(said)
    # Never faster than VK allows: it said no only where it was told to.
    assert (shop.community.meter.refused, shop.community.meter.most <= 20) == (0, True)
