"""Replies on their way out while the platform is in trouble, on a real database and against the stand-in."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.outgoing import open_http
from connectors.registry import discover
from sandbox.telegram import Bot, Fault, Limits, Telegram
from storage.accounts import add_account
from storage.desk import Desk
from storage.engine import transaction
from storage.sealing import Sealer
from tests.conftest import NOON
from tests.events import a_message, a_person, accepted
from tests.installation import Installation
from workers import deliver
from workers.account_book import AccountBook
from workers.deliver import Deliverer

TOKEN = "100100:TEST"
SECRET = bytes(32)
CUSTOMERS = 25
REPLIES_EACH = 4
MINUTE = timedelta(minutes=1)


class NoFiles:
    async def put(self, content: bytes) -> str:
        raise AssertionError("nothing here has a file")

    async def get(self, sha256: str) -> bytes:
        raise KeyError(sha256)

    async def delete(self, sha256: str) -> None:
        raise AssertionError("nothing here has a file")


@dataclass
class Clock:
    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Shop:
    """A hundred replies of one manager are queued."""

    installation: Installation
    telegram: Telegram
    bot: Bot
    clock: Clock
    deliverer: Deliverer

    async def step(self) -> bool:
        """Time passes until the next reply is due, unless one is being sent; False when none is left."""
        await asyncio.sleep(0.02)
        (row,) = await self.installation.sql(
            # The first of each conversation: what stands behind it waits for it.
            "select count(*) filter (where state = 'sending' or claimed_until > :now) as busy,"
            " min(next_attempt_at) filter (where state = 'queued') as due, count(*) as left"
            " from (select distinct on (conversation_id) * from delivery where state in ('queued', 'sending')"
            "  order by conversation_id, id) as first",
            now=self.clock.at,
        )
        if not row.busy and row.due is not None and row.due > self.clock.at:
            self.clock.at = row.due
            self.deliverer.wake()
        return bool(row.left)


@pytest.fixture
async def shop(database: AsyncEngine) -> AsyncGenerator[Shop]:
    installation = await Installation(database).found()
    anna = await installation.hire("Anna")
    clock, connectors, sealer = Clock(), discover(), Sealer(SECRET)
    telegram = Telegram(now=time.time, tempo=0.01, limits=Limits())
    bot = telegram.add_bot(TOKEN, "shop_bot")
    async with telegram.running(), open_http() as http:
        async with transaction(database) as connection:
            account = await add_account(
                connection,
                kind="telegram",
                slug="shop",
                fields={"token": TOKEN, "webhook_secret": "s3cret", "api_base": telegram.url},
                secrets=connectors["telegram"].secrets,
                sealer=sealer,
                now=NOON,
                team_id=installation.team,
            )
        people = [a_person(700 + n) for n in range(CUSTOMERS)]
        for person in people:
            bot.writes(int(person.keys[0].value), "Здравствуйте")
        await installation.route(*(accepted(account, a_message(by=each)) for each in people))
        desk = Desk(database, now=clock, media=NoFiles())
        for row in await installation.sql("select id, chat from conversation"):
            for n in range(REPLIES_EACH):
                await desk.reply(UUID(str(row.id)), by=anna, text=f"{row.chat} №{n}")
        book = AccountBook(database, connectors=connectors, sealer=sealer, secret=SECRET)
        await book.load()
        deliverer = Deliverer(
            engine=database,
            connectors=connectors,
            accounts=book,
            media=NoFiles(),
            http=http,
            now=clock,
            holder="here",
        )
        async with running(deliverer):
            yield Shop(installation, telegram, bot, clock, deliverer)


@asynccontextmanager
async def running(deliverer: Deliverer) -> AsyncGenerator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(deliverer.run(stop))
        yield
        stop.set()


async def test_an_hour_of_trouble_in_the_middle_of_a_hundred_replies(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too fast, then out of order, then silent: each is delivered once, or said to be in doubt."""
    while len(shop.bot.sent) < 10:
        await shop.step()
    monkeypatch.setattr(deliver, "REQUEST_S", 2.0)
    began, wrong = shop.clock.at, shop.telegram.faults.waiting
    wrong += [
        Fault(kind="answer", status=429, parameters={"retry_after": 1}, times=3),
        Fault(kind="answer", status=500, times=-1),
    ]
    async with asyncio.timeout(100):
        while await shop.step():
            passed = shop.clock.at - began
            if passed >= 40 * MINUTE and wrong and wrong[-1].status == 500:
                wrong[:] = [
                    Fault(kind="hang_after", times=4),
                    Fault(kind="hang_before", times=4),
                    Fault(kind="answer", status=502, times=-1),
                ]
            elif passed >= 60 * MINUTE:
                wrong.clear()

    assert shop.clock.at >= began + 60 * MINUTE
    states = {
        row.text: row.state
        for row in await shop.installation.sql(
            "select text, state from message where direction = 'out'"
        )
    }
    arrived = Counter(each.text for each in shop.bot.sent)
    assert len(states) == CUSTOMERS * REPLIES_EACH
    assert set(states.values()) == {"sent", "unknown"}
    assert [text for text, times in arrived.items() if times > 1] == []
    assert [text for text, state in states.items() if state == "sent" and not arrived[text]] == []
    assert sum(state == "unknown" for state in states.values()) >= 8
    # Never faster than Telegram allows: it had to say no only where it was told to.
    assert shop.bot.meter.refused == 0
    for chat in {each.chat for each in shop.bot.sent}:
        said = [each.text for each in shop.bot.sent if each.chat == chat]
        assert said == sorted(said)
