"""A real browser in which colleagues are signed in."""

import os
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Playwright, async_playwright, expect

from tests.inbox.stage import PASSWORD, Stage

CHROMIUM = os.environ.get("ALLO_TEST_CHROMIUM") or shutil.which("chromium") or ""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}
PATIENCE_MS = 30_000
"""A machine that tests many things at once is slow; what never comes is late either way."""

expect.set_options(timeout=PATIENCE_MS)

# Reason: a newcomer without a browser still has the rest tested; with ALLO_REQUIRE_SERVICES=1 nothing is skipped, and fails.
needs_chromium = pytest.mark.skipif(
    not CHROMIUM and os.environ.get("ALLO_REQUIRE_SERVICES") != "1",
    reason="there is no Chromium here (apt-get install chromium)",
)


@dataclass
class _Kept:
    """One Chromium for a whole run: it starts in seconds, and a context of its own keeps a test apart in no time."""

    playwright: Playwright | None = None
    browser: Browser | None = None

    async def get(self) -> Browser:
        if self.browser is None or not self.browser.is_connected():
            await self.close()
            self.playwright = await async_playwright().start()
            self.browser = await self.playwright.chromium.launch(
                executable_path=CHROMIUM, args=FLAGS
            )
        return self.browser

    async def close(self) -> None:
        if self.browser is not None:
            await self.browser.close()
        if self.playwright is not None:
            await self.playwright.stop()
        self.browser = self.playwright = None


KEPT = _Kept()
"""Closed at the end of the run (tests/conftest.py)."""


@asynccontextmanager
async def browsing(stage: Stage) -> AsyncGenerator[Callable[..., Awaitable[Page]]]:
    """`opened(path, who=…)` is a page of that colleague's; whatever a console complains of fails the test."""
    complaints: list[str] = []
    contexts: list[BrowserContext] = []
    chromium = await KEPT.get()

    async def opened(path: str = "/", *, who: str = "Anna", **options: Any) -> Page:
        context = await chromium.new_context(
            **{"viewport": WIDE, "locale": "ru-RU", "base_url": stage.url, **options}
        )
        contexts.append(context)
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        page.on(
            "console",
            lambda line: (
                complaints.append(line.text) if "Content Security Policy" in line.text else None
            ),
        )
        # By the form's request, not the form: two pages less to load, in every story. The form has stories of its own.
        form = {"email": f"{who.lower()}@example.com", "password": PASSWORD}
        entered = await context.request.post("/sign-in", form=form, max_redirects=0)
        assert entered.status == 303
        async with page.expect_response("**/live"):
            await page.goto(path)
        return page

    try:
        yield opened
        # What a page says when it is torn down in the middle of something is no complaint of its own.
        heard = list(complaints)
    finally:
        for context in contexts:
            await context.close()
    assert heard == [], heard
