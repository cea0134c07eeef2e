"""What reports of calls become, on a real database: the call, its entry, who has the customer, the task to call back."""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from router import calls
from router.message import SourceKeys
from storage import timers
from storage.analytics.managers import ManagersWish, managers
from storage.desk import Desk
from storage.policies import Policies
from tests.conftest import NOON
from tests.events import a_call_report, a_message, a_person, a_phone, accepted
from tests.installation import Installation
from tests.storage.test_timers import NoFiles

PHONE = "+79161234567"


@pytest.fixture
async def shop(database: AsyncEngine) -> Installation:
    shop = await Installation(database).found()
    await shop.hire("Anna", extension="101")
    await shop.hire("Boris", extension="102")
    return shop


@pytest.fixture
async def phone(shop: Installation) -> UUID:
    return await shop.connect("office", kind="mango")


Report = Callable[..., Awaitable[None]]


@pytest.fixture
def report(shop: Installation, phone: UUID) -> Report:
    """Routes reports, each in a batch of its own."""

    async def route(*reports: Any, now: datetime = NOON, account: UUID | None = None) -> None:
        for each in reports:
            await shop.route(accepted(account or phone, each, channel="mango"), now=now)

    return route


async def the_call(shop: Installation, key: str = "c1") -> Any:
    return await shop.one("select * from call where key = :key", key=key)


async def settle(shop: Installation, *, seconds: float) -> int:
    async with shop.engine.begin() as connection:
        return await timers.settle_calls(
            connection, policies=Policies(), now=NOON + timedelta(seconds=seconds)
        )


def answered(call: str = "c1", *, at: datetime = NOON, extension: str = "101") -> list[Any]:
    """An inbound call as an exchange reports it: rings, is answered after 5 s, ends after 65."""
    return [
        a_call_report("ringing", call=call, at=at),
        a_call_report("ringing", call=call, leg="a", extension=extension, after=1, at=at),
        a_call_report("talking", call=call, leg="a", extension=extension, after=5, at=at),
        a_call_report("ended", call=call, leg="a", extension=extension, after=65, at=at),
        a_call_report("ended", call=call, after=65, at=at, reason="1110"),
    ]


def missed(call: str = "c1", *, at: datetime = NOON, who: str = PHONE) -> list[Any]:
    return [
        a_call_report("ringing", call=call, at=at, who=who),
        a_call_report("ended", call=call, after=20, at=at, who=who),
    ]


async def test_an_answered_call_is_one_entry_of_a_contact_with_a_lead(shop, report, count):
    await report(*answered())
    call = await the_call(shop)
    assert (call.phase, call.direction, call.extension, call.talked) == ("ended", "in", "101", 60)
    assert (call.answered_at, call.ended_at) == (
        NOON + timedelta(seconds=5),
        NOON + timedelta(seconds=65),
    )
    entry = await shop.one("select * from message")
    assert (entry.id, entry.kind, entry.direction) == (call.message_id, "call", "in")
    assert entry.sent_at == NOON
    known = await shop.one("select kind, value, proved from identity")
    assert tuple(known) == ("phone", PHONE, True)
    assert await count("lead") == 1
    conversation = await shop.one("select * from conversation")
    assert (conversation.waiting_since, conversation.unread) == (None, 0)
    assert await count("task") == 0
    # Live: each report that said something new was told of.
    assert await count("outbox", "kind = 'message_changed'") == 4
    assert await count("outbox", "kind = 'message_received'") == 1


async def test_the_same_reports_again_change_nothing(shop, report, count):
    await report(*answered())
    told = await count("outbox")
    await report(*answered())  # other keys, the same words
    assert await count("outbox") == told
    assert await count("call") == await count("call_leg") == await count("message") == 1


async def test_a_person_must_have_answered_a_menu_or_a_queue_does_not_count(shop, report):
    await report(
        a_call_report("ringing", leg="ivr"),
        a_call_report("ringing", leg="queue", after=3),
        a_call_report("ringing", leg="a", extension="101", after=5),
        a_call_report("ended", leg="a", extension="101", after=20),
        a_call_report("ended", after=25),
    )
    call = await the_call(shop)
    assert (call.phase, call.answered_at, call.extension, call.talked) == ("missed", None, "", None)


async def test_that_others_rang_in_vain_does_not_make_it_missed(shop, report, count):
    await report(
        a_call_report("ringing", leg="a", extension="101"),
        a_call_report("ringing", leg="b", extension="102"),
        a_call_report("talking", leg="b", extension="102", after=4),
        a_call_report("ended", leg="a", extension="101", after=4),
        a_call_report("ended", after=30),
    )
    call = await the_call(shop)
    assert (call.phase, call.extension, call.user_id) == ("ended", "102", shop.managers[1])
    assert await count("task") == 0
    assert await count("call_leg", "phase = 'ended'") == 2


