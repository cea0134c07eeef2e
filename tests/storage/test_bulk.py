"""What is done to many conversations at once can be given back exactly."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import hypothesis
import pytest
from hypothesis import strategies as st

from router.asking import BulkChange, Refused
from storage.desk import Desk
from storage.media import open_media
from storage.reading.conversations import conversations_by_id
from storage.reading.sight import EVERYTHING
from tests.conftest import NOON
from tests.events import a_message, a_person, accepted
from tests.installation import Installation

STATE = (
    "select id, status, manager_id, team_id, labels, unread, waiting_since, snoozed_until, resolved_at,"
    " silence_due_at, silence_moves from conversation order by id"
)
COUNTERS = "select id, open_conversations from user_account order by id"
PEOPLE = (
    "select c.id, c.manager_id, l.manager_id as lead from contact c left join lead l on l.contact_id = c.id"
    " and l.status = 'open' order by c.id"
)


class Shop:
    def __init__(self, engine: Any, tmp_path: Any) -> None:
        self.engine = engine
        self.shop = Installation(engine)
        self.time = NOON
        self.desk = Desk(engine, now=lambda: self.time, media=open_media(tmp_path.as_uri()))

    async def opened(self, *, people: int = 4) -> "Shop":
        await self.shop.found()
        await self.shop.hire("Anna")
        await self.shop.hire("Boris")
        account = await self.shop.connect(silence_minutes=10)
        await self.shop.route(
            *(
                accepted(account, a_message(by=a_person(n), at=NOON + timedelta(seconds=n)))
                for n in range(1, people + 1)
            )
        )
        return self

    async def state(self) -> list[Any]:
        return [
            [tuple(row) for row in await self.shop.sql(statement)]
            for statement in (STATE, COUNTERS, PEOPLE)
        ]

    async def seen(self) -> dict[Any, str]:
        ids = [row.id for row in await self.shop.sql("select id from conversation order by id")]
        async with self.engine.connect() as connection:
            return {
                row.id: row.revision
                for row in await conversations_by_id(connection, ids, sight=EVERYTHING)
            }


@pytest.fixture
async def shop(database, tmp_path):
    return await Shop(database, tmp_path).opened()


def changes(shop: Shop) -> st.SearchStrategy[BulkChange]:
    anna, boris = shop.shop.managers
    return st.one_of(
        st.builds(BulkChange, kind=st.just("assign"), manager=st.sampled_from([anna, boris, None])),
        st.just(BulkChange(kind="assign", team=shop.shop.team)),
        st.builds(
            BulkChange, kind=st.sampled_from(["label", "unlabel"]), label=st.sampled_from("abc")
        ),
        st.builds(
            BulkChange, kind=st.sampled_from(["resolve", "reopen", "spam", "read", "unread"])
        ),
        st.builds(
            BulkChange,
            kind=st.just("snooze"),
            until=st.sampled_from([None, NOON + timedelta(days=1)]),
        ),
    )


async def test_undo_gives_back_whatever_was_done_to_whatever_there_was(shop):
    """Each change is made upon what the changes before it left, and taken back; the next is made and stays."""
    anna = shop.shop.managers[0]
    made = changes(shop)
    plans: list[list[BulkChange]] = []

    @hypothesis.settings(max_examples=25, database=None)
    @hypothesis.given(st.lists(made, min_size=1, max_size=3))
    def remember(plan):
        plans.append(plan)

    remember()
    assert len(plans) >= 10
    for plan in plans:
        for change in plan:
            before = await shop.state()
            key = uuid4()
            outcome = await shop.desk.change_many(key, change, await shop.seen(), by=anna)
            assert (outcome.done, outcome.skipped) == (4, ())
            assert (await shop.desk.undo_many(key, by=anna)).skipped == ()
            assert await shop.state() == before, change
            await shop.desk.change_many(uuid4(), change, await shop.seen(), by=anna)


async def test_the_same_key_again_does_nothing_and_says_the_same(shop):
    anna, boris = shop.shop.managers
    key, seen = uuid4(), await shop.seen()
    resolved = BulkChange(kind="resolve")
    first = await shop.desk.change_many(key, resolved, seen, by=anna)
    lines = await shop.shop.sql("select count(*) as n from audit")
    assert await shop.desk.change_many(key, resolved, seen, by=anna) == first
    assert await shop.shop.sql("select count(*) as n from audit") == lines
    with pytest.raises(Refused):
        await shop.desk.undo_many(key, by=boris)
    await shop.desk.undo_many(key, by=anna)
    with pytest.raises(Refused):
        await shop.desk.undo_many(key, by=anna)


async def test_what_somebody_else_changed_meanwhile_is_left_as_it_is_and_named(shop):
    anna, boris = shop.shop.managers
    seen = await shop.seen()
    first = next(iter(seen))
    await shop.desk.set_status(first, "spam", by=boris)
    outcome = await shop.desk.change_many(uuid4(), BulkChange(kind="resolve"), seen, by=anna)
    assert outcome.done == 3
    [skipped] = outcome.skipped
    assert (skipped.conversation, skipped.reason) == (first, "Somebody has changed it meanwhile.")
    assert skipped.name.startswith("Person")
    rows = await shop.shop.sql("select id, status from conversation")
    assert {row.id: row.status for row in rows} == {
        each: "spam" if each == first else "resolved" for each in seen
    }
    # A label overwrites nothing of theirs.
    outcome = await shop.desk.change_many(
        uuid4(), BulkChange(kind="label", label="опт"), seen, by=anna
    )
    assert outcome.done == 4


async def test_undo_leaves_alone_what_somebody_has_taken_up_since(shop):
    anna, boris = shop.shop.managers
    seen = await shop.seen()
    key = uuid4()
    await shop.desk.change_many(key, BulkChange(kind="resolve"), seen, by=anna)
    taken, *others = seen
    await shop.desk.set_status(taken, "open", by=boris)
    await shop.desk.assign(taken, by=boris, manager=boris)
    outcome = await shop.desk.undo_many(key, by=anna)
    assert [each.conversation for each in outcome.skipped] == [taken]
    rows = {
        row.id: row
        for row in await shop.shop.sql("select id, manager_id, waiting_since from conversation")
    }
    assert rows[taken].manager_id == boris
    assert all(rows[each].waiting_since is not None for each in others)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (BulkChange(kind="label", label="  "), "Say which label."),
        (BulkChange(kind="snooze", until=NOON), "Say until when"),
    ],
)
async def test_nonsense_is_refused_before_anything_is_done(shop, change, why):
    before = await shop.state()
    with pytest.raises(Refused, match=why):
        await shop.desk.change_many(uuid4(), change, await shop.seen(), by=shop.shop.managers[0])
    assert await shop.state() == before


async def test_a_hundred_and_more_are_one_transaction_and_quick(database, tmp_path):
    shop = await Shop(database, tmp_path).opened(people=200)
    anna = shop.shop.managers[0]
    outcome = await shop.desk.change_many(
        uuid4(), BulkChange(kind="resolve"), await shop.seen(), by=anna
    )
    assert outcome.done == 200
    [counted] = await shop.shop.sql("select sum(open_conversations) as n from user_account")
    assert counted.n == 0
    with pytest.raises(Refused, match="between 1 and 200"):
        await shop.desk.change_many(
            uuid4(), BulkChange(kind="resolve"), {uuid4(): "" for _ in range(201)}, by=anna
        )
