"""A working day without a mouse, in a Russian layout: every key is its place, and the focus is always somewhere one can see."""

import re
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import CDPSession, Page, TimeoutError, expect
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.conftest import NOON
from tests.events import a_message, a_person, accepted
from tests.inbox.chromium import browsing, needs_chromium
from tests.inbox.stage import PASSWORD, Stage, on_stage
from tests.journey.at_work import at_work

pytestmark = [needs_chromium, pytest.mark.timeout(240)]

LATIN: Final = "qwertyuiop[]asdfghjkl;'zxcvbnm,."
CYRILLIC: Final = "йцукенгшщзхъфывапролджэячсмитьбю"
OF_LETTER: Final = dict(zip(LATIN, CYRILLIC, strict=True))

SEEN = """() => {
  const here = document.activeElement;
  if (!here || here === document.body || here === document.documentElement) return "the focus is nowhere";
  const { width, height } = here.getBoundingClientRect();
  if (width < 2 || height < 2) return `the focus is on something without a size: ${here.outerHTML.slice(0, 200)}`;
  const box = here.closest("dialog[open]") ?? document.querySelector("dialog[open]");
  if (box && !box.contains(here)) return "the focus is behind a dialog";
  return "";
}"""
"""Why nobody can see where the focus is; empty when they can."""


class Keyboard:
    """What a keyboard with a Russian layout sends: the place of the key, and the letter that is printed there in Russian."""

    def __init__(self, page: Page, session: CDPSession) -> None:
        self.page = page
        self._session = session

    async def press(self, key: str, *, shift: bool = False, ctrl: bool = False) -> None:
        """`key`: what is printed there in Latin."""
        letter = OF_LETTER.get(key, key)
        code = "Slash" if key == "/" else f"Key{key.upper()}"
        if key == "/":
            letter = "."
        sent = {
            "code": code,
            "key": letter,
            "modifiers": (8 if shift else 0) | (2 if ctrl else 0),
            "windowsVirtualKeyCode": 191 if key == "/" else ord(key.upper()),
        }
        words = {} if ctrl else {"text": letter, "unmodifiedText": letter}
        await self._session.send("Input.dispatchKeyEvent", {"type": "keyDown", **sent, **words})
        await self._session.send("Input.dispatchKeyEvent", {"type": "keyUp", **sent})

    async def named(self, *keys: str) -> None:
        """Enter, Escape, arrows, Space, Tab."""
        for key in keys:
            await self.page.keyboard.press(key)

    async def type(self, words: str) -> None:
        await self.page.keyboard.type(words)

    async def is_seen(self) -> None:
        """The focus is on something that can be seen."""
        try:
            await self.page.wait_for_function(f"() => !({SEEN})()", timeout=15_000)
        except TimeoutError as error:
            raise AssertionError(await self.page.evaluate(SEEN)) from error


@pytest.fixture
async def stage(database: AsyncEngine, tmp_path: Path) -> AsyncGenerator[Stage]:
    async with on_stage(database, tmp_path) as stage:
        await stage.hire("Anna")
        await stage.hire("Boris", presence="off")
        await stage.shop.sql("update pipeline set lost_reasons = array['Дорого', 'Долго']")
        account = await stage.shop.connect("bot")
        for number, name in enumerate(("Марина", "Виктор", "Оксана"), 1):
            stage.time = NOON + timedelta(minutes=number)
            words = a_message(by=a_person(number, name=name), text=f"пишет {name}", at=stage.time)
            await stage.shop.route(accepted(account, words), now=stage.now())
        async with at_work(stage):
            yield stage


@pytest.fixture
async def open_page(stage: Stage) -> AsyncGenerator[Any]:
    async with browsing(stage) as opened:
        yield opened


async def keyboard_of(page: Page) -> Keyboard:
    return Keyboard(page, await page.context.new_cdp_session(page))


