"""An advertisement is clicked, a button on the landing page is pressed, and the lead in the messenger has the campaign.

One installation, one browser, a landing page of another site with a strict policy; what the messengers would do with the
link is done here with the payloads that they send.
"""

import asyncio
import hashlib
import hmac
import json
import re
import smtplib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import aiohttp
import pytest
from aiohttp import web
from playwright.async_api import BrowserContext, Page, Route, expect

from sandbox.mailbox import Mailbox
from sandbox.telegram import Bot, Telegram
from tests.connectors.channels import vk_world
from tests.inbox.browser import Browser
from tests.inbox.chromium import KEPT, PATIENCE_MS, needs_chromium
from tests.journey.processes import PASSWORD, Api, Place, Process, api_of, eventually

pytestmark = [needs_chromium, pytest.mark.timeout(300)]

TOKEN: Final = "700700:TEST"
ADDRESS: Final = "sales@shop.example"
APP_SECRET: Final = "whatsapp-app-secret"
CALL_SECRET: Final = "call-hook-secret"
OWN: Final = "+7 495 000-00-00"
POOL: Final = "+74951234567"


def landing(home: str, attributes: str = "") -> str:
    buttons = "".join(
        f'<p><a id="{code}" href="{home}/go/{code}">{code}</a></p>'
        for code in ("tg", "vk", "wa", "mail", "tel")
    )
    return f"""<!doctype html><html lang="ru"><meta charset="utf-8"><title>Акция</title><body>
        <script async src="{home}/source.js" {attributes}></script>{buttons}
        <p>Звоните: <a id="number" href="tel:+74950000000" data-allo-phone>{OWN}</a></p>
        <form id="form" method="post" action="{home}/hooks/leads/form/path-secret-of-the-form">
        <input name="phone" value="+79165550001"><input type="hidden" name="utm_source"><input type="hidden" name="utm_campaign">
        <input type="hidden" name="allo"><button>Отправить</button></form></body></html>"""


@dataclass(kw_only=True)
class Shop:
    place: Place
    door: Process
    api: Api
    bot: Bot
    http: aiohttp.ClientSession
    site: str = ""
    pages: dict[str, str] = field(default_factory=dict)

    async def leads(self) -> list[dict[str, Any]]:
        return await self.api.all("/leads")

    async def lead_of(self, channel: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = []

        async def there() -> bool:
            talks = await self.api.all("/conversations")
            people = {each["contact_id"] for each in talks if each["channel"] == channel}
            found[:] = [each for each in await self.leads() if each["contact_id"] in people]
            return len(found) == 1

        await eventually(there)
        return found[0]

    async def post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> None:
        url = f"{self.door.url}{path}"
        told = {"Content-Type": "application/json", **(headers or {})}
        async with self.http.post(url, data=body, headers=told) as answer:
            assert answer.status == 200, await answer.text()


@asynccontextmanager
async def shop_site(shop: Shop) -> AsyncGenerator[str]:
    """Another site than Allo's: localhost is not 127.0.0.1."""
    home = shop.door.url

    async def page(request: web.Request) -> web.Response:
        text = shop.pages.get(request.path) or landing(home)
        policy = f"default-src 'none'; script-src {home}; connect-src {home}; form-action {home}"
        return web.Response(
            text=text, content_type="text/html", headers={"Content-Security-Policy": policy}
        )

    application = web.Application()
    application.router.add_get("/{path:.*}", page)
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]  # asyncio's
    try:
        yield f"http://localhost:{port}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def shop(tmp_path: Path, telegram: Telegram, mailbox: Mailbox) -> AsyncGenerator[Shop]:
    place = Place(tmp_path)
    async with place.process() as allo:
        await allo.ready()
        bot = telegram.add_bot(TOKEN)
        await place.add_user("mark@example.com", name="Mark", role="marketer")
        await place.add_user("anna@example.com", name="Anna")
        await place.add_channel(
            *("telegram", "bot"),
            token=TOKEN,
            webhook_secret="s3cret",
            mode="webhook",
            api_base=telegram.url,
        )
        await place.add_channel(
            *("vk", "community"),
            group_id=str(vk_world.GROUP),
            access_token=vk_world.TOKEN,
            secret=vk_world.SECRET,
            confirmation=vk_world.CONFIRMATION,
            mode="callback",
            api_base="http://127.0.0.1:9",
        )
        await place.add_channel(
            *("whatsapp", "wa"),
            phone_number_id="1001",
            waba_id="2001",
            access_token="token",
            app_secret=APP_SECRET,
            verify_token="verify",
            api_base="http://127.0.0.1:9",
        )
        await place.add_channel("call_hook", "pbx", secret=CALL_SECRET)
        await place.add_channel("lead_form", "form", path_secret="path-secret-of-the-form")
        await place.add_channel(
            *("email", "post"),
            address=ADDRESS,
            mode="smtp",
            smtp_host=mailbox.host,
            smtp_port=str(mailbox.port),
            smtp_tls="none",
        )
        token = await place.token()
        async with api_of(allo, token=token) as api, aiohttp.ClientSession() as http:
            made = Shop(place=place, door=allo, api=api, bot=bot, http=http)
            async with shop_site(made) as site:
                made.site = site
                await links_are_made(made)
                yield made
        assert "Traceback" not in allo.log.read_text()


