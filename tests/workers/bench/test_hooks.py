"""What the benches send is what platforms send: taken, and an event each."""

import asyncio
import sys
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.registry import discover
from workers.bench import hooks, parse
from workers.bench.hooks import Called
from workers.bench.load import framed

COUNT = 25


def test_every_channel_that_receives_webhooks_is_measured() -> None:
    receiving = {kind for kind, channel in discover().items() if channel.receive is not None}
    assert receiving == set(hooks.kinds()), "workers/bench/hooks/ needs a module of each one's name"


@pytest.mark.parametrize("kind", hooks.kinds())
def test_each_request_is_taken_and_gives_an_event_of_its_own(kind: str) -> None:
    hook = hooks.hook_of(kind, COUNT)
    receive = discover()[kind].receive
    assert receive is not None
    assert hook.account.kind == kind
    keys = [
        [each.event.key for each in receive(hook.account, request).incoming]
        for request in parse.requests_of(hook)
    ]
    assert [len(each) for each in keys] == [1] * COUNT
    assert len({each[0] for each in keys}) == COUNT


@pytest.mark.parametrize("kind", hooks.kinds())
def test_parsing_is_measured(kind: str) -> None:
    series, floor = parse.measure(kind, count=COUNT, rounds=2)
    assert len(series.rates) == len(floor.rates) == 2


async def test_the_load_sends_the_requests_as_they_are() -> None:
    got: list[tuple[str, str, bytes]] = []

    async def take(request: web.Request) -> web.Response:
        got.append((request.path, request.headers["X-Who"], await request.read()))
        return web.Response(status=202, text="taken")

    app = web.Application()
    app.add_routes([web.post("/{any:.*}", take)])
    sent = [(f"/a/{n}", Called(body=b"\x00\n" * n, headers={"X-Who": str(n)})) for n in range(9)]
    async with TestServer(app) as server:
        load = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "workers.bench.load", str(server.port), "3"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        said, _ = await load.communicate(framed(sent))
    assert msgspec.json.decode(said)["answers"] == {"202": 9}
    assert sorted(got) == [(path, str(n), each.body) for n, (path, each) in enumerate(sent)]