async def test_who_answers_takes_a_customer_whom_the_call_itself_had_given_to_another(shop, report):
    await report(a_call_report("ringing"))
    row = await shop.one("select manager_id from conversation")
    first = shop.managers.index(row.manager_id)
    other = 1 - first
    await report(
        a_call_report("talking", leg="x", extension=("101", "102")[other], after=4),
        a_call_report("ended", after=30),
    )
    row = await shop.one(
        "select v.manager_id, c.manager_id as of_contact, l.manager_id as of_lead"
        " from conversation v, contact c, lead l"
    )
    assert set(row) == {shop.managers[other]}
    counters = await shop.sql("select open_conversations from user_account order by name")
    assert sorted(each.open_conversations for each in counters) == [0, 1]


async def test_a_customer_of_somebody_stays_theirs_when_another_answers(shop, report):
    await report(*answered(extension="102"))
    await report(*answered("c2", at=NOON + timedelta(hours=1), extension="101"))
    assert (await shop.one("select manager_id from conversation")).manager_id == shop.managers[1]


async def test_a_transfer_is_one_call_of_two_talks(shop, report):
    await report(
        a_call_report("ringing", leg="a", extension="101"),
        a_call_report("talking", leg="a", extension="101", after=5),
        a_call_report("transferred", leg="a", transferred_to="102", after=30),
        a_call_report("ended", leg="a", after=31),
        a_call_report("ringing", leg="b", extension="102", after=31),
        a_call_report("talking", leg="b", extension="102", after=35),
    )
    call = await the_call(shop)
    assert (call.phase, call.transferred_to, call.extension) == ("talking", "102", "101")
    # The first leg's end was long ago; the second still talks.
    assert await settle(shop, seconds=3600) == 0
    await report(a_call_report("ended", after=95))
    call = await the_call(shop)
    assert (call.phase, call.talked) == ("ended", 90)


async def test_when_the_platform_reports_no_end_of_the_whole_that_of_all_legs_is_it(shop, report):
    await report(
        a_call_report("ringing", leg="a", extension="101"),
        a_call_report("ended", leg="a", extension="101", after=20),
    )
    assert (await the_call(shop)).phase == "ringing"  # a transfer may follow
    assert await settle(shop, seconds=19) == 0
    assert await settle(shop, seconds=60) == 1
    call = await the_call(shop)
    assert (call.phase, call.ended_at, call.look_at) == (
        "missed",
        NOON + timedelta(seconds=20),
        None,
    )
    assert (await shop.one("select kind from task")).kind == "callback"
    assert await settle(shop, seconds=120) == 0


async def test_a_call_whose_end_was_lost_does_not_ring_for_ever(shop, report):
    await report(a_call_report("ringing"))
    assert await settle(shop, seconds=calls.LOST.total_seconds() - 60) == 0
    assert await settle(shop, seconds=calls.LOST.total_seconds() + 60) == 1
    assert (await the_call(shop)).phase == "missed"


async def test_a_caller_without_a_number_is_shown_and_is_nobodys_lead(shop, report, count):
    await report(a_call_report("ringing", who=""), a_call_report("ended", who="", after=10))
    assert await count("message") == 0  # perhaps another report knows the number
    assert await settle(shop, seconds=60) == 1
    row = await shop.one("select v.chat, v.chat_kind, m.kind from conversation v, message m")
    assert tuple(row) == (calls.WITHHELD, "channel", "call")
    assert (await the_call(shop)).phase == "missed"
    assert await count("lead") == await count("task") == await count("identity") - 1 == 0


async def test_a_report_that_names_nobody_waits_for_one_that_does(shop, report, count):
    await report(a_call_report("recorded", who="", recording="rec-1", after=80))
    assert await count("message") == 0
    await report(*answered())
    file = await shop.one("select * from attachment")
    assert (file.ref, file.kind, file.state) == ("rec-1", "audio", "wanted")
    assert file.message_id == (await the_call(shop)).message_id
    assert await count("outbox", "kind = 'media_wanted'") == 1


async def test_each_recording_is_a_file_of_the_entry_once(shop, report):
    await report(*answered())
    await report(
        a_call_report("recorded", who="", recording="r1", after=100),
        a_call_report("recorded", leg="a", recording="r2", after=101),
        a_call_report("recorded", who="", recording="r1", after=160),
    )
    files = await shop.sql("select ref, position from attachment order by position")
    assert [tuple(each) for each in files] == [("r1", 0), ("r2", 1)]


# Calling back


