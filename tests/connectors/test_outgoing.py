"""The one HTTP client: what surely was not sent, what may have been, and where it never goes."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from connectors.errors import OutcomeUnknown, Unreachable
from connectors.outgoing import exchange, is_public, open_guarded_http, open_http

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncGenerator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


async def test_an_answer_is_given_back_whatever_its_status() -> None:
    async def teapot(request: web.Request) -> web.Response:
        return web.Response(status=418, text=await request.text())

    async with serving(teapot) as url, open_http() as http:
        reply = await exchange(http, "POST", url, data=b"tea")
    assert (reply.status, reply.body) == (418, b"tea")


async def test_a_refused_connection_was_surely_not_sent() -> None:
    async with open_http() as http:
        with pytest.raises(Unreachable, match="does not accept"):
            await exchange(http, "POST", f"http://127.0.0.1:{unused_port()}/bot1:SECRET/x")


async def test_an_error_never_repeats_the_address() -> None:
    async with open_http() as http:
        with pytest.raises(Unreachable) as caught:
            await exchange(http, "POST", f"http://127.0.0.1:{unused_port()}/bot1:SECRET/x")
    assert "SECRET" not in str(caught.value)


async def test_silence_after_the_request_leaves_the_outcome_unknown() -> None:
    async def silent(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with serving(silent) as url, open_http() as http:
        with pytest.raises(OutcomeUnknown, match="in time"):
            await exchange(http, "POST", url, data=b"x", timeout=0.2)


async def test_a_dropped_connection_after_the_request_leaves_the_outcome_unknown() -> None:
    async def dropping(request: web.Request) -> web.Response:
        await request.read()
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async with serving(dropping) as url, open_http() as http:
        with pytest.raises(OutcomeUnknown):
            await exchange(http, "POST", url, data=b"x")


async def test_waiting_for_a_free_connection_is_not_sending() -> None:
    async def silent(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with serving(silent) as url, open_http() as http:
        assert http.connector is not None
        http.connector._limit_per_host = 1
        async with asyncio.TaskGroup() as group:
            first = group.create_task(_kind_of_failure(exchange(http, "POST", url, timeout=0.6)))
            await asyncio.sleep(0.05)
            second = group.create_task(_kind_of_failure(exchange(http, "POST", url, timeout=0.2)))
    assert (first.result(), second.result()) == (OutcomeUnknown, Unreachable)


async def _kind_of_failure(attempt: Awaitable[object]) -> type[BaseException] | None:
    try:
        await attempt
    except (Unreachable, OutcomeUnknown) as error:
        return type(error)
    return None


async def test_an_endless_answer_is_cut_off() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(64):
            await response.write(b"x" * 65536)
        return response

    async with serving(endless) as url, open_http() as http:
        with pytest.raises(OutcomeUnknown, match="too long"):
            await exchange(http, "GET", url, limit=1 << 20)


async def test_redirects_are_not_followed() -> None:
    async def away(request: web.Request) -> web.Response:
        raise web.HTTPFound("http://example.com/")

    async with serving(away) as url, open_http() as http:
        assert (await exchange(http, "POST", url)).status == 302


async def test_customers_cannot_point_us_into_a_private_network() -> None:
    async def inside(request: web.Request) -> web.Response:
        return web.Response(text="the router's password")

    async with serving(inside) as url, open_guarded_http() as http:
        by_name = url.replace("127.0.0.1", "localhost")
        for address in (url, by_name):
            with pytest.raises(Unreachable, match="private network"):
                await exchange(http, "GET", address)
    async with serving(inside) as url, open_http() as http:
        assert (await exchange(http, "GET", url)).status == 200  # the guard, not the server


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("149.154.167.220", True),
        ("2001:67c:4e8:f004::9", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::", False),
        ("nonsense", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:  # noqa: FBT001  # a table
    assert is_public(address) is public
