"""Who may speak in the site chat, and how often."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import uuid4

import aiohttp
import pytest

from connectors.connector import Account
from router.ids import new_id
from tests.doubles.site_chat import Chat
from tests.doubles.site_chat_browser import SITE, Browser, Clock

Rows = Callable[..., Awaitable[int]]
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 64


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        pytest.param(SITE, 200, id="allowed"),
        pytest.param("https://www.shop.example", 200, id="a subdomain"),
        pytest.param("http://shop.example", 403, id="another scheme"),
        pytest.param("https://shop.example:8443", 403, id="another port"),
        pytest.param("https://evilshop.example", 403, id="a name that ends alike"),
        pytest.param("https://shop.example.evil.example", 403, id="a name that begins alike"),
        pytest.param("null", 403, id="a sandboxed page"),
        pytest.param("", 403, id="no browser"),
        pytest.param("http://localhost:3000", 403, id="localhost, once there is a list"),
    ],
)
async def test_only_allowed_pages_may_begin(
    http: aiohttp.ClientSession, origin: str, status: int
) -> None:
    got, _ = await Browser(http, origin=origin).post("session", {})
    assert got == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:3000", 200),
        ("http://127.0.0.1", 200),
        ("https://shop.example", 403),
        ("http://localhost.evil.example", 403),
    ],
)
async def test_without_a_list_only_this_server_and_localhost_may(
    http: aiohttp.ClientSession, chat: Chat, origin: str, status: int
) -> None:
    chat.change(allowed_origins="")
    got, _ = await Browser(http, origin=origin).post("session", {})
    assert got == status


async def test_a_list_that_cannot_be_read_opens_the_chat_to_nobody(
    http: aiohttp.ClientSession, chat: Chat
) -> None:
    chat.change(allowed_origins="всем!")
    assert (await Browser(http, origin="http://localhost:3000").post("session", {}))[0] == 403


async def test_the_servers_own_pages_are_always_allowed(
    http: aiohttp.ClientSession, chat: Chat
) -> None:
    own = f"http://127.0.0.1:{chat.port}"
    assert (await Browser(http, origin=own).post("session", {}))[0] == 200


async def test_cors_names_the_origin_and_nobody_else(http: aiohttp.ClientSession) -> None:
    asked = {"Origin": SITE, "Access-Control-Request-Method": "POST"}
    async with http.options("/chat/site/messages", headers=asked) as got:
        assert got.status == 204
        assert got.headers["Access-Control-Allow-Origin"] == SITE
        assert "Authorization" in got.headers["Access-Control-Allow-Headers"]
        assert "Access-Control-Allow-Credentials" not in got.headers
    async with http.options("/chat/site/messages", headers={"Origin": "https://e.example"}) as got:
        assert got.status == 403
        assert "Access-Control-Allow-Origin" not in got.headers


async def test_the_frame_may_stand_on_the_allowed_pages_only(http: aiohttp.ClientSession) -> None:
    async with http.get("/chat/site/frame") as got:
        policy = got.headers["Content-Security-Policy"]
    ancestors = policy.split("frame-ancestors ")[1].split()
    assert SITE in ancestors
    assert "*" not in ancestors
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


async def test_an_account_that_is_no_chat_is_not_found(http: aiohttp.ClientSession) -> None:
    for path in ("frame", "try", "parts/x/frame.js", "messages"):
        async with http.get(f"/chat/nothing/{path}") as got:
            assert got.status == 404


async def test_a_forged_token_is_told_to_begin_anew(browser: Browser) -> None:
    assert (await browser.say("свой"))[0] == 200
    content, mac = browser.token.split(".")
    for token in ("", "x", f"{content}.", f"{content}.AAAA", f"{mac}.{content}", "ё.ё", "a" * 5000):
        forged = Browser(browser.http, token=token.encode().decode("latin-1"))
        assert (await forged.say("чужой"))[0] == 401, token


async def test_a_token_of_another_account_is_not_good_here(browser: Browser, chat: Chat) -> None:
    chat.account = Account(id=new_id(), kind="site_chat", slug="site", fields=chat.account.fields)
    assert (await browser.say("чужой"))[0] == 401


async def test_a_token_lives_400_days_and_is_renewed_before(browser: Browser, clock: Clock) -> None:
    before = browser.token
    clock.at += timedelta(days=31)
    await browser.begin()
    assert browser.token != before
    clock.at += timedelta(days=399)
    assert (await browser.say("всё ещё я"))[0] == 200
    clock.at += timedelta(days=2)
    assert (await browser.say("слишком давно"))[0] == 401


async def test_a_session_alone_stores_nothing(browser: Browser, count: Rows) -> None:
    assert browser.token
    assert await count("visitor") == 0
    assert await count("contact") == 0


async def test_a_visitor_may_write_five_at_once_and_then_one_a_second(
    browser: Browser, clock: Clock
) -> None:
    assert [(await browser.say(str(n)))[0] for n in range(6)] == [200] * 5 + [429]
    clock.at += timedelta(seconds=1)
    assert (await browser.say("дальше"))[0] == 200
    async with browser.http.post(
        "/chat/site/messages",
        json={"client_msg_id": str(uuid4()), "text": "рано"},
        headers=browser.headers(),
    ) as got:
        assert got.status == 429
        assert got.headers["Retry-After"] == "2"
        assert "Retry-After" in got.headers["Access-Control-Expose-Headers"]


async def test_an_address_has_a_limit_over_all_its_visitors(
    http: aiohttp.ClientSession, chat: Chat
) -> None:
    chat.change(ip_rate="3")
    statuses = []
    for _ in range(4):
        browser = await Browser(http).begin()
        statuses.append((await browser.say("я другой"))[0])
    assert statuses == [200, 200, 200, 429]


async def test_an_address_cannot_make_visitors_without_end(
    http: aiohttp.ClientSession, chat: Chat
) -> None:
    chat.change(ip_rate="1")
    statuses = [(await Browser(http).post("session", {}))[0] for _ in range(5)]
    assert statuses == [200, 200, 200, 200, 429]


async def test_ten_files_an_hour(browser: Browser) -> None:
    statuses = [(await browser.upload("a.png", PNG))[0] for _ in range(11)]
    assert statuses == [200] * 10 + [429]
