"""The list under somebody's hands: choosing many and taking it back, a long way down and up again, views and search."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.labels import add_label
from tests.conftest import NOON
from tests.events import a_message, a_person, accepted
from tests.inbox.chromium import PATIENCE_MS, PHONE, browsing, needs_chromium
from tests.inbox.stage import Stage, on_stage
from tests.inbox.test_list import recorded

# Closing waits for streams nobody listens to any more: up to a heartbeat each.
pytestmark = [needs_chromium, pytest.mark.timeout(300)]


@pytest.fixture
async def stage(database: AsyncEngine, tmp_path: Path) -> AsyncGenerator[Stage]:
    async with on_stage(database, tmp_path) as stage:
        await stage.hire("Anna", role="lead")
        yield stage


@pytest.fixture
async def open_page(stage: Stage) -> AsyncGenerator[Any]:
    async with browsing(stage) as opened:
        yield opened


async def written(stage: Stage, *names: str) -> None:
    """The last of them wrote last."""
    account = await stage.shop.connect("bot")
    for number, name in enumerate(names, 1):
        at = NOON + timedelta(minutes=number)
        event = a_message(by=a_person(number, name=name), at=at, text=f"пишет {name}")
        await stage.receive(accepted(account, event))


async def test_many_are_chosen_done_and_taken_back(stage, open_page):
    await written(stage, "Пётр", "Марина", "Виктор", "Оксана", "Руслан")
    page = await open_page("/?tab=all")
    rows = page.locator("#rows .row")
    await expect(rows).to_have_count(5)
    await page.evaluate("window.sameDocument = true")

    # A row by its key, two more by the pointer with Shift.
    await page.keyboard.press("j")
    await expect(page.locator(":focus")).to_contain_text("Руслан")
    await page.keyboard.press("j")
    await page.keyboard.press("x")
    await expect(page.locator("#bulk-n")).to_have_text("1")
    await rows.nth(3).hover()
    await rows.nth(3).locator(".row__pick").click(modifiers=["Shift"])
    await expect(page.locator("#bulk-n")).to_have_text("3")
    await expect(page.locator(".row.is-picked")).to_have_count(3)

    await page.keyboard.press("e")
    toast = page.locator(".toast")
    await expect(toast).to_contain_text("Готово: 3 диалога")
    await expect(rows).to_have_count(2)
    await expect(page.locator("#bulk")).to_be_hidden()
    await page.keyboard.press("Control+z")
    await expect(rows).to_have_count(5)
    await expect(page.locator(".row.row--new")).to_have_count(5)
    assert await page.evaluate("window.sameDocument")


async def test_a_label_is_narrowed_to_and_kept_as_a_view_and_what_failed_is_seen(stage, open_page):
    await written(stage, "Пётр", "Марина", "Виктор", "Оксана", "Руслан")
    page = await open_page("/?tab=all")
    rows = page.locator("#rows .row")
    await page.evaluate("window.sameDocument = true")

    # Labelled, narrowed to, and kept as a view.
    await rows.nth(0).hover()
    await rows.nth(0).locator(".row__pick").click()
    await page.keyboard.press("l")
    await page.fill("#bulk-label input", "опт")
    await page.keyboard.press("Enter")
    await expect(rows.nth(0)).to_contain_text("опт")
    # Its colour is everybody's, and is there as soon as somebody has chosen it.
    async with stage.engine.begin() as connection:
        await add_label(connection, name="опт", colour="green", now=stage.now())
    await stage.publish()
    await expect(rows.nth(0).locator(".badge--label")).to_have_attribute("data-colour", "green")
    await expect(page.locator("#filters [name=label] option")).to_have_count(2)
    await page.click("#filters summary")
    await page.select_option("#filters [name=label]", "опт")
    await page.click("#filters .btn--main")
    await expect(rows).to_have_count(1)
    await page.click("#narrowing summary")
    await page.fill("#narrowing [name=name]", "Оптовики")
    await page.click("#narrowing .btn--main")
    await expect(page.locator(".views-menu")).to_contain_text("Оптовики")
    await page.click('#narrowing .chip-f a[aria-label*="опт"]')
    await expect(rows).to_have_count(5)
    await page.click("#views-menu summary")
    view = page.locator(".views-menu .views__a", has_text="Оптовики")
    await expect(view.locator(".num")).to_have_text("1")
    await view.click()
    await expect(rows).to_have_count(1)
    await page.go_back()
    await expect(rows).to_have_count(5)

    # What a channel refused is seen at once, from wherever one is.
    talk = (await stage.shop.sql("select id from conversation order by last_message_at"))[0].id
    message = await stage.desk.reply(talk, by=stage.shop.managers[0], text="ответ")
    await expect(page.locator("#failed-bar")).to_be_hidden()
    await stage.shop.sql("update message set state = 'failed' where id = :id", id=message)
    await stage.shop.sql("update conversation set failed = 1 where id = :id", id=talk)
    await stage.publish()
    await expect(page.locator("#failed-bar")).to_contain_text("1")
    await page.click("#failed-bar")
    await expect(rows).to_have_count(1)
    await rows.locator("[data-post]").click()
    await expect(page.locator("#nothing")).to_contain_text("Всё отправлено")
    assert await page.evaluate("window.sameDocument")


async def test_searching_while_typing_keeps_the_page_and_goes_back(stage, open_page):
    await written(stage, "Пётр", "Марина", "Виктор")
    page = await open_page("/?tab=all")
    rows = page.locator("#rows .row")
    await rows.nth(0).locator(".row__name").click()
    await expect(page.locator("#messages")).to_contain_text("пишет Виктор")
    await page.fill("#search", "Мари")
    await expect(rows).to_have_count(1)
    await expect(page.locator("#search")).to_be_focused()
    await expect(page.locator("#messages")).to_contain_text("пишет Виктор")
    assert "q=" in page.url
    await page.fill("#search", "")
    await expect(rows).to_have_count(3)

    await page.route("**/?*", lambda route: route.abort())
    await page.fill("#search", "Пётр")
    await expect(page.locator("#list-failed")).to_be_visible()
    await page.unroute("**/?*")
    await page.click("#list-failed button")
    await expect(rows).to_have_count(1)
    await expect(page.locator("#list-failed")).to_be_hidden()

    # Mistyped: what was meant is shown and named; the field keeps what is being typed.
    await recorded(stage)
    await page.fill("#search", "пищет")
    await expect(rows).to_have_count(3)
    notice = page.locator("#narrowing .list__instead")
    await expect(notice).to_contain_text("По запросу «пищет» ничего нет, показано: «пишет»")
    await expect(rows.nth(0).locator("mark")).to_have_text("пишет")
    await expect(page.locator("#search")).to_have_value("пищет")
    await notice.locator("a").click()
    await expect(rows).to_have_count(0)
    await expect(notice).to_have_count(0)
    await expect(page.locator("#nothing")).to_contain_text("Ничего не нашлось")
    await page.fill("#search", "gbitn")
    await expect(rows).to_have_count(3)
    await expect(notice).to_contain_text("показано: «пишет»")


async def test_a_long_way_down_the_page_holds_no_more_rows_and_live_ones_still_come(
    stage, open_page
):
    anna = stage.shop.managers[0]
    account = await stage.shop.connect("bot")
    await stage.shop.sql(
        "insert into contact (id, name, created_at)"
        " select gen_random_uuid(), 'Клиент ' || n, now() from generate_series(1, 1000) n"
    )
    await stage.shop.sql(
        "insert into conversation (id, account_id, chat, contact_id, status, manager_id, first_message_at,"
        " last_message_at, created_at) select gen_random_uuid(), :account, name, id, 'open', :anna, now(),"
        " cast(:noon as timestamptz) - split_part(name, ' ', 2)::int * interval '1 minute', now() from contact",
        account=account,
        anna=anna,
        noon=NOON,
    )
    page = await open_page("/?tab=all")
    await page.evaluate(
        """() => { window.most = 0; new MutationObserver(() => {
        window.most = Math.max(window.most, document.querySelectorAll('#rows .row').length);
        }).observe(document.getElementById('rows'), { childList: true }); }"""
    )
    await page.wait_for_function(
        """() => { const list = document.getElementById('list'); list.scrollTop = list.scrollHeight;
        return !document.getElementById('more'); }""",
        polling=50,
        timeout=2 * PATIENCE_MS,
    )
    await page.evaluate(
        "document.getElementById('list').scrollTop = document.getElementById('list').scrollHeight"
    )
    await expect(page.locator("#rows .row", has_text="Клиент 1000")).to_be_visible()
    assert await page.evaluate("window.most") < 320
    assert await page.locator("#rows .row").count() <= 250
    assert await page.locator("#rows .row").last.get_attribute("aria-posinset") == "1000"

    # A message of somebody at the very top: nothing moves here.
    last = page.locator("#rows .row", has_text="Клиент 1000")
    before = await last.bounding_box()
    await stage.receive(
        accepted(account, a_message(by=a_person(1, name="Новая"), at=NOON, text="новое"))
    )
    await expect(page.locator('[data-tab="all"]')).to_have_text("99+")
    await expect(page.locator("#rows .row").last).to_have_attribute("aria-posinset", "1001")
    assert await last.bounding_box() == before

    # And on the way back everything is there, in order, also the new one.
    await page.evaluate("document.getElementById('list').scrollTop = 40 * 80")
    await expect(page.locator("#rows .row", has_text="Клиент 45").first).to_be_visible()
    await page.evaluate("document.getElementById('list').scrollTop = 0")
    await expect(page.locator("#rows .row").first).to_contain_text("Новая")
    names = await page.locator("#rows .row bdi:first-child").all_text_contents()
    names = [name for name in names if name.startswith("Клиент")]
    assert names == [f"Клиент {n}" for n in range(1, len(names) + 1)]
    assert len(names) > 30

    await page.locator("#rows .row .row__name").first.focus()
    for _ in range(70):
        await page.keyboard.press("j")
    await expect(page.locator(":focus")).to_contain_text("Клиент 70")


async def test_on_a_phone_a_long_press_chooses(stage, open_page):
    await written(stage, "Пётр", "Марина")
    page = await open_page("/?tab=all", viewport=PHONE, has_touch=True)
    row = page.locator("#rows .row").nth(1)
    await row.evaluate(
        """(row) => row.dispatchEvent(new PointerEvent('pointerdown',
        { bubbles: true, pointerType: 'touch', clientX: 99, clientY: 99 }))"""
    )
    await expect(page.locator("#bulk-n")).to_have_text("1")
    await page.locator("#rows .row").nth(0).tap()
    await expect(page.locator("#bulk-n")).to_have_text("2")
    await page.click("#bulk-snooze summary")
    await page.click('#bulk-snooze [name="whenever"]')
    await expect(page.locator("#rows .row")).to_have_count(0)
    await expect(page.locator(".toast")).to_contain_text("Готово: 2 диалога")
