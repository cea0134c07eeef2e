"""What leaves somebody's sight leaves their open page, and what enters it comes; what never was there does not."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.events import a_message, a_person, accepted
from tests.inbox.chromium import PHONE, browsing, needs_chromium
from tests.inbox.stage import Stage, on_stage

pytestmark = needs_chromium


@pytest.fixture
async def stage(database: AsyncEngine, tmp_path: Path) -> AsyncGenerator[Stage]:
    async with on_stage(database, tmp_path) as stage:
        yield stage


@pytest.fixture
async def open_page(stage: Stage) -> AsyncGenerator[Any]:
    async with browsing(stage) as opened:
        yield opened


async def test_a_limited_list_lives(stage, open_page):
    anna = await stage.hire("Anna", sees="own")
    boris = await stage.hire("Boris", presence="off")
    account = await stage.shop.connect("bot")
    for number, name in [(1, "Марина"), (2, "Павел")]:
        await stage.receive(accepted(account, a_message(by=a_person(number, name=name))))
    talks = {row.chat: row.id for row in await stage.shop.sql("select id, chat from conversation")}
    await stage.desk.assign(talks["1"], by=None, manager=anna)
    await stage.desk.assign(talks["2"], by=None, manager=boris)
    await stage.publish()
    page = await open_page("/?tab=all")
    await page.evaluate("window.sameDocument = true")
    rows = page.locator("#list .row, [data-list] .row, .row")
    await expect(rows.filter(has_text="Марина")).to_have_count(1)
    await expect(rows.filter(has_text="Павел")).to_have_count(0)

    await stage.desk.assign(talks["1"], by=None, manager=boris)
    await stage.publish()
    await expect(rows.filter(has_text="Марина")).to_have_count(0)
    await stage.desk.assign(talks["2"], by=None, manager=anna)
    await stage.publish()
    await expect(rows.filter(has_text="Павел")).to_have_count(1)
    assert await page.evaluate("window.sameDocument")

    await page.goto(f"/conversations/{talks['1']}")
    await expect(page.locator("main")).to_contain_text("или это не ваше")


async def test_a_colleague_is_limited_handed_over_and_disabled_on_a_phone(stage, open_page):
    await stage.hire("Anna", role="admin")
    boris = await stage.hire("Boris", presence="off")
    account = await stage.shop.connect("bot")
    await stage.receive(accepted(account, a_message()))
    talk = (await stage.shop.one("select id from conversation")).id
    await stage.desk.assign(talk, by=None, manager=boris)
    page = await open_page("/settings/people", viewport=PHONE)
    await page.get_by_role("link", name="Boris", exact=True).click()
    await page.get_by_label("Только свои").check()
    await page.get_by_role("button", name="Сохранить").click()
    await expect(page.get_by_role("status").filter(has_text="Сохранено")).to_be_visible()
    assert (
        await stage.shop.one("select sees from user_account where name = 'Boris'")
    ).sees == "own"

    disable = page.locator(f'form[action="/settings/people/{boris}/disable"]')
    await disable.get_by_label("Открытые диалоги передать").select_option(label="Anna · На смене")
    await disable.get_by_role("button").click()
    await expect(page.get_by_text("Отключены: 1")).to_be_visible()
    row = await stage.shop.one(
        "select u.name from conversation v join user_account u on u.id = v.manager_id"
    )
    assert row.name == "Anna"
    await page.goto("/settings/audit")
    await expect(page.locator(".audit")).to_contain_text("отключён сотрудник: Boris")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_a_lead_given_away_is_taken_back_where_it_was(stage, open_page):
    anna = await stage.hire("Anna", sees="own")
    boris = await stage.hire("Boris", presence="off")
    account = await stage.shop.connect("bot")
    await stage.receive(accepted(account, a_message(by=a_person(1, name="Марина"))))
    await stage.shop.sql("update conversation set manager_id = :b", b=boris)
    await stage.shop.sql("update contact set manager_id = null")
    await stage.shop.sql("update lead set manager_id = :a", a=anna)
    lead = (await stage.shop.one("select id from lead")).id
    page = await open_page(f"/leads/{lead}")
    await page.evaluate("window.sameDocument = true")

    await page.select_option("#lead-manager", label="Boris")
    await expect(page.locator("main")).to_contain_text("или это не ваше")
    await stage.publish()
    await page.locator(".toast [data-undo]").click()
    await expect(page.locator("#lead-manager")).to_have_value(str(anna))
    assert (await stage.shop.one("select manager_id from lead")).manager_id == anna
    assert await page.evaluate("window.sameDocument")
