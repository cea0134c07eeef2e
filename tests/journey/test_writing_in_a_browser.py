"""What helps to write, in a real browser: canned replies, a macro, a colleague named, a template, a draft in two windows."""

import re
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import Page, expect
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.message_templates import Slot, Template
from storage.canned_replies import CannedText, add_canned
from storage.engine import transaction
from storage.macros import AddLabel, AddTask, MacroText, SetStatus, add_macro
from tests.conftest import NOON
from tests.events import a_message, a_person, accepted
from tests.inbox.chromium import browsing, needs_chromium
from tests.inbox.stage import Stage, on_stage

pytestmark = needs_chromium

VISIT = Template(
    name="visit", language="ru", text="{{body.1}}, ждём вас", slots=(Slot(key="body.1", label="1"),)
)


@pytest.fixture
async def stage(database: AsyncEngine, tmp_path: Path) -> AsyncGenerator[Stage]:
    async with on_stage(database, tmp_path) as stage:
        await stage.hire("Anna")
        yield stage


@pytest.fixture
async def open_page(stage: Stage) -> AsyncGenerator[Any]:
    async with browsing(stage) as opened:
        yield opened


async def a_talk(stage: Stage, **message: Any) -> UUID:
    kind = message.pop("kind", "telegram")
    account = await stage.shop.connect(kind, kind=kind)
    person = a_person(1, channel=kind, name="Марина Белова")
    await stage.receive(accepted(account, a_message(by=person, **message), channel=kind))
    talk: UUID = (await stage.shop.one("select id from conversation")).id
    return talk


def options(page: Page) -> Any:
    return page.locator("#suggest [role=option]")


async def test_a_canned_reply_is_found_filled_and_settled_before_it_leaves(stage, open_page, count):
    talk = await a_talk(stage)
    async with transaction(stage.engine) as connection:
        for code, words in [
            ("время", "Два часа, {{contact.first_name}}"),
            ("времянка", "{{contact.first_name}}, сумма {{lead.value}}"),
        ]:
            new = CannedText(owner_id=None, team_id=None, code=code, title="", text=words)
            await add_canned(connection, new, by=None, now=stage.now())
    page = await open_page(f"/conversations/{talk}")
    field = page.locator("#reply")
    await field.press_sequentially("Добрый день! /врем")
    await expect(options(page)).to_have_count(2)
    await expect(page.locator("#suggest")).to_contain_text("Готовые ответы по «врем»")
    await expect(options(page).first).to_contain_text("Два часа, Марина")
    chosen = await options(page).first.get_attribute("id")
    await expect(field).to_have_attribute("aria-activedescendant", chosen)
    await page.keyboard.press("Escape")
    await expect(page.locator("#suggest")).to_be_hidden()
    await expect(field).to_be_focused()
    # A Russian layout has no slash on that key: the key, with Ctrl.
    await field.fill("")
    await field.evaluate(
        "(field) => field.dispatchEvent(new KeyboardEvent('keydown', { code: 'Slash', key: '.', ctrlKey: true, bubbles: true }))"
    )
    await expect(options(page)).to_have_count(2)
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(field).to_have_value("Марина, сумма {{lead.value}}")
    await expect(page.locator("#places")).to_contain_text("Не заполнено: {{lead.value}}")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#send")).to_contain_text("Отправить как есть")
    assert await count("message", "direction = 'out'") == 0
    # The place is selected: what is typed takes its place.
    await page.keyboard.insert_text("1 840 ₽")
    await expect(page.locator("#places")).to_be_hidden()
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#messages .msg--out[data-item]")).to_contain_text("сумма 1 840 ₽")


async def test_a_macro_shows_what_it_will_do_does_it_and_is_taken_back(stage, open_page, count):
    talk = await a_talk(stage)
    async with transaction(stage.engine) as connection:
        steps = [
            AddLabel(label="Запись"),
            AddTask(text="Перезвонить", hours=2),
            SetStatus(status="resolved"),
        ]
        new = MacroText(
            owner_id=None,
            team_id=None,
            name="Записать",
            text="{{contact.first_name}}, записали",
            steps=steps,
        )
        await add_macro(connection, new, by=None, now=stage.now())
    page = await open_page(f"/conversations/{talk}")
    await page.click("#macros")
    await page.locator("#macro-q").fill("запис")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    panel = page.locator("#over")
    await expect(panel.locator("textarea")).to_have_value("Марина, записали")
    await expect(panel).to_contain_text("Telegram")
    await expect(panel.locator("ol li")).to_have_text(
        ["Добавить метку «Запись»", "Задача через 2 ч: Перезвонить", "Решить диалог"]
    )
    await panel.get_by_role("button", name="Отправить и выполнить").click()
    await expect(page.locator(".toast")).to_contain_text("Выполнено: Записать")
    await expect(page.locator("#messages .msg--out")).to_contain_text("Марина, записали")
    await expect(panel).to_be_hidden()
    row = await stage.shop.one("select status, labels from conversation")
    assert (row.status, row.labels) == ("resolved", ["Запись"])
    await page.locator(".toast [data-undo]").click()
    await expect(page.locator(".toast")).to_have_count(0)
    row = await stage.shop.one("select status, labels from conversation")
    assert (row.status, row.labels) == ("open", [])
    assert await count("message", "direction = 'out'") == 1


