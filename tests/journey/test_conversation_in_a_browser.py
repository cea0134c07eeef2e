"""An open conversation in front of real browsers: who else is there, a broken line, a long history, many openings."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import Page, expect
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.conftest import NOON
from tests.events import a_message, a_person, accepted
from tests.inbox.chromium import browsing, needs_chromium
from tests.inbox.stage import Stage, on_stage
from tests.journey.cut_line import a_line

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


async def says(stage: Stage, account: UUID, *numbers: int, person: int = 1) -> None:
    await stage.receive(
        *(
            accepted(
                account,
                a_message(
                    by=a_person(person), text=f"number {n:04}", at=NOON + timedelta(minutes=n)
                ),
            )
            for n in numbers
        )
    )


async def texts(page: Page) -> list[str]:
    found: list[str] = await page.locator("#messages .msg .words").all_text_contents()
    return found


@pytest.fixture
async def account(stage: Stage) -> UUID:
    return await stage.shop.connect("bot")


async def the_talk(stage: Stage) -> UUID:
    talk: UUID = (await stage.shop.one("select id from conversation order by id limit 1")).id
    return talk


@pytest.fixture
async def gestures(stage: Stage) -> AsyncGenerator[None]:
    """What pages say of their people is carried on, as a running installation does."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(stage.typing.run(stop))
        yield
        stop.set()


@pytest.mark.usefixtures("gestures")
async def test_colleagues_see_each_other_look_and_write(stage, account, open_page):
    await stage.hire("Boris")
    await says(stage, account, 1)
    talk = await the_talk(stage)
    anna = await open_page(f"/conversations/{talk}")
    await expect(anna.locator("#viewers")).to_be_hidden()
    boris = await open_page(f"/conversations/{talk}", who="Boris")
    await expect(anna.locator("#viewers")).to_contain_text("Сейчас смотрит Boris")
    await expect(boris.locator("#viewers")).to_contain_text("Сейчас смотрит Anna")

    await anna.evaluate(
        "addEventListener('allo:presence', ({ detail }) => { window.told = detail.what; })"
    )
    await boris.locator("#reply").press_sequentially("Сей")
    await expect(anna.locator("#writers")).to_contain_text("Boris пишет здесь ответ")
    assert await anna.evaluate("window.told") == "writes"
    await expect(boris.locator("#writers")).to_be_empty()
    # A note hides nothing from the customer that two could say at once: it is not told of.
    await boris.keyboard.press("Control+Enter")
    await expect(boris.locator("#messages .msg--out[data-item]")).to_have_count(1)
    await stage.publish()
    await expect(anna.locator("#writers")).to_be_empty()

    # Handed over by the other while one writes: the head says so, and nothing written is lost.
    await anna.fill("#reply", "моё начатое")
    await stage.desk.assign(talk, by=stage.shop.managers[1], manager=stage.shop.managers[1])
    await stage.publish()
    await expect(anna.locator("#talk-head")).to_contain_text("ведёт Boris")
    await expect(anna.locator("#reply")).to_have_value("моё начатое")

    await boris.goto("/contacts")
    await expect(anna.locator("#viewers")).to_be_hidden()


