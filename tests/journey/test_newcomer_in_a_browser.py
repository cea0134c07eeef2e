"""Somebody who has never seen Allo: from the one-time password to the first lead won, within the pages alone."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from sandbox.telegram import Telegram
from tests.inbox.chromium import CHROMIUM, FLAGS, WIDE, needs_chromium
from tests.journey.processes import Place, Process, eventually

pytestmark = [needs_chromium, pytest.mark.timeout(300)]

TOKEN = "700700:TEST"
MARINA = 712
NEW_PASSWORD = "a brake disc and a pad"


async def test_a_newcomer_connects_telegram_answers_and_wins_a_lead(
    tmp_path: Path, telegram: Telegram
) -> None:
    bot = telegram.add_bot(TOKEN, username="kolodka_bot")
    place = Place(tmp_path, ALLO_LANGUAGE="en")
    async with place.process() as allo:
        await allo.ready()
        async with somebody_with_a_browser(allo) as page:
            await sign_in(page, one_time_password(allo))
            await expect(page.locator("#talk .first")).to_contain_text("Let the first message in")
            await page.locator("#talk").get_by_role("link", name="Connect", exact=True).click()

            await connect_telegram(page, telegram)
            await expect(page.locator("#first")).to_contain_text("Waiting for the first message")
            bot.writes(MARINA, "Здравствуйте, сколько стоит замена колодок?", name="Марина")
            await page.locator("#first").get_by_role("link", name="Open it in the inbox").click()

            await expect(page.locator("#messages")).to_contain_text("замена колодок")
            await page.fill("#reply", "Здравствуйте! 3200 рублей.")
            await page.keyboard.press("Control+Enter")

            async def arrived() -> bool:
                return bot.times("Здравствуйте! 3200 рублей.", MARINA) == 1

            await eventually(arrived)

            await win(page, "3200")
            await page.goto("/settings/first-steps")
            done = page.locator(".todoist .is-done")
            for step in ("Answer the customer", "Win the lead", "Connect Telegram"):
                await expect(done.filter(has_text=step)).to_have_count(1)


def one_time_password(allo: Process) -> str:
    found = re.search(r"One-time password: +(\S+)", allo.log.read_text())
    assert found is not None
    return found[1]


@asynccontextmanager
async def somebody_with_a_browser(allo: Process) -> AsyncGenerator[Page]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = await chromium.new_context(base_url=allo.url, viewport=WIDE, locale="en-US")
        page = await context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        assert complaints == []
        await chromium.close()


async def sign_in(page: Page, password: str) -> None:
    await page.goto("/")
    await page.fill("#email", "admin@localhost")
    await page.fill("#password", password)
    await page.click("button.btn--main")
    await page.fill("input[name=password]", password)
    await page.fill("input[name=new]", NEW_PASSWORD)
    await page.fill("input[name=again]", NEW_PASSWORD)
    await page.click("button.btn--main")


async def connect_telegram(page: Page, telegram: Telegram) -> None:
    """With a token that is cut off at first, as it happens."""
    guide = page.locator("#guide")
    await expect(guide).to_contain_text("@BotFather")
    await guide.get_by_text("More settings").click()
    # The one thing that a newcomer does not do: here Telegram is a stand-in.
    await page.fill("[name='field.api_base']", telegram.url)
    await page.fill("[name='field.token']", "700700:")
    await page.locator("[name='field.token']").blur()
    token = guide.locator("[data-name=token]")
    await expect(token.locator(".field__err")).to_contain_text("The bot token is not one")
    await page.fill("[name='field.token']", TOKEN)
    await page.locator("[name='field.token']").blur()
    await expect(page.locator("#tried")).to_contain_text("@kolodka_bot")
    await expect(token.locator(".field__err")).to_be_hidden()
    await guide.get_by_role("button", name="Connect", exact=True).click()
    await expect(page.locator("#findings")).to_contain_text("@kolodka_bot")


async def win(page: Page, value: str) -> None:
    await page.locator("#person a[href^='/leads/']").first.click()
    await page.fill("#value", value)
    await page.press("#value", "Enter")
    await expect(page.locator("#main")).to_contain_text("3,200")
    # Where it is asked for the amount once more, it is there already.
    if await (asks := page.locator("summary", has_text="Won…")).count():
        await asks.click()
        await page.locator("form:has([name=status][value=won]) button.btn--main").click()
    else:
        await page.locator("button[name=status][value=won]").click()
    await expect(page.locator(".page__head .badge--ok")).to_have_text("Won")
