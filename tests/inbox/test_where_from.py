"""Where a lead came from, on its card: by name, with the marks of how we know; and what a colleague says beside it."""

import json
from datetime import timedelta

import pytest

from router.ids import new_id
from router.message import SourceKeys
from storage.engine import transaction
from storage.sources import add_rule
from tests.conftest import NOON
from tests.events import a_message, accepted

SAID = {"X-Fragment": "1"}
AD = SourceKeys(
    utm={"source": "ya", "medium": "cpc", "campaign": "spring"},
    visited_at=NOON - timedelta(days=1),
    visit="v1",
)
DIRECT = SourceKeys(
    landing="https://shop.example/", visited_at=NOON - timedelta(minutes=5), visit="v2"
)


@pytest.fixture
async def anna(stage, browser):
    await stage.hire("Anna")
    async with transaction(stage.engine) as connection:
        await add_rule(connection, patterns=("ya", "cpc", ""), name="Директ", kind="paid", now=NOON)
    return await browser("Anna", **{"Accept-Language": "en"})


async def lead_of(stage, source=None):
    account = await stage.shop.connect()
    await stage.receive(accepted(account, a_message(source=source)))
    return (await stage.shop.one("select id from lead")).id


async def clicked(stage, *visits):
    """A button on the site was pressed; its code."""
    link, code = new_id(), "abcdefghjk"
    await stage.shop.sql(
        "insert into tracked_link (id, code, name, kind, address, created_at)"
        " values (:id, 'button', 'Кнопка', 'telegram', 'bot_of_shop', now())",
        id=link,
    )
    keys = json.dumps(
        {
            "visited_at": NOON.isoformat(),
            "earlier": [
                {
                    "utm": each.utm,
                    "landing": each.landing,
                    "visited_at": each.visited_at.isoformat(),
                    "visit": each.visit,
                }
                for each in visits
            ],
        }
    )
    await stage.shop.sql(
        "insert into link_click (id, code, link_id, at, keys)"
        " values (gen_random_uuid(), :code, :link, :at, cast(:keys as jsonb))",
        code=code,
        link=link,
        at=NOON,
        keys=keys,
    )
    return code


async def test_the_card_tells_the_way_by_the_names_of_the_rules(stage, browser, anna):
    code = await clicked(stage, AD, DIRECT)
    lead = await lead_of(stage, SourceKeys(code=code))
    page = (await anna.get(f"/leads/{lead}")).text
    way = page[page.index('id="sources"') :]
    assert way.index("Директ") < way.index(">direct<")
    assert "First touch" in way
    assert "spring" in way
    assert ">Site<" in way or "Site ·" in way
    contact = (await stage.shop.one("select contact_id from link_click")).contact_id
    assert contact == (await stage.shop.one("select contact_id from lead")).contact_id
    # Figures and cards are a marketer's; nobody's words are on them.
    await stage.hire("Mark", role="marketer")
    mark = await browser("Mark", **{"Accept-Language": "en"})
    assert "Директ" in (await mark.get(f"/leads/{lead}")).text
    assert (await mark.post(f"/leads/{lead}/source", {"source": "x"})).status == 403


async def test_what_a_colleague_says_counts_until_something_is_found(stage, anna):
    lead = await lead_of(stage)
    assert "It is not known" in (await anna.get(f"/leads/{lead}")).text
    said = await anna.post(f"/leads/{lead}/source", {"source": "Выставка"}, **SAID)
    page = (await anna.get(f"/leads/{lead}")).text
    assert ">by hand<" in page
    assert 'value="Выставка"' in page
    row = await stage.shop.one("select first_touch, last_touch from lead")
    assert row.first_touch["source"] == row.last_touch["source"] == "выставка"
    # Said otherwise it is one touch still; taken back it is none.
    await anna.post(f"/leads/{lead}/source", {"source": "Друг"}, **SAID)
    assert (await stage.shop.one("select source from touch")).source == "друг"
    await anna.post(f"/leads/{lead}/source", json.loads(said.text)["undo"]["fields"], **SAID)
    assert await stage.shop.sql("select id from touch") == []
    row = await stage.shop.one("select first_touch, source_by_hand from lead")
    assert tuple(row) == (None, "")
    told = [
        row.what
        for row in await stage.shop.sql("select what from lead_event where what = 'source'")
    ]
    assert len(told) == 3


async def test_what_a_colleague_says_never_replaces_what_was_found(stage, anna):
    lead = await lead_of(stage, AD)
    await anna.post(f"/leads/{lead}/source", {"source": "Выставка"}, **SAID)
    row = await stage.shop.one("select last_touch, source_by_hand from lead")
    assert row.last_touch["source"] == "ya"
    assert row.source_by_hand == "Выставка"
    assert len(await stage.shop.sql("select id from touch")) == 1
    page = (await anna.get(f"/leads/{lead}")).text
    assert "Директ" in page
    assert 'value="Выставка"' in page


async def test_a_found_touch_that_comes_later_takes_the_place_of_what_was_said(stage, anna):
    lead = await lead_of(stage)
    await anna.post(f"/leads/{lead}/source", {"source": "Выставка"}, **SAID)
    account = (await stage.shop.one("select id from account")).id
    await stage.receive(accepted(account, a_message(source=AD)))
    row = await stage.shop.one("select first_touch, last_touch, source_by_hand from lead")
    assert row.first_touch["source"] == row.last_touch["source"] == "ya"
    assert row.source_by_hand == "Выставка"


async def test_an_ambiguous_call_says_whom_it_may_have_been_from(stage, anna):
    lead = await lead_of(stage)
    contact = (await stage.shop.one("select contact_id from lead")).contact_id
    await stage.shop.sql(
        "insert into touch (id, contact_id, at, channel, source, medium, raw) values (gen_random_uuid(), :who, :at, 'mango',"
        " 'ambiguous', 'phone', cast(:raw as jsonb))",
        who=contact,
        at=NOON,
        raw=json.dumps(
            {
                "ambiguous": [
                    {"source": "ya", "medium": "cpc", "campaign": "spring"},
                    {"source": "vk", "medium": "", "campaign": ""},
                ]
            }
        ),
    )
    page = (await anna.get(f"/leads/{lead}")).text
    assert ">ambiguous<" in page
    assert "Директ or vk" in page
