"""A shop on WhatsApp with everything real but Meta: webhooks over HTTP, PostgreSQL, the desk, the deliverer, the files.

Events go from the webhook straight into the router's transaction: the broker between them has tests of its own.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.channel_log import ChannelLog, Entry
from connectors.connector import Account, Incoming, NotDurable
from connectors.outgoing import open_http
from connectors.registry import discover
from connectors.webhook import Webhooks
from router.ids import new_id
from router.message import Accepted
from sandbox.whatsapp import Limits, Number, WhatsApp
from sandbox.whatsapp.world import Webhook
from storage.accounts import add_account
from storage.desk import Desk
from storage.engine import transaction
from storage.media import MediaStore, open_media
from storage.policies import Policies
from storage.sealing import Sealer
from storage.timers import settle_orphans
from tests.connectors.channels.whatsapp_world import NUMBER_ID, SECRET, TOKEN, VERIFY, WABA
from tests.installation import Installation
from tests.storage.routers import route_surely
from workers.account_book import AccountBook
from workers.deliver import Deliverer
from workers.fetch_media import MediaFetcher

ANNA = "79161234567"
KEY = b"k" * 32


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def seconds(self) -> float:
        return self.time.timestamp()

    def goes_on(self, **span: float) -> None:
        self.time += timedelta(**span)


@dataclass
class Counts:
    ignored_reasons: list[str]

    def received(self, kind: str) -> None: ...

    def refused(self, kind: str, status: int) -> None: ...

    def ignored(self, kind: str, reason: str) -> None:
        self.ignored_reasons.append(reason)


class Nowhere:
    def write(self, entry: Entry) -> None: ...


@dataclass
class StraightIn:
    engine: AsyncEngine
    clock: Clock
    policies: Policies
    refusals: int = 0
    """How many times still to say that nothing can be made durable."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Events of one chat are in one shard, and a shard is routed by one at a time."""

    async def accept(self, account: Account, incoming: Sequence[Incoming]) -> None:
        if self.refusals:
            self.refusals -= 1
            raise NotDurable
        batch = [
            Accepted(
                id=new_id(),
                account=account.id,
                channel=account.kind,
                received_at=self.clock(),
                event=each.event,
                raw=each.raw,
            )
            for each in incoming
        ]
        async with self.turn:
            await route_surely(self.engine, batch, policies=self.policies, now=self.clock())


@dataclass
class Shop:
    base: Installation
    whatsapp: WhatsApp
    number: Number
    desk: Desk
    clock: Clock
    deliverer: Deliverer
    fetcher: MediaFetcher
    media: MediaStore
    intake: StraightIn
    account: UUID

    async def one(self, statement: str, **values: Any) -> Any:
        return await self.base.one(statement, **values)

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        return await self.base.sql(statement, **values)

    async def all_came(self) -> None:
        """Meta has got rid of every webhook."""
        await until(lambda: not self.whatsapp.waiting)

    async def comes(self, statement: str, value: Any) -> None:
        """Waits until the first column of the only row is `value`.

        The timer looks meanwhile, as it does in a real installation, after transactions that did not see each other.
        """
        async with asyncio.timeout(10):
            while True:
                async with transaction(self.base.engine) as connection:
                    await settle_orphans(connection, policies=self.base.policies, now=self.clock())
                rows = await self.base.sql(statement)
                if rows and rows[0][0] == value:
                    return
                await asyncio.sleep(0.01)

    async def answers(self, text: str = "Добрый день", **more: Any) -> UUID:
        """In the only conversation."""
        conversation = (await self.one("select id from conversation")).id
        message = await self.desk.reply(conversation, by=None, text=text, **more)
        self.deliverer.wake()
        return message

    async def state(self, message: UUID) -> str:
        return str((await self.one("select state from message where id = :id", id=message)).state)


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.005)


@asynccontextmanager
async def a_shop(
    engine: AsyncEngine, folder: Path, *, limits: Limits | None = None, delivering: bool = True
) -> AsyncGenerator[Shop]:
    clock, sealer = Clock(), Sealer(KEY)
    base = await Installation(engine).found()
    await base.hire("Anna")
    whatsapp = WhatsApp(
        now=clock.seconds,
        token=TOKEN,
        app_secret=SECRET,
        tempo=0.01,
        limits=limits or Limits(number_rate=None, pair_rate=None),
    )
    number = whatsapp.add_number(NUMBER_ID)
    async with whatsapp.running(), open_http() as http:
        fields = {
            "phone_number_id": NUMBER_ID,
            "waba_id": WABA,
            "access_token": TOKEN,
            "app_secret": SECRET,
            "verify_token": VERIFY,
            "api_base": whatsapp.url,
        }
        async with transaction(engine) as connection:
            account = await add_account(
                connection,
                kind="whatsapp",
                slug="wa",
                fields=fields,
                secrets=discover()["whatsapp"].secrets,
                sealer=sealer,
                now=clock(),
                team_id=base.team,
            )
        book = AccountBook(engine, connectors=discover(), sealer=sealer, secret=KEY)
        await book.load()
        media = open_media(folder.as_uri())
        fetcher = MediaFetcher(
            engine=engine,
            connectors=discover(),
            accounts=book,
            media=media,
            http=http,
            now=clock,
        )
        deliverer = Deliverer(
            engine=engine,
            connectors=discover(),
            accounts=book,
            media=media,
            http=http,
            now=clock,
            holder="test",
        )
        intake = StraightIn(engine, clock, base.policies)
        webhooks = Webhooks(
            connectors=discover(),
            accounts=book,
            intake=intake,
            now=clock,
            counts=Counts([]),
            log=ChannelLog(Nowhere(), clock),
        )
        app = web.Application()
        app.add_routes(webhooks.routes())
        async with TestServer(app) as server:
            number.webhook = Webhook(str(server.make_url("/hooks/whatsapp/wa")), VERIFY)
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                if delivering:
                    group.create_task(deliverer.run(stop))
                    group.create_task(fetcher.run(stop))
                desk = Desk(engine, now=clock, media=media)
                yield Shop(
                    base=base,
                    whatsapp=whatsapp,
                    number=number,
                    desk=desk,
                    clock=clock,
                    deliverer=deliverer,
                    fetcher=fetcher,
                    media=media,
                    intake=intake,
                    account=account,
                )
                stop.set()
                deliverer.wake()
                fetcher.wake()
