"""What every role stands on: the database (our own or theirs), its schema, the broker, media, accounts."""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import aiohttp
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.outgoing import open_http
from connectors.registry import discover
from router.ids import new_id
from storage.embedded import embedded_server
from storage.engine import migrate, open_engine, transaction
from storage.inheritance import inherit
from storage.media import MediaStore, open_media
from storage.queue import PostgresBroker
from storage.sealing import Sealer
from workers.account_book import AccountBook
from workers.broker import Broker
from workers.clock import Clock, utc_now
from workers.ear import Ear
from workers.founding import FirstAdministrator
from workers.settings import Settings
from workers.topology import ATTEMPTS, DEAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """What every role stands on."""

    settings: Settings
    engine: AsyncEngine
    broker: Broker
    media: MediaStore
    sealer: Sealer
    accounts: AccountBook
    http: aiohttp.ClientSession
    ear: Ear
    holder: str


class Found(Protocol):
    async def __call__(
        self, engine: AsyncEngine, *, settings: Settings, now: Clock
    ) -> FirstAdministrator | None:
        """What there must be before anything starts; whoever is returned is shown their password."""


@asynccontextmanager
async def database(settings: Settings) -> AsyncGenerator[str]:
    if not settings.embedded:
        yield settings.database_url
        return
    async with embedded_server(settings.postgres_dir) as server, asyncio.TaskGroup() as group:
        # When the server dies under us, so do we: the next start brings both back.
        watch = group.create_task(server.watch())
        try:
            yield server.url
        finally:
            watch.cancel()


@asynccontextmanager
async def foundation(settings: Settings, url: str, found: Found) -> AsyncGenerator[Foundation]:
    engine = open_engine(url, pool_size=12)
    try:
        await migrate(engine)
        if settings.embedded:
            async with transaction(engine) as connection:
                await inherit(connection, now=utc_now())
        first = await found(engine, settings=settings, now=utc_now)
        if first is not None:
            # On stdout and nowhere else: the password is kept by nobody.
            print(  # noqa: T201
                f"\n  The first administrator: {first.email}\n  One-time password:       {first.password}\n",
                flush=True,
            )
        print(f"  Allo is at {settings.base_url}\n", flush=True)  # noqa: T201
        sealer = Sealer(settings.secret)
        async with AsyncExitStack() as stack:
            broker = await stack.enter_async_context(_broker(settings, engine))
            accounts = AccountBook(
                engine, connectors=discover(), sealer=sealer, secret=settings.secret
            )
            await accounts.load()
            yield Foundation(
                settings=settings,
                engine=engine,
                broker=broker,
                media=open_media(settings.media_location),
                sealer=sealer,
                accounts=accounts,
                http=await stack.enter_async_context(open_http()),
                ear=Ear(broker),
                holder=f"{socket.gethostname()}:{os.getpid()}:{new_id().hex[-8:]}",
            )
    finally:
        await engine.dispose()


@asynccontextmanager
async def _broker(settings: Settings, engine: AsyncEngine) -> AsyncGenerator[Broker]:
    if settings.broker_url:
        from workers.rabbitmq import RabbitBroker  # noqa: PLC0415  # of no use in the other mode

        async with RabbitBroker(settings.broker_url, prefix=settings.broker_prefix) as broker:
            yield broker
    else:
        async with PostgresBroker(engine, dead=DEAD, attempts=ATTEMPTS) as embedded:
            yield embedded
