"""A page over the worst of days: the network goes, the server is killed and started again, and the page goes on by itself."""

import re
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Page, async_playwright, expect
from sqlalchemy import text

from sandbox.telegram import Telegram
from storage.embedded import shared_postgres
from storage.engine import open_engine
from tests.inbox.chromium import CHROMIUM, FLAGS, PATIENCE_MS, WIDE, needs_chromium
from tests.journey.processes import PASSWORD, Place, Process, eventually

pytestmark = [needs_chromium, pytest.mark.timeout(300)]

TOKEN: Final = "800800:TEST"
MARINA: Final = 801
EARLIER: Final = 30


@asynccontextmanager
async def a_page_of(allo: Process) -> AsyncGenerator[Page]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = await chromium.new_context(base_url=allo.url, viewport=WIDE, locale="ru-RU")
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto("/sign-in")
        await page.fill("#email", "anna@example.com")
        await page.fill("#password", PASSWORD)
        await page.click("button.btn--main")
        await expect(page.locator("#rows")).to_be_visible()
        yield page
        await chromium.close()
    assert complaints == []


async def query(place: Place, statement: str) -> list[Any]:
    async with shared_postgres(place.directory / "var" / "postgres") as url:
        engine = open_engine(url)
        async with engine.connect() as connection:
            rows = (await connection.execute(text(statement))).all()
        await engine.dispose()
    return list(rows)


async def test_a_page_outlives_the_network_and_the_server(
    tmp_path: Path, telegram: Telegram
) -> None:
    bot = telegram.add_bot(TOKEN)
    place = Place(tmp_path, ALLO_LANGUAGE="ru")
    said: list[str] = []

    def marina_says(words: str) -> None:
        bot.writes(MARINA, words, name="Марина")
        said.append(words)

    async with place.process() as allo:
        await allo.ready()
        await place.add_user("anna@example.com", name="Anna")
        await place.add_channel(
            "telegram", "shop", token=TOKEN, mode="polling", api_base=telegram.url
        )
        for number in range(EARLIER):
            marina_says(f"раньше {number:02}")
        async with a_page_of(allo) as page:
            messages = page.locator("#messages .msg")
            await page.evaluate("window.sameDocument = true")
            await page.goto("/?tab=all")
            await page.evaluate("window.sameDocument = true")
            await page.locator("#rows .row__name", has_text="Марина").click()
            await expect(page.locator("#messages")).to_contain_text(f"раньше {EARLIER - 1}")

            # The network goes in the middle of a word, and of hers.
            field = page.locator("#reply")
            await field.press_sequentially("Пишу, ")
            await page.context.set_offline(True)
            await expect(page.locator(".offline")).to_be_visible()
            marina_says("пока не было сети")
            await field.press_sequentially("а связи нет")
            await page.keyboard.press("Control+Enter")
            await expect(field).to_have_value("Пишу, а связи нет")
            await page.context.set_offline(False)
            await expect(page.locator(".offline")).to_have_count(0)
            await expect(page.locator("#messages")).to_contain_text("пока не было сети")
            await page.keyboard.press("Control+Enter")
            await expect(page.locator("#messages .msg--out[data-item]")).to_have_count(1)

            async def arrived() -> bool:
                return bot.times("Пишу, а связи нет", MARINA) == 1

            await eventually(arrived)

            # The server is killed while one writes further up in the conversation and a reply is under way.
            await field.press_sequentially("до падения")
            await page.keyboard.press("Control+Enter")
            await allo.kill()
            marina_says("пока сервер лежал")
            await field.press_sequentially("сразу после")
            await page.keyboard.press("Control+Enter")
            await field.press_sequentially("недописанное")
            await expect(page.locator(".offline")).to_be_visible()
            read = messages.filter(has_text="раньше 15")
            await read.evaluate("(message) => message.scrollIntoView({ block: 'center' })")
            before = await read.bounding_box()

            await allo.start()
            await allo.ready()
            await expect(page.locator(".offline")).to_have_count(0, timeout=60_000)
            await expect(page.locator("#messages")).to_contain_text("пока сервер лежал")
            await expect(page.locator(".is-sending")).to_have_count(0)
            await expect(page.locator("#messages .msg--out[data-item]")).to_have_count(3)
            await expect(field).to_have_value("недописанное")
            after = await read.bounding_box()
            assert before is not None
            assert after is not None
            assert abs(after["y"] - before["y"]) < 2
            await expect(page.locator("#jump")).to_be_visible()

            # And it goes on as if nothing had been.
            marina_says("и снова здравствуйте")
            await expect(page.locator("#messages")).to_contain_text("и снова здравствуйте")
            assert await page.evaluate("window.sameDocument === true")
            shown = await page.locator("#messages .msg[data-direction=in] .words").all_inner_texts()
            assert shown == said

        answers = ("Пишу, а связи нет", "до падения", "сразу после")

        # What was under way when the server died is not sent again unasked; nothing is sent twice.
        assert bot.times(answers[0], MARINA) == 1
        assert all(bot.times(each, MARINA) <= 1 for each in answers)
        rows = await query(place, "select direction, text from message order by seq")
        stored = Counter((row.direction, row.text) for row in rows if row.direction != "system")
        assert stored == Counter(
            [*(("in", each) for each in said), *(("out", each) for each in answers)]
        )
        drafts = await query(place, "select text from draft where text <> ''")
        assert [re.sub(r"\s+", " ", row.text) for row in drafts] == ["недописанное"]
