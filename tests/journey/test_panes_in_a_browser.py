"""The three panes in front of a real browser: what they show of labels and colleagues, and what never moves or covers them."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import Page, expect
from sqlalchemy.ext.asyncio import AsyncEngine

from router.message import Attachment
from storage.engine import transaction
from storage.labels import add_label
from tests.conftest import NOON
from tests.events import a_message, a_person, accepted
from tests.inbox.chromium import PHONE, browsing, needs_chromium
from tests.inbox.stage import Stage, on_stage

pytestmark = needs_chromium

A_DOT = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d4944415478da63fcffff3f0300050001ff5ac9d2780000000049454e44ae426082"
)
LONG_NAME = "Александр Константинопольский-Задунайский, директор по закупкам"


@pytest.fixture
async def stage(database: AsyncEngine, tmp_path: Path) -> AsyncGenerator[Stage]:
    async with on_stage(database, tmp_path) as stage:
        yield stage


@pytest.fixture
async def open_page(stage: Stage) -> AsyncGenerator[Any]:
    async with browsing(stage) as opened:
        yield opened


async def a_rich_talk(stage: Stage) -> UUID:
    """Pictures, a recording, and more messages than a screen holds."""
    account = await stage.shop.connect("bot")
    by = a_person(1, name=LONG_NAME)
    picture, sound = await stage.media.put(A_DOT), await stage.media.put(b"ID3" + bytes(64))
    for minute in range(30):
        at = NOON + timedelta(minutes=minute)
        await stage.receive(accepted(account, a_message(by=by, text=f"вопрос {minute}", at=at)))
    for minute, name in [(31, "first.png"), (32, "second.png")]:
        file = Attachment(
            kind="image", sha256=picture, name=name, mime="image/png", size=len(A_DOT)
        )
        at = NOON + timedelta(minutes=minute)
        await stage.receive(
            accepted(account, a_message(by=by, text="", at=at, attachments=(file,)))
        )
    voice = Attachment(kind="voice", sha256=sound, mime="audio/mpeg", size=67, duration=12.0)
    at = NOON + timedelta(minutes=33)
    await stage.receive(accepted(account, a_message(by=by, text="", at=at, attachments=(voice,))))
    return UUID(str((await stage.shop.one("select id from conversation")).id))


async def page_stands_still(page: Page) -> None:
    assert await page.evaluate(
        "[scrollY, document.documentElement.scrollHeight <= innerHeight, document.querySelector('.app').getBoundingClientRect().top]"
    ) == [0, True, 0]


async def test_labels_have_their_colour_and_colleagues_are_seen_answering(stage, open_page):
    anna = await stage.hire("Anna")
    await stage.hire("Boris")
    talk = await a_rich_talk(stage)
    async with transaction(stage.engine) as connection:
        await add_label(connection, name="опт", colour="petrol", now=stage.now())
    await stage.desk.set_labels(talk, ["опт"], by=anna)
    await stage.publish()
    page = await open_page("/?tab=all&label=опт")
    for place in [".row .badge--label", "#narrowing .chip-f"]:
        await expect(page.locator(place)).to_have_attribute("data-colour", "petrol")
    await page.click(".row__name")
    await expect(page.locator("#person .chip--label")).to_have_attribute("data-colour", "petrol")
    name = page.get_by_label("Имя", exact=True)
    await expect(name).to_have_value(LONG_NAME)
    assert await name.evaluate(
        "e => e.scrollWidth <= e.clientWidth && e.scrollHeight <= e.clientHeight + 1"
    )
    await name.fill("Александр\nЗадунайский")
    await name.press("Enter")
    await page.click("#reply")
    await expect(page.locator(".row__name")).to_contain_text("Александр Задунайский")
    await page_stands_still(page)

    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(stage.typing.run(stop))
        other = await open_page(f"/conversations/{talk}", who="Boris")
        await other.fill("#reply", "Добрый день")
        sign = page.locator(".row [data-typing]")
        await expect(sign).to_have_text("Boris отвечает…")
        await expect(page.locator(".row .row__said")).to_be_hidden()
        await other.click("#send")
        await expect(other.locator(".msg--out").first).to_be_visible()
        await stage.publish()
        await expect(sign).to_be_hidden()
        stop.set()


async def test_pictures_recordings_and_colleagues_are_looked_through_with_the_keyboard(
    stage, open_page
):
    for name in ["Anna", *(f"Colleague{n}" for n in range(9))]:
        await stage.hire(name)
    talk = await a_rich_talk(stage)
    page = await open_page(f"/conversations/{talk}")
    await page_stands_still(page)
    box = page.locator("#lightbox")
    await page.locator("[data-shot]").first.click()
    await expect(box.locator("[data-name]")).to_have_text("first.png")
    await page.keyboard.press("ArrowRight")
    await expect(box.locator("[data-name]")).to_have_text("second.png")
    await expect(box.locator("[data-count]")).to_have_text("2 / 2")
    await page.keyboard.press("Escape")
    await expect(box).to_be_hidden()
    assert await page.evaluate("document.activeElement.matches('[data-shot]')")

    speed = page.locator("[data-speed]")
    await speed.click()
    await expect(speed).to_have_text("1.5×")
    assert await page.locator("#messages audio").evaluate("e => e.playbackRate") == 1.5

    await page.keyboard.press("a")
    await page.locator("#assign-find").fill("ague7")
    shown = page.locator("#assign button[data-name]:visible")
    await expect(shown).to_have_count(1)
    await expect(shown).to_contain_text("Colleague7")


async def test_a_conversation_that_is_no_longer_ones_own_leaves_the_text_one_was_writing(
    stage, open_page
):
    anna = await stage.hire("Anna", sees="own")
    boris = await stage.hire("Boris", presence="off")
    talk = await a_rich_talk(stage)
    await stage.desk.assign(talk, by=None, manager=anna)
    await stage.publish()
    page = await open_page(f"/conversations/{talk}", viewport=PHONE)
    await page.fill("#reply", "Начатый ответ")
    await stage.desk.assign(talk, by=None, manager=boris)
    await stage.publish()
    await expect(page.locator("#talk")).to_contain_text("больше не виден")
    await expect(page.locator("#talk textarea")).to_have_value("Начатый ответ")
    await expect(page.locator("#person")).to_be_empty()
    await page.get_by_role("link", name="К списку").click()
    await expect(page.locator("#list-pane")).to_be_visible()
    await expect(page.locator(".row")).to_have_count(0)


async def test_what_lies_over_the_panes_covers_nothing_and_closes_first(stage, open_page):
    await stage.hire("Anna")
    talk = await a_rich_talk(stage)
    page = await open_page(f"/conversations/{talk}", viewport=PHONE)
    await page.locator("#talk-head [data-step=person]").click()
    await page.locator(".person__top summary").click()
    await page.locator(".person__top a[data-sheet]").click()
    await expect(page.locator("#sheet")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#sheet")).to_have_count(0)
    await expect(page.locator("#person")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#talk")).to_be_visible()

    await page.click("#resolve")
    toast = page.locator(".toast")
    await expect(toast).to_be_visible()
    below = "([upper, lower]) => document.querySelector(upper).getBoundingClientRect().bottom <= document.querySelector(lower).getBoundingClientRect().top"
    assert await page.evaluate(below, [".toast", "#composer"])

    await page.context.set_offline(True)
    await expect(page.locator(".offline")).to_be_visible()
    assert await page.evaluate(below, [".offline", "#talk-head"])
    assert await page.evaluate(
        "document.getElementById('composer').getBoundingClientRect().bottom <= innerHeight"
    )
    await page.context.set_offline(False)
    await expect(page.locator(".offline")).to_have_count(0)
    await page_stands_still(page)
