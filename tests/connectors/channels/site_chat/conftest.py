"""A site chat that serves, and a visitor in it."""

from collections.abc import AsyncGenerator

import aiohttp
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.threads import Threads
from tests.doubles.site_chat import Chat, TableIntake, add_account
from tests.doubles.site_chat_browser import SITE, Browser, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def chat(database: AsyncEngine, clock: Clock) -> Chat:
    account = await add_account(
        database, title="Колодка", allowed_origins=f"{SITE} https://*.shop.example", ip_rate="0"
    )
    return Chat(engine=database, account=account, intake=TableIntake(database), now=clock)


@pytest.fixture
async def threads(chat: Chat) -> AsyncGenerator[Threads]:
    async with chat.serving() as threads:
        yield threads


@pytest.fixture
async def http(chat: Chat, threads: Threads) -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(base_url=f"http://127.0.0.1:{chat.port}") as session:
        yield session


@pytest.fixture
async def browser(http: aiohttp.ClientSession) -> Browser:
    return await Browser(http).begin()
