"""What a browser loads, and what the administrator is told."""

import re

import aiohttp
import pytest

from connectors.channels.site_chat import connector
from connectors.connector import Account
from router.ids import new_id
from tests.doubles.site_chat import Chat
from tests.doubles.site_chat_browser import Browser


async def test_the_loader_is_small_and_the_same_for_all(http: aiohttp.ClientSession) -> None:
    async with http.get("/widget.js?account=site") as got:
        script = await got.text()
        etag = got.headers["ETag"]
    # With source.js, which says what brought the visitor; 8.5 KB as it travels, compressed.
    assert len(script.encode()) < 23_000
    assert "document.write" not in script
    async with http.get("/widget.js", headers={"If-None-Match": etag}) as got:
        assert got.status == 304


async def test_every_part_the_frame_names_is_there(http: aiohttp.ClientSession) -> None:
    async with http.get("/chat/site/frame") as got:
        page = await got.text()
    (home,) = set(re.findall(r'(?:href|src)="(parts/[0-9a-f]+/)', page))
    names = set(re.findall(r'(?:href|src)="parts/[0-9a-f]+/([a-z_]+\.(?:js|css))"', page))
    for name in list(names):
        async with http.get(f"/chat/site/{home}{name}") as got:
            names |= set(re.findall(r"from '\./([a-z_]+\.js)'", await got.text()))
    for name in names:
        async with http.get(f"/chat/site/{home}{name}") as got:
            assert got.status == 200
            assert got.headers["X-Content-Type-Options"] == "nosniff"
            assert "immutable" in got.headers["Cache-Control"]
        # A page of the version before still finds its parts, and does not keep them.
        async with http.get(f"/chat/site/parts/older/{name}") as got:
            assert (got.status, got.headers["Cache-Control"]) == (200, "no-cache")
    assert len(names) == 8
    assert "{{" not in page


async def test_an_accounts_words_cannot_break_out_of_the_page(
    http: aiohttp.ClientSession, chat: Chat
) -> None:
    chat.change(title="'\"><script>alert(1)</script>", greeting="{{ origins }}")
    async with http.get("/chat/site/frame") as got:
        page = await got.text()
    assert "<script>alert" not in page
    assert page.count("<script") == 1


async def test_there_is_a_page_to_try_it_on(http: aiohttp.ClientSession) -> None:
    for query, words in (("", "Это проба"), ("?lang=en", "This is a try-out")):
        async with http.get(f"/chat/site/try{query}") as got:
            page = await got.text()
            assert got.status == 200
        assert words in page
        assert "{{" not in page


@pytest.mark.parametrize(
    ("fields", "level", "words"),
    [
        ({}, "warning", "localhost only"),
        ({"allowed_origins": "shop.example https://*.shop.example"}, "ok", "https://shop.example"),
        ({"allowed_origins": "https://пример.рф"}, "ok", "xn--"),
        ({"allowed_origins": "ftp://shop.example"}, "error", "ftp://shop.example"),
        ({"colour": "красный"}, "error", "#0f666f"),
        ({"colour": "#ffd700"}, "warning", "dark"),
        ({"identity_secret": "short"}, "warning", "32"),
        ({"privacy_url": "policy.html"}, "error", "https://"),
        ({"prechat": "required"}, "warning", "privacy_url"),
    ],
)
async def test_check_says_what_to_do(
    browser: Browser, fields: dict[str, str], level: str, words: str
) -> None:
    assert connector.check is not None
    account = Account(id=new_id(), kind="site_chat", slug="s", fields=fields)
    findings = await connector.check(account, browser.http, webhook_url="")
    assert [each for each in findings if each.level == level and words in each.text], findings
