"""The bench's platform: it sends on time whatever the server does, and takes no refusal for an answer."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import islice

import pytest
from aiohttp import web

from workers.bench.open_loop import Platform
from workers.bench.people import updates

PATH = "/hooks/telegram/bench"


@asynccontextmanager
async def a_server(*, status: int = 200, wait_for: int = 1) -> AsyncGenerator[Platform]:
    """Answers nobody before so many have asked at once."""
    asked, enough = 0, asyncio.Event()

    async def handle(request: web.Request) -> web.Response:
        nonlocal asked
        await request.json()
        asked += 1
        if asked == wait_for:
            enough.set()
        await enough.wait()
        return web.Response(status=status, text="so be it")

    app = web.Application()
    app.router.add_post(PATH, handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    platform = Platform(port=runner.addresses[0][1], path=PATH)
    try:
        yield platform
    finally:
        await platform.close()
        await runner.cleanup()


async def test_it_goes_on_sending_while_nothing_is_answered() -> None:
    people = list(islice(updates(100), 20))
    async with a_server(wait_for=20) as platform, asyncio.timeout(20):
        sent = await platform.send(people, rate=500)
    assert len(sent.at) == len(sent.answered) == len(sent.late) == 20
    assert max(sent.at.values()) < min(sent.answered.values())
    assert list(sent.at) == [
        f"{each['message']['chat']['id']}:{each['message']['message_id']}"  # type: ignore[index]
        for each in people
    ]


async def test_connections_are_used_again() -> None:
    async with a_server() as platform, asyncio.timeout(20):
        for each in islice(updates(100), 10):
            await platform.send([each], rate=1000)
        assert len(platform._free) == 1


async def test_a_refusal_ends_the_bench() -> None:
    async with a_server(status=503) as platform:
        with pytest.raises(ExceptionGroup) as refused:
            await platform.send(list(islice(updates(100), 1)), rate=100)
    assert "503" in str(refused.value.exceptions[0])