async def test_a_cut_line_loses_nothing_doubles_nothing_and_moves_nothing(
    stage, account, open_page, count
):
    await says(stage, account, *range(30))
    talk = await the_talk(stage)
    await stage.shop.sql("update conversation set unread = 0")
    stage.time = NOON + timedelta(minutes=170)
    async with a_line(to=stage.server.port) as line:
        page = await open_page(f"/conversations/{talk}", base_url=line.url)
        await page.evaluate("window.sameDocument = true")
        await page.fill("#reply", "до обрыва ")
        await line.cut()
        await expect(page.locator(".offline")).to_contain_text("Нет связи")
        # More comes than two pages hold, and one older than what is there.
        await says(stage, account, *range(40, 165))
        await page.locator("#reply").press_sequentially("и после")
        await page.keyboard.press("Control+Enter")
        waiting = page.locator(".is-waiting")
        await expect(waiting).to_contain_text("Ещё не отправлено: нет связи")
        await page.locator("#reply").press_sequentially("следом")
        await page.keyboard.press("Control+Enter")
        await expect(waiting).to_have_count(2)
        await page.locator("#reply").press_sequentially("недописанное")
        assert await count("message", "direction = 'out'") == 0

        await line.mend()
        await page.locator(".offline button").click()
        await expect(page.locator(".offline")).to_have_count(0)
        await expect(page.locator("#messages .msg--out[data-item]")).to_have_count(2)
        await expect(page.locator(".is-sending")).to_have_count(0)
        await expect(page.locator("#messages")).to_contain_text("number 0164")
        await expect(page.locator("#reply")).to_have_value("недописанное")
        assert await page.evaluate("window.sameDocument")
        said = await texts(page)
        assert said[-1] == "следом"
        assert said[-2] == "до обрыва и после"
        assert [each for each in said if each.startswith("number")] == [
            f"number {n:04}" for n in (*range(30), *range(40, 165))
        ]
        rows = await stage.shop.sql("select text from message where direction = 'out' order by seq")
        assert [row.text for row in rows] == ["до обрыва и после", "следом"]

        # And once more, for somebody who reads further up: nothing moves under their eyes.
        read = page.locator("#messages .msg", has_text="number 0050")
        await read.evaluate("(message) => message.scrollIntoView({ block: 'center' })")
        before = await read.bounding_box()
        await line.cut()
        await expect(page.locator(".offline")).to_be_visible()
        await says(stage, account, *range(200, 203))
        await line.mend()
        await expect(page.locator(".offline")).to_have_count(0)
        await expect(page.locator("#jump")).to_contain_text("новых: 3")
        after = await read.bounding_box()
        assert abs(after["y"] - before["y"]) < 2


async def test_a_session_that_ended_keeps_the_text_until_one_is_back(
    stage, account, open_page, count
):
    await says(stage, account, 1)
    talk = await the_talk(stage)
    page = await open_page(f"/conversations/{talk}")
    await page.fill("#reply", "не потеряйся")
    await stage.shop.sql("delete from session")
    await page.keyboard.press("Control+Enter")
    bar = page.locator(".offline")
    await expect(bar).to_contain_text("Сеанс закончился")
    await expect(page.locator(".is-sending")).to_contain_text("не потеряйся")
    async with page.context.expect_page() as opened:
        await bar.locator("a").click()
    other = await opened.value
    await other.fill("#email", "anna@example.com")
    await other.fill("#password", "correct horse battery")
    await other.click("button.btn--main")
    await expect(other.locator("#rows")).to_be_visible()
    await other.close()
    await page.bring_to_front()
    await page.evaluate("dispatchEvent(new Event('focus'))")
    await expect(bar).to_have_count(0)
    await expect(page.locator("#messages .msg--out[data-item]")).to_contain_text("не потеряйся")
    assert await count("message", "direction = 'out'") == 1


async def test_a_long_history_is_a_window_that_moves_with_the_reader(stage, account, open_page):
    await says(stage, account, *range(600))
    talk = await the_talk(stage)
    await stage.shop.sql("update conversation set unread = 0")
    page = await open_page(f"/conversations/{talk}")
    first = page.locator("#messages .msg").first
    for top in (560, 520, 480, 440, 400, 360, 320, 280, 240, 200):
        await page.evaluate("document.getElementById('scroll').scrollTop = 0")
        await expect(first).not_to_contain_text(f"number {top:04}")
        await expect(page.locator(f"#messages .msg:has-text('number {top:04}')")).to_be_attached()
    assert await page.locator("#messages [data-item]").count() <= 300
    await expect(page.locator("#newer")).not_to_have_attribute("hidden", "")

    # What comes meanwhile is counted, and is not put where it does not belong.
    await says(stage, account, 700, 701)
    await expect(page.locator("#jump")).to_contain_text("новых: 2")
    assert "number 0700" not in await texts(page)

    last = page.locator("#messages .msg").last
    while await page.locator("#newer").is_visible() or "0701" not in await last.inner_text():
        before = await last.inner_text()
        await page.evaluate(
            "const s = document.getElementById('scroll'); s.scrollTop = s.scrollHeight"
        )
        await expect(last).not_to_have_text(before)
    said = [each for each in await texts(page) if each.startswith("number")]
    assert said == sorted(said)
    assert len(said) == len(set(said)) <= 300
    assert said[-3:] == ["number 0599", "number 0700", "number 0701"]

    # Many arrive while one looks on: the window stays as large as it is.
    await page.evaluate("const s = document.getElementById('scroll'); s.scrollTop = s.scrollHeight")
    await expect(page.locator("#jump")).to_be_hidden()
    await says(stage, account, *range(800, 900))
    await expect(last).to_contain_text("number 0899")
    assert await page.locator("#messages [data-item]").count() <= 300


