"""Settings → Sources, as an administrator and a marketer use it."""

import json
import re

import pytest

from router.message import SourceKeys
from storage.engine import transaction
from storage.sources import add_rule, name_origins, origin_ids
from tests.conftest import NOON
from tests.events import a_message, accepted

SAID = {"X-Fragment": "1"}
DIRECT = {"source": "ya|yandex", "medium": "cpc", "campaign": "", "name": "Директ", "kind": "paid"}


@pytest.fixture
async def mark(stage, browser):
    await stage.hire("Mark", role="marketer")
    return await browser("Mark", **{"Accept-Language": "en"})


async def test_a_marketer_makes_a_rule_of_what_no_rule_knows_and_it_is_named(stage, mark):
    page = (await mark.get("/settings/sources")).text
    assert "No rules yet" in page
    await stage.shop.sql(
        "insert into origin (source, medium, campaign, first_seen) values"
        " ('yandex', 'cpc', 'spring', now()), ('<b>flyer</b>', 'qr', '', now())"
    )
    page = (await mark.get("/settings/sources")).text
    assert "2 origins" in page
    assert "&lt;b&gt;flyer&lt;/b&gt;" in page
    # The form beside it is filled in with what fits.
    unmapped = page[page.index('id="unmapped"') :]
    assert re.search(r'name="source" value="yandex"', unmapped)
    answer = await mark.post("/settings/sources", DIRECT, **SAID)
    assert "Директ" in json.loads(answer.text)["said"]
    rows = await stage.shop.sql(
        "select o.source, s.name from origin o left join source s on s.id = o.source_id where o.id <> 0"
    )
    assert {row.source: row.name for row in rows} == {"yandex": "Директ", "<b>flyer</b>": None}


async def test_the_box_tells_which_rule_decides(stage, mark):
    await mark.post("/settings/sources", {**DIRECT, "name": "Google", "source": "google"})
    await mark.post("/settings/sources", DIRECT)
    asked = await mark.get("/settings/sources?source=Yandex&medium=CPC&campaign=spring")
    assert "Yandex / CPC / spring → Директ, by rule 2" in asked.text
    assert "No rule knows it" in (await mark.get("/settings/sources?source=bing")).text


async def test_each_change_is_written_down_and_can_be_taken_back(stage, mark):
    await mark.post("/settings/sources", DIRECT)
    await mark.post("/settings/sources", {**DIRECT, "source": "vk", "name": "ВК"})
    await stage.shop.sql(
        "insert into origin (source, medium, campaign, first_seen) values ('ya', 'cpc', 'x', now())"
    )
    async with transaction(stage.engine) as connection:
        await name_origins(connection)
    first = (await stage.shop.one("select id from source_rule where position = 1")).id

    async def name():
        row = await stage.shop.one(
            "select s.name from origin o left join source s on s.id = o.source_id where o.id <> 0"
        )
        return row.name

    async def undone(answer):
        undo = json.loads(answer.text)["undo"]
        assert (await mark.post(undo["action"], undo["fields"], **SAID)).status == 200

    assert await name() == "Директ"
    changed = await mark.post(f"/settings/sources/{first}", {**DIRECT, "name": "Яндекс"}, **SAID)
    assert await name() == "Яндекс"
    await undone(changed)
    assert await name() == "Директ"
    moved = await mark.post(f"/settings/sources/{first}/move", {"by": "down"}, **SAID)
    assert (await stage.shop.one("select position from source_rule where id = :id", id=first))[
        0
    ] == 2
    await undone(moved)
    removed = await mark.post(f"/settings/sources/{first}/remove", **SAID)
    assert await name() is None
    await undone(removed)
    assert await name() == "Директ"
    assert (
        await stage.shop.one("select position from source_rule where source_pattern like 'ya%'")
    )[0] == 1
    told = {row.what for row in await stage.shop.sql("select what from audit")}
    assert told >= {
        "source_rule_added",
        "source_rule_changed",
        "source_rule_moved",
        "source_rule_removed",
    }


async def test_a_manager_does_not_change_what_reports_say(stage, browser):
    await stage.hire("Olga", role="manager")
    olga = await browser("Olga")
    assert (await olga.get("/settings/sources")).status == 403
    assert (await olga.post("/settings/sources", DIRECT)).status == 403


async def test_a_rule_that_asks_nothing_is_refused_in_words(stage, mark):
    answer = await mark.post("/settings/sources", {"name": "Всё", "kind": "paid"}, **SAID)
    assert answer.status == 409
    assert "at least one pattern" in answer.text


async def test_lists_are_narrowed_by_the_names_of_the_rules(stage, browser):
    await stage.hire("Anna", role="admin")
    account = await stage.shop.connect()
    came = SourceKeys(utm={"source": "ya", "medium": "cpc", "campaign": "spring"})
    await stage.receive(accepted(account, a_message(source=came)))
    async with transaction(stage.engine) as connection:
        await add_rule(connection, patterns=("ya", "cpc", ""), name="Директ", kind="paid", now=NOON)
        await origin_ids(connection, [("ya", "cpc", "spring")], now=NOON)
    named = (await stage.shop.one("select id from source")).id
    lead = (await stage.shop.one("select id from lead")).id
    anna = await browser("Anna", **{"Accept-Language": "en"})

    assert f'<option value="{named}">Директ</option>' in (await anna.get("/?tab=all")).text
    assert f"source={named}" in (await anna.get("/leads")).text
    there = (await anna.get(f"/leads?view=list&source={named}")).text
    assert f"/leads/{lead}" in there
    assert '<span class="cut">Директ</span>' in there  # the condition, in words
    other = (await anna.get("/leads?view=list&source=ya+%2F+referral")).text
    assert f'href="/leads/{lead}"' not in other
    people = (await anna.get("/contacts")).text
    assert 'title="ya / cpc / spring">Директ</span>' in people
