"""Two managers, two browsers, one queue: what one does the other sees, and neither page is ever loaded again."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import Page, expect
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.events import a_message, a_person, a_report, accepted
from tests.inbox.chromium import browsing, needs_chromium
from tests.inbox.stage import Stage, on_stage
from tests.journey.at_work import at_work

pytestmark = [needs_chromium, pytest.mark.timeout(240)]


@pytest.fixture
async def stage(database: AsyncEngine, tmp_path: Path) -> AsyncGenerator[Stage]:
    async with on_stage(database, tmp_path) as stage:
        await stage.hire("Anna")
        await stage.hire("Boris")
        async with at_work(stage):
            yield stage


@pytest.fixture
async def account(stage: Stage) -> UUID:
    return await stage.shop.connect("bot")


@pytest.fixture
async def open_page(stage: Stage) -> AsyncGenerator[Any]:
    async with browsing(stage) as opened:

        async def marked(path: str = "/", **more: Any) -> Page:
            page = await opened(path, **more)
            await page.evaluate("window.sameDocument = true")
            return page

        yield marked


async def writes(
    stage: Stage, account: UUID, text: str, *, person: int = 1, name: str = ""
) -> None:
    """A minute after whatever was before."""
    stage.time += timedelta(minutes=1)
    words = a_message(by=a_person(person, name=name), text=text, at=stage.time)
    await stage.shop.route(accepted(account, words), now=stage.now())


async def never_reloaded(*pages: Page) -> None:
    for page in pages:
        assert await page.evaluate("window.sameDocument === true")


async def test_one_conversation_from_the_first_message_to_the_last(  # noqa: PLR0915  # one story
    stage, account, open_page, count
):
    anna = await open_page("/")
    boris = await open_page("/?tab=all", who="Boris")

    # It is given to Anna, and both see so.
    await writes(stage, account, "Сколько стоит замена колодок?", name="Марина")
    await expect(anna.locator("#rows .row")).to_contain_text("Сколько стоит замена колодок?")
    await expect(anna.locator('[data-tab="mine"]')).to_have_text("1")
    await expect(boris.locator("#rows .row [aria-label*='Anna']")).to_be_visible()
    await expect(boris.locator('[data-tab="mine"]')).to_have_text("0")

    # Who looks, who writes.
    await anna.locator("#rows .row__name").click()
    await expect(anna.locator("#messages")).to_contain_text("замена колодок")
    await boris.locator("#rows .row__name").click()
    await expect(anna.locator("#viewers")).to_contain_text("Сейчас смотрит Boris")
    await expect(boris.locator("#viewers")).to_contain_text("Сейчас смотрит Anna")
    await boris.locator("#reply").press_sequentially("3 000")
    await expect(anna.locator("#writers")).to_contain_text("Boris пишет здесь ответ")

    # Anna is quicker; her ticks go from sent to read; Boris is asked before he says it again.
    await boris.route("**/messages?since=*", lambda route: route.abort())
    await anna.locator("#reply").press_sequentially("3 200 ₽ с работой")
    await anna.keyboard.press("Control+Enter")
    sent = anna.locator("#messages .msg--out[data-item]")
    await expect(sent.locator(".tick")).to_contain_text("отправлено")
    stage.time += timedelta(minutes=1)
    external = (await stage.shop.one("select external_id from message where direction = 'out'"))[0]
    for state in ("delivered", "read"):
        report = a_report(external, state, at=stage.time)
        await stage.shop.route(accepted(account, report), now=stage.now())
    await expect(sent.locator(".tick.is-read")).to_be_attached()
    await boris.keyboard.press("Control+Enter")
    asked = boris.locator(".is-sending .fail")
    await expect(asked).to_contain_text("Уже есть ответ: Anna")
    await boris.unroute("**/messages?since=*")
    await asked.locator("[data-edit]").click()
    await expect(boris.locator("#reply")).to_have_value("3 000")
    await boris.fill("#reply", "")
    await expect(anna.locator("#writers")).to_be_empty()
    assert await count("message", "direction = 'out'") == 1

    # A note names Boris: his bell and his tab say so, the customer hears nothing of it.
    await anna.keyboard.press("Escape")
    await anna.keyboard.press("n")
    await anna.keyboard.type("@Bor")
    await expect(anna.locator("#suggest [role=option]")).to_contain_text("Boris")
    await anna.keyboard.press("Enter")
    await anna.keyboard.type("возьмёшь? Я на складе")
    await anna.keyboard.press("Control+Enter")
    await expect(boris.locator("#messages .note")).to_contain_text("@Boris возьмёшь?")
    await expect(boris.locator("[data-badge=rail-notices] [data-n]")).to_have_text("1")
    await expect(boris.locator('[data-tab="mentions"]')).to_have_text("1")
    assert await count("delivery") == 1

    # Handed over, with a word about it.
    await anna.keyboard.press("Escape")
    await anna.keyboard.press("a")
    await anna.fill("#assign-note", "ждёт до вечера")
    await anna.locator("#assign").get_by_role("button", name="Boris").click()
    await expect(anna.locator("#talk-head")).to_contain_text("ведёт Boris")
    await expect(boris.locator("#talk-head")).to_contain_text("ведёт Boris")
    await expect(boris.locator("#messages")).to_contain_text("ждёт до вечера")
    await expect(boris.locator('[data-tab="mine"]')).to_have_text("1")
    await expect(anna.locator('[data-tab="mine"]')).to_have_text("0")

    # Put off until the customer writes: they write, and it is there again.
    await boris.locator("#reply").press("Escape")
    await boris.keyboard.press("z")
    await boris.locator("#snooze button[value=message]").click()
    await expect(anna.locator("#talk-head")).to_contain_text("пока клиент не напишет")
    await writes(stage, account, "А когда можно приехать?")
    for page in (anna, boris):
        await expect(page.locator("#talk-head")).to_contain_text("Открыт")
        await expect(page.locator("#messages .msg").last).to_contain_text("можно приехать")

    # Resolved, thought better of, resolved again, and opened by the customer's next word.
    await boris.keyboard.press("e")
    await expect(anna.locator("#talk-head")).to_contain_text("Решён")
    await boris.locator(".toast [data-undo]").last.click()
    await expect(anna.locator("#talk-head")).to_contain_text("Открыт")
    await boris.locator(".toast [data-close]").first.click()
    await boris.keyboard.press("e")
    await expect(anna.locator("#talk-head")).to_contain_text("Решён")
    await writes(stage, account, "И ещё вопрос")
    for page in (anna, boris):
        await expect(page.locator("#talk-head")).to_contain_text("Открыт")
        await expect(page.locator("#messages .msg").last).to_contain_text("И ещё вопрос")

    await never_reloaded(anna, boris)
    said = await boris.locator("#messages [data-item]").evaluate_all(
        "(all) => all.map((e) => e.id)"
    )
    assert len(said) == len(set(said))


async def test_what_is_done_to_many_to_a_lead_and_to_a_person_is_seen_by_the_other(
    stage, account, open_page
):
    for number, name in enumerate(("Марина", "Виктор", "Оксана"), 1):
        await writes(stage, account, f"пишет {name}", person=number, name=name)
    marina = await stage.shop.one(
        "select c.id, c.contact_id from conversation c join contact p on p.id = c.contact_id where p.name = 'Марина'"
    )
    anna = await open_page("/?tab=all")
    boris = await open_page("/?tab=all", who="Boris")
    board = await boris.context.new_page()
    await board.goto("/leads")
    await board.evaluate("window.sameDocument = true")

    # Many at once.
    await expect(boris.locator("#rows .row")).to_have_count(3)
    for name in ("Виктор", "Оксана"):
        await anna.locator("#rows .row__name", has_text=name).focus()
        await anna.keyboard.press("x")
    await anna.keyboard.press("e")
    await expect(anna.locator(".toast")).to_contain_text("Готово: 2 диалога")
    await expect(boris.locator("#rows .row")).to_have_count(1)
    await anna.keyboard.press("Control+z")
    await expect(boris.locator("#rows .row")).to_have_count(3)

    # A lead: moved on the board, seen on the person's card; moved on the card, seen on the board.
    await anna.locator("#rows .row__name", has_text="Марина").click()
    await expect(anna.locator("#person .steps__now")).to_contain_text("New")
    await board.bring_to_front()
    card = board.locator(".card[data-id]", has_text="Марина")
    await card.locator(".card__name").focus()
    for key in ("Space", "ArrowRight", "Enter"):
        await board.keyboard.press(key)
    await expect(anna.locator("#person .steps__now b")).to_have_text("Qualified")
    await expect(anna.locator("#rows .row", has_text="Марина")).to_contain_text("Qualified")
    await anna.locator("#person .steps .stage").first.click()
    await expect(board.locator('.col[data-name="New"] .card[data-id]')).to_have_count(3)

    # Two contacts become one on one screen, and two again on the other.
    await boris.bring_to_front()
    await boris.locator("#rows .row__name", has_text="Марина").click()
    await expect(boris.locator("#talk")).to_have_attribute("data-id", str(marina.id))
    await anna.locator("#person summary[aria-label='Действия с контактом']").click()
    await anna.get_by_text("Объединить с…").click()
    await expect(anna.locator("#sheet [role=combobox]")).to_be_focused()
    await anna.keyboard.type("Виктор")
    await expect(anna.locator("#sheet [role=option][aria-selected=true]")).to_contain_text("Виктор")
    await anna.keyboard.press("Enter")
    await anna.locator("#sheet").get_by_role("button", name="Объединить", exact=True).click()
    merged = boris.locator("#messages .ev--card")
    await expect(merged).to_be_visible()
    await expect(boris.locator("#messages")).to_contain_text("пишет Виктор")
    boris.on("dialog", lambda dialog: dialog.accept())
    await merged.locator("[data-post]").click()
    await expect(boris.locator("#messages")).not_to_contain_text("пишет Виктор")
    await expect(anna.locator("#messages")).not_to_contain_text("пишет Виктор")
    for page in (anna, boris):
        await expect(page.locator("#messages")).to_contain_text("пишет Марина")
    living = await stage.shop.sql("select name from contact where merged_into is null order by 1")
    assert [each.name for each in living] == ["Виктор", "Марина", "Оксана"]

    await never_reloaded(anna, boris, board)