async def test_a_day_in_the_inbox_without_a_mouse(stage, open_page, count):  # noqa: PLR0915  # one day
    page = await open_page("/")
    await page.context.clear_cookies()
    await page.goto("/sign-in")
    keys = await keyboard_of(page)

    # Signing in: the field is ready, Enter is enough.
    await expect(page.locator("#email")).to_be_focused()
    await keys.type("anna@example.com")
    await keys.named("Tab")
    await keys.type(PASSWORD)
    await keys.named("Enter")
    await expect(page.locator("#rows .row")).to_have_count(3)
    await page.evaluate("window.sameDocument = true")

    # To the second of the list, and into it; the focus stays where it was.
    await keys.press("j")
    await keys.press("j")
    await expect(page.locator(":focus")).to_contain_text("Виктор")
    await keys.press("k")
    await expect(page.locator(":focus")).to_contain_text("Оксана")
    await keys.press("j")
    await keys.named("Enter")
    await expect(page.locator("#talk-head")).to_contain_text("Виктор")
    await keys.is_seen()

    # An answer.
    await keys.press("r")
    await expect(page.locator("#reply")).to_be_focused()
    await keys.type("Здравствуйте!")
    await keys.named("Control+Enter")
    await expect(page.locator("#messages .msg--out[data-item] .words")).to_have_text(
        "Здравствуйте!"
    )
    await expect(page.locator("#reply")).to_be_focused()
    await keys.named("Escape")
    await keys.is_seen()

    # A note that names somebody: @ is not on this keyboard, Ctrl+/ is.
    await keys.press("n")
    await expect(page.locator("#composer")).to_have_attribute("data-mode", "note")
    await keys.press("/", ctrl=True)
    option = page.locator("#suggest [role=option]", has_text="Boris")
    await expect(option).to_be_visible()
    await keys.type("Bor")
    await expect(page.locator("#suggest [role=option][aria-selected=true]")).to_contain_text(
        "Boris"
    )
    await keys.named("Enter")
    await keys.type("глянь")
    await keys.named("Control+Enter")
    await expect(page.locator("#messages [data-item].msg--note .words")).to_contain_text(
        "@Boris глянь"
    )
    assert await count("mention") == 1
    await keys.named("Escape")
    await keys.is_seen()

    # Given to somebody from the menu, which gives the focus back; Esc closes it, too.
    await keys.press("a")
    await expect(page.locator("#assign[open]")).to_be_attached()
    await keys.named("Escape")
    await expect(page.locator("#assign > summary")).to_be_focused()
    await keys.press("a")
    await keys.named("ArrowDown")
    await expect(page.locator("#assign :focus")).to_contain_text("Boris")
    await keys.named("ArrowUp", "Escape")

    # Put off, and taken back.
    await keys.press("z")
    await expect(page.locator("#snooze :focus")).to_be_visible()
    await keys.named("ArrowUp", "Enter")
    await expect(page.locator("#talk-head")).to_contain_text("пока клиент не напишет")
    await keys.is_seen()
    await keys.press("z", ctrl=True)
    await expect(page.locator("#talk-head")).to_contain_text("Открыт")
    await keys.is_seen()

    # A label.
    await keys.press("l")
    await expect(page.locator("#label")).to_be_focused()
    await keys.type("опт")
    await keys.named("Enter")
    await expect(page.locator("#person .labels")).to_contain_text("опт")
    await keys.is_seen()
    await keys.named("Escape")
    await keys.is_seen()

    # Resolved and opened again, by the same key.
    await keys.press("e")
    await expect(page.locator("#talk-head")).to_contain_text("Решён")
    await keys.is_seen()
    await keys.press("e")
    await expect(page.locator("#talk-head")).to_contain_text("Открыт")
    await keys.is_seen()

    # Searched for, and out again to where one was.
    await keys.press("j")
    await keys.is_seen()
    await keys.press("/")
    await expect(page.locator("#search")).to_be_focused()
    await keys.type("Марина")
    await expect(page.locator("#rows .row")).to_have_count(1)
    await keys.named("Escape")
    await keys.named("Escape")
    await expect(page.locator("#rows .row")).to_have_count(3)
    await keys.is_seen()

    # Several at once.
    await page.locator("#rows .row__name").first.focus()
    await keys.press("x")
    await keys.press("j")
    await keys.press("x")
    await expect(page.locator("#bulk-n")).to_have_text("2")
    await keys.press("e")
    await expect(page.locator("#rows .row:not(:has([aria-current]))")).to_have_count(1)
    await expect(page.locator("#bulk")).to_be_hidden()
    await keys.is_seen()
    await keys.press("z", ctrl=True)
    await expect(page.locator("#rows .row")).to_have_count(3)
    await keys.is_seen()

    # What keys there are; the focus comes back from there.
    before = await page.evaluate("document.activeElement.outerHTML.slice(0, 120)")
    await keys.named("?")
    await expect(page.locator("#keys")).to_be_visible()
    await keys.is_seen()
    await keys.named("Escape")
    await expect(page.locator("#keys")).to_be_hidden()
    assert await page.evaluate("document.activeElement.outerHTML.slice(0, 120)") == before
    assert await page.evaluate("window.sameDocument")

    await keys.press("g")
    await keys.press("l")
    await expect(page).to_have_url(re.compile("/leads"))


