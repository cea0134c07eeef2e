"""Every page in a real browser, looked at by axe: WCAG 2.2 AA as far as a machine can tell, in both themes, wide and narrow."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from pathlib import Path
from typing import Any, Final

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page
from sqlalchemy.ext.asyncio import AsyncEngine

from inbox.app import PAGES
from inbox.reports.catalogue import REPORTS
from tests.inbox.chromium import PHONE, WIDE, browsing, needs_chromium
from tests.inbox.furnished import furnish
from tests.inbox.stage import Stage, on_stage

pytestmark = needs_chromium

RULES: Final = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "preload": False,  # style sheets are asked for once more for a rule that is not among these
    "resultTypes": ["violations"],
}
CONTRAST: Final = {
    "runOnly": {"type": "rule", "values": ["color-contrast"]},
    "resultTypes": ["violations"],
}
"""The rest does not depend on the theme."""

NARROW: Final = {
    "runOnly": {
        "type": "rule",
        "values": ["button-name", "color-contrast", "label", "link-name", "target-size"],
    },
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}
"""What a narrow page may do differently."""

NO_PAGES: Final = frozenset(
    {
        "/live",
        "/live/me",
        "/contacts/{id}/export",
        "/conversations/{id}/macro",
        "/files/{id}",
        "/leads/column",
        "/manifest.webmanifest",
        "/messages/{id}/html",
        "/settings/links/{id}/qr.png",
        "/settings/links/{id}/qr.svg",
        *(f"/reports/{name}/{part}" for name in REPORTS for part in ("cards", "export")),
        "/sw.js",
    }
)
"""Answers without an end, downloads, pieces that have to be asked for, and what a customer sent."""

SIDEWAYS: Final = "document.documentElement.scrollWidth - innerWidth"
RUN: Final = "(options) => axe.run(document, options)"


@pytest.fixture
async def stage(database: AsyncEngine, tmp_path: Path) -> AsyncGenerator[Stage]:
    async with on_stage(database, tmp_path) as stage:
        await stage.hire("Olga", role="admin")
        await stage.hire("Anna")
        yield stage


@pytest.fixture
async def things(stage: Stage) -> dict[str, str]:
    return await furnish(stage)


def addresses(things: dict[str, str]) -> list[str]:
    """Of every page, and of the faces some have beside their usual one."""
    found = [
        "/leads?view=list",
        "/leads?source=nowhere",
        "/tasks?show=done",
        "/contacts?q=nobody",
        "/settings/links?show=archived",
        "/settings/sources?source=ya&medium=cpc",
        f"/contacts/{things['/contacts']}/merge",
        "/reports/sources?period=7d&by=channel&changes=1&model=linear",
        "/reports/sources/cards?period=7d&count=leads",
        "/reports/funnel?by=manager",
    ]
    for page in PAGES:
        if page.method != "GET" or page.path in NO_PAGES:
            continue
        before, brace, rest = page.path.partition("/{")
        whole = f"{before}/{things[before]}{rest.partition('}')[2]}" if brace else page.path
        found.append(whole)
    return list(dict.fromkeys(found))


async def violations(page: Page, options: dict[str, Any], where: str) -> list[str]:
    answer = await page.evaluate(RUN, options)
    return [
        f"{where}: {each['id']}: {node['target']} {node['failureSummary']}"
        for each in answer["violations"]
        for node in each["nodes"][:3]
    ]


async def look(page: Page, pages: Iterable[str], found: list[str]) -> int:
    """A wide page by all rules, then in the dark; a narrow one in the dark. How many there were."""
    axe = Axe().axe_script
    width = (page.viewport_size or WIDE)["width"]
    wide = width == WIDE["width"]
    looked_at = 0
    for address in pages:
        answer = await page.goto(address)
        if answer is None or not (await answer.body()).startswith(b"<!doctype html>"):
            continue  # a piece for a script
        if answer.status != 200:
            found.append(f"{address}: {answer.status}")
            continue
        looked_at += 1
        await page.evaluate(axe)
        found += await violations(page, RULES if wide else NARROW, f"{address} at {width}")
        if await page.evaluate(SIDEWAYS) > 0:
            found.append(f"{address} at {width}: scrolls sideways")
        if wide:
            await page.emulate_media(color_scheme="dark")
            found += await violations(page, CONTRAST, f"{address} in the dark")
            await page.emulate_media(color_scheme="light")
    return looked_at


@pytest.mark.timeout(400)
async def test_axe_finds_nothing_on_any_page(stage, things):
    """Wide in Russian, light and dark; a phone in English, dark."""
    found: list[str] = []
    pages = addresses(things)
    still = {"reduced_motion": "reduce"}
    async with browsing(stage) as opened:
        wide = await opened("/", who="Olga", viewport=WIDE, color_scheme="light", **still)
        phone = await opened(
            "/", who="Olga", viewport=PHONE, color_scheme="dark", locale="en-GB", **still
        )
        looked_at = await asyncio.gather(look(wide, pages, found), look(phone, pages, found))
        for page in (wide, phone):
            await page.context.clear_cookies()
            await look(page, ["/sign-in"], found)
    assert min(looked_at) > 50
    assert not found, "\n".join(found)
