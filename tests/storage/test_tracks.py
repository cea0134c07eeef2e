"""Codes and called numbers as they lie in the database, and the touches and leads that come of them."""

import json
from datetime import timedelta

import pytest

from router.ids import new_id
from router.message import CallReported, Chat, Key, Sender, SourceKeys
from storage.call_numbers import add_number
from storage.engine import transaction
from storage.tracked_links import make_link
from tests.conftest import NOON
from tests.events import a_message, a_person, accepted
from tests.installation import Installation

OURS = "+74951234567"


@pytest.fixture
async def shop(database):
    made = await Installation(database).found()
    await made.hire("Anna")
    return made


def visit(source, minutes=30):
    at = NOON - timedelta(minutes=minutes)
    return {"utm": {"source": source}, "visited_at": at.isoformat(), "visit": source}


async def lent(shop, *visits, began, ended):
    await shop.sql(
        "insert into number_lease (id, number, at, until, keys)"
        " values (gen_random_uuid(), :number, :at, :until, cast(:keys as jsonb))",
        number=OURS,
        at=NOON - timedelta(minutes=began),
        until=NOON - timedelta(minutes=ended),
        keys=json.dumps({"earlier": visits}),
    )


async def called(shop, *, key="c1", ours="74951234567", customer="+79161234567"):
    account = (await shop.one("select id from account")).id
    event = CallReported(
        key=f"{key}:ringing",
        chat=Chat(id=customer),
        at=NOON,
        sender=Sender(keys=(Key(kind="phone", value=customer),)),
        call=key,
        phase="ringing",
        ours=ours,
        theirs=customer,
    )
    await shop.route(accepted(account, event, channel="mango"))


async def touches(shop):
    rows = await shop.sql("select source, medium, campaign from touch order by at, id")
    return [tuple(row) for row in rows]


async def test_a_printed_number_and_a_number_that_was_put_away_still_count(shop):
    await shop.connect("line", kind="mango")
    async with transaction(shop.engine) as connection:
        await add_number(
            connection,
            number=OURS,
            kind="static",
            name="Щит",
            pool="",
            utm={"source": "billboard"},
            now=NOON,
        )
    await shop.sql("update call_number set archived_at = now()")
    await called(shop)
    assert await touches(shop) == [("billboard", "", "")]
    lead = await shop.one("select first_touch from lead")
    assert lead.first_touch["source"] == "billboard"


async def test_leases_that_could_not_have_called_are_not_asked(shop):
    await shop.connect("line", kind="mango")
    await lent(shop, visit("long_ago"), began=300, ended=200)
    await lent(shop, visit("theirs"), began=20, ended=-5)
    await lent(shop, visit("later"), began=-1, ended=-10)
    await called(shop)
    assert await touches(shop) == [("theirs", "", "")]


async def test_two_who_could_have_called_are_said_to_be_two(shop):
    await shop.connect("line", kind="mango")
    await lent(shop, visit("one"), began=60, ended=20)
    await lent(shop, visit("two"), began=15, ended=-5)
    await called(shop)
    assert await touches(shop) == [("ambiguous", "phone", "")]
    row = await shop.one("select raw from touch")
    assert {each["source"] for each in row.raw["ambiguous"]} == {"one", "two"}


async def test_the_number_of_a_link_is_that_links(shop):
    await shop.connect("line", kind="mango")
    async with transaction(shop.engine) as connection:
        await make_link(
            connection,
            name="Карта",
            kind="mango",
            account=None,
            address=OURS,
            utm={"source": "maps"},
            by=None,
            now=NOON,
        )
    await called(shop)
    assert await touches(shop) == [("maps", "", "")]


async def test_codes_and_addresses_find_their_links_whatever_stands_in_them(shop):
    account = await shop.connect("bot")
    async with transaction(shop.engine) as connection:
        for code, kind, address in (
            ("spring", "telegram", "shop_bot"),
            ("mail", "email", "ads@shop.example"),
        ):
            await make_link(
                connection,
                name=code,
                kind=kind,
                account=None,
                address=address,
                code=code,
                utm={"source": code},
                by=None,
                now=NOON,
            )
    for n, source in enumerate(
        (
            SourceKeys(code="SPRING"),
            SourceKeys(alias="Ads@Shop.example"),
            SourceKeys(code="no\0such"),
            SourceKeys(alias="shop_bot"),
        )
    ):
        at = NOON + timedelta(seconds=n)
        await shop.route(accepted(account, a_message(by=a_person(n), at=at, source=source)))
    found = await touches(shop)
    assert found[:2] == [("spring", "", ""), ("mail", "", "")]
    assert [each[0] for each in found[2:]] == ["link"]


async def test_a_click_is_whose_it_turned_out_to_be_in_the_database_too(shop):
    account = await shop.connect("bot")
    link = new_id()
    await shop.sql(
        "insert into tracked_link (id, code, name, kind, address, created_at)"
        " values (:id, 'button', 'Кнопка', 'telegram', 'shop_bot', now())",
        id=link,
    )
    await shop.sql(
        "insert into link_click (id, code, link_id, at, keys)"
        " values (gen_random_uuid(), 'abcde', :link, :at, cast(:keys as jsonb))",
        link=link,
        at=NOON,
        keys=json.dumps({"earlier": [visit("ya")]}),
    )
    for n in (1, 2):
        at = NOON + timedelta(minutes=n)
        source = SourceKeys(code="abcde")
        await shop.route(accepted(account, a_message(by=a_person(n), at=at, source=source)))
    assert await touches(shop) == [("ya", "", ""), ("link", "telegram", "кнопка")]
    owner = await shop.one("select contact_id from link_click")
    first = await shop.one("select contact_id from touch where source = 'ya'")
    assert owner.contact_id == first.contact_id