@asynccontextmanager
async def a_marketer(shop: Shop) -> AsyncGenerator[Browser]:
    async with aiohttp.ClientSession(
        shop.door.url,
        cookie_jar=aiohttp.CookieJar(unsafe=True),
        headers={"Accept-Language": "en", "Origin": shop.door.url},
    ) as session:
        mark = Browser(session)
        assert (await mark.sign_in("mark@example.com", PASSWORD)).status == 303
        yield mark


async def links_are_made(shop: Shop) -> None:
    """By a marketer, in the settings: buttons without words of their own."""
    async with a_marketer(shop) as mark:
        for code, channel, address in (
            ("tg", "bot", "@shop_bot"),
            ("vk", "community", str(vk_world.GROUP)),
            ("wa", "wa", "+7 916 000-00-00"),
            ("mail", "post", ADDRESS),
            ("tel", "pbx", "+7 495 777-77-77"),
        ):
            page = (await mark.get("/settings/links")).text
            offered = re.findall(r'where=([0-9a-f-]{36})".*?class="small">(\w+)<', page, re.DOTALL)
            accounts = {name: id_ for id_, name in offered}
            answer = await mark.post(
                "/settings/links",
                {
                    "where": accounts[channel],
                    "name": f"Button {code}",
                    "address": address,
                    "code": code,
                    "text": "Здравствуйте!",
                },
            )
            assert answer.status == 303, answer.text


@asynccontextmanager
async def a_visitor() -> AsyncGenerator[tuple[BrowserContext, Page, list[str]]]:
    """Somebody new, whose messengers are only watched; what a console complains of fails the test."""
    complaints: list[str] = []
    went: list[str] = []
    context = await (await KEPT.get()).new_context(locale="ru-RU")
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda line: (
            complaints.append(line.text) if "Content Security Policy" in line.text else None
        ),
    )

    async def follow(route: Route) -> None:
        """As far as the door of the messenger: there is no way to it from here."""
        answer = await route.fetch(max_redirects=0)
        if answer.status == 302:
            went.append(answer.headers["location"])
            await route.fulfill(status=200, content_type="text/html", body="messenger")
        else:
            await route.fulfill(response=answer)

    await context.route("**/go/**", follow)
    try:
        yield context, page, went
    finally:
        await context.close()
    assert complaints == []


async def advertised(shop: Shop, page: Page, campaign: str, path: str = "/") -> None:
    """They came by an advertisement, looked around, and came back the next hour by themselves, on the same page."""
    await page.goto(
        f"{shop.site}{path}?utm_source=yandex&utm_medium=cpc&utm_campaign={campaign}&yclid=1"
    )
    await page.wait_for_function("window.allo && allo.visit()")


