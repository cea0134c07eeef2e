"""Each way in which what reports count changes is told to whoever counts: by a fact, or by putting the contact down as due.

After each the recorder hears of it, and nothing else is done: what is kept then equals a recount.
"""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from router.message import Key, SourceKeys
from storage.analytics import reckoning
from storage.company import put
from tests.events import a_call_report, a_message, a_person, accepted
from tests.storage.analytics.business import Business
from tests.storage.test_calls import answered, missed

Kept = dict[str, list[tuple[Any, ...]]]
SUMS = (
    "select sum(leads) as leads, sum(won) as won, sum(revenue) as revenue, sum(inquiries) as inquiries"
    " from rollup_origin where model = 0"
)


@pytest.fixture
async def shop(database: AsyncEngine) -> Business:
    """Two people with a lead each, one of which is won; all of it recorded."""
    shop = await Business(database).begin()
    for who in (2, 4):
        await shop.do("message", who, 1)
    won = (await shop.stages())[2]
    (lead, _) = await shop.sql("select id from lead order by id")
    await shop.desk.change_lead(lead.id, {"value": 5000, "stage_id": won}, by=None)
    await shop.settle()
    return shop


async def equal(shop: Business) -> Kept:
    """What the recorder has made of it."""
    await shop.record()
    await shop.drain()
    kept = await shop.kept()
    assert await shop.counted_anew() == kept
    return kept


async def test_a_clock_that_was_set_back_before_anybody_looked_leaves_no_row_by_it(
    shop: Business,
) -> None:
    await shop.do("zone", 0, 1)
    await shop.do("call", 1, 0)
    await shop.record()
    (by_the_other,) = await shop.sql("select hour from fact_call")

    await shop.do("zone", 0, 0)

    kept = await equal(shop)
    (again,) = await shop.sql("select hour from fact_call")
    assert kept["fact_call"]
    assert again.hour != by_the_other.hour


async def test_two_become_one_and_two_again(shop: Business) -> None:
    before = await equal(shop)
    one, other = [row.id for row in await shop.sql("select id from contact order by id")]
    merge = await shop.desk.merge(one, other, by=None)
    together = await equal(shop)
    assert len({row[4] for row in together["fact_lead"]}) < 2 or together != before

    await shop.desk.unmerge(merge, by=None)

    assert await equal(shop) == before


async def test_words_that_were_said_earlier_come_later(shop: Business) -> None:
    (before, _) = await shop.sql("select created_on from fact_lead order by lead_id")
    (open_lead,) = await shop.sql(
        "select l.*, v.chat from lead l join conversation v on v.id = l.conversation_id where l.status = 'open'"
    )
    early = a_message(
        by=a_person(int(open_lead.chat), channel="vk"), at=shop.now - timedelta(days=5)
    )
    await shop.route(accepted(shop.accounts["vk"], early, channel="vk"), now=shop.now)
    kept = await equal(shop)
    moved = await shop.one("select created_on from fact_lead where lead_id = :id", id=open_lead.id)
    assert moved.created_on == (shop.now - timedelta(days=5)).date()
    assert kept["fact_credit"]
    assert before.created_on != moved.created_on


async def test_a_touch_comes_late(shop: Business) -> None:
    source = SourceKeys(
        utm={"source": "late", "medium": "cpc"}, visited_at=shop.now - timedelta(days=3)
    )
    person = a_person(2, channel="vk")
    await shop.route(
        accepted(
            shop.accounts["vk"], a_message(by=person, at=shop.now, source=source), channel="vk"
        ),
        now=shop.now,
    )
    await equal(shop)
    assert await shop.sql(
        "select 1 from fact_credit f join origin o on o.id = f.origin_id where o.source = 'late'"
    )


async def test_a_visit_is_adopted(shop: Business) -> None:
    await shop.do("visit", 7, 3)
    await shop.sql("delete from outbox")  # whatever else was told of it
    shop.told = 10**9
    await shop.drain()
    kept = await shop.kept()
    assert await shop.sql(
        "select 1 from fact_credit f join origin o on o.id = f.origin_id where o.source = 'google'"
    )
    again = await shop.counted_anew()
    assert again["fact_credit"] == kept["fact_credit"]


async def test_a_person_is_erased(shop: Business) -> None:
    await shop.sql("update touch set landing = 'https://shop.test/anna@example.com'")
    async with shop.engine.begin() as connection:
        await reckoning.everything_is_due(connection, now=shop.now)
    before = await equal(shop)
    sums = await shop.one(SUMS)
    assert await shop.sql("select 1 from fact_credit where landing like '%anna%'")

    for row in await shop.sql("select id from contact"):
        await shop.desk.erase_contact(row.id, by=None)
    after = await equal(shop)

    assert not await shop.sql("select 1 from fact_credit where landing like '%anna%'")
    assert await shop.one(SUMS) == sums
    assert after["fact_lead"] == before["fact_lead"]


async def test_a_missed_customer_is_called_back(shop: Business) -> None:
    async def report(*reports: Any) -> None:
        for each in reports:
            await shop.route(accepted(shop.accounts["mango"], each, channel="mango"), now=shop.now)

    at = shop.later(20)
    await report(*missed("m1", at=at))
    await equal(shop)
    assert [tuple(row) for row in await shop.sql("select missed, abandoned from fact_call")] == [
        (True, True)
    ]
    out = answered("m2", at=shop.later(2))
    await report(*out)
    await equal(shop)
    rows = await shop.sql("select missed, abandoned, answered from fact_call order by started_at")
    assert [tuple(row) for row in rows] == [(True, False, False), (False, False, True)]
    # The answer was an answer to the lead, too.
    assert await shop.sql(
        "select 1 from fact_credit where response_seconds is not null and kind = 'lead'"
    )
    await report(a_call_report("ended", call="m2", after=500, at=shop.now, duration=400.0))
    await equal(shop)


