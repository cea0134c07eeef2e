"""Leads, contacts and settings show what is so now, without being in anybody's way."""

import re
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

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
        await stage.hire("Anna", role="admin")
        yield stage


@pytest.fixture
async def telegram(stage: Stage) -> UUID:
    return await stage.shop.connect("bot")


@pytest.fixture
async def open_page(stage: Stage) -> AsyncGenerator[Any]:
    async with browsing(stage) as opened:
        yield opened


@pytest.mark.parametrize("path", ["/leads", "/leads?view=list", "/contacts"])
async def test_a_new_lead_and_its_contact_are_there_without_a_reload(
    stage, telegram, open_page, path
):
    page = await open_page(path)
    await page.evaluate("window.sameDocument = true")
    await stage.receive(accepted(telegram, a_message(by=a_person(1, name="Марина"))))
    await expect(page.locator("#main")).to_contain_text("Марина")
    assert await page.evaluate("window.sameDocument")


async def test_whoever_is_writing_is_told_and_not_disturbed(stage, telegram, open_page):
    await stage.receive(accepted(telegram, a_message()))
    lead = (await stage.shop.one("select id from lead")).id
    page = await open_page(f"/leads/{lead}")
    await page.fill("#value", "18400")
    await stage.desk.change_lead(lead, {"title": "Другое имя"}, by=None)
    await stage.publish()
    await expect(page.locator(".toast")).to_contain_text("Здесь что-то изменилось")
    await expect(page.locator("#value")).to_have_value("18400")
    await page.locator(".toast .link").click()
    await expect(page.locator("h1")).to_have_text("Другое имя")


async def test_the_board_keeps_its_place(stage, telegram, open_page):
    await stage.receive(
        *(
            accepted(telegram, a_message(by=a_person(n), at=NOON + timedelta(seconds=n)))
            for n in range(20)
        )
    )
    page = await open_page("/leads")
    column = page.locator(".col__b").first
    await column.evaluate("(each) => { each.scrollTop = 400 }")
    await page.locator(".card__name", has_text="Person 9").focus()
    assert await column.evaluate("(each) => each.scrollTop") > 0
    before = await page.locator(":focus").bounding_box()
    await page.evaluate(
        """() => {
            window.card = document.activeElement.closest(".card");
            window.left = 0;
            document.addEventListener("focusout", () => { window.left += 1; });
        }"""
    )
    await stage.receive(
        accepted(telegram, a_message(by=a_person(99), at=NOON + timedelta(minutes=1)))
    )
    await expect(page.locator("#main")).to_contain_text("Person 99")
    assert await page.locator(":focus").bounding_box() == before

    # The card itself is drawn anew: what it says changes, and what has the focus in it, or is ticked, is not touched.
    await page.locator(".card:has(:focus) .card__pick").check()
    await page.evaluate("window.left = 0")
    lead = (await stage.shop.one("select id from lead where title like 'Person 9%' limit 1")).id
    await stage.desk.change_lead(lead, {"title": "Другое имя", "value": 12300}, by=None)
    await stage.publish()
    card = page.locator(".card", has_text="Другое имя")
    await expect(card.locator(".card__value")).to_contain_text("123")
    await expect(card.locator(".card__pick")).to_be_focused()
    await expect(card.locator(".card__pick")).to_be_checked()
    await expect(card).to_have_class(re.compile("card--picked"))
    assert await page.evaluate("[window.card.isConnected, window.left]") == [True, 0]

    # Moved by somebody else, it takes the focus along.
    won = (await stage.shop.one("select id from stage where name = 'Qualified'")).id
    await stage.desk.move_lead(lead, won, by=None)
    await stage.publish()
    await expect(page.locator('.col[data-name="Qualified"] .card')).to_have_count(1)
    await expect(card.locator(".card__pick")).to_be_focused()
    assert await page.evaluate("window.card.isConnected")


async def test_who_is_on_duty_is_seen_in_the_settings(stage, open_page):
    boris = await stage.hire("Boris")
    page = await open_page("/settings/people")
    await stage.desk.set_presence(boris, "away", by=boris)
    await stage.publish()
    await expect(page.locator(".mate", has_text="Boris")).to_contain_text("Отошёл")


async def test_a_label_is_written_and_taken_away_with_the_keyboard(stage, telegram, open_page):
    await stage.receive(accepted(telegram, a_message()))
    talk = (await stage.shop.one("select id from conversation")).id
    page = await open_page(f"/conversations/{talk}")
    await page.keyboard.press("l")
    await expect(page.locator("#label")).to_be_focused()
    for label in ("срочно", "опт"):
        await page.keyboard.type(label)
        await page.keyboard.press("Enter")
        await expect(page.locator(".chip--label", has_text=label)).to_be_visible()
        await expect(page.locator("#label")).to_have_value("")
        await expect(page.locator("#label")).to_be_focused()
    await page.locator(".chip--label", has_text="срочно").locator("button").press("Enter")
    await expect(page.locator(".chip--label")).to_have_count(1)
    assert (await stage.shop.one("select labels from conversation")).labels == ["опт"]