async def test_a_note_names_a_colleague_who_was_picked(stage, open_page):
    await stage.hire("Борис Орлов")
    other = await stage.hire("Борис Ким")
    talk = await a_talk(stage)
    page = await open_page(f"/conversations/{talk}")
    await page.locator("button[data-mode=note]").click()
    await page.locator("#reply").press_sequentially("Глянь, @бор")
    await expect(options(page)).to_have_count(2)
    await page.locator("#reply").press_sequentially("ис к")
    await expect(options(page)).to_have_count(1)
    await page.keyboard.press("Tab")
    await expect(page.locator("#reply")).to_have_value("Глянь, @Борис Ким ")
    await page.keyboard.insert_text("сумму")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#messages .msg--note[data-item] .named")).to_have_text("@Борис Ким")
    assert (await stage.shop.one("select user_id from mention")).user_id == other


async def test_a_template_is_sent_without_leaving_the_conversation(stage, open_page):
    talk = await a_talk(stage, kind="whatsapp", window_until=NOON + timedelta(hours=1))
    stage.channels.listed = [VISIT]
    stage.time += timedelta(hours=2)
    page = await open_page(f"/conversations/{talk}")
    await expect(page.locator("#send")).to_have_attribute("aria-disabled", "true")
    await page.locator(".composer__templates a").click()
    panel = page.locator("#over")
    await panel.locator("[data-slot]").fill("Марина")
    await expect(panel.locator("[data-template]")).to_have_text("Марина, ждём вас")
    await panel.locator(".over__do button").click()
    await expect(page.locator("#messages .msg--out[data-item]")).to_contain_text("Марина, ждём вас")
    await expect(panel).to_be_hidden()
    assert re.search(rf"/conversations/{talk}$", page.url)


async def test_a_draft_is_one_for_two_windows_and_nothing_newer_is_lost(stage, open_page, count):
    talk = await a_talk(stage)
    here = await open_page(f"/conversations/{talk}")
    await here.fill("#reply", "Здравствуйте")
    await expect(here.locator("#kept")).to_have_text("Черновик сохранён")
    there = await open_page(f"/conversations/{talk}")
    await expect(there.locator("#reply")).to_have_value("Здравствуйте")
    await there.fill("#reply", "Здравствуйте, Марина")
    await expect(there.locator("#kept")).to_have_text("Черновик сохранён")
    await here.fill("#reply", "Здравствуйте!!!")
    other = here.locator("#draft-other")
    await expect(other).to_contain_text("Этот черновик изменён в другом окне")
    assert (await stage.shop.one("select text from draft")).text == "Здравствуйте, Марина"
    await other.locator("[data-theirs]").click()
    await expect(here.locator("#reply")).to_have_value("Здравствуйте, Марина")
    await expect(other).to_be_hidden()
    # Sent from one, it is gone from the other when one comes back to it.
    await here.locator("#send-and > summary").click()
    await here.get_by_role("button", name="ждать клиента").click()
    await expect(here.locator("#messages .msg--out[data-item]")).to_have_count(1)
    assert await count("draft") == 0
    assert (await stage.shop.one("select status from conversation")).status == "waiting"
    await there.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(there.locator("#reply")).to_have_value("")
    # A failed upload says so and is tried again.
    await here.route("**/files", lambda route: route.abort())
    file = {"name": "счёт.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-"}
    await here.set_input_files("#pick", file)
    chip = here.locator("#files .tofile")
    await expect(chip).to_have_class(re.compile("tofile--failed"))
    await here.unroute("**/files")
    await chip.locator("[data-again]").click()
    await expect(chip).to_have_class(re.compile("tofile--ready"))
    await expect(here.locator("#kept")).to_have_text("Черновик сохранён")
    await here.reload()
    await expect(here.locator("#files .tofile--ready")).to_contain_text("счёт.pdf")


async def test_a_deleted_reply_is_brought_back_from_its_toast(stage, open_page, count):
    anna = (await stage.shop.one("select id from user_account")).id
    async with transaction(stage.engine) as connection:
        for code in ("адрес", "цена"):
            new = CannedText(owner_id=anna, team_id=None, code=code, title="", text=code)
            await add_canned(connection, new, by=anna, now=stage.now())
    page = await open_page("/")
    await page.goto("/settings/canned-replies")
    await page.get_by_role("button", name="Удалить /адрес").click()
    await expect(page.locator(".canned-row")).to_have_count(1)
    assert await count("canned_reply", "deleted_at is not null") == 1
    await page.locator(".toast [data-undo]").click()
    await expect(page.locator(".canned-row")).to_have_count(2)
    assert await count("canned_reply", "deleted_at is not null") == 0
    await page.goto("/settings/canned-replies/new")
    await page.locator("#text").press_sequentially("Здравствуйте, ")
    await page.locator(".variables summary").click()
    await page.locator('[data-variable="{{contact.first_name}}"]').click()
    await expect(page.locator("#text")).to_have_value("Здравствуйте, {{contact.first_name}}")
    await expect(page.locator("#preview .filled")).to_have_text("Марина")