async def test_a_quote_and_an_address_lead_to_their_message_and_back(stage, account, open_page):
    await says(stage, account, *range(120))
    talk = await the_talk(stage)
    await stage.shop.sql("update conversation set unread = 0")
    stage.time = NOON + timedelta(minutes=130)
    far = (await stage.shop.one("select id from message where text = 'number 0003'")).id
    await stage.desk.reply(talk, by=stage.shop.managers[0], text="про это", reply_to=far)
    page = await open_page(f"/conversations/{talk}")
    assert "number 0003" not in await texts(page)
    await page.locator("#messages .bubble__quote a").click()
    found = page.locator(f"#m-{far}")
    await expect(found).to_be_in_viewport()
    await page.locator("#jump").click()
    await expect(page.locator("#messages .msg").last).to_contain_text("про это")

    await page.goto(f"/conversations/{talk}?at={far}")
    await expect(found).to_be_in_viewport()
    await expect(page.locator("#jump")).to_contain_text("К новым")
    await page.goto(f"/conversations/{talk}")

    # Gone, or not one's own: said in its place.
    await page.evaluate(
        "document.querySelector('#rows .row__name').href = '/conversations/00000000-0000-0000-0000-000000000000'"
    )
    await page.locator("#rows .row__name").first.click()
    await expect(page.locator("#talk")).to_contain_text("Этой переписки больше нет")


async def test_what_was_done_from_the_head_can_be_taken_back(stage, account, open_page):
    await says(stage, account, 1)
    talk = await the_talk(stage)
    page = await open_page(f"/conversations/{talk}")
    await page.keyboard.press("z")
    await page.locator("#snooze button[value=message]").click()
    await expect(page.locator("#talk-head")).to_contain_text("пока клиент не напишет")
    await page.locator(".toast [data-undo]").click()
    await expect(page.locator("#talk-head")).to_contain_text("Открыт")
    await page.keyboard.press("u")
    await expect(page.locator(".toast").last).to_contain_text("Отмечено непрочитанным")
    assert (await stage.shop.one("select unread from conversation")).unread == 1


async def measured(page: Page) -> dict[str, float]:
    """What the page holds after its rubbish was taken out."""
    client = await page.context.new_cdp_session(page)
    await client.send("Performance.enable")
    for _ in range(3):
        await client.send("HeapProfiler.collectGarbage")
    got = await client.send("Performance.getMetrics")
    await client.detach()
    return {each["name"]: each["value"] for each in got["metrics"]}


async def test_opening_one_conversation_after_another_leaves_nothing_behind(
    stage, account, open_page
):
    for person in range(1, 11):
        await says(stage, account, *range(8), person=person)
    page = await open_page("/?tab=all")
    names = page.locator("#rows .row__name")

    async def open_each() -> None:
        for at in range(10):
            link = names.nth(at)
            id_ = (await link.get_attribute("href") or "").split("/")[2].split("?")[0]
            await link.click()
            await expect(page.locator("#talk")).to_have_attribute("data-id", id_)

    await open_each()
    before = await measured(page)
    for _ in range(4):
        await open_each()
    after = await measured(page)
    openings = 40
    # Of 500 openings, by what each left behind: less than one conversation's worth of anything.
    for name, most in (("Nodes", 1500), ("JSEventListeners", 300), ("JSHeapUsedSize", 4e6)):
        grown = (after[name] - before[name]) / openings * 500
        assert grown < most, (name, before[name], after[name])
