"""Every page in a real browser, looked at by axe: WCAG 2.2 AA as far as a machine can tell, in both themes, wide and narrow."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from axe_playwright_python.async_playwright import Axe
from sqlalchemy.ext.asyncio import AsyncEngine

from inbox.app import PAGES
from router.message import Attachment
from tests.conftest import NOON
from tests.events import a_message, accepted
from tests.inbox.chromium import PHONE, WIDE, browsing, needs_chromium
from tests.inbox.stage import Stage, on_stage

pytestmark = needs_chromium

RULES: Final = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}
NO_PAGES: Final = frozenset({"/live"})
"""An answer without an end."""


@pytest.fixture
async def stage(database: AsyncEngine, tmp_path: Path) -> AsyncGenerator[Stage]:
    async with on_stage(database, tmp_path) as stage:
        await stage.hire("Olga", role="admin")
        await stage.hire("Anna")
        yield stage


@pytest.fixture
async def things(stage: Stage) -> dict[str, str]:
    """What the ids in addresses stand for, by the beginning of the address."""
    account = await stage.shop.connect("bot")
    picture = Attachment(kind="image", name="тормоз.png", ref="1", size=3)
    await stage.receive(
        accepted(account, a_message(text="Сколько стоит?")),
        accepted(
            account,
            a_message(text="", attachments=(picture,), at=NOON + timedelta(minutes=1)),
        ),
    )
    found = {
        "conversations": str((await stage.shop.one("select id from conversation")).id),
        "contacts": str((await stage.shop.one("select id from contact")).id),
        "leads": str((await stage.shop.one("select id from lead")).id),
        "teams": str((await stage.shop.one("select id from team")).id),
        "people": str((await stage.shop.one("select id from user_account limit 1")).id),
    }
    anna = (await stage.shop.one("select id from user_account where email = 'anna@example.com'")).id
    talk = (await stage.shop.one("select id from conversation")).id
    await stage.desk.reply(talk, by=anna, text="От 4 500 ₽ с работой")
    await stage.desk.note(talk, by=anna, text="Обещала скидку")
    await stage.publish()
    return found


def addresses(things: dict[str, str]) -> list[str]:
    found = ["/settings/channels/bot", "/settings/channels/new/telegram"]
    for page in PAGES:
        if page.method != "GET" or page.path in NO_PAGES:
            continue
        whole = page.path
        for kind, id_ in things.items():
            whole = whole.replace(f"/{kind}/{{id}}", f"/{kind}/{id_}")
        if "{" not in whole:
            found.append(whole)
    return list(dict.fromkeys(found))


@pytest.mark.parametrize(
    ("viewport", "theme"),
    [
        pytest.param(WIDE, "light", id="wide and light"),
        pytest.param(WIDE, "dark", id="wide and dark"),
        pytest.param(PHONE, "light", id="a phone, light"),
    ],
)
@pytest.mark.timeout(300)
async def test_axe_finds_nothing_on_any_page(stage, things, viewport, theme):
    axe = Axe()
    found: list[str] = []
    looked_at = 0
    async with browsing(stage) as opened:
        page = await opened("/", who="Olga", viewport=viewport, color_scheme=theme)
        for address in addresses(things):
            answer = await page.goto(address)
            if answer is None or not (await answer.body()).startswith(b"<!doctype html>"):
                continue  # a piece for a script
            assert answer.status == 200, (address, answer.status)
            looked_at += 1
            result = await axe.run(page, options=RULES)
            found += [
                f"{address}: {each['id']}: {node['target']} {node['failureSummary']}"
                for each in result.response["violations"]
                for node in each["nodes"][:3]
            ]
    assert looked_at > 15
    assert not found, "\n".join(found)