async def press(page: Page, code: str, went: list[str]) -> str:
    """The button; where it led."""
    await page.click(f"#{code}")
    await page.wait_for_url("**/go/**")
    return went[-1] if went else await page.locator("h1 a").get_attribute("href") or ""


async def has_campaign(shop: Shop, channel: str, campaign: str) -> dict[str, Any]:
    lead = await shop.lead_of(channel)
    touch = lead["last_touch"]
    assert touch is not None, lead
    assert (touch["source"], touch["medium"], touch["campaign"]) == ("yandex", "cpc", campaign)
    return lead


async def test_the_campaign_of_an_advertisement_arrives_with_the_lead_in_every_channel(
    shop: Shop,
) -> None:
    stories: tuple[Callable[[Shop], Awaitable[None]], ...] = (
        in_telegram,
        in_vk,
        in_whatsapp,
        by_mail,
        by_telephone,
        by_form,
    )
    for story in stories:
        await story(shop)
    await nothing_is_kept_before_consent(shop)


async def in_telegram(shop: Shop) -> None:
    async with a_visitor() as (_, page, went):
        await advertised(shop, page, "telegram-spring")
        # The page changes without loading; the visit goes on.
        await page.evaluate("history.pushState({}, '', '/cart')")
        url = urlsplit(await press(page, "tg", went))
        code = parse_qs(url.query)["start"][0]
        assert url.path == "/shop_bot"
        # The address itself was as before when it was only looked at.
        await page.go_back()
        href = await page.locator("#tg").get_attribute("href")
        assert href == f"{shop.door.url}/go/tg"
    shop.bot.starts(700, code, name="Иван")
    shop.bot.writes(700, "Здравствуйте!", name="Иван")
    lead = await has_campaign(shop, "telegram", "telegram-spring")
    touches = await shop.api.all(f"/touches?contact={lead['contact_id']}")
    assert [each["channel"] for each in touches] == ["site"]
    assert touches[0]["click_ids"] == {"yclid": "1"}


async def in_vk(shop: Shop) -> None:
    async with a_visitor() as (_, page, went):
        await advertised(shop, page, "vk-spring")
        query = parse_qs(urlsplit(await press(page, "vk", went)).query)
    message = vk_world.a_message(
        text="Добрый день",
        date=int(time.time()),
        ref=query["ref"][0],
        ref_source=query["ref_source"][0],
    )
    told = {"message": message, "client_info": {}}
    await shop.post("/hooks/vk/community", vk_world.an_event("message_new", told))
    await has_campaign(shop, "vk", "vk-spring")


async def in_whatsapp(shop: Shop) -> None:
    async with a_visitor() as (_, page, went):
        await advertised(shop, page, "whatsapp-spring")
        words = parse_qs(urlsplit(await press(page, "wa", went)).query)["text"][0]
    assert words.startswith("Здравствуйте! [ref: ")
    # The customer changes the words around the code, and the keyboard its case.
    written = words.replace("Здравствуйте!", "Привет").upper() + " Сколько стоит?"
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "79160000000", "phone_number_id": "1001"},
        "contacts": [{"profile": {"name": "Пётр"}, "wa_id": "79161234567"}],
        "messages": [
            {
                "from": "79161234567",
                "id": "wamid.1",
                "timestamp": str(int(time.time())),
                "type": "text",
                "text": {"body": written},
            }
        ],
    }
    entry = {"id": "2001", "changes": [{"field": "messages", "value": value}]}
    body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
    sign = "sha256=" + hmac.new(APP_SECRET.encode(), body, hashlib.sha256).hexdigest()
    await shop.post("/hooks/whatsapp/wa", body, {"X-Hub-Signature-256": sign})
    lead = await has_campaign(shop, "whatsapp", "whatsapp-spring")
    messages = await shop.api.all(f"/conversations/{lead['conversation_id']}/messages")
    assert messages[0]["text"] == "ПРИВЕТ Сколько стоит?"


