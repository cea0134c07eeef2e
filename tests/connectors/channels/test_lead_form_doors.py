"""The door of web forms: the secret, the sites, what builders, scripts and browsers are told; and the documented pages."""

import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from playwright.async_api import async_playwright, expect

from connectors.channel_log import ChannelLog, Entry
from connectors.channels.lead_form import connector
from connectors.connector import Account, Finding, Incoming, NotDurable
from connectors.webhook import Webhooks
from router.message import InboundMessage
from tests.connectors.channels.lead_form_world import (
    NOON,
    SECRET,
    SHOP,
    a_request,
    an_account,
    claims,
    form,
    received,
)
from tests.inbox.chromium import CHROMIUM, FLAGS, needs_chromium

HOOK = f"/hooks/leads/landing/{SECRET}"
DOCS = Path(__file__).parents[3] / "docs" / "channels" / "lead-form.md"
PHONE = {"phone": "+79161234567"}


@dataclass
class World:
    """Accounts, intake, spool, counts and a log's sink in one."""

    account: Account = field(default_factory=an_account)
    accepted: list[Incoming] = field(default_factory=list)
    spooled: list[tuple[Account, Incoming, datetime]] = field(default_factory=list)
    counted: list[tuple[str, ...]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    durable: bool = True
    full: bool = False

    def find(self, slug: str) -> Account | None:
        return self.account if slug == "landing" else None

    async def look_up(self, slug: str) -> Account | None:
        return self.find(slug)

    def of_kind(self, kind: str) -> Sequence[Account]:
        return [self.account]

    async def accept(self, account: Account, incoming: Sequence[Incoming]) -> None:
        if not self.durable:
            raise NotDurable
        self.accepted.extend(incoming)

    async def keep(
        self, account: Account, incoming: Sequence[Incoming], *, received_at: datetime
    ) -> None:
        if self.full:
            raise NotDurable
        self.spooled += [(account, each, received_at) for each in incoming]

    def received(self, kind: str) -> None:
        self.counted.append(("received", kind))

    def refused(self, kind: str, status: int) -> None:
        self.counted.append(("refused", kind, str(status)))

    def ignored(self, kind: str, reason: str) -> None:
        self.counted.append(("ignored", kind, reason))

    def write(self, entry: Entry) -> None:
        self.entries.append(entry)


Door = TestClient[web.Request, web.Application]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def door(world: World) -> AsyncGenerator[Door]:
    hooks = Webhooks(
        connectors={"lead_form": connector},
        accounts=world,
        intake=world,
        now=lambda: NOON,
        counts=world,
        log=ChannelLog(world, lambda: NOON),
        spool=world,
    )
    app = web.Application()
    app.add_routes(hooks.routes())
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (HOOK, 200),
        (f"{HOOK}/", 200),
        ("/hooks/leads/landing", 401),
        ("/hooks/leads/landing/", 401),
        ("/hooks/leads/landing/wrong", 403),
        (f"/hooks/leads/landing/{SECRET}x", 403),
        ("/hooks/leads/landing/%D1%81%D0%B5%D0%BA%D1%80%D0%B5%D1%82", 403),
        ("/hooks/leads/landing/%ED%B3%BF", 403),
        (f"/hooks/leads/other/{SECRET}", 404),
    ],
)
async def test_the_secret_is_the_last_part_of_the_address(
    door: Door, world: World, path: str, status: int
) -> None:
    answer = await door.post(path, data=PHONE)
    assert answer.status == status
    assert len(world.accepted) == (status == 200)
    assert SECRET not in repr(world.entries)


async def test_without_a_secret_nothing_is_taken(door: Door, world: World) -> None:
    world.account = an_account(path_secret="")
    for path in ("/hooks/leads/landing", "/hooks/leads/landing/"):
        assert (await door.post(path, data=PHONE)).status == 401


