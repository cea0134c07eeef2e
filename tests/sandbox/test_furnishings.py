"""What the demo's workshop has set up, and what its colleagues do beside answering, on a real database."""

from datetime import timedelta
from random import Random

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from sandbox.errands import Errands
from sandbox.furnishings import CANNED, FIELDS, LABELS, furnish
from sandbox.managers import Hand
from sandbox.pace import Pace
from sandbox.stories import STORIES
from sandbox.telling import Label, Move
from storage.desk import Desk
from storage.reading.pipelines import list_pipelines
from tests.conftest import NOON
from tests.events import a_message, a_person, a_phone, a_shared_contact, accepted
from tests.installation import Installation


class NoPace(Pace):
    async def moment(self, low: float, high: float) -> None:
        """At once."""


@pytest.fixture
async def shop(database: AsyncEngine) -> Installation:
    shop = await Installation(database).found()
    await shop.hire("Анна")
    await shop.hire("Ольга")
    return shop


async def furnished(shop: Installation) -> None:
    await furnish(shop.engine, owner=shop.managers[0], now=NOON)


async def test_a_workshop_is_furnished_once_and_nothing_comes_back_that_was_taken_away(shop):
    await furnished(shop)
    await shop.sql("delete from label where name = 'шины'")
    await furnished(shop)
    for table, n in (("label", len(LABELS) - 1), ("canned_reply", len(CANNED)), ("macro", 3)):
        counted = await shop.one(f"select count(*) as n from {table}")  # our own
        assert counted.n == n, table
    assert (await shop.one("select count(*) as n from field")).n == len(FIELDS)
    assert (await shop.one("select count(*) as n from pipeline")).n == 3
    assert (await shop.one("select count(*) as n from saved_view where shared")).n == 3


def test_every_label_that_a_story_gives_has_a_colour():
    given = {
        deed.name
        for story in STORIES
        for turn in story.turns
        for deed in turn.then
        if isinstance(deed, Label)
    }
    assert given <= {name for name, _ in LABELS}
    ends = {deed.to for s in STORIES for t in s.turns for deed in t.then if isinstance(deed, Move)}
    assert {"won", "lost"} <= ends


async def test_colleagues_do_what_there_is_to_do_and_the_same_chance_does_the_same(shop):
    await furnished(shop)
    account = await shop.connect()
    for n in range(12):
        await shop.route(
            accepted(account, a_message(by=a_person(n, name=f"Клиент {n}"), key=str(n))),
            now=NOON + timedelta(seconds=n),
        )
    await shop.route(accepted(account, a_shared_contact(a_person(1), a_phone("+79215551408"))))
    async with shop.engine.connect() as connection:
        sales = (await list_pipelines(connection))[0]
    qualified = sales.first("qualified")
    assert qualified is not None
    await shop.sql("update lead set stage_id = :stage where number % 2 = 0", stage=qualified.id)
    await shop.sql("update conversation set waiting_since = null")
    await shop.sql("update pipeline set lost_reasons = '{Дорого}'")
    olga = (await shop.one("select email from user_account where name = 'Ольга'")).email
    errands = Errands(
        engine=shop.engine,
        desk=Desk(shop.engine, now=lambda: NOON, media=None),
        hands=[Hand(id=shop.managers[0], name="Анна")],
        newcomer=olga,
        pace=NoPace(Random(1)),
        random=Random(1),
        now=lambda: NOON,
    )
    await errands.first_round()
    counts = {
        "a task with a reminder": "select count(*) from task where remind_before = '{15,0}'",
        "one that is late": f"select count(*) from task where due_at < '{NOON.isoformat()}'",
        "a note that names": "select count(*) from mention",
        "a snooze": "select count(*) from conversation where status = 'snoozed'",
        "companies": "select count(*) from lead where title like 'Обслуживание%' or title like 'Такси%'",
        "won with an amount": "select count(*) from lead where status = 'won' and value > 0",
        "lost with a reason": "select count(*) from lead where status = 'lost' and lost_reason <> ''",
    }
    counts["a customer's car"] = "select count(*) from contact where fields <> '{}'"
    counts["probably the same person"] = "select count(*) from suggestion where decision = 'open'"
    found_ = {what: (await shop.one(sql)).count for what, sql in counts.items()}
    assert found_ == dict.fromkeys(counts, 1) | {"companies": 2}
