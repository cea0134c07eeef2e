"""Settings → Tracked links, Call tracking, Script for the site: as a marketer uses them."""

import json
import re

import pytest

from tests.conftest import NOON

SAID = {"X-Fragment": "1"}


@pytest.fixture
async def mark(stage, browser):
    await stage.hire("Mark", role="marketer")
    return await browser("Mark", **{"Accept-Language": "en"})


async def made(mark, **fields):
    answer = await mark.post("/settings/links", {"name": "Flyer", **fields})
    assert answer.status == 303, answer.text
    return answer.headers["Location"]


async def test_a_link_into_telegram_is_made_shown_and_printed(stage, mark):
    account = await stage.shop.connect("bot")
    front = (await mark.get("/settings/links")).text
    assert "No links yet" in front
    form = (await mark.get(f"/settings/links/new?where={account}")).text
    assert "Bot&#39;s name" in form
    where = await made(
        mark,
        where=account,
        address="@My_Shop_bot",
        code="Flyer-1",
        utm_source="flyer",
        utm_medium="qr",
    )
    page = (await mark.get(where)).text
    assert "http://127.0.0.1/go/flyer-1" in page
    assert "&lt;a href=&#34;http://127.0.0.1/go/flyer-1&#34;&gt;Flyer&lt;/a&gt;" in page
    svg = await mark.get(f"{where}/qr.svg")
    assert svg.headers["Content-Type"].startswith("image/svg+xml")
    assert "<svg" in svg.text
    png = await mark.get(f"{where}/qr.png?download")
    assert png.body.startswith(b"\x89PNG")
    assert 'filename="qr-flyer-1.png"' in png.headers["Content-Disposition"]
    row = await stage.shop.one("select kind, address, utm from tracked_link")
    assert tuple(row) == ("telegram", "My_Shop_bot", {"source": "flyer", "medium": "qr"})
    # The next one of the same bot has its name already.
    again = (await mark.get(f"/settings/links/new?where={account}")).text
    assert 'value="My_Shop_bot"' in again
    listed = (await mark.get("/settings/links")).text
    assert "0 clicks" in listed
    assert "flyer / qr" in listed


async def test_what_would_lead_nowhere_is_refused_in_words(stage, mark):
    account = await stage.shop.connect("bot")

    async def refused(**fields):
        answer = await mark.post("/settings/links", {"name": "Flyer", **fields}, **SAID)
        assert answer.status == 409
        return answer.text

    assert "bot's name" in await refused(where=account, address="https://evil.example/x")
    for address in (
        "javascript:alert(1)",
        "//evil.example",
        "shop.example",
        "https://u:p@x.example",
    ):
        assert "whole address" in await refused(where="site", address=address)
    assert "source" in await refused(where="site", address="https://a.example", utm_medium="x")
    assert "small Latin" in await refused(where="site", address="https://a.example", code="a b")
    await made(mark, where="site", address="https://a.example", code="one")
    assert "already" in await refused(where="site", address="https://a.example", code="ONE")
    assert (await mark.get("/settings/links/new?where=nonsense")).status == 404


async def test_a_link_is_changed_put_away_and_brought_back(stage, mark):
    where = await made(mark, where="site", address="https://a.example/", code="one")
    await mark.post(where, {"name": "Poster", "address": "https://b.example/", "utm_source": "p"})
    row = await stage.shop.one("select name, code, address from tracked_link")
    assert tuple(row) == ("Poster", "one", "https://b.example/")
    gone = await mark.post(f"{where}/archive", {"archived": "1"}, **SAID)
    assert "Poster" not in (await mark.get("/settings/links")).text
    assert "Poster" in (await mark.get("/settings/links?show=archived")).text
    undo = json.loads(gone.text)["undo"]
    await mark.post(undo["action"], undo["fields"])
    assert "Poster" in (await mark.get("/settings/links")).text
    told = [row.what for row in await stage.shop.sql("select what from audit order by at, id")]
    assert told == [
        "tracked_link_made",
        "tracked_link_changed",
        "tracked_link_archived",
        "tracked_link_restored",
    ]


async def test_many_links_come_page_by_page(stage, mark):
    for n in range(120):
        await stage.shop.sql(
            "insert into tracked_link (id, code, name, kind, address, created_at)"
            " values (gen_random_uuid(), :code, :name, 'site', 'https://a.example', now() + :n * interval '1 s')",
            code=f"code{n}",
            name=f"Link {n}.",
            n=n,
        )
    seen, path = [], "/settings/links"
    while path:
        page = (await mark.get(path)).text
        seen += re.findall(r">(Link \d+\.)<", page)
        more = re.search(r'href="(\?cursor=[^"]+)"', page)
        path = f"/settings/links{more[1]}" if more else ""
    assert seen == [f"Link {n}." for n in reversed(range(120))]


async def test_numbers_are_added_changed_and_put_away(stage, mark):
    assert "No numbers yet" in (await mark.get("/settings/numbers")).text
    refused = await mark.post("/settings/numbers", {"kind": "static", "number": "12"}, **SAID)
    assert "in full" in refused.text
    static = {"kind": "static", "number": "8 (495) 123-45-67", "name": "Billboard"}
    refused = await mark.post("/settings/numbers", static, **SAID)
    assert "source" in refused.text
    await mark.post("/settings/numbers", {**static, "utm_source": "billboard"})
    await mark.post("/settings/numbers", {"kind": "pool", "number": "+74951234568", "pool": "site"})
    again = await mark.post("/settings/numbers", {"kind": "pool", "number": "84951234567"}, **SAID)
    assert "already" in again.text
    page = (await mark.get("/settings/numbers")).text
    assert "+7 495 123-45-67" in page
    assert "free, pool site" in page
    id_ = (await stage.shop.one("select id from call_number where kind = 'static'")).id
    changed = await mark.post(
        f"/settings/numbers/{id_}", {"name": "Sign", "utm_source": "sign"}, **SAID
    )
    assert (await stage.shop.one("select utm from call_number where id = :id", id=id_)).utm == {
        "source": "sign"
    }
    undo = json.loads(changed.text)["undo"]
    await mark.post(undo["action"], undo["fields"])
    assert (await stage.shop.one("select name from call_number where id = :id", id=id_)).name == (
        "Billboard"
    )
    await mark.post(f"/settings/numbers/{id_}/archive", {"archived": "1"})
    row = await stage.shop.one("select archived_at from call_number where id = :id", id=id_)
    assert row.archived_at == NOON


async def test_the_sites_that_may_borrow_numbers_are_checked(stage, mark):
    assert "/source.js" in (await mark.get("/settings/site-script")).text
    wrong = await mark.post("/settings/site-script", {"sites": "https://a.example/path"}, **SAID)
    assert wrong.status == 409
    await mark.post("/settings/site-script", {"sites": "https://shop.example *.shop.example"})
    assert (
        'value="https://shop.example *.shop.example"'
        in (await mark.get("/settings/site-script")).text
    )
