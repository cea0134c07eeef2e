"""What colleagues do, on a real database, between messages that arrive."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from router.asking import AnsweredMeanwhile, NotFound, Refused
from storage.desk import Desk
from tests.conftest import NOON
from tests.events import a_message, a_person, a_phone, a_shared_contact, accepted
from tests.installation import Installation


class NoFiles:
    def __init__(self) -> None:
        self.deleted: list[str] = []

    async def delete(self, sha256: str) -> None:
        self.deleted.append(sha256)


@pytest.fixture
async def shop(database: AsyncEngine) -> Installation:
    installation = await Installation(database).found()
    await installation.hire("Anna")
    return installation


@pytest.fixture
async def telegram(shop: Installation) -> UUID:
    return await shop.connect()


@pytest.fixture
def files() -> NoFiles:
    return NoFiles()


@pytest.fixture
def desk(shop: Installation, files: NoFiles) -> Desk:
    return Desk(shop.engine, now=lambda: NOON + timedelta(minutes=10), media=files)


@pytest.fixture
async def conversation(shop: Installation, telegram: UUID) -> UUID:
    await shop.route(accepted(telegram, a_message()))
    found: Any = await shop.one("select id from conversation")
    return UUID(str(found.id))


async def test_of_two_who_answer_at_the_same_moment_one_is_asked(shop, desk, conversation):
    anna, boris = shop.managers[0], await shop.hire("Boris")
    answers = await asyncio.gather(
        *(desk.reply(conversation, by=each, text="Добрый день!", seen=1) for each in (anna, boris)),
        return_exceptions=True,
    )
    (asked,) = [each for each in answers if isinstance(each, AnsweredMeanwhile)]
    assert (asked.seq, asked.name in {"Anna", "Boris"}) == (2, True)
    assert len(await shop.sql("select id from message where direction = 'out'")) == 1


async def test_a_reply_is_stored_queued_and_ends_the_waiting(shop, desk, conversation):
    anna = shop.managers[0]
    message = await desk.reply(conversation, by=anna, text="Добрый день!")

    row = await shop.one(
        "select direction, state, author_name, seq from message where id = :id", id=message
    )
    assert (row.direction, row.state, row.author_name, row.seq) == ("out", "queued", "Anna", 2)
    assert (await shop.one("select state from delivery")).state == "queued"
    after = await shop.one("select waiting_since, unread, preview from conversation")
    assert (after.waiting_since, after.unread, after.preview) == (None, 0, "Добрый день!")


async def test_the_same_key_sends_once_even_at_the_same_moment(shop, desk, conversation, count):
    async with asyncio.TaskGroup() as group:
        tries = [
            group.create_task(
                desk.reply(conversation, by=shop.managers[0], text="once", idempotency_key="k1")
            )
            for _ in range(4)
        ]
    assert len({each.result() for each in tries}) == 1
    assert await count("delivery") == 1


async def test_an_empty_reply_is_refused(shop, desk, conversation):
    with pytest.raises(Refused):
        await desk.reply(conversation, by=shop.managers[0], text="  ")


async def test_a_note_is_never_delivered(shop, desk, conversation, count):
    await desk.note(conversation, by=shop.managers[0], text="постоянный клиент")
    assert await count("message", "direction = 'note'") == 1
    assert await count("delivery") == 0


async def test_giving_moves_the_count_with_the_conversation(shop, desk, conversation):
    boris = await shop.hire("Boris")
    await desk.assign(conversation, by=shop.managers[0], manager=boris)
    loads = {
        row.name: row.n
        for row in await shop.sql("select name, open_conversations as n from user_account")
    }
    assert loads == {"Anna": 0, "Boris": 1}
    assert (
        "Boris" in (await shop.one("select reason from assignment where ended_at is null")).reason
    )


async def test_resolving_hands_out_what_waits(shop, telegram, desk, conversation):
    await shop.sql("update user_account set capacity = 1")
    await shop.route(accepted(telegram, a_message(by=a_person(2))))
    waiting = await shop.one("select id from conversation where manager_id is null")

    await desk.set_status(conversation, "resolved", by=shop.managers[0])

    after = await shop.one("select manager_id from conversation where id = :id", id=waiting.id)
    assert after.manager_id == shop.managers[0]
    assert (await shop.one("select open_conversations from user_account")).open_conversations == 1


async def test_coming_back_is_handed_what_waits(shop, telegram, desk):
    await desk.set_presence(shop.managers[0], "off", by=None)
    await shop.route(accepted(telegram, a_message()))
    assert (await shop.one("select manager_id from conversation")).manager_id is None
    await desk.set_presence(shop.managers[0], "here", by=shop.managers[0])
    assert (await shop.one("select manager_id from conversation")).manager_id == shop.managers[0]


async def test_snoozing_needs_a_moment_to_come(shop, desk, conversation):
    with pytest.raises(Refused):
        await desk.set_status(conversation, "snoozed", by=None, until=NOON)
    await desk.set_status(conversation, "snoozed", by=None, until=NOON + timedelta(days=1))
    assert (await shop.one("select status from conversation")).status == "snoozed"


async def _snapshot(shop: Installation) -> dict[str, Any]:
    return {
        table: sorted(map(tuple, await shop.sql(f"select {columns} from {table}")), key=str)
        for table, columns in {
            "identity": "id, contact_id, kind, value, proved",
            "conversation": "id, contact_id",
            "lead": "id, contact_id, status, merged_into",
            "touch": "id, contact_id",
            "contact": "id, name, manager_id, merged_into",
        }.items()
    }


async def test_unmerge_gives_back_exactly_what_was_each_ones(shop, telegram, desk):
    await shop.route(accepted(telegram, a_message(by=a_person(1), at=NOON)))
    await shop.route(accepted(telegram, a_message(by=a_person(2), at=NOON + timedelta(minutes=1))))
    before = await _snapshot(shop)
    one, two = (row.id for row in await shop.sql("select id from contact"))

    merge = await desk.merge(one, two, by=shop.managers[0])
    assert (await _snapshot(shop)) != before
    await desk.unmerge(merge, by=shop.managers[0])

    assert (await _snapshot(shop)) == before


async def test_what_came_after_the_merge_goes_with_its_own_key(shop, telegram, desk):
    other = await shop.connect("second")
    await shop.route(accepted(telegram, a_message(by=a_person(1), at=NOON)))
    await shop.route(accepted(telegram, a_message(by=a_person(2), at=NOON + timedelta(minutes=1))))
    contacts = {row.name: row.id for row in await shop.sql("select id, name from contact")}
    merge = await desk.merge(contacts["Person 1"], contacts["Person 2"], by=None)
    await shop.route(
        accepted(other, a_message(by=a_person(2), chat="2", at=NOON + timedelta(minutes=2)))
    )

    await desk.unmerge(merge, by=None)

    owner = await shop.one("select contact_id from conversation where account_id = :id", id=other)
    assert owner.contact_id == contacts["Person 2"]


async def test_an_undone_pair_is_not_merged_again_by_itself(shop, telegram, desk, count):
    await shop.route(accepted(telegram, a_shared_contact(a_person(1), a_phone("+79215551408"))))
    await shop.route(accepted(telegram, a_message(by=a_person(2))))
    shared_later = a_shared_contact(
        a_person(2), a_phone("+79215551408"), at=NOON + timedelta(minutes=1)
    )
    await shop.route(accepted(telegram, shared_later))
    assert await count("contact", "merged_into is null") == 1
    merge = await shop.one("select id from contact_merge")
    await desk.unmerge(merge.id, by=None)

    again = a_shared_contact(a_person(2), a_phone("+79215551408"), at=NOON + timedelta(minutes=5))
    await shop.route(accepted(telegram, again))

    assert await count("contact", "merged_into is null") == 2


async def test_an_accepted_suggestion_merges_and_a_rejected_one_is_for_good(
    shop, telegram, desk, count
):
    await shop.route(accepted(telegram, a_shared_contact(a_person(1), a_phone("+79215551408"))))
    await shop.route(
        accepted(telegram, a_message(by=a_person(2, a_phone("+79215551408", proved=False))))
    )
    suggestion = await shop.one("select id from suggestion")
    await desk.decide_suggestion(suggestion.id, accept=False, by=None)
    await shop.route(
        accepted(telegram, a_message(by=a_person(2, a_phone("+79215551408", proved=False))))
    )
    assert await count("suggestion", "decision = 'open'") == 0
    with pytest.raises(NotFound):
        await desk.decide_suggestion(suggestion.id, accept=True, by=None)
    assert await count("contact", "merged_into is null") == 2


async def test_erasing_leaves_a_tombstone_and_no_words(shop, desk, conversation, count):
    contact = (await shop.one("select id from contact")).id
    await desk.erase_contact(contact, by=None)
    assert await count("message", "text <> ''") == 0
    assert await count("identity") == 0
    assert await count("inbound_event", "raw is not null") == 0
    row = await shop.one("select name, erased_at from contact")
    assert row.name == ""
    assert row.erased_at is not None
    assert (await shop.one("select open_conversations from user_account")).open_conversations == 0


async def test_winning_a_lead_closes_it_and_the_next_message_opens_another(
    shop, telegram, desk, conversation, count
):
    lead = (await shop.one("select id from lead")).id
    await desk.change_lead(lead, {"status": "won", "value": 1_840_000}, by=shop.managers[0])
    row = await shop.one(
        "select l.status, l.closed_at, s.kind from lead l join stage s on s.id = l.stage_id"
    )
    assert (row.status, row.kind) == ("won", "won")
    assert row.closed_at is not None
    await shop.route(accepted(telegram, a_message(at=NOON + timedelta(hours=1))))
    assert await count("lead", "status = 'open'") == 1


async def test_losing_needs_a_reason(shop, desk, conversation):
    lead = (await shop.one("select id from lead")).id
    with pytest.raises(Refused):
        await desk.change_lead(lead, {"status": "lost"}, by=None)


async def test_the_audit_log_takes_no_changes(shop, desk, conversation):
    await desk.set_status(conversation, "resolved", by=shop.managers[0])
    with pytest.raises(Exception, match="append-only"):
        await shop.sql("update audit set what = 'nothing'")


async def test_a_closed_lead_is_not_reopened_beside_an_open_one(shop, desk, telegram, conversation):
    first = (await shop.one("select id from lead")).id
    await desk.change_lead(first, {"status": "won", "value": 100}, by=shop.managers[0])
    await shop.route(accepted(telegram, a_message(at=NOON + timedelta(hours=1))))

    with pytest.raises(Refused, match="another open lead"):
        await desk.change_lead(first, {"status": "open"}, by=shop.managers[0])

    second = (await shop.one("select id from lead where status = 'open'")).id
    await desk.change_lead(second, {"status": "lost", "lost_reason": "дорого"}, by=None)
    await desk.change_lead(first, {"status": "open"}, by=None)
    assert (await shop.one("select status from lead where id = :id", id=first)).status == "open"