async def test_leads_and_tasks_without_a_mouse(stage, open_page):
    page = await open_page("/")
    keys = await keyboard_of(page)
    await keys.press("g")
    await keys.press("l")
    await expect(page.locator(".col[data-name=New] .card[data-id]")).to_have_count(3)

    # Onto the board with one key, from card to card, and one of them into the next stage.
    await keys.press("j")
    await expect(page.locator(".card__name:focus")).to_be_visible()
    await keys.named("ArrowDown")
    moved = (await page.locator(":focus").inner_text()).strip()
    await keys.named("Space")
    await expect(page.locator(".card--slot")).to_be_visible()
    await keys.named("ArrowRight")
    await expect(page.locator("#spoken")).to_contain_text("Qualified, место 1 из 1")
    await keys.named("Enter")
    card = page.locator(".col[data-name=Qualified] .card[data-id]")
    await expect(card).to_contain_text(moved)
    await expect(card.locator(".card__name")).to_be_focused()

    await expect(page.locator(".card--busy")).to_have_count(0)

    # Lost: by the key in its place, with a reason; meant otherwise first.
    await keys.press("d")
    await expect(page.locator("#lost")).to_be_visible()
    await keys.is_seen()
    await keys.named("Escape")
    await expect(page.locator("#lost")).to_be_hidden()
    await expect(card.locator(".card__name")).to_be_focused()
    await keys.press("d")
    await expect(page.locator("#lost input[type=radio]").first).to_be_focused()
    await keys.named("Space", "Enter")
    await expect(card).to_have_count(0)
    await keys.is_seen()
    row = await stage.shop.one("select lost_reason from lead where status = 'lost'")
    assert row.lost_reason == "Дорого"
    await keys.press("z", ctrl=True)
    await expect(card).to_have_count(1)
    await keys.is_seen()

    # A task: written, found, ticked off.
    await keys.press("g")
    await keys.press("t")
    await expect(page.locator(".empty")).to_be_visible()
    await keys.press("n")
    await expect(page.locator(".taskadd [name=text]")).to_be_focused()
    await keys.type("Позвонить Марине завтра в 10")
    await keys.named("Enter")
    await expect(page.locator(".taskrow")).to_have_count(1)
    await keys.is_seen()
    await keys.named("Escape")
    await keys.press("j")
    await expect(page.locator(".taskrow :focus")).to_contain_text("Позвонить Марине")
    await keys.press("d")
    await expect(page.locator(".taskrow")).to_have_count(0)
    await keys.is_seen()
