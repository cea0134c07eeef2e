"""The board in a real browser: by hand, by keys, undone, and seen by somebody else at the same time."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.conftest import NOON
from tests.events import a_message, a_person, accepted
from tests.inbox.chromium import PHONE, browsing, needs_chromium
from tests.inbox.stage import Stage, on_stage

pytestmark = needs_chromium

NAMES = ("Юлия", "Бэла", "Вера")


@pytest.fixture
async def stage(database: AsyncEngine, tmp_path: Path) -> AsyncGenerator[Stage]:
    async with on_stage(database, tmp_path) as stage:
        await stage.hire("Anna")
        await stage.hire("Boris")
        await stage.shop.sql("update pipeline set lost_reasons = array['Дорого', 'Долго']")
        account = await stage.shop.connect("bot")
        for n, name in enumerate(NAMES):
            stage.time = NOON + timedelta(seconds=n)
            person = a_person(n, name=name)
            await stage.receive(accepted(account, a_message(by=person, at=stage.time)))
        # One after the other, the last one above.
        for n, name in enumerate(NAMES):
            await stage.shop.sql(
                "update lead set title = :name, position = :n where title like :like",
                name=name,
                n=n,
                like=f"{name}%",
            )
        yield stage


@pytest.fixture
async def open_page(stage: Stage) -> AsyncGenerator[Any]:
    async with browsing(stage) as opened:
        yield opened


def column(page: Page, name: str) -> Locator:
    return page.locator(f'.col[data-name="{name}"]')


def card(page: Page, name: str) -> Locator:
    return page.locator(".card[data-id]", has_text=name)


async def titles(page: Page, name: str, *expected: str) -> None:
    await expect(column(page, name).locator(".card[data-id] .card__name")).to_have_text(
        list(expected)
    )


async def drag(page: Page, moved: Locator, to: Locator) -> None:
    start, end = await moved.bounding_box(), await to.bounding_box()
    assert start is not None
    assert end is not None
    await page.mouse.move(start["x"] + 20, start["y"] + 50)
    await page.mouse.down()
    await page.mouse.move(start["x"] + 40, start["y"] + 60, steps=3)
    await page.mouse.move(end["x"] + 40, end["y"] + end["height"] - 8, steps=6)
    await expect(page.locator(".card--slot")).to_be_visible()
    await page.mouse.up()


async def test_cards_are_moved_by_hand_and_by_keys_and_everybody_sees_it(stage, open_page):
    anna = await open_page("/leads")
    boris = await open_page("/leads", who="Boris")
    await titles(anna, "New", "Вера", "Бэла", "Юлия")

    # By hand, under a card of the same column, and into another column.
    async with anna.expect_response("**/move"):
        await drag(anna, card(anna, "Вера"), card(anna, "Бэла"))
    await titles(anna, "New", "Бэла", "Вера", "Юлия")
    await stage.publish()
    await titles(boris, "New", "Бэла", "Вера", "Юлия")
    await drag(anna, card(anna, "Юлия"), column(anna, "Qualified"))
    await titles(anna, "Qualified", "Юлия")
    await expect(anna.locator(".toast")).to_contain_text("Qualified")
    await stage.publish()
    await titles(boris, "Qualified", "Юлия")
    await expect(boris.locator('.col[data-name="Qualified"] .num')).to_have_text("1")

    # Taken back from the toast.
    await anna.locator(".toast [data-undo]").click()
    await titles(anna, "New", "Бэла", "Вера", "Юлия")
    await stage.publish()
    await titles(boris, "New", "Бэла", "Вера", "Юлия")

    # By keys: lifted, carried, put back; lifted again and dropped. It is said aloud.
    await card(anna, "Вера").locator(".card__name").focus()
    await anna.keyboard.press("ArrowUp")
    await expect(anna.locator(":focus")).to_have_text("Бэла")
    await anna.keyboard.press("Space")
    await anna.keyboard.press("ArrowRight")
    await expect(anna.locator("#spoken")).to_have_text("Qualified, место 1 из 1")
    await expect(column(anna, "Qualified").locator(".card--slot")).to_be_visible()
    await anna.keyboard.press("Escape")
    await titles(anna, "New", "Бэла", "Вера", "Юлия")
    await expect(anna.locator(".card--slot")).to_have_count(0)
    # Whoever holds a card is not disturbed by what others do meanwhile; it comes when the hand is free.
    await anna.keyboard.press("Space")
    await anna.keyboard.press("ArrowDown")
    julia = (await stage.shop.one("select id from lead where title = 'Юлия'")).id
    qualified = (await stage.shop.one("select id from stage where name = 'Qualified'")).id
    await stage.desk.move_lead(julia, qualified, by=None)
    await stage.publish()
    await titles(boris, "Qualified", "Юлия")
    await titles(anna, "New", "Бэла", "Вера", "Юлия")
    await anna.keyboard.press("Enter")
    await titles(anna, "New", "Вера", "Бэла")
    await titles(anna, "Qualified", "Юлия")
    await expect(anna.locator(":focus")).to_have_text("Бэла")


async def test_what_ends_a_lead_is_asked_for_and_a_collision_is_told(stage, open_page):
    anna = await open_page("/leads")
    # Won: for how much.
    await drag(anna, card(anna, "Вера"), column(anna, "Won"))
    dialog = anna.locator("#won")
    await expect(dialog).to_be_visible()
    await anna.keyboard.press("Escape")
    await titles(anna, "New", "Вера", "Бэла", "Юлия")
    await drag(anna, card(anna, "Вера"), column(anna, "Won"))
    await anna.keyboard.type("18400")
    await anna.keyboard.press("Enter")
    await titles(anna, "Won", "Вера")
    await expect(card(anna, "Вера").locator(".card__value")).to_contain_text("18")
    row = await stage.shop.one("select status, value from lead where title = 'Вера'")
    assert tuple(row) == ("won", 1840000)

    # Lost: why. Nothing chosen, nothing done.
    await card(anna, "Бэла").locator(".card__name").focus()
    await anna.keyboard.press("d")
    lost = anna.locator("#lost")
    await lost.locator(".btn--main").click()
    await expect(lost.locator("[data-missing]")).to_be_visible()
    await lost.get_by_text("Долго").click()
    await lost.locator(".btn--main").click()
    await titles(anna, "New", "Юлия")
    row = await stage.shop.one("select status, lost_reason from lead where title = 'Бэла'")
    assert tuple(row) == ("lost", "Долго")
    # Ctrl+Z brings it back.
    await expect(anna.locator(".toast", has_text="Бэла")).to_be_visible()
    await anna.keyboard.press("Control+z")
    await titles(anna, "New", "Бэла", "Юлия")

    # Moved by somebody else, who has not been heard of yet: told, and shown where it is.
    julia = (await stage.shop.one("select id from lead where title = 'Юлия'")).id
    won = (await stage.shop.one("select id from stage where name = 'Qualified'")).id
    await stage.desk.move_lead(julia, won, by=None)
    await card(anna, "Юлия").locator(".card__name").focus()
    await anna.keyboard.press("d")
    await lost.get_by_text("Дорого").click()
    await lost.locator(".btn--main").click()
    await expect(anna.locator(".toast", has_text="уже перенесли")).to_be_visible()
    await titles(anna, "Qualified", "Юлия")
    assert (await stage.shop.one("select status from lead where title = 'Юлия'")).status == "open"


async def test_on_a_phone_a_card_is_moved_from_its_menu_and_several_at_once(stage, open_page):
    phone = await open_page("/leads", viewport=PHONE, has_touch=True)
    await card(phone, "Бэла").locator(".card__move").click()
    await phone.locator("#moveto").get_by_text("Qualified").click()
    await titles(phone, "Qualified", "Бэла")
    await titles(phone, "New", "Вера", "Юлия")
    for name in ("Вера", "Юлия"):
        await card(phone, name).locator(".card__pick").check()
    await expect(phone.locator("#bulk [data-chosen]")).to_have_text("Выбрано: 2")
    await phone.locator("#bulk summary").first.click()
    await phone.locator("#bulk").get_by_text("Qualified").click()
    await titles(phone, "New")
    await expect(column(phone, "Qualified").locator(".card[data-id]")).to_have_count(3)
    await expect(phone.locator("#bulk")).to_be_hidden()
    assert await phone.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


async def test_a_lead_is_changed_where_it_stands(stage, open_page):
    lead = (await stage.shop.one("select id from lead where title = 'Юлия'")).id
    page = await open_page(f"/leads/{lead}")
    await page.fill("#note-text", "не потерять")
    await page.fill("#value", "500")
    await page.locator("#value").press("Tab")
    await expect(page.locator(".toast")).to_contain_text("Сохранено")
    await expect(page.locator(".leadcard__value")).to_contain_text("500")
    await expect(page.locator("#note-text")).to_have_value("не потерять")
    await page.locator(".toast [data-undo]").first.click()
    await expect(page.locator("#value")).to_have_value("")
    await page.locator(".steps .stage").nth(2).click()
    await page.locator("#won-value").fill("700")
    await page.keyboard.press("Enter")
    await expect(page.locator(".badge--ok")).to_be_visible()
    assert (await stage.shop.one("select value from lead where id = :id", id=lead)).value == 70000
