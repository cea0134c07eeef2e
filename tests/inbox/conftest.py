from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.inbox.browser import Browser
from tests.inbox.stage import PASSWORD, Stage, on_stage


@pytest.fixture
async def stage(database: AsyncEngine, tmp_path: Path) -> AsyncGenerator[Stage]:
    async with on_stage(database, tmp_path) as stage:
        yield stage


@pytest.fixture
async def browser(stage: Stage) -> AsyncGenerator[Any]:
    """browser() is somebody new; browser("Anna") is Anna, signed in."""
    async with AsyncExitStack() as open_ones:

        async def made(name: str = "", **headers: str) -> Browser:
            session = aiohttp.ClientSession(
                stage.url, cookie_jar=aiohttp.CookieJar(unsafe=True), headers=headers
            )
            await open_ones.enter_async_context(session)
            one = Browser(session)
            if name:
                answer = await one.sign_in(f"{name.lower()}@example.com", PASSWORD)
                assert answer.status == 303, answer.text
            return one

        yield made
