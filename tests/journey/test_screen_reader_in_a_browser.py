"""What a screen reader is told beyond what axe sees: everything has a name, headings go down step by step, news is announced."""

import re
from collections.abc import AsyncGenerator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.async_api import expect
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.events import a_message, a_person, accepted
from tests.inbox.chromium import browsing, needs_chromium
from tests.inbox.stage import Stage, on_stage

pytestmark = [needs_chromium, pytest.mark.timeout(240)]

NAMELESS = re.compile(
    r"^\s*- (?:button|link|textbox|searchbox|combobox|checkbox|radio|menuitem|tab|img|dialog|region)(?: \[[^]]*\])*:?$",
    re.MULTILINE,
)
LEVELS = """() => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
  .filter((each) => each.checkVisibility() && !each.closest("dialog:not([open])"))
  .map((each) => [Number(each.tagName[1]), each.textContent.trim()])"""


@pytest.fixture
async def stage(database: AsyncEngine, tmp_path: Path) -> AsyncGenerator[Stage]:
    async with on_stage(database, tmp_path) as stage:
        await stage.hire("Anna", role="lead")
        account = await stage.shop.connect("bot")
        await stage.receive(accepted(account, a_message(by=a_person(1, name="Марина"))))
        yield stage


async def test_everything_has_a_name_and_headings_go_down_step_by_step(stage):
    talk = (await stage.shop.one("select id from conversation")).id
    async with browsing(stage) as opened:
        page = await opened("/")
        for path in ("/", f"/conversations/{talk}", "/leads", "/tasks", "/contacts", "/notices"):
            await page.goto(path)
            tree = await page.locator("body").aria_snapshot()
            assert NAMELESS.findall(tree) == [], path
            levels = await page.evaluate(LEVELS)
            assert levels[0][0] == 1, (path, levels)
            for (before, _), (level, words) in pairwise(levels):
                assert level <= before + 1, (path, words)

        # News is said aloud: a message by the log it comes into, what was done by the place of toasts.
        await page.goto(f"/conversations/{talk}")
        await expect(page.get_by_role("log")).to_contain_text("hi")
        await page.keyboard.press("e")
        await expect(page.locator("#toasts .toast")).to_be_visible()
        said = await page.locator("#toasts").evaluate(
            "(place) => place.getAttribute('aria-live') ?? place.getAttribute('role')"
        )
        assert said in {"polite", "status"}