async def by_mail(shop: Shop) -> None:
    async with a_visitor() as (_, page, went):
        await advertised(shop, page, "mail-spring")
        target = await press(page, "mail", went)
    address, _, query = target.removeprefix("mailto:").partition("?")
    mail = EmailMessage()
    mail["From"], mail["To"] = "Мария <maria@example.org>", unquote(address)
    mail["Subject"], mail["Message-ID"] = parse_qs(query)["subject"][0], "<a@example.org>"
    mail.set_content("Сколько стоит?")
    host, _, port = shop.place.smtp.rpartition(":")

    def send() -> None:
        with smtplib.SMTP(host, int(port), timeout=20) as server:
            server.send_message(mail)

    await asyncio.to_thread(send)
    await has_campaign(shop, "email", "mail-spring")


async def call(shop: Shop, key: str, *, line: str, customer: str) -> None:
    for phase in ("ringing", "missed"):
        report = {"call": key, "phase": phase, "customer": customer, "line": line}
        body = json.dumps(report).encode()
        at = str(int(time.time()))
        mac = hmac.new(CALL_SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        await shop.post("/hooks/telephony/pbx", body, {"Allo-Signature": f"t={at},v1={mac}"})


async def by_telephone(shop: Shop) -> None:
    async with a_marketer(shop) as mark:
        answer = await mark.post("/settings/numbers", {"kind": "pool", "number": POOL})
        assert answer.status == 303, answer.text
    async with a_visitor() as (_, page, went):
        await advertised(shop, page, "call-spring")
        # The number that was lent to this visit, in the words and in the link.
        await expect(page.locator("#number")).to_have_text("+7 495 123-45-67")
        assert await page.locator("#number").get_attribute("href") == f"tel:{POOL}"
        async with a_visitor() as (_, other, _):
            # There is no other one: the page keeps its own.
            async with other.expect_response("**/source/number"):
                await other.goto(f"{shop.site}/?utm_source=vk&utm_campaign=late")
            await expect(other.locator("#number")).to_have_text(OWN)
        await call(shop, "c1", line=POOL, customer="+79165550000")
        await has_campaign(shop, "call_hook", "call-spring")
        # A link that is a number counts, too, and shows it.
        assert await press(page, "tel", went) == "tel:+74957777777"


async def by_form(shop: Shop) -> None:
    async with a_visitor() as (_, page, _):
        await advertised(shop, page, "form-spring")
        assert await page.locator("[name=utm_campaign]").input_value() == "form-spring"
        async with page.expect_response("**/hooks/leads/**"):
            await page.click("#form button")
    await has_campaign(shop, "lead_form", "form-spring")


async def nothing_is_kept_before_consent(shop: Shop) -> None:
    shop.pages["/asks"] = landing(shop.door.url, 'data-consent="required"')
    async with a_visitor() as (context, page, went):
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await advertised(shop, page, "asks-spring", "/asks")
        kept = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
        assert await page.evaluate(kept) == '[{},{},""]'
        assert not [each for each in asked if "/source/number" in each]
        # Refused: the button says nothing of the visit, and nothing is kept.
        await page.evaluate("allo.consent(false)")
        await press(page, "tg", went)
        assert await context.cookies() == []
        await page.go_back()
        await page.wait_for_function("window.allo && allo.visit()")
        assert await page.evaluate(kept) == '[{},{},""]'
        # Allowed: kept, over pages and loads.
        await page.evaluate("allo.consent(true)")
        first = await page.evaluate("allo.visit()")
        await page.goto(f"{shop.site}/")
        await page.wait_for_function("window.allo && allo.visit()")
        assert await page.evaluate("allo.visit()") == first
        # And taken back: dropped.
        await page.evaluate("allo.consent(false)")
        assert await page.evaluate(kept) == '[{},{},""]'