async def test_a_missed_call_is_one_task_however_often_they_try(shop, report, count):
    for n in range(3):
        await report(*missed(f"c{n}", at=NOON + timedelta(minutes=10 * n)))
    task = await shop.one("select * from task")
    conversation = await shop.one("select * from conversation")
    assert (task.kind, task.origin, task.done_at) == ("callback", "missed_call", None)
    assert task.manager_id == conversation.manager_id is not None
    assert task.due_at == NOON + timedelta(seconds=20, minutes=15)
    assert task.lead_id == (await shop.one("select id from lead")).id
    assert len(task.details["calls"]) == 3
    assert PHONE in task.text
    assert (conversation.unread, conversation.waiting_since) == (3, NOON)
    assert conversation.preview_kind == "missed_call"


async def test_its_deadline_is_in_the_teams_working_minutes(shop, report):
    """NOON is a Saturday; they work from Monday, nine in Moscow."""
    week = {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
    await shop.sql("update team set hours = cast(:hours as jsonb)", hours=json.dumps(week))
    await report(*missed())
    monday_nine = datetime.fromisoformat("2026-11-23T06:00:00+00:00")
    assert (await shop.one("select due_at from task")).due_at == monday_nine + timedelta(minutes=15)


async def test_a_call_back_that_was_answered_does_the_task(shop, report):
    await report(*missed())
    later = NOON + timedelta(minutes=5)
    out = {"direction": "out", "call": "back", "at": later}
    await report(
        a_call_report("ringing", extension="101", **out),
        a_call_report("ended", after=30, **out),
    )
    assert (await shop.one("select done_at from task")).done_at is None  # nobody answered there
    assert (await the_call(shop, "back")).phase == "ended"
    again = {"direction": "out", "call": "again", "at": later}
    await report(
        a_call_report("ringing", extension="101", **again),
        a_call_report("talking", extension="101", after=8, **again),
        now=later,
    )
    assert (await shop.one("select done_at from task")).done_at == later
    call = await the_call(shop, "again")
    assert (call.direction, call.user_id) == ("out", shop.managers[0])
    assert (await shop.one("select waiting_since from conversation")).waiting_since is None


async def test_being_talked_to_does_it_and_missing_them_again_is_a_new_one(shop, report, count):
    await report(*missed())
    await report(*answered("c2", at=NOON + timedelta(minutes=3)))
    assert await count("task", "done_at is not null") == 1
    await report(*missed("c3", at=NOON + timedelta(minutes=30)))
    assert await count("task", "done_at is null") == 1


async def test_a_missed_call_that_is_reported_after_the_talk_asks_for_nothing(shop, report, count):
    await report(*answered("c2", at=NOON + timedelta(minutes=3)))
    await report(*missed())
    assert await count("task") == 0


async def test_that_they_were_answered_after_all_takes_the_task_back(shop, report, count):
    """The end overtook the answer."""
    ringing, rung, talking, ended, over = answered()
    await report(ringing, over)
    assert await count("task", "done_at is null") == 1
    await report(rung, talking, ended)
    assert await count("task", "done_at is null") == 0
    assert (await the_call(shop)).phase == "ended"


async def test_missed_and_answered_in_one_batch(shop, phone, count):
    reports = [*missed(), *answered("c2", at=NOON + timedelta(minutes=1))]
    reports += missed("c3", at=NOON + timedelta(minutes=9))
    await shop.route(*(accepted(phone, each, channel="mango") for each in reports))
    assert await count("task", "done_at is null") == 1
    assert await count("task") == 2


async def test_the_task_goes_with_the_conversation(shop, report):
    await report(*missed())
    was = (await shop.one("select manager_id from task")).manager_id
    other = next(each for each in shop.managers if each != was)
    desk = Desk(shop.engine, now=lambda: NOON, media=NoFiles())
    conversation = (await shop.one("select id from conversation")).id
    await desk.assign(conversation, by=None, manager=other)
    assert (await shop.one("select manager_id from task")).manager_id == other


async def test_two_lines_one_person_one_task(shop, report, count):
    other = await shop.connect("branch", kind="zadarma")
    await report(*missed())
    await report(*missed("c1"), account=other)
    assert await count("call") == await count("conversation") == 2
    assert len((await shop.one("select details from task")).details["calls"]) == 2
    assert await count("contact") == await count("lead") == 1


async def test_spam_and_the_blocked_are_not_called_back(shop, report, count):
    await report(*answered())
    await shop.sql("update contact set blocked = true")
    await report(*missed("c2", at=NOON + timedelta(hours=1)))
    assert await count("task") == 0
    assert await count("message") == 2


# Who they are


async def test_whoever_shared_the_number_in_a_chat_is_the_same_person(shop, report, count):
    telegram = await shop.connect("bot")
    await shop.route(accepted(telegram, a_message(by=a_person(7, a_phone(PHONE), name="Ivan"))))
    await report(*missed())
    assert await count("contact", "merged_into is null") == await count("lead") == 1
    assert await count("conversation") == 2


async def test_a_source_that_only_the_end_tells_is_the_leads(shop, report):
    await report(a_call_report("ringing"))
    await report(
        a_call_report(
            "ended", after=20, source=SourceKeys(utm={"source": "yandex", "campaign": "oil"})
        )
    )
    assert (await shop.one("select source, campaign from touch")).source == "yandex"
    assert (await shop.one("select first_touch from lead")).first_touch["campaign"] == "oil"


async def test_we_call_a_stranger_and_nobody_else_is_given_them(shop, report, count):
    await report(
        a_call_report("ringing", direction="out", extension="102"),
        a_call_report("ended", direction="out", after=20),
    )
    row = await shop.one("select manager_id, unread, waiting_since from conversation")
    assert tuple(row) == (shop.managers[1], 0, None)
    assert await count("task") == await count("lead") == 0
    entry = await shop.one("select direction, author_user from message")
    assert tuple(entry) == ("out", shop.managers[1])


async def test_an_end_that_came_first_does_not_move_the_entry_from_where_the_call_began(
    shop, report
):
    for each in reversed(answered()):
        await report(each)
    entry = await shop.one("select sent_at from message")
    assert entry.sent_at == (await the_call(shop)).started_at == NOON


async def test_what_an_event_became_is_written_beside_it(shop, report, count):
    await report(*answered())
    call = (await the_call(shop)).id
    assert await count("inbound_event", f"message_id = '{call}'") == 5


async def test_erasing_a_person_erases_their_calls(shop, report, count):
    await report(*missed(), a_call_report("recorded", who="", recording="r1", after=60))
    desk = Desk(shop.engine, now=lambda: NOON, media=NoFiles())
    await desk.erase_contact((await shop.one("select id from contact")).id, by=None)
    call = await the_call(shop)
    assert (call.theirs, call.said, call.recordings, call.phase) == ("", {}, [], "missed")
    assert await count("inbound_event", "raw is not null") == 0
    task = await shop.one("select text, done_at from task")
    assert task.text == ""
    assert task.done_at is not None


async def test_undoing_a_merge_gives_back_the_calls_and_the_task_that_came_after_it(
    shop, report, count
):
    telegram = await shop.connect("bot")
    await shop.route(accepted(telegram, a_message(by=a_person(7, name="Ivan"))))
    await report(*answered())
    desk = Desk(shop.engine, now=lambda: NOON, media=NoFiles())
    (one, other) = await shop.sql("select id from contact order by created_at, id")
    merge = await desk.merge(one.id, other.id, by=None)
    await report(*missed("c2", at=NOON + timedelta(hours=1)))
    await desk.unmerge(merge, by=None)
    caller = (await shop.one("select contact_id from identity where kind = 'phone'")).contact_id
    task = await shop.one("select contact_id from task")
    talks = await shop.sql(
        "select distinct v.contact_id from call c join conversation v on v.id = c.conversation_id"
    )
    assert [each.contact_id for each in talks] == [caller] == [task.contact_id]


async def test_of_two_who_become_one_the_second_call_back_is_cancelled_and_nobody_has_done_it(
    shop, report
):
    await report(*missed())
    await report(*missed("c2", who="+79161112233"))
    desk = Desk(shop.engine, now=lambda: NOON, media=NoFiles())
    (one, other) = await shop.sql("select id from contact order by created_at, id")

    merge = await desk.merge(one.id, other.id, by=None)

    cancelled = "select contact_id from task where done_at is not null and cancelled_at is not null"
    still = "select contact_id from task where done_at is null and cancelled_at is null"
    assert len(await shop.sql(cancelled)) == len(await shop.sql(still)) == 1
    assert await tasks_done(shop) == 0
    await desk.unmerge(merge, by=None)
    assert {each.contact_id for each in await shop.sql(still)} == {one.id, other.id}


async def tasks_done(shop) -> int:
    """As the report of managers counts them."""
    wish = ManagersWish(first=NOON.date() - timedelta(days=7), last=NOON.date())
    async with shop.engine.connect() as connection:
        found = await managers(connection, wish, zone=ZoneInfo("Europe/Moscow"), now=NOON)
    return found.total.tasks_done


async def test_a_line_that_is_nobodys_own_is_a_conversation_and_no_key(shop, report, count):
    """A company's 8-800: the connector tells the number, and no sender."""
    for call in ("c1", "c2"):
        event = a_call_report("ringing", call=call, who="+78001234567")
        fields = {name: getattr(event, name) for name in event.__struct_fields__}
        await report(type(event)(**fields | {"sender": None}))
    assert await count("conversation") == 1
    assert await count("identity", "kind = 'phone'") == 0
    assert await count("call", "theirs = '+78001234567'") == 2