async def test_a_builder_is_told_ok(door: Door, world: World) -> None:
    answer = await door.post(HOOK, data=PHONE)
    assert (answer.status, await answer.text()) == (200, "ok")
    answer = await door.get(HOOK)
    assert answer.status == 200
    answer = await door.post(HOOK, data={"test": "test"})
    assert (answer.status, await answer.text()) == (200, "ok")
    assert world.counted == [("received", "lead_form"), ("ignored", "lead_form", "test")]


async def test_a_multipart_body_of_a_real_client(door: Door, world: World) -> None:
    data = aiohttp.FormData(PHONE)
    data.add_field("cv", b"%PDF" + b"\r\n--x\r\n" * 20_000, filename="резюме.pdf")
    assert (await door.post(HOOK, data=data)).status == 200
    (incoming,) = world.accepted
    assert isinstance(incoming.event, InboundMessage)
    assert incoming.event.details["files_not_taken"] == ["cv: резюме.pdf"]
    assert ("ignored", "lead_form", "file") in world.counted


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (SHOP, True),
        ("https://shop.example.evil.example", False),
        ("http://shop.example", False),
        ("null", False),
        ("https://evil.example", False),
    ],
)
async def test_a_page_may_post_when_its_site_is_named(
    door: Door, world: World, origin: str, *, allowed: bool
) -> None:
    asked = await door.options(
        HOOK, headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
    )
    assert asked.status == 204
    answer = await door.post(HOOK, json=PHONE, headers={"Origin": origin})
    assert answer.status == (200 if allowed else 403)
    for each in (asked, answer):
        assert each.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
        assert each.headers["Vary"] == "Origin"
    assert len(world.accepted) == allowed
    if allowed:
        assert await answer.json() == {"ok": True}
        assert "Content-Type" in asked.headers["Access-Control-Allow-Headers"]
    else:
        assert "allowed_origins" in world.entries[0].detail


async def test_a_page_may_read_why_it_was_refused(door: Door) -> None:
    answer = await door.post(HOOK, json={}, headers={"Origin": SHOP})
    assert answer.status == 400
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP


async def test_without_named_sites_only_this_machines_pages_post(door: Door, world: World) -> None:
    world.account = an_account(allowed_origins="")
    for origin, status in ((SHOP, 403), ("http://localhost:3000", 200)):
        assert (await door.post(HOOK, json=PHONE, headers={"Origin": origin})).status == status
    assert (await door.post(HOOK, json=PHONE)).status == 200


async def test_a_browser_that_posted_a_form_sees_a_page(door: Door) -> None:
    headers = {"Origin": SHOP, "Referer": f'{SHOP}/"><script>', "Accept": "text/html,*/*;q=0.8"}
    answer = await door.post(HOOK, data=PHONE, headers=headers)
    page = await answer.text()
    assert answer.content_type == "text/html"
    assert "Спасибо" in page
    assert "<script>" not in page


@pytest.mark.parametrize(
    ("page", "status"),
    [
        (f"{SHOP}/thanks", 303),
        ("https://evil.example/", 200),
        ("//evil.example/", 200),
        ("javascript:alert(1)", 200),
        (f"{SHOP}@evil.example/", 200),
        (f"{SHOP}/\r\nX: y", 200),
        ("http://[", 200),
    ],
)
async def test_the_next_page_is_one_of_the_business(door: Door, page: str, status: int) -> None:
    answer = await door.post(
        HOOK,
        data={**PHONE, "_next": page},
        headers={"Origin": SHOP, "Accept": "text/html"},
        allow_redirects=False,
    )
    assert answer.status == status
    assert answer.headers.get("Location") == (page if status == 303 else None)


async def test_what_the_broker_cannot_take_is_kept_and_answered(door: Door, world: World) -> None:
    world.durable = False
    assert (await door.post(HOOK, data=PHONE)).status == 200
    ((account, incoming, at),) = world.spooled
    assert (account, at) == (world.account, NOON)
    assert incoming.event.chat.id == "+79161234567"
    world.full = True
    answer = await door.post(HOOK, data=PHONE)
    assert answer.status == 503
    assert answer.headers["Retry-After"]


