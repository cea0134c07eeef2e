"""How customers say they heard of us: recorded with their leads, and a grouping of its own in the source report."""

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from router.asking import Refused
from router.attribution_models import WHOLE
from storage.analytics import drill_down
from storage.analytics.self_reported import choose_self_reported, self_reported_field
from storage.analytics.source_report import Report, Wish, source_report
from storage.fields import add_field, archive_field
from tests.storage.analytics.business import BEGIN, HEARD, Business
from tests.storage.analytics.test_what_tells_reports import equal

LATER = "heard_later"


@pytest.fixture
async def shop(database: AsyncEngine) -> Business:
    """Five people with a lead each: two heard of friends, one of the maps, two were not asked. One of the friends bought."""
    shop = await Business(database).begin()
    for who in range(5):
        for number in (1, 7):
            await shop.do("message", 2 * who + 2, number)
    for lead, answer in zip(await leads(shop), ("Друзья", "Друзья", "Карты"), strict=False):
        await say(shop, lead, HEARD, answer)
    won = (await shop.stages())[2]
    first, *_ = await leads(shop)
    await shop.desk.change_lead(first, {"value": 5000, "stage_id": won}, by=None)
    await shop.settle()
    return shop


async def leads(shop: Business) -> list[UUID]:
    rows = await shop.sql("select id from lead where status <> 'merged' order by id")
    return [row.id for row in rows]


async def say(shop: Business, lead: UUID, key: str, answer: str | None) -> None:
    await shop.desk.change_lead(lead, {"fields": {key: answer}}, by=None)


async def report(shop: Business, **asked: Any) -> Report:
    wish = Wish(
        first=(BEGIN - timedelta(days=9)).date(),
        last=(shop.now + timedelta(days=9)).date(),
        **{"by": "said", **asked},
    )
    async with shop.engine.connect() as connection:
        return await source_report(connection, wish)


async def counted(shop: Business, key: str = HEARD) -> dict[str, int]:
    """Leads by what they say, told from the leads themselves."""
    rows = await shop.sql("select fields from lead where status <> 'merged'")
    return dict(Counter(row.fields.get(key, "") for row in rows))


async def shown(shop: Business, **asked: Any) -> dict[str, int]:
    rows = (await report(shop, **asked)).rows
    return {row.key: row.sums.leads // WHOLE for row in rows if row.sums.leads}


@pytest.mark.parametrize("basis", ["cohort", "event"])
@pytest.mark.parametrize("model", ["last", "linear"])
async def test_rows_are_what_the_leads_say_and_add_up(
    shop: Business, model: str, basis: str
) -> None:
    found = await report(shop, model=model, basis=basis)
    rows = {row.key: row.sums for row in found.rows}

    assert {key: sums.leads for key, sums in rows.items() if key != "unshared"} == {
        "Друзья": 2 * WHOLE,
        "Карты": WHOLE,
        "": 2 * WHOLE,
    }
    assert await counted(shop) == {"Друзья": 2, "Карты": 1, "": 2}
    assert (rows["Друзья"].won, rows["Друзья"].revenue) == (WHOLE, 5000)
    assert rows["Карты"].won == rows[""].won == 0
    # Nobody has asked of an inquiry.
    assert rows[""].inquiries == found.total.inquiries > 0
    assert found.total == (await report(shop, by="source", model=model, basis=basis)).total
    by_day = await report(shop, by="day", model=model, basis=basis, only={"said": "Друзья"})
    by_source = await report(shop, by="source", model=model, basis=basis, only={"said": "Друзья"})
    assert by_day.total == by_source.total
    assert (by_day.total.leads, by_day.total.spend) == (2 * WHOLE, None)


async def test_a_row_opens_the_cards_of_those_who_say_so(shop: Business) -> None:
    wish = (await report(shop, only={"said": "Друзья"})).wish
    async with shop.engine.connect() as connection:
        page = await drill_down.cards(connection, wish, "leads")
    assert {card.id for card in page.items} == set((await leads(shop))[:2])


async def test_another_answer_takes_the_place_of_the_one_before(shop: Business) -> None:
    first, *_ = await leads(shop)
    await say(shop, first, HEARD, "Карты")
    await equal(shop)
    assert await shown(shop) == await counted(shop) == {"Друзья": 1, "Карты": 2, "": 2}
    await say(shop, first, HEARD, None)
    await equal(shop)
    assert await shown(shop) == await counted(shop) == {"Друзья": 1, "Карты": 1, "": 3}


async def test_a_merge_and_its_undoing_keep_to_what_the_leads_say(shop: Business) -> None:
    before = await equal(shop)
    rows = await shop.sql("select contact_id from lead where status = 'open' order by id")
    merge = await shop.desk.merge(rows[0].contact_id, rows[1].contact_id, by=None)
    await equal(shop)
    together = await shown(shop)
    assert together == await counted(shop)
    assert sum(together.values()) == 4

    await shop.desk.unmerge(merge, by=None)
    assert await equal(shop) == before


async def test_who_is_erased_was_not_asked(shop: Business) -> None:
    first, *_ = await shop.sql("select contact_id from lead order by id")
    await shop.desk.erase_contact(first.contact_id, by=None)
    await equal(shop)
    assert await shown(shop) == await counted(shop) == {"Друзья": 1, "Карты": 1, "": 3}


async def test_another_question_counts_everybody_anew(shop: Business) -> None:
    *_, last = await leads(shop)
    await shop.ask(LATER)
    await say(shop, last, LATER, "Карты")
    await shop.notice()
    await equal(shop)
    assert await shown(shop) == await counted(shop, LATER) == {"Карты": 1, "": 4}


async def test_without_its_field_there_is_no_question_and_with_it_the_answers_are_back(
    shop: Business,
) -> None:
    before = await shown(shop)
    field = (await shop.one("select id from field")).id
    for archived, expected in ((True, {"": 5}), (False, before)):
        async with shop.engine.begin() as connection:
            await archive_field(connection, field, archived=archived, now=shop.now)
            assert (await self_reported_field(connection) is None) == archived
        await shop.notice()
        await equal(shop)
        assert await shown(shop) == expected


async def test_only_a_choice_of_leads_is_a_question(shop: Business) -> None:
    async with shop.engine.begin() as connection:
        for entity, kind, choices in (("lead", "text", []), ("contact", "choice", ["Друзья"])):
            other = await add_field(
                connection, entity=entity, name="Другое", kind=kind, choices=choices, now=shop.now
            )
            with pytest.raises(Refused):
                await choose_self_reported(connection, other, chosen=True)
        asked = await self_reported_field(connection)
    assert asked is not None
    assert asked.key == HEARD
