"""A telephone call in front of a real browser: it rings, is talked, was recorded; and who was missed is called back."""

from collections.abc import AsyncGenerator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import expect
from sqlalchemy.ext.asyncio import AsyncEngine

from storage import wanted_files
from tests.conftest import NOON
from tests.doubles.exchange import a_recording, an_exchange_among_the_channels
from tests.events import a_call_report, accepted
from tests.inbox.chromium import browsing, needs_chromium
from tests.inbox.stage import Stage, on_stage

pytestmark = needs_chromium


@pytest.fixture(autouse=True)
def exchange() -> Iterator[Any]:
    with an_exchange_among_the_channels() as state:
        yield state


@pytest.fixture
async def stage(database: AsyncEngine, tmp_path: Path) -> AsyncGenerator[Stage]:
    async with on_stage(database, tmp_path) as stage:
        await stage.hire("Anna", extension="101")
        yield stage


@pytest.fixture
async def office(stage: Stage) -> UUID:
    return await stage.shop.connect("office", kind="exchange")


@pytest.fixture
async def open_page(stage: Stage) -> AsyncGenerator[Any]:
    async with browsing(stage) as opened:
        yield opened


async def report(stage: Stage, account: UUID, phase: Any, **more: Any) -> None:
    await stage.receive(accepted(account, a_call_report(phase, **more), channel="exchange"))


async def keep_the_recording(stage: Stage) -> None:
    """What the media worker does, when the exchange has given the file."""
    content = a_recording(seconds=3)
    sha256 = await stage.media.put(content)
    async with stage.engine.begin() as connection:
        (file,) = await wanted_files.claim(connection, now=stage.now(), limit=9)
        await wanted_files.stored(
            connection,
            file,
            sha256=sha256,
            size=len(content),
            name="talk.wav",
            mime="audio/x-wav",
            now=stage.now(),
        )
    await stage.publish()


async def test_a_call_is_watched_from_the_first_ring_to_its_recording(stage, office, open_page):
    await report(stage, office, "ringing")
    talk = (await stage.shop.one("select id from conversation")).id
    page = await open_page(f"/conversations/{talk}")
    call = page.locator("#messages .call")
    await expect(call.locator("b")).to_have_text("Входящий звонок, звонит")
    await page.evaluate("window.sameDocument = true")

    await report(stage, office, "talking", leg="a", extension="101", after=6)
    await expect(call.locator("b")).to_have_text("Входящий звонок, разговор идёт")
    await report(stage, office, "ended", after=66, reason="1110")
    await expect(call.locator("b")).to_have_text("Входящий звонок")
    await expect(call).to_contain_text("1:00")
    await expect(call).to_contain_text("Ответил(а) Anna")
    await expect(call).to_contain_text("Звонивший положил трубку")

    await report(stage, office, "recorded", who="", recording="r1", after=90)
    await expect(call).to_contain_text("Запись разговора")
    await keep_the_recording(stage)
    player = call.locator("audio")
    await expect(player).to_be_visible()
    # The browser understands the file, plays it, and moves along it by ranges; the policy lets it.
    length = await player.evaluate(
        """async (audio) => {
            audio.preload = "auto";
            await new Promise((done, failed) => {
                audio.addEventListener("canplaythrough", done); audio.addEventListener("error", failed); audio.load();
            });
            audio.currentTime = 2.5;
            await new Promise((done) => audio.addEventListener("seeked", done));
            return [audio.duration, audio.currentTime];
        }"""
    )
    assert length == [3, 2.5]
    await expect(page.locator("#messages .call")).to_have_count(1)
    assert await page.evaluate("window.sameDocument")
    await expect(page.locator("#to-warn")).to_contain_text("только принимает")


async def test_who_was_missed_is_called_back_with_a_button(stage, office, open_page):
    for n in range(2):
        at = NOON + timedelta(minutes=n)
        await report(stage, office, "ringing", call=f"c{n}", at=at)
        await report(stage, office, "ended", call=f"c{n}", at=at, after=20)
    talk = (await stage.shop.one("select id from conversation")).id
    page = await open_page(f"/conversations/{talk}")
    task = page.locator("#person .todo li")
    await expect(task).to_contain_text("Перезвонить")
    await expect(task).to_contain_text("2 пропущенных звонка")
    await expect(page.locator("#rows .row")).to_contain_text("Пропущенный звонок")

    back = page.locator("#messages .call").last.get_by_role("button", name="Перезвонить")
    await back.click()
    await expect(page.locator("#toasts")).to_contain_text("Снимите трубку: звоним на +79161234567")
    assert [each["phone"] for each in stage.calls.asked] == ["+79161234567"]

    later = {
        "call": "back",
        "direction": "out",
        "extension": "101",
        "at": NOON + timedelta(minutes=5),
    }
    await report(stage, office, "ringing", **later)
    await expect(page.locator("#messages .call").last).to_contain_text("Исходящий звонок, вызываем")
    await report(stage, office, "talking", after=8, **later)
    await report(stage, office, "ended", after=68, **later)
    await expect(page.locator("#messages .call").last).to_contain_text("Звонил(а) Anna")
    await expect(task).to_have_count(0)


async def test_a_call_that_cannot_be_made_says_why_and_a_task_is_ticked_off(
    stage, office, open_page
):
    await report(stage, office, "ringing")
    await report(stage, office, "ended", after=20)
    talk = (await stage.shop.one("select id from conversation")).id
    page = await open_page(f"/conversations/{talk}")
    stage.calls.refusal = "No connected channel can make calls."
    await page.locator("#messages .call").get_by_role("button", name="Перезвонить").click()
    await expect(page.locator("#toasts")).to_contain_text("не умеет звонить")
    await page.locator("#person .todo").get_by_role("button", name="Сделано").click()
    await expect(page.locator("#person .todo li")).to_have_count(0)
    assert (await stage.shop.one("select done_at from task")).done_at is not None
