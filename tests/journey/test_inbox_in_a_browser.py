"""A manager's minutes in front of a real browser: what arrives, what is typed, what breaks in between."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import expect
from sqlalchemy.ext.asyncio import AsyncEngine

from router.message import Attachment
from tests.conftest import NOON
from tests.events import a_message, a_person, accepted
from tests.inbox.chromium import PHONE, WIDE, browsing, needs_chromium
from tests.inbox.stage import Stage, on_stage

pytestmark = needs_chromium


@pytest.fixture
async def stage(database: AsyncEngine, tmp_path: Path) -> AsyncGenerator[Stage]:
    async with on_stage(database, tmp_path) as stage:
        await stage.hire("Anna")
        yield stage


@pytest.fixture
async def telegram(stage: Stage) -> UUID:
    return await stage.shop.connect("bot")


@pytest.fixture
async def open_page(stage: Stage) -> AsyncGenerator[Any]:
    async with browsing(stage) as opened:
        yield opened


async def test_a_message_appears_in_the_list_and_the_conversation_without_a_reload(
    stage, telegram, open_page
):
    page = await open_page()
    await expect(page.locator("#nothing")).to_be_visible()
    await page.evaluate("window.sameDocument = true")

    await stage.receive(accepted(telegram, a_message(text="Сколько стоит?")))
    row = page.locator("#rows .row")
    await expect(row).to_contain_text("Сколько стоит?")
    await expect(page.locator("#nothing")).to_be_hidden()
    await expect(page.locator('[data-tab="mine"]')).to_have_text("1")

    await row.locator(".row__name").click()
    await expect(page.locator("#messages")).to_contain_text("Сколько стоит?")
    await stage.receive(accepted(telegram, a_message(text="Алло?", at=NOON + timedelta(seconds=5))))
    await expect(page.locator("#messages .msg")).to_have_count(2)
    assert await page.evaluate("window.sameDocument")
    assert "/conversations/" in page.url


async def test_a_message_is_on_the_screen_within_200_ms(stage, telegram, open_page):
    await stage.receive(accepted(telegram, a_message()))
    talk = (await stage.shop.one("select id from conversation")).id
    page = await open_page(f"/conversations/{talk}")
    took = []
    for number in range(5):
        await page.evaluate(
            """() => { window.seen = new Promise((done) => new MutationObserver(() => done(performance.now()))
            .observe(document.getElementById("messages"), { childList: true, subtree: true })); }"""
        )
        event = a_message(text=f"number {number}", at=NOON + timedelta(minutes=number + 1))
        await stage.shop.route(accepted(telegram, event), now=stage.now())
        began = await page.evaluate("performance.now()")
        await stage.publish()
        took.append(await page.evaluate("window.seen") - began)
        await expect(page.locator("#messages .msg").last).to_contain_text(f"number {number}")
    assert min(took) < 200, took


async def test_what_is_being_read_does_not_move(stage, telegram, open_page):
    await stage.receive(
        *(
            accepted(telegram, a_message(text=f"number {n}", at=NOON + timedelta(minutes=n)))
            for n in range(35)
        )
    )
    talk = (await stage.shop.one("select id from conversation")).id
    await stage.shop.sql("update conversation set unread = 0")
    page = await open_page(f"/conversations/{talk}")
    await page.evaluate("document.getElementById('scroll').scrollTop = 300")
    read = page.locator("#messages .msg").nth(8)
    before = await read.bounding_box()

    for n in range(2):
        event = a_message(text="новое", at=NOON + timedelta(hours=2, minutes=n))
        await stage.receive(accepted(telegram, event))
    await expect(page.locator("#jump")).to_contain_text("новых: 2")
    assert await read.bounding_box() == before

    await page.click("#jump")
    await expect(page.locator("#messages .msg").last).to_be_in_viewport()
    await expect(page.locator("#jump")).to_be_hidden()


async def test_older_messages_come_without_a_jump(stage, telegram, open_page):
    await stage.receive(
        *(
            accepted(telegram, a_message(text=f"number {n:03}", at=NOON + timedelta(minutes=n)))
            for n in range(100)
        )
    )
    talk = (await stage.shop.one("select id from conversation")).id
    await stage.shop.sql("update conversation set unread = 0")
    page = await open_page(f"/conversations/{talk}")
    await expect(page.locator("#messages .msg")).to_have_count(40)

    mark = page.locator("#messages .msg", has_text="number 062")
    await mark.scroll_into_view_if_needed()
    await page.evaluate("document.getElementById('scroll').scrollTop = 10")
    await expect(page.locator("#messages .msg")).not_to_have_count(40)
    await expect(page.locator("#messages .msg", has_text="number 060")).to_be_in_viewport()
    assert await page.locator("#messages .day").count() == 1


async def test_a_note_cannot_be_mistaken_for_a_reply(stage, telegram, open_page, count):
    await stage.receive(accepted(telegram, a_message()))
    talk = (await stage.shop.one("select id from conversation")).id
    page = await open_page(f"/conversations/{talk}")
    await page.keyboard.press("n")
    await expect(page.locator("#composer")).to_have_attribute("data-mode", "note")
    await expect(page.locator("#composer .composer__send")).to_be_hidden()
    await page.keyboard.type("тихо")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#messages .note")).to_contain_text("тихо")
    assert await count("delivery") == 0


async def test_a_draft_is_there_after_coming_back(stage, telegram, open_page):
    await stage.receive(
        accepted(telegram, a_message(by=a_person(1))),
        accepted(telegram, a_message(by=a_person(2), at=NOON + timedelta(seconds=1))),
    )
    page = await open_page()
    await page.locator("#rows .row__name", has_text="Person 1").click()
    await page.fill("#reply", "начала писать")
    async with page.expect_response("**/draft"):
        await page.locator("#rows .row__name", has_text="Person 2").click()
    await expect(page.locator("#talk-head")).to_contain_text("Person 2")
    await expect(page.locator("#reply")).to_have_value("")
    await page.locator("#rows .row__name", has_text="Person 1").click()
    await expect(page.locator("#reply")).to_have_value("начала писать")


async def test_a_file_is_attached_sent_and_shown(stage, telegram, open_page, tmp_path):
    await stage.receive(accepted(telegram, a_message()))
    talk = (await stage.shop.one("select id from conversation")).id
    page = await open_page(f"/conversations/{talk}")
    one, two = tmp_path / "Смета.pdf", tmp_path / "лишний.txt"
    one.write_bytes(b"%PDF-1.7 " + b"x" * 5000)
    two.write_text("не тот")
    await page.set_input_files("#pick", [one, two])
    await expect(page.locator(".tofile--ready")).to_have_count(2)
    await page.locator(".tofile", has_text="лишний").locator("[data-remove]").click()
    await page.locator("#send").click()
    await expect(page.locator("#messages .file")).to_contain_text("Смета.pdf")
    await expect(page.locator("#messages .file")).to_have_count(1)


async def test_keys_work_in_a_russian_layout(stage, telegram, open_page):
    for number in (1, 2):
        event = a_message(by=a_person(number), at=NOON + timedelta(seconds=number))
        await stage.receive(accepted(telegram, event))
    page = await open_page()

    async def press(code: str, letter: str) -> None:
        await page.evaluate(
            "([code, key]) => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', "
            "{ code, key, bubbles: true, cancelable: true }))",
            [code, letter],
        )

    await press("KeyJ", "о")
    await press("KeyJ", "о")
    await expect(page.locator(":focus")).to_contain_text("Person 1")
    await press("KeyK", "л")
    await expect(page.locator(":focus")).to_contain_text("Person 2")
    await page.keyboard.press("Enter")
    await expect(page.locator("#talk-head")).to_contain_text("Person 2")
    await press("KeyR", "к")
    await expect(page.locator("#reply")).to_be_focused()
    await page.keyboard.press("Escape")
    await press("KeyE", "у")
    await expect(page.locator("#talk-head")).to_contain_text("Решён")
    await expect(page.locator("#resolve")).to_contain_text("Открыть снова")


async def test_what_was_missed_while_the_line_was_down_is_caught_up(stage, telegram, open_page):
    await stage.receive(accepted(telegram, a_message()))
    talk = (await stage.shop.one("select id from conversation")).id
    page = await open_page(f"/conversations/{talk}")
    await page.context.set_offline(True)
    # Offline in Chromium does not cut a stream that is open: the page loses its hints instead.
    await stage.shop.route(
        accepted(telegram, a_message(text="пропущено", at=NOON + timedelta(minutes=1))),
        now=stage.now(),
    )
    await page.context.set_offline(False)
    await expect(page.locator("#messages")).to_contain_text("пропущено")
    await expect(page.locator("#rows .row")).to_contain_text("пропущено")


async def test_mail_opens_in_its_frame_without_asking_the_network(stage, open_page):
    account = await stage.shop.connect("mail", kind="email")
    html = "<h1>Счёт</h1><img src='https://tracker.invalid/p.png' alt='логотип'>"
    await stage.receive(accepted(account, a_message(text="Счёт", html=html), channel="email"))
    talk = (await stage.shop.one("select id from conversation")).id
    page = await open_page(f"/conversations/{talk}")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.locator("details.mail summary").click()
    await expect(page.frame_locator(".mail__page").locator("h1")).to_have_text("Счёт")
    assert not [url for url in asked if "tracker" in url]


async def test_a_picture_is_in_the_bubble(stage, telegram, open_page):
    svg_free = bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
        "0000000d4944415478da63fcffff3f0300050001ff5ac9d2780000000049454e44ae426082"
    )
    sha256 = await stage.media.put(svg_free)
    file = Attachment(
        kind="image", sha256=sha256, name="диск.png", mime="image/png", size=len(svg_free)
    )
    await stage.receive(accepted(telegram, a_message(text="вот", attachments=(file,))))
    talk = (await stage.shop.one("select id from conversation")).id
    page = await open_page(f"/conversations/{talk}")
    image = page.locator("#messages .shot img")
    await expect(image).to_have_attribute("alt", "диск.png")
    assert await image.evaluate("(image) => image.complete || image.decode().then(() => true)")


@pytest.mark.parametrize("locale", ["ru-RU", "en-US"])
@pytest.mark.parametrize("viewport", [PHONE, WIDE, {"width": 1920, "height": 1080}])
async def test_no_page_scrolls_sideways(stage, telegram, open_page, viewport, locale):
    await stage.shop.sql("update user_account set role = 'admin'")
    long = a_person(
        1, name="ООО «Промтехкомплект-Северо-Запад», Игорь Вадимович Константинопольский"
    )
    await stage.receive(
        accepted(telegram, a_message(by=long, text="https://x.example/" + "a" * 300))
    )
    talk = (await stage.shop.one("select id from conversation")).id
    page = await open_page(viewport=viewport, locale=locale)
    pages = ["/", f"/conversations/{talk}", "/leads", "/leads?view=list", "/contacts", "/profile"]
    pages += [
        "/settings/channels",
        "/settings/people",
        "/settings/tokens",
        "/settings/dead-letters",
    ]
    pages += ["/settings/channels/new/telegram"]
    for path in pages:
        await page.goto(path)
        wide = await page.evaluate(
            "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
        )
        assert wide <= 0, path


async def test_on_a_phone_one_step_at_a_time(stage, telegram, open_page):
    await stage.receive(accepted(telegram, a_message()))
    page = await open_page(viewport=PHONE)
    await expect(page.locator(".pane--talk")).to_be_hidden()
    await page.locator("#rows .row__name").click()
    await expect(page.locator(".pane--list")).to_be_hidden()
    await expect(page.locator("#messages")).to_be_visible()
    await page.locator("#talk-head [data-step=person]").click()
    await expect(page.locator("#person")).to_be_visible()
    await page.locator("#person [data-step=talk]").click()
    await page.locator("#talk-head [data-step=list]").click()
    await expect(page.locator("#rows")).to_be_visible()
