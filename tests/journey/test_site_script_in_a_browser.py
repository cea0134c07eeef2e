"""The script on the business's own site, in a real browser: what it keeps and tells where things are not as they should be.

Another site than Allo's (localhost is not 127.0.0.1) with one button and one number; whoever presses the button comes to
`/go/`, and what arrives there is looked at.
"""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import pytest
from aiohttp import web
from playwright.async_api import BrowserContext, Page, Route

from connectors.registry import discover
from connectors.site_script import SiteScript
from connectors.tracked_links import TrackedLinks
from router.ids import new_id
from router.message import SourceKeys
from storage.tracked_links import LinkRow
from tests.conftest import NOON
from tests.inbox.chromium import KEPT, PATIENCE_MS, needs_chromium

pytestmark = [needs_chromium, pytest.mark.timeout(120)]

OWN: Final = "+7 495 000-00-00"
BUTTON: Final = LinkRow(
    id=new_id(), code="tg", name="Button", kind="telegram", account_id=None, address="shop_bot", text="", manner="",
    utm={}, clicks=0, last_click_at=None, created_at=NOON, archived_at=None,
)  # fmt: skip
IN_STORE: Final = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"


@dataclass
class Ours:
    """What came to Allo: both ports of what the script speaks with. No number is free."""

    clicks: list[SourceKeys] = field(default_factory=list)
    asked: int = 0

    async def find(self, code: str) -> LinkRow | None:
        return BUTTON if code == BUTTON.code else None

    async def clicked(self, link: Any, *, code: str, keys: SourceKeys, now: datetime) -> None:
        self.clicks.append(keys)

    async def sites(self) -> str:
        return ""

    async def lend(
        self, pool: str, *, lease: UUID | None, may_begin: bool, keys: SourceKeys, now: datetime
    ) -> None:
        self.asked += 1

    @property
    def campaigns(self) -> list[list[str]]:
        """Of each click, those of the visits before it."""
        return [[each.utm.get("campaign", "") for each in click.earlier] for click in self.clicks]


@dataclass(kw_only=True)
class Site:
    ours: Ours
    home: str
    url: str
    context: BrowserContext
    complaints: list[str]

    async def tab(self) -> Page:
        page = await self.context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    async def land(self, page: Page, path: str) -> None:
        await page.goto(f"{self.url}{path}")
        await page.wait_for_function("window.allo && allo.visit()")

    async def press(self, page: Page) -> None:
        """The button; and back to the page."""
        before = page.url
        async with page.expect_response("**/go/tg*"):
            await page.click("#tg")
        await page.wait_for_url("**/go/tg*")
        await page.goto(before)


async def served(stack: AsyncExitStack, application: web.Application) -> int:
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port: int = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]  # asyncio's
    return port


@pytest.fixture
async def site() -> AsyncGenerator[Site]:
    ours = Ours()
    async with AsyncExitStack() as stack:
        allo = web.Application()
        links = TrackedLinks(links=ours, connectors=discover(), now=lambda: NOON)
        numbers = SiteScript(numbers=ours, now=lambda: NOON, public_url="http://allo.example")
        allo.add_routes([*links.routes(), *numbers.routes()])
        home = f"http://127.0.0.1:{await served(stack, allo)}"

        async def page(request: web.Request) -> web.Response:
            asks = 'data-consent="required"' if request.path == "/asks" else ""
            text = (
                f'<!doctype html><meta charset="utf-8"><title>Shop</title><body><script async src="{home}/source.js" {asks}>'
                f'</script><a id="tg" href="{home}/go/tg">Telegram</a> <b data-allo-phone>{OWN}</b><form action="/thanks">'
                '<input type="hidden" name="utm_campaign"><input type="hidden" name="allo"><button>Send</button></form>'
            )
            return web.Response(text=text, content_type="text/html")

        shop = web.Application()
        shop.router.add_get("/{path:.*}", page)
        url = f"http://localhost:{await served(stack, shop)}"
        context = await (await KEPT.get()).new_context()
        stack.push_async_callback(context.close)

        async def follow(route: Route) -> None:
            """As far as the messenger's door: there is no way to it from here."""
            answer = await route.fetch(max_redirects=0)
            assert answer.headers["location"].startswith("https://t.me/shop_bot?start=")
            await route.fulfill(status=200, content_type="text/html", body="messenger")

        await context.route("**/go/tg*", follow)
        complaints: list[str] = []
        yield Site(ours=ours, home=home, url=url, context=context, complaints=complaints)
        assert complaints == []


