"""A person's card in front of a real browser: edited in place, known by another number, made one with another, and back."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import expect
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.engine import transaction
from storage.fields import add_field
from tests.conftest import NOON
from tests.events import a_message, a_person, accepted
from tests.inbox.chromium import PHONE, browsing, needs_chromium
from tests.inbox.stage import Stage, on_stage

pytestmark = needs_chromium


@pytest.fixture
async def stage(database: AsyncEngine, tmp_path: Path) -> AsyncGenerator[Stage]:
    async with on_stage(database, tmp_path) as stage:
        await stage.hire("Anna")
        yield stage


@pytest.fixture
async def open_page(stage: Stage) -> AsyncGenerator[Any]:
    async with browsing(stage) as opened:
        yield opened


@pytest.fixture
async def pair(stage: Stage) -> tuple[UUID, UUID]:
    """Marina, and somebody who is perhaps she."""
    bot = await stage.shop.connect("bot")
    for number, name in ((1, "Марина"), (2, "Marina B")):
        at = NOON + timedelta(minutes=number)
        words = a_message(by=a_person(number, name=name), text=f"Вопрос {number}", at=at)
        await stage.receive(accepted(bot, words))
    rows = await stage.shop.sql("select id from contact order by created_at")
    async with transaction(stage.engine) as connection:
        await add_field(connection, entity="contact", name="Пробег", kind="number", now=NOON)
    return rows[0].id, rows[1].id


async def test_a_card_is_edited_in_place_merged_with_a_choice_and_taken_apart_again(  # noqa: PLR0915  # one browser
    stage, pair, open_page
):
    marina, _ = pair
    talk = (
        await stage.shop.one("select id from conversation where contact_id = :id", id=marina)
    ).id
    page = await open_page(f"/conversations/{talk}")
    card = page.locator("#person")
    name = card.locator("[name=name]")

    # Esc gives back, Enter saves; the toast takes it back.
    await name.fill("Не она")
    await name.press("Escape")
    await expect(name).to_have_value("Марина")
    await name.fill("Марина Белозёрова")
    await name.press("Enter")
    await expect(page.locator(".toast")).to_contain_text("Имя сохранено")
    row = await stage.shop.one("select name from contact where id = :id", id=marina)
    assert row.name == "Марина Белозёрова"
    # Somebody else changes the card while one is writing: nothing moves under the hand.
    mileage = card.get_by_label("Пробег")
    await mileage.fill("мно")
    await stage.desk.change_contact(marina, {"note": "звонить вечером"}, by=None)
    await stage.publish()
    await mileage.press_sequentially("го")
    await expect(mileage).to_have_value("много")
    await mileage.press("Enter")
    await expect(card.locator(".edit__err:not([hidden])")).to_contain_text("Введите число")
    await mileage.fill("68 000")
    await mileage.press("Enter")
    await expect(page.locator(".toast", has_text="Сохранено")).to_be_visible()
    await mileage.blur()
    await expect(card.locator("[name=note]")).to_have_value("звонить вечером")
    await expect(card.get_by_label("Пробег")).to_have_value("68000")

    # A number that was told.
    await card.get_by_label("Добавить номер или адрес").click()
    await card.locator("form[action$='/keys'] [name=value]").fill("8 921 555-14-08")
    await card.locator("form[action$='/keys'] button").click()
    await expect(card.locator("#sec-keys")).to_contain_text("8 921 555-14-08")

    # A section that was folded stays so when the card is drawn again.
    await card.locator("button[data-fold=fields]").click()
    await expect(card.locator("#sec-fields")).to_be_hidden()

    # The other is found by the keyboard alone.
    await card.get_by_label("Действия с контактом").click()
    await card.get_by_text("Объединить с…").click()
    sheet = page.locator("#sheet")
    await expect(sheet.locator("[role=combobox]")).to_be_focused()
    await page.keyboard.type("Marina")
    await expect(sheet.locator("[role=option][aria-selected=true]")).to_contain_text("Marina B")
    await page.keyboard.press("Enter")
    await expect(sheet).to_contain_text("Останется: старше")
    await expect(sheet).to_contain_text("открыт останется")
    await sheet.get_by_text("Marina B", exact=True).last.click()
    await sheet.get_by_role("button", name="Объединить", exact=True).click()
    await expect(sheet).to_have_count(0)
    await expect(page.locator(".toast", has_text="Контакты объединены")).to_be_visible()
    await expect(card.locator("[name=name]")).to_have_value("Marina B")
    await expect(card.locator("#sec-fields")).to_be_hidden()
    assert len(await stage.shop.sql("select id from contact where merged_into is null")) == 1

    await page.locator(".toast", has_text="Контакты объединены").locator("[data-undo]").click()
    await expect(card.locator("[name=name]")).to_have_value("Марина Белозёрова")
    living = await stage.shop.sql("select name from contact where merged_into is null order by 1")
    assert [each.name for each in living] == ["Marina B", "Марина Белозёрова"]


async def test_duplicates_are_gone_through_by_key_and_a_phone_shows_the_card(
    stage, pair, open_page
):
    marina, other = pair
    await stage.shop.sql(
        "insert into suggestion (id, first_id, second_id, score, reasons, at)"
        " values (gen_random_uuid(), least(cast(:a as uuid), :b), greatest(cast(:a as uuid), :b), 70, '[\"Имя то же\"]', now())",
        a=marina,
        b=other,
    )
    page = await open_page("/contacts/duplicates")
    await page.keyboard.press("KeyJ")
    await expect(page.locator("[data-step-to]")).to_be_focused()
    await page.keyboard.press("KeyD")
    await expect(page.locator("#main")).to_contain_text("Вероятных дублей нет")
    await page.keyboard.press("Control+KeyZ")
    await expect(page.locator("[data-step-to]")).to_be_visible()

    # Its own page follows a merge to whoever stays, with the toast to take it back.
    page = await open_page(f"/contacts/{other}", viewport=PHONE)
    await page.locator(".suggest a[data-sheet]").click()
    await page.locator("#sheet").get_by_role("button", name="Объединить", exact=True).click()
    await expect(page.locator("h1")).to_have_text("Марина")
    assert page.url.endswith(f"/contacts/{marina}")
    await expect(page.locator("#main")).to_contain_text("Вошли в этот контакт")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await page.locator(".toast [data-undo]").click()
    await expect(page.locator("#main")).not_to_contain_text("Вошли в этот контакт")
    assert len(await stage.shop.sql("select id from contact where merged_into is null")) == 2
