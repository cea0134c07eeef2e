"""A working day with tasks and the bell, in a real browser: two colleagues, two pages, one of them rings."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect
from sqlalchemy.ext.asyncio import AsyncEngine

from storage import notice_feed
from storage.engine import transaction
from storage.push import kept_push_keys
from storage.sealing import Sealer
from tests.events import a_message, a_person, accepted
from tests.inbox.chromium import browsing, needs_chromium
from tests.inbox.stage import Stage, on_stage
from workers.push import make_keys

pytestmark = needs_chromium

SHOWN = """async () => {
  const worker = await navigator.serviceWorker.ready;
  for (;;) {
    const shown = await worker.getNotifications();
    if (shown.length) return shown.map((each) => each.title);
    await new Promise(requestAnimationFrame);
  }
}"""
"""The titles of what lies on the desktop, as soon as something does."""


@pytest.fixture
async def stage(database: AsyncEngine, tmp_path: Path) -> AsyncGenerator[Stage]:
    async with on_stage(database, tmp_path) as stage:
        await stage.hire("Anna", role="admin")
        yield stage


@pytest.fixture
async def open_page(stage: Stage) -> AsyncGenerator[Any]:
    async with browsing(stage) as opened:
        yield opened


async def settle(stage: Stage) -> None:
    """What the notifier does, and the relay with what it told."""
    await stage.publish()
    async with stage.engine.begin() as connection:
        await notice_feed.follow(connection, now=stage.now(), zone="UTC")
    await stage.publish()


async def test_a_task_is_written_done_and_taken_back_with_the_keyboard(stage, open_page):
    page = await open_page("/tasks")
    await expect(page.locator(".empty h2")).to_have_text("Всё сделано")
    for text in ("Отправить счёт сегодня в 19", "Набрать Марину завтра в 10"):
        await page.fill(".taskadd [name=text]", text)
        await page.keyboard.press("Enter")
        await expect(page.locator(".taskrow", has_text=text)).to_be_visible()
    await expect(page.locator(".taskhead")).to_have_text(["Сегодня", "Завтра"])
    await expect(page.locator("[data-badge=rail-tasks] [data-n]")).to_have_text("1")
    await page.locator(".toast [data-close]").first.click()

    await page.locator("h1").click()
    await page.keyboard.press("j")
    await expect(page.locator(":focus")).to_have_text("Отправить счёт сегодня в 19")
    await page.keyboard.press("d")
    await expect(page.locator(".taskrow")).to_have_count(1)
    await expect(page.locator(":focus")).to_have_text("Набрать Марину завтра в 10")
    await page.keyboard.press("Control+z")
    await expect(page.locator(".taskrow")).to_have_count(2)

    await page.locator(".taskrow", has_text="Набрать").locator("summary").click()
    await page.get_by_role("button", name="На понедельник").click()
    await expect(page.locator(".taskrow", has_text="Набрать")).to_contain_text("пн 09:00")
    await page.select_option(".taskadd [name=when]", "own")
    await expect(page.locator(".taskadd [name=date]")).to_be_visible()


async def test_the_bell_of_one_is_live_and_silent_for_the_other(stage, open_page):
    boris = await stage.hire("Boris", presence="off")
    account = await stage.shop.connect("bot")
    anna = await open_page("/leads", permissions=["notifications"])
    other = await open_page("/leads", who="Boris")
    await expect(anna.locator("#notices[data-ready]")).to_be_attached()
    await expect(anna.locator("[data-badge=rail-notices]")).to_be_hidden()

    await stage.receive(accepted(account, a_message(by=a_person(1, name="Марина"))))
    await settle(stage)
    await expect(anna.locator("[data-badge=rail-notices] [data-n]")).to_have_text("1")
    await expect(anna).to_have_title("(1) Лиды — Allo")
    await expect(anna.locator("html[data-rang='1']")).to_be_attached()
    assert await anna.evaluate(SHOWN) == ["Марина"]
    await expect(other.locator("[data-badge=rail-notices]")).to_be_hidden()
    await expect(other).to_have_title("Лиды — Allo")

    # A second tab of the same browser knows the number and does not ring again.
    second = await anna.context.new_page()
    await second.goto(f"{stage.url}/contacts")
    await expect(second.locator("[data-badge=rail-notices] [data-n]")).to_have_text("1")
    assert await second.evaluate("document.documentElement.dataset.rang ?? ''") == ""

    await anna.bring_to_front()
    await anna.locator("[data-bell]").click()
    await expect(anna.locator("#notices .notice--new")).to_contain_text("Диалог теперь ваш")
    await anna.get_by_role("button", name="Всё прочитано").click()
    await settle(stage)
    await expect(second.locator("[data-badge=rail-notices]")).to_be_hidden()
    await expect(anna).to_have_title("Лиды — Allo")

    # Whoever is away is seen to be so, in the menu of whom to give a task to.
    await stage.desk.set_presence(boris, "here", by=boris)
    await settle(stage)
    await anna.locator("#my-presence summary").click()
    await anna.get_by_role("button", name="Отошёл").click()
    await expect(anna.locator("#my-presence [data-said]")).to_have_text("Отошёл")


async def test_the_worker_has_a_page_for_when_there_is_no_network_and_keeps_no_other(
    stage, open_page
):
    async with transaction(stage.engine) as connection:
        await kept_push_keys(connection, Sealer(b"s" * 32), made=make_keys())
    page = await open_page("/profile", permissions=["notifications"])
    await expect(page.locator("[data-allowed]")).to_be_visible()
    await expect(page.locator("[data-push-on]")).to_be_visible()
    # A page that was on its way while the worker began is the next one's to be answered for.
    await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    await page.reload()
    kept = await page.evaluate(
        "caches.keys().then((names) => Promise.all(names.map((name) => caches.open(name).then((each) => each.keys()))))"
        ".then((all) => all.flat().map((each) => new URL(each.url).pathname))"
    )
    assert [each for each in kept if not each.startswith("/static/")] == ["/offline"]
    await page.context.set_offline(True)
    await page.goto("/tasks")
    await expect(page.locator("h1")).to_have_text("Нет сети")
    await page.context.set_offline(False)
    await page.goto("/tasks")
    await expect(page.locator("h1")).to_have_text("Задачи")
