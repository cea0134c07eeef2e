"""Beside a conversation, in a real browser: a lead ends there as it does on the board, and with the same questions."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.conftest import NOON
from tests.events import a_message, a_person, accepted
from tests.inbox.chromium import browsing, needs_chromium
from tests.inbox.stage import Stage, on_stage

pytestmark = needs_chromium


@pytest.fixture
async def stage(database: AsyncEngine, tmp_path: Path) -> AsyncGenerator[Stage]:
    async with on_stage(database, tmp_path) as stage:
        await stage.hire("Anna")
        await stage.shop.sql("update pipeline set lost_reasons = array['Дорого', 'Долго']")
        account = await stage.shop.connect("bot")
        for n, name in enumerate(("Юлия", "Бэла")):
            stage.time = NOON + timedelta(seconds=n)
            await stage.receive(
                accepted(account, a_message(by=a_person(n, name=name), at=stage.time))
            )
        yield stage


@pytest.fixture
async def open_page(stage: Stage) -> AsyncGenerator[Any]:
    async with browsing(stage) as opened:
        yield opened


async def test_won_asks_for_how_much_and_lost_why(stage: Stage, open_page: Any) -> None:
    page = await open_page("/?tab=all")
    await page.locator("#rows .row__name", has_text="Юлия").click()
    panel = page.locator("#person")
    await panel.get_by_role("button", name="Won", exact=True).first.click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Юлия")
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    assert (await stage.shop.one("select count(*) as n from lead where status = 'won'")).n == 0

    await panel.get_by_role("button", name="Won", exact=True).first.click()
    # What happens meanwhile draws the panel anew, and leaves the question alone.
    await stage.shop.sql("update contact set fields = jsonb_build_object('город', 'Псков')")
    await page.evaluate("dispatchEvent(new CustomEvent('allo:changed'))")
    await expect(panel.get_by_label("город")).to_have_value("Псков")
    await dialog.get_by_role("textbox").fill("18 400")
    await dialog.get_by_role("textbox").press("Enter")
    await expect(dialog).to_have_count(0)
    await expect(panel).to_contain_text("Открытого лида нет.")
    row = await stage.shop.one("select status, value from lead where status = 'won'")
    assert row.value == 1_840_000
    await page.locator(".toast [data-undo]").first.click()
    await expect(panel.locator(".steps__now")).to_contain_text("New")
    row = await stage.shop.one("select status, value from lead where title like 'Юлия%'")
    assert tuple(row) == ("open", None)

    await page.locator("#rows .row__name", has_text="Бэла").click()
    await expect(panel.locator(".person__name")).to_contain_text("Бэла")
    await panel.get_by_role("button", name="Проигран…").click()
    await dialog.get_by_text("Дорого").click()
    await dialog.locator(".btn--main").click()
    await expect(panel).to_contain_text("Открытого лида нет.")
    row = await stage.shop.one("select status, lost_reason from lead where title like 'Бэла%'")
    assert tuple(row) == ("lost", "Дорого")
