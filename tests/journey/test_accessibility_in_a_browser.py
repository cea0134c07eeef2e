"""Every page in a real browser, looked at by axe: WCAG 2.2 AA as far as a machine can tell, in both themes, wide and narrow."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page
from sqlalchemy.ext.asyncio import AsyncEngine

from inbox.app import PAGES
from router.message import Attachment
from storage import notices
from storage.call_numbers import add_number
from storage.canned_replies import CannedText, add_canned
from storage.dead_letters import NewLetter, keep_letter
from storage.engine import transaction
from storage.fields import add_field
from storage.labels import add_label
from storage.macros import AddLabel, MacroText, add_macro
from storage.saved_views import save_view
from storage.sources import seed_rules
from storage.tasks import create_task
from storage.tracked_links import make_link
from tests.conftest import NOON
from tests.events import a_message, a_person, accepted
from tests.inbox.chromium import PHONE, WIDE, browsing, needs_chromium
from tests.inbox.stage import Stage, on_stage

pytestmark = needs_chromium

RULES: Final = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
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
        "/sw.js",
    }
)
"""Answers without an end, downloads, pieces that have to be asked for, and what a customer sent."""

EVERYBODYS: Final = {"owner_id": None, "team_id": None}
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
    """What the ids in addresses stand for, by what stands before them."""
    account = await stage.shop.connect("bot")
    olga, anna = stage.shop.managers
    picture = Attachment(kind="image", name="тормоз.png", ref="1", size=3)
    async with transaction(stage.engine) as connection:
        await notices.follow(connection, now=NOON, zone="UTC")  # from here on
    others = [a_person(2, name="Виктор Ли"), a_person(3, name="Павел Смирнов")]
    await stage.receive(
        accepted(account, a_message(text="Сколько стоит?")),
        accepted(
            account,
            a_message(text="", attachments=(picture,), at=NOON + timedelta(minutes=1)),
        ),
        *[accepted(account, a_message(by=each)) for each in others],
    )
    contacts = {row.name: row for row in await stage.shop.sql("select id, name from contact")}
    talk = await stage.shop.one(
        "select id, contact_id from conversation where contact_id = :contact",
        contact=contacts["Person 1"].id,
    )
    merge = await stage.desk.merge(
        contacts["Виктор Ли"].id, contacts["Павел Смирнов"].id, by=olga, reason="Один человек"
    )
    await stage.desk.reply(talk.id, by=anna, text="От 4 500 ₽ с работой")
    await stage.desk.note(talk.id, by=anna, text="Обещала скидку")
    hook, _ = await stage.webhooks.add("https://crm.example/allo", ["lead_opened"], by=olga)
    await stage.webhooks.ping(hook)
    now = stage.now()
    async with transaction(stage.engine) as connection:
        task = await create_task(
            connection,
            text="Перезвонить",
            due_at=now - timedelta(hours=1),
            now=now,
            manager_id=olga,
            created_by=anna,
            conversation_id=talk.id,
            contact_id=talk.contact_id,
        )
        letter = await keep_letter(
            connection,
            NewLetter(stage="route", queue="inbound.0", body=b"{}", reason="ValueError: broken"),
            now=now,
        )
        canned = await add_canned(
            connection,
            CannedText(**EVERYBODYS, code="цена", title="Цена", text="От 4 500 ₽"),
            by=olga,
            now=now,
        )
        macro = await add_macro(
            connection,
            MacroText(**EVERYBODYS, name="Опт", text="", steps=(AddLabel(label="опт"),)),
            by=olga,
            now=now,
        )
        await add_label(connection, name="опт", colour="green", now=now)
        await seed_rules(connection, language="ru", now=now)
        link = await make_link(
            connection,
            name="Листовка у кассы",
            kind="telegram",
            account=account,
            address="shop_bot",
            utm={"source": "flyer"},
            by=olga,
            now=now,
        )
        for number, kind in (("+74951234567", "static"), ("+74951234568", "pool")):
            await add_number(
                connection,
                number=number,
                kind=kind,
                name="Щит",
                pool="site",
                utm={"source": "billboard"},
                now=now,
            )
        await add_field(
            connection, entity="contact", name="Город", kind="text", choices=(), now=now
        )
        await save_view(
            connection, user_id=olga, name="Ждут", query="tab=all&unread=1", shared=True, now=now
        )
    await stage.shop.sql("update conversation set labels = '{опт}' where id = :id", id=talk.id)
    await stage.shop.sql(
        "insert into origin (source, medium, campaign, first_seen) values ('poster', 'wall', '', now())"
    )
    await stage.publish()
    async with transaction(stage.engine) as connection:
        await notices.follow(connection, now=now, zone="UTC")
    notice = await stage.shop.one(
        "select id from notification where user_id = :olga order by id limit 1", olga=olga
    )
    lead = await stage.shop.one("select id from lead where contact_id = :c", c=talk.contact_id)
    return {
        "/conversations": str(talk.id),
        "/contacts": str(talk.contact_id),
        "/leads": str(lead.id),
        "/tasks": str(task),
        "/merges": str(merge),
        "/notices": str(notice.id),
        "/settings/people": str(anna),
        "/settings/teams": str(stage.shop.team),
        "/settings/pipelines": str(stage.shop.pipeline),
        "/settings/dead-letters": str(letter),
        "/settings/canned-replies": str(canned),
        "/settings/macros": str(macro),
        "/settings/webhooks": str(hook),
        "/settings/links": str(link),
        "/settings/channels": "bot",
        "/settings/channels/new": "telegram",
    }


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
