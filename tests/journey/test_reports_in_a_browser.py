"""A marketer's question, in a real browser: which days, which source, who is behind the number, and the file to take away."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.async_api import expect
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.conftest import NOON
from tests.inbox.chromium import PHONE, browsing, needs_chromium
from tests.inbox.report_shop import a_week_of_sales
from tests.inbox.stage import Stage, on_stage

pytestmark = needs_chromium


@pytest.fixture
async def stage(database: AsyncEngine, tmp_path: Path) -> AsyncGenerator[Stage]:
    async with on_stage(database, tmp_path) as stage:
        await stage.hire("Olga", role="admin")
        await stage.hire("Mark", role="marketer")
        await a_week_of_sales(database, now=NOON)
        yield stage


@pytest.fixture
async def open_page(stage: Stage) -> AsyncGenerator[Any]:
    async with browsing(stage) as opened:
        yield opened


async def test_from_the_period_to_the_card_and_the_file(open_page, tmp_path):
    page = await open_page("/reports", who="Olga")
    await page.get_by_role("link", name="Источники").click()

    await page.locator("#pick-days > summary").click()
    await page.get_by_role("link", name="Последние 7 дней").click()
    await expect(page).to_have_url("/reports/sources?period=7d")
    yandex = page.locator("tbody tr", has_text="Яндекс Директ")
    await expect(yandex.locator("td").first).to_have_text("3")
    await expect(page.locator(".chart__svg")).to_have_count(3)

    # A row opens where it is, with the keyboard too, and the address says so.
    await yandex.locator(".table__open").focus()
    await page.keyboard.press("Space")
    brakes = page.locator("tr.sub", has_text="brakes")
    await expect(brakes.locator("td").first).to_have_text("2")
    await expect(yandex.locator(".table__open")).to_be_focused()
    await expect(yandex.locator(".table__open")).to_have_attribute("aria-expanded", "true")

    # How a figure is counted is told to whoever presses the mark, and to whoever points at it.
    await page.get_by_role("button", name="Как считается: CPL").click()
    await expect(page.locator("#how-cpl")).to_be_visible()
    await expect(page.locator("#how-cpl")).to_contain_text("расход ÷ лиды")
    await page.keyboard.press("Escape")
    await expect(page.locator("#how-cpl")).to_be_hidden()

    # Behind the number are its cards, beside the report.
    await brakes.locator("td a").first.click()
    cards = page.locator("dialog#sheet")
    await expect(cards.locator("li")).to_have_count(2)
    await expect(cards).to_contain_text("Тормозные диски")
    await page.keyboard.press("Escape")
    await expect(cards).to_have_count(0)

    await page.locator("#pick-model > summary").click()
    await page.get_by_role("link", name="Поровну").click()
    await expect(yandex.locator("td").first).to_have_text("3,5")
    await expect(page.locator("#pick-model > summary")).to_be_focused()
    await page.go_back()
    await expect(yandex.locator("td").first).to_have_text("3")
    await page.go_forward()
    await expect(yandex.locator("td").first).to_have_text("3,5")

    await page.locator("#pick-export > summary").click()
    async with page.expect_download() as taken:
        await page.get_by_role("link", name="Таблица, XLSX").click()
    file = tmp_path / "report.xlsx"
    await (await taken.value).save_as(file)
    rows = {row[0].value: row[1].value for row in openpyxl.load_workbook(file).worksheets[0]}
    assert rows["Яндекс Директ"] == 3.5
    assert rows["Итого"] == 5

    await page.locator("#pick-save > summary").click()
    await page.fill("#pick-save [name=name]", "Недельный")
    await page.locator("#pick-save").get_by_role("button", name="Сохранить").click()
    await page.goto("/reports")
    await page.get_by_role("link", name="Недельный", exact=True).click()
    await expect(page.locator("#pick-model > summary")).to_contain_text("Поровну")


async def test_on_a_telephone_nothing_runs_off_the_page(open_page):
    page = await open_page("/reports/sources?period=7d", who="Mark", viewport=PHONE)
    await expect(page.locator("tbody tr", has_text="Яндекс Директ")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    await page.get_by_role("link", name="3, Лиды: Яндекс Директ").click()
    await expect(page.locator("dialog#sheet li")).to_have_count(3)
    # A marketer's cards name the lead, and no word of the customer's.
    await expect(page.locator("dialog#sheet")).not_to_contain_text("Тормозные диски")