async def test_a_rate_is_entered(shop: Business) -> None:
    await shop.sql("update lead set currency = 'USD' where status = 'won'")
    async with shop.engine.begin() as connection:
        await reckoning.due_in_currency(connection, "USD", now=shop.now)
    await equal(shop)
    assert (await shop.one(SUMS)).revenue == 0
    await shop.sql(
        "insert into currency_rate (currency, day, rate) values ('USD', '2026-01-01', 80)"
    )
    async with shop.engine.begin() as connection:
        assert await reckoning.due_in_currency(connection, "USD", now=shop.now) == 1
    await equal(shop)
    assert (await shop.one(SUMS)).revenue == 400_000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("company", {"time_zone": "America/New_York"}),
        ("company", {"currency": "KZT"}),
        (reckoning.LOOK_BACK, 1),
    ],
    ids=["zone", "currency", "look-back"],
)
async def test_a_setting_is_noticed_however_it_was_changed(
    shop: Business, name: str, value: Any
) -> None:
    before = await shop.kept()
    async with shop.engine.begin() as connection:
        await put(connection, name, value)
    await shop.notice()
    after = await equal(shop)
    assert name == reckoning.LOOK_BACK or after != before
    await shop.notice()
    assert await shop.sql("select 1 from reckoning_due") == []


async def test_the_kind_of_a_stage_changes_what_qualified_is(shop: Business) -> None:
    await shop.sql("update stage set kind = 'qualified' where position = 0")
    await shop.notice()
    await equal(shop)
    assert (
        len(
            await shop.sql("select 1 from fact_credit where kind = 'lead' and qualified_on is null")
        )
        == 0
    )


Change = Callable[[Business], Awaitable[None]]


async def test_how_long_somebody_waited_is_in_the_teams_hours_and_is_not_told_anew(
    shop: Business,
) -> None:
    """Written on a Friday evening, answered on Monday morning."""
    shop.now = shop.now.replace(month=11, day=6, hour=14, minute=30)
    person = a_person(9, Key(kind="telegram", value="9"))
    await shop.route(
        accepted(shop.accounts["telegram"], a_message(by=person, at=shop.now)), now=shop.now
    )
    talk = (await shop.sql("select id from conversation order by id desc"))[0].id
    shop.now = shop.now.replace(day=9, hour=6, minute=10)
    await shop.desk.reply(talk, by=shop.managers[0], text="Добрый день!")
    await equal(shop)
    found = await shop.one(
        "select first, working_seconds from response where conversation_id = :id", id=talk
    )
    # Half an hour on Friday until six, ten minutes on Monday after nine.
    assert tuple(found) == (True, 40 * 60)

    await shop.sql(
        "update team set hours = cast(:h as jsonb)", h=json.dumps({"sun": [["00:00", "24:00"]]})
    )
    await equal(shop)

    assert (
        await shop.one("select working_seconds from response where conversation_id = :id", id=talk)
    )[0] == 40 * 60


async def test_rates_and_rules_hold_still_while_somebody_reckons(shop: Business) -> None:
    """Who finds that the rules have changed waits for whoever still goes by the old ones."""
    async with shop.engine.begin() as reckoner:
        await reckoning.read_rules(reckoner, time_zone="UTC")
        async with shop.engine.begin() as other:
            taken = "select pg_try_advisory_xact_lock(hashtextextended('rules of reckoning', 0))"
            assert (await other.execute(text(taken))).scalar() is False


async def test_a_visit_that_both_have_brought_counts_once_when_they_are_one(
    database: AsyncEngine,
) -> None:
    """The site's chat has kept it of one, and the link that was pressed in it of the other."""
    shop = await Business(database).begin()
    utm = {"source": "yandex", "medium": "cpc", "campaign": "brakes"}
    landed = SourceKeys(utm=utm, visit="v1", visited_at=shop.now - timedelta(minutes=10))
    again = SourceKeys(utm=utm, visit="v2", visited_at=shop.now - timedelta(days=9))
    pressed = replace(landed, visited_at=shop.now - timedelta(minutes=10, milliseconds=-800))
    for channel, source in (
        ("telegram", landed),
        ("vk", SourceKeys(earlier=(again, pressed), visited_at=shop.now)),
    ):
        by = a_person(9, channel=channel)
        await shop._route(channel, a_message(by=by, at=shop.later(1), source=source))
    apart = await equal(shop)
    one, other = [row.id for row in await shop.sql("select id from contact order by id")]
    assert [len(rows) for rows in await credited(shop)] == [2, 4]

    merge = await shop.desk.merge(one, other, by=None)
    together = await equal(shop)
    # Two touches of each: the lead that goes on, and what either began with.
    assert [len(rows) for rows in await credited(shop)] == [6]
    before = await credited(shop)

    await shop.desk.unmerge(merge, by=None)
    assert await equal(shop) == apart

    await shop.desk.merge(one, other, by=None)
    assert (await equal(shop))["rollup_origin"] == together["rollup_origin"]
    await shop.desk.erase_contact(one, by=None)
    assert (await equal(shop))["rollup_origin"] == together["rollup_origin"]
    assert await credited(shop) == before
    assert not await shop.sql("select id from touch where raw ->> 'visit' in ('v1', 'v2')")


async def credited(shop: Business) -> list[list[Any]]:
    """The credits of each contact: of their leads and inquiries."""
    rows = await shop.sql(
        "select contact_id, subject_id, touch_id, weights from fact_credit order by 1, 2, 3"
    )
    return [
        [row for row in rows if row.contact_id == whose]
        for whose in dict.fromkeys(row.contact_id for row in rows)
    ]
