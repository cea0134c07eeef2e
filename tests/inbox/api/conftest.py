"""An API on a database of its own, with a token of each scope."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy.ext.asyncio import AsyncEngine

from inbox.api.routes import api_routes
from inbox.channel_desk import ChannelDesk
from inbox.desk import Desk
from inbox.live_hub import LiveHub
from router.ids import new_id
from storage.api_tokens import keep_token
from storage.media import open_media
from storage.sealing import Sealer
from tests.builders import START
from tests.inbox.api.client import (
    ApiClient,
    Clock,
    Switch,
    ToldDeadLetterDesk,
    ToldDesk,
    ToldTemplates,
)
from tests.inbox.stage import Calls
from workers.webhook_desk import Webhooks


@asynccontextmanager
async def _no_facts() -> AsyncGenerator[AsyncIterator[bytes]]:
    async def none() -> AsyncIterator[bytes]:
        for body in list[bytes]():
            yield body

    yield none()


@pytest.fixture
async def api(database: AsyncEngine, tmp_path: Path) -> AsyncGenerator[ApiClient]:
    desk, letters, clock = ToldDesk(database), ToldDeadLetterDesk(), Clock()
    templates = ToldTemplates()
    switch = Switch(desk)
    calls = Calls()
    media = open_media(f"file://{tmp_path}/media")
    hub = LiveHub(listen=_no_facts)
    app = web.Application()
    app.add_routes(
        api_routes(
            engine=database,
            desk=cast("Desk", switch),
            dead_letters=letters,
            channels=cast("ChannelDesk", templates),
            media=media,
            hub=hub,
            telephone=calls,
            webhooks=Webhooks(engine=database, sealer=Sealer(b"s" * 32), now=clock),
            now=clock,
            version="1",
        )
    )
    tokens = {scope: f"allo_{scope}_{new_id().hex}" for scope in ("read", "write", "admin")}
    async with database.begin() as connection:
        for scope, token in tokens.items():
            await keep_token(
                connection, name=scope, token=token, scopes=[scope], created_by=None, now=START
            )
    async with TestClient(TestServer(app)) as http:
        yield ApiClient(
            http=http,
            engine=database,
            desk=desk,
            switch=switch,
            letters=letters,
            templates=templates,
            media=media,
            hub=hub,
            calls=calls,
            clock=clock,
            tokens=tokens,
        )