# The check


async def findings(**fields: str) -> list[Finding]:
    assert connector.check is not None
    url = "https://allo.example/hooks/leads/landing"
    async with aiohttp.ClientSession() as http:
        return list(await connector.check(an_account(**fields), http, webhook_url=url))


async def test_the_check_tells_the_address_without_the_secret() -> None:
    found = await findings()
    assert {each.level for each in found} == {"ok"}
    assert "https://allo.example/hooks/leads/landing/" in found[0].text
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    ("fields", "level", "word"),
    [
        ({"path_secret": ""}, "error", "path_secret"),
        ({"path_secret": "short"}, "warning", "guessed"),
        ({"allowed_origins": "https://shop.example/page"}, "error", "allowed_origins"),
        ({"field_map": "telephone=x"}, "error", "field_map"),
        ({"min_seconds": "soon"}, "error", "min_seconds"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
async def test_the_check_says_what_is_wrong(fields: dict[str, str], level: str, word: str) -> None:
    assert [each for each in await findings(**fields) if each.level == level and word in each.text]


def test_what_the_account_says_wrongly_costs_no_form() -> None:
    broken = replace(
        an_account(), fields={**an_account().fields, "field_map": "?", "min_seconds": "soon"}
    )
    assert received(a_request(form(phone="+79161234567", _seconds="0.1")), broken).incoming


# The documented pages, in a browser


def documented(which: int, *, hook: str) -> str:
    blocks: list[str] = re.findall(r"```html\n(.*?)```", DOCS.read_text(), re.DOTALL)
    page = blocks[which].replace("https://allo.example.com/hooks/leads/landing/THE-SECRET", hook)
    assert hook in page
    return f"<!doctype html><meta charset=utf-8><title>Shop</title>{page}"


@pytest.fixture
async def shop(door: Door) -> AsyncGenerator[TestServer]:
    """On localhost, while the door is on 127.0.0.1: two sites to a browser."""
    hook = str(door.make_url(HOOK))

    async def page(request: web.Request) -> web.Response:
        which = int(request.match_info["which"])
        return web.Response(text=documented(which, hook=hook), content_type="text/html")

    app = web.Application()
    app.add_routes([web.get(r"/{which:\d}", page)])
    async with TestServer(app, host="localhost") as server:
        yield server


@needs_chromium
@pytest.mark.timeout(60)
async def test_the_documented_pages_work_in_a_browser(
    door: Door, world: World, shop: TestServer
) -> None:
    account = an_account(allowed_origins=f"http://localhost:{shop.port}", min_seconds="0")
    world.account = replace(account, language="en")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await chromium.new_page()
        await page.goto(f"http://localhost:{shop.port}/0")
        await page.fill("[name=name]", "Анна")
        await page.fill("[name=phone]", "8 916 123-45-67")
        await page.click("button")
        await expect(page.get_by_role("status")).to_have_text("Thank you! We have your request.")

        await page.goto(f"http://localhost:{shop.port}/1?utm_source=yandex&yclid=5")
        await page.fill("[name=phone]", "8 916 123-45-68")
        await page.click("button")
        await expect(page.get_by_role("status")).to_have_text("Thank you! We have your request.")
        await chromium.close()
    plain, scripted = (each.event for each in world.accepted)
    assert isinstance(plain, InboundMessage)
    assert isinstance(scripted, InboundMessage)
    assert plain.sender is not None
    assert plain.sender.name == "Анна"
    assert claims(plain) == {"phone": "+79161234567"}
    assert claims(scripted) == {"phone": "+79161234568"}
    assert scripted.key.startswith("_submission:")
    assert scripted.source is not None
    assert scripted.source.utm == {"source": "yandex"}
    assert scripted.source.click_ids == {"yclid": "5"}