async def test_before_consent_and_after_a_refusal_nothing_is_kept_and_nothing_told(
    site: Site,
) -> None:
    page = await site.tab()
    await site.land(page, "/asks?utm_source=yandex&utm_campaign=spring")
    fields = "[...document.querySelectorAll('input')].map((each) => each.value).join('')"

    assert await page.evaluate(fields) == ""
    await site.press(page)
    await page.wait_for_function("window.allo && allo.visit()")
    await page.evaluate("allo.consent(false)")
    await page.evaluate("history.pushState({}, '', '?utm_source=vk&utm_campaign=late')")
    assert await page.evaluate(fields) == ""
    async with page.expect_response("**/go/tg*"):
        await page.click("#tg")

    assert site.ours.campaigns == [[], []]
    assert site.ours.asked == 0
    await site.land(page, "/asks")
    assert await page.evaluate(IN_STORE) == '[{},{},""]'
    assert await site.context.cookies() == []


async def test_a_page_that_changes_without_loading_begins_a_visit_only_by_an_advertisement(
    site: Site,
) -> None:
    page = await site.tab()
    await site.land(page, "/?utm_source=yandex&utm_campaign=spring")
    first = await page.evaluate("allo.visit()")

    await page.evaluate("history.pushState({}, '', '/cart')")
    await page.wait_for_function("location.pathname === '/cart'")
    assert await page.evaluate("allo.visit()") == first
    await page.evaluate("history.pushState({}, '', '/sale?utm_source=vk&utm_campaign=autumn')")
    await page.wait_for_function("(first) => allo.visit() !== first", arg=first)

    await site.press(page)
    assert site.ours.campaigns == [["spring", "autumn"]]


async def test_where_the_browser_keeps_nothing_the_page_itself_remembers(site: Site) -> None:
    await site.context.add_init_script(
        "for (const name of ['localStorage', 'sessionStorage'])"
        " Object.defineProperty(window, name, { get() { throw new DOMException('no', 'SecurityError'); } });"
    )
    page = await site.tab()
    await site.land(page, "/?utm_source=yandex&utm_campaign=spring")

    await site.press(page)

    assert site.ours.campaigns == [["spring"]]


async def test_two_tabs_keep_each_others_visits(site: Site) -> None:
    one, other = await site.tab(), await site.tab()
    await site.land(one, "/?utm_source=yandex&utm_campaign=first")
    await site.land(other, "/?utm_source=vk&utm_campaign=second")
    await one.evaluate("history.pushState({}, '', '?utm_source=google&utm_campaign=third')")
    await one.wait_for_function("localStorage['allo.visits'].includes('third')")

    await site.press(one)
    assert site.ours.campaigns == [["first", "second", "third"]]

    # What is taken back in one is taken back in both.
    await other.evaluate("allo.consent(false)")
    await one.wait_for_function("!allo.trail()")
    await one.evaluate("history.pushState({}, '', '?utm_source=vk&utm_campaign=fourth')")
    await one.wait_for_function("location.search.includes('fourth')")
    assert await one.evaluate(IN_STORE) == '[{},{},""]'


async def test_where_the_script_is_blocked_the_button_leads_on_and_the_number_stays(
    site: Site,
) -> None:
    await site.context.route("**/source.js", lambda route: route.abort("blockedbyclient"))
    page = await site.tab()
    await page.goto(f"{site.url}/?utm_source=yandex&utm_campaign=spring")

    await site.press(page)

    assert len(site.ours.clicks) == 1
    assert site.ours.campaigns == [[]]
    assert await page.inner_text("b") == OWN


async def test_an_address_of_four_kilobytes_is_cut_and_told(site: Site) -> None:
    page = await site.tab()
    long = "x" * 3900
    await site.land(page, f"/?utm_source=yandex&utm_campaign=spring&utm_content={long}&ref={long}")

    await site.press(page)

    ((visit,),) = [click.earlier for click in site.ours.clicks]
    assert (visit.utm["source"], visit.utm["campaign"]) == ("yandex", "spring")
    assert 0 < len(visit.utm["content"]) <= 255
    assert visit.landing == f"{site.url}/"
