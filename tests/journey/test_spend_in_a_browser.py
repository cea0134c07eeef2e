"""A marketer brings November's spend in: an account, a file that is looked at first, a rate; on a desk and on a telephone."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from random import random
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect
from sqlalchemy.ext.asyncio import AsyncEngine

from sandbox.exchange import Fault
from sandbox.yandex_direct import YandexDirect
from storage.sealing import Sealer
from tests.inbox.chromium import browsing, needs_chromium
from tests.inbox.stage import SECRET, Stage, on_stage
from workers.pull_spend import SpendPuller

pytestmark = needs_chromium

FILE = (
    "Дата;Кампания;Расход;Валюта;Клики\n"
    "01.11.2026;Тормоза Москва;12 500,50;;310\n"
    "02.11.2026;Тормоза Москва;9 800;;240\n"
    "02.11.2026;Retargeting;100,00;USD;12\n"
    "31.02.2026;Тормоза Москва;5;;1\n"
)


@pytest.fixture
async def stage(database: AsyncEngine, tmp_path: Path) -> AsyncGenerator[Stage]:
    async with on_stage(database, tmp_path) as stage:
        await stage.hire("Anna", role="marketer")
        yield stage


@pytest.fixture
async def open_page(stage: Stage) -> AsyncGenerator[Any]:
    async with browsing(stage) as opened:
        yield opened


async def test_a_file_goes_in_after_it_was_looked_at(stage, open_page):
    page = await open_page("/settings")
    await page.get_by_role("link", name="Расходы на рекламу").first.click()
    await expect(page.get_by_text("Рекламных кабинетов пока нет")).to_be_visible()
    await page.fill("#name", "Яндекс Директ")
    await page.fill("#source", "yandex")
    await page.get_by_role("button", name="Добавить", exact=True).click()
    await expect(page.locator("h1")).to_have_text("Яндекс Директ")

    await page.set_input_files(
        "#file", {"name": "ноябрь.csv", "mimeType": "text/csv", "buffer": FILE.encode("cp1251")}
    )
    await page.get_by_role("button", name="Посмотреть").click()
    await expect(page.locator("h1")).to_have_text("ноябрь.csv")
    await expect(page.get_by_text("Дня 31.02.2026 не бывает.")).to_be_visible()
    await expect(page.get_by_text("Курс USD есть не на все эти дни")).to_be_visible()
    assert (await stage.shop.one("select count(*) as n from spend")).n == 0
    await shot(page, "preview")

    await page.get_by_role("button", name="Записать").dblclick()
    await expect(page.get_by_text("1 строка", exact=True)).to_be_visible()
    assert (await stage.shop.one("select count(*) as n from spend_import")).n == 1
    assert (await stage.shop.one("select count(*) as n from spend where counted is null")).n == 1

    await page.get_by_role("link", name="Расходы на рекламу").first.click()
    await page.get_by_role("link", name="Внести").click()
    await expect(page.locator("#currency")).to_have_value("USD")
    await page.fill("#rate", "90.5")
    await page.get_by_role("button", name="Сохранить").click()
    await expect(page.get_by_text("1 USD = 90.5 RUB")).to_be_visible()
    assert (await stage.shop.one("select sum(counted) as n from spend")).n == 2_230_050 + 905_000


async def test_what_the_platform_says_is_there_without_a_reload(stage, open_page):
    direct = YandexDirect(now=time.time, token="right")
    puller = SpendPuller(
        engine=stage.engine, sealer=Sealer(SECRET), now=stage.now, chance=random, look=0.1
    )
    stop = asyncio.Event()
    async with direct.running(), asyncio.TaskGroup() as group:
        group.create_task(puller.run(stop))
        page = await open_page("/settings/spend")
        await page.fill("#name", "Директ")
        await page.fill("#source", "yandex")
        await page.get_by_role("button", name="Добавить", exact=True).click()
        await page.get_by_text("Запрашивать у площадки автоматически").click()
        await page.fill("#f-token", "wrong")
        await page.fill("#f-api_base", direct.url)
        await page.get_by_role("button", name="Сохранить и запросить").click()
        await expect(page.get_by_role("alert")).to_contain_text("Яндекс Директ нас не пускает")
        await page.fill("#f-token", "right")
        await page.locator("form[action$=connect] .btn--main").click()
        await expect(page.locator(".page__head .health")).to_have_text("Работает")
        log = page.locator("ol.panel .mate")
        await expect(log).to_have_count(3)
        direct.restate(stage.now().date())
        direct.go_wrong(Fault(kind="slow", seconds=3))
        async with page.expect_event("load"):
            await page.get_by_role("button", name="Проверить").click()
        await page.evaluate("window.sameDocument = true")
        await expect(log).to_have_count(4)
        assert await page.evaluate("window.sameDocument")
        stop.set()


@pytest.mark.parametrize(("width", "theme"), [(360, "dark"), (1280, "light")])
async def test_its_pages_fit_and_read_well(stage, open_page, width, theme):
    page = await open_page(
        "/settings/spend", viewport={"width": width, "height": 900}, color_scheme=theme
    )
    await page.fill("#name", "Реклама с довольно длинным названием кабинета и пояснением к нему")
    await page.fill("#source", "yandex")
    await page.get_by_role("button", name="Добавить", exact=True).click()
    account = page.url
    await page.get_by_text("Внести вручную").click()
    await page.fill("#amount", "1500")
    await page.fill("#campaign", "Листовки")
    await page.get_by_role("button", name="Внести").click()
    await expect(page.get_by_text("Вручную")).to_be_visible()
    await stage.shop.sql(
        "insert into overhead (id, name, amount, currency, first_day, last_day, created_at) values"
        " (gen_random_uuid(), 'Маркетолог', 8000000, 'RUB', '2026-11-01', '2026-11-30', now())"
    )
    for path in ("", "/imports", "/overheads", "/rates", account):
        await page.goto(path if path == account else f"{stage.url}/settings/spend{path}")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
        found = await Axe().run(page)
        assert found.response["violations"] == [], (path, found.generate_report())
        await shot(page, f"{width}{path.rpartition('/')[2][:9]}")


async def shot(page: Any, name: str) -> None:
    """For whoever wants to look: SHOTS is a folder."""
    if folder := os.environ.get("SHOTS"):
        await page.screenshot(path=f"{folder}/spend-{name}.png", full_page=True)
