"""What happens because time passes, on a real database: one turn at a time."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from router import message as words
from router.ids import new_id
from router.wire import encode_event
from storage import timers
from storage.desk import Desk
from storage.policies import Policies
from storage.waiting_room import BATCH, hand_out_queues
from tests.conftest import NOON
from tests.events import (
    a_deletion,
    a_message,
    a_person,
    a_report,
    accepted,
    an_edit,
)
from tests.installation import Installation


class NoFiles:
    async def delete(self, sha256: str) -> None:
        raise AssertionError(f"nothing is erased here, and {sha256} was")


@pytest.fixture
async def shop(database: AsyncEngine) -> Installation:
    shop = await Installation(database).found()
    await shop.hire("Anna")
    return shop


@pytest.fixture
async def telegram(shop: Installation) -> UUID:
    return await shop.connect()


Turn = Callable[..., Awaitable[Any]]


@pytest.fixture
def turn(shop: Installation) -> Turn:
    """turn(timers.wake_the_snoozed, minutes=10): what one turn of the timer does then."""

    async def run(what: Turn, *, minutes: float = 0) -> Any:
        async with shop.engine.begin() as connection:
            return await what(
                connection, policies=Policies(), now=NOON + timedelta(minutes=minutes)
            )

    return run


def a_reaction(of: words.InboundMessage, *, later: float = 30) -> words.ReactionChanged:
    return words.ReactionChanged(
        key=f"reaction to {of.key}",
        chat=of.chat,
        at=of.at + timedelta(seconds=later),
        sender=of.sender,
        external_id=of.external_id,
        emoji=("👍",),
    )


async def outcome(shop: Installation, event: words.Event) -> str:
    row = await shop.one("select outcome from inbound_event where key = :key", key=event.key)
    return str(row.outcome)


# Events whose message never came


async def test_nothing_is_written_off_before_its_time(shop, telegram, turn, count):
    await shop.route(accepted(telegram, a_deletion(a_message())))
    assert await turn(timers.settle_orphans, minutes=9) == 0
    assert await count("waiting_event") == 1


async def test_an_edit_stands_for_the_message_that_never_came(shop, telegram, turn, count):
    never = a_message(text="before")
    edit = an_edit(never, "after")
    await shop.route(accepted(telegram, edit))

    assert await turn(timers.settle_orphans, minutes=11) == 1

    row = await shop.one(
        "select m.text, m.external_id, v.unread, v.manager_id from message m, conversation v"
    )
    assert (row.text, row.external_id, row.unread) == ("after", never.external_id, 1)
    assert row.manager_id == shop.managers[0]
    assert await outcome(shop, edit) == "stored: the message itself never came"
    assert await count("waiting_event") == 0
    # And should the message come after all, it is there.
    await shop.route(accepted(telegram, never))
    assert await count("message") == 1


async def test_of_several_edits_the_last_is_what_is_read(shop, telegram, turn):
    never = a_message()
    for text, later in (("third", 30), ("first", 10), ("second", 20)):
        await shop.route(accepted(telegram, an_edit(never, text, later=later)))
    assert await turn(timers.settle_orphans, minutes=11) == 3
    assert (await shop.one("select text from message")).text == "third"


async def test_what_else_waited_happens_to_the_message_the_edit_stands_for(shop, telegram, turn):
    never = a_message()
    reaction = a_reaction(never, later=5)  # before the edit
    await shop.route(
        accepted(telegram, reaction), accepted(telegram, an_edit(never, "after", later=60))
    )
    await turn(timers.settle_orphans, minutes=11)
    (given,) = (await shop.one("select reactions from message")).reactions.values()
    assert given["emoji"] == ["👍"]
    assert await outcome(shop, reaction) == "stored"


async def test_anything_else_is_written_off_and_says_so(shop, telegram, turn, count):
    event = a_deletion(a_message())
    await shop.route(accepted(telegram, event))
    assert await turn(timers.settle_orphans, minutes=11) == 1
    assert await outcome(shop, event) == "ignored: its message never came"
    assert await count("waiting_event") == await count("message") == 0


async def test_what_missed_its_message_by_a_moment_does_not_wait_ten_minutes(
    shop, telegram, turn, count
):
    """Two transactions that did not see each other: one stored the message, the other that somebody deleted it."""
    message = a_message()
    event = a_deletion(message)
    await shop.route(accepted(telegram, message))
    whole = accepted(telegram, event)
    await shop.sql(
        "insert into waiting_event (id, account_id, external_id, body, since) values (:id, :account, :external, :body, :at)",
        id=new_id(),
        account=telegram,
        external=message.external_id,
        body=encode_event(whole),
        at=NOON,
    )

    assert await turn(timers.settle_orphans, minutes=0.1) == 1

    assert (await shop.one("select deleted_at from message")).deleted_at == event.at
    assert await count("waiting_event") == 0


async def test_a_report_about_several_messages_is_not_written_off_for_one_that_never_came(
    shop, telegram, turn, count
):
    there, never = a_message(), a_message()
    both = words.MessageDeleted(
        key="both", chat=there.chat, at=NOON, external_ids=(there.external_id, never.external_id)
    )
    await shop.route(accepted(telegram, there), accepted(telegram, both))
    assert await count("waiting_event") == 1
    await turn(timers.settle_orphans, minutes=11)
    assert await count("waiting_event") == 0
    assert await outcome(shop, both) != "ignored: its message never came"
    assert (await shop.one("select deleted_at from message")).deleted_at == NOON


async def test_one_turn_settles_so_many_and_the_next_the_rest(shop, telegram, turn, count):
    events = [a_report(f"never-{n}", "read") for n in range(timers.BATCH + 5)]
    await shop.route(*(accepted(telegram, each) for each in events))
    assert await turn(timers.settle_orphans, minutes=11) == timers.BATCH
    assert await turn(timers.settle_orphans, minutes=11) == 5
    assert await turn(timers.settle_orphans, minutes=11) == 0
    assert await count("inbound_event", "outcome like 'ignored%'") == timers.BATCH + 5


# Silence


@pytest.fixture
async def quick(shop: Installation) -> UUID:
    """An account on which silence is ten minutes."""
    return await shop.connect("quick", silence_minutes=10, silence_moves=1)


async def test_silence_moves_a_conversation_and_its_lead_to_the_next(shop, quick, turn):
    boris = await shop.hire("Boris")
    await shop.route(accepted(quick, a_message()))

    assert await turn(timers.move_on_the_silent, minutes=9) == 0
    assert await turn(timers.move_on_the_silent, minutes=10) == 1

    row = await shop.one(
        "select v.manager_id, l.manager_id as lead_manager, a.rule, a.reason, v.silence_due_at from conversation v"
        " join lead l on l.contact_id = v.contact_id"
        " join assignment a on a.conversation_id = v.id and a.ended_at is null"
    )
    assert (row.manager_id, row.lead_manager, row.rule) == (boris, boris, "silence")
    assert row.reason == "Anna did not answer within 10 working minutes"
    assert row.silence_due_at == NOON + timedelta(minutes=20)
    loads = await shop.sql("select name, open_conversations from user_account order by name")
    assert [tuple(each) for each in loads] == [("Anna", 0), ("Boris", 1)]
    facts = [each.kind for each in await shop.sql("select kind from outbox order by seq")]
    assert facts[-2:] == ["lead_changed", "assigned"]


async def test_after_so_many_moves_it_is_the_leads_own(shop, quick, turn):
    await shop.hire("Boris")
    chief = await shop.hire("Chief", is_lead=True, capacity=0)
    await shop.route(accepted(quick, a_message()))
    for minutes in (10, 20):
        assert await turn(timers.move_on_the_silent, minutes=minutes) == 1
    assert (await shop.one("select manager_id from conversation")).manager_id == chief
    assert await turn(timers.move_on_the_silent, minutes=120) == 0


async def test_an_answer_ends_the_silence(shop, quick, turn):
    await shop.hire("Boris")
    await shop.route(accepted(quick, a_message()))
    conversation = (await shop.one("select id from conversation")).id
    desk = Desk(shop.engine, now=lambda: NOON + timedelta(minutes=5), media=NoFiles())
    await desk.reply(conversation, by=shop.managers[0], text="Добрый день")
    assert await turn(timers.move_on_the_silent, minutes=60) == 0


async def test_silence_that_was_switched_off_moves_nothing(shop, quick, turn):
    await shop.hire("Boris")
    await shop.route(accepted(quick, a_message()))
    await shop.sql("update account set silence_minutes = null")
    await turn(timers.move_on_the_silent, minutes=10)
    row = await shop.one("select manager_id, silence_due_at from conversation")
    assert (row.manager_id, row.silence_due_at) == (shop.managers[0], None)


# Snoozing


async def put_off(shop: Installation, *, until: datetime | None) -> None:
    conversation = (await shop.one("select id from conversation")).id
    desk = Desk(shop.engine, now=lambda: NOON, media=NoFiles())
    await desk.set_status(conversation, "snoozed", by=shop.managers[0], until=until)


async def test_what_was_put_off_comes_back_in_time_and_silence_counts_from_then(shop, quick, turn):
    await shop.route(accepted(quick, a_message()))
    await put_off(shop, until=NOON + timedelta(hours=1))
    assert (await shop.one("select silence_due_at from conversation")).silence_due_at is None
    assert await turn(timers.wake_the_snoozed, minutes=59) == 0
    assert await turn(timers.wake_the_snoozed, minutes=60) == 1
    assert await turn(timers.wake_the_snoozed, minutes=60) == 0
    row = await shop.one(
        "select status, snoozed_until, manager_id, silence_due_at from conversation"
    )
    assert (row.status, row.snoozed_until, row.manager_id) == ("open", None, shop.managers[0])
    assert row.silence_due_at == NOON + timedelta(minutes=70)


async def test_a_customer_who_writes_wakes_it_and_the_silence(shop, quick, turn):
    await shop.route(accepted(quick, a_message()))
    await put_off(shop, until=NOON + timedelta(days=1))
    later = NOON + timedelta(minutes=30)
    await shop.route(accepted(quick, a_message(at=later)), now=later)
    row = await shop.one("select status, snoozed_until, silence_due_at from conversation")
    assert (row.status, row.snoozed_until) == ("open", None)
    assert row.silence_due_at == later + timedelta(minutes=10)


async def test_what_is_put_off_until_a_message_wakes_by_one_and_by_nothing_else(shop, quick, turn):
    await shop.route(accepted(quick, a_message()))
    await put_off(shop, until=None)
    assert await turn(timers.wake_the_snoozed, minutes=60 * 24 * 365) == 0
    assert (await shop.one("select status from conversation")).status == "snoozed"
    await shop.route(accepted(quick, a_message(at=NOON + timedelta(days=30))))
    assert (await shop.one("select status from conversation")).status == "open"


# The queue


async def test_who_has_waited_longest_is_first_and_not_who_kept_quiet(shop, telegram, turn):
    """Also when more wait than one turn looks at: asking again does not send anybody to the end."""
    await shop.sql("update user_account set capacity = 0")
    first = a_person(10_000)
    await shop.route(accepted(telegram, a_message(by=first, at=NOON)))
    people = [a_person(n) for n in range(BATCH)]
    await shop.route(
        *(accepted(telegram, a_message(by=each, at=NOON + timedelta(minutes=1))) for each in people)
    )
    await shop.route(accepted(telegram, a_message(by=first, at=NOON + timedelta(minutes=9))))
    await shop.sql("update user_account set capacity = 1")

    assert await turn(hand_out_queues, minutes=10) == 1

    assert (
        await shop.one("select chat from conversation where manager_id is not null")
    ).chat == "10000"


async def test_what_everybody_sees_is_handed_to_nobody(shop, telegram, turn):
    await shop.sql("update team set strategy = 'broadcast'")
    await shop.route(accepted(telegram, a_message()))
    assert await turn(hand_out_queues, minutes=1) == 0


# Retention


async def test_what_a_platform_sent_is_forgotten_with_its_file_unless_somebody_has_it_still(
    shop, telegram
):
    for n, (came, file) in enumerate(
        [(0, "only"), (0, "came again"), (40, "came again"), (0, "a photo"), (40, "young")]
    ):
        await shop.sql(
            "insert into inbound_event (account_id, key, id, kind, received_at, outcome, raw_ref)"
            " values (:account, :key, gen_random_uuid(), 'message', :at, 'stored', :file)",
            account=telegram,
            key=str(n),
            at=NOON + timedelta(days=came),
            file=file,
        )
    photo = words.Attachment(kind="image", ref="AgAD")
    await shop.route(accepted(telegram, a_message(attachments=(photo,))))
    await shop.sql("update attachment set sha256 = 'a photo'")

    async with shop.engine.begin() as connection:
        files = await timers.forget_the_old(connection, now=NOON + timedelta(days=41))

    assert files == ["only"]
    rows = await shop.sql("select raw_ref from inbound_event where raw_ref is not null")
    assert sorted(row.raw_ref for row in rows) == ["came again", "young"]
    assert await shop.sql("select key from inbound_event where raw is not null") == []


async def test_what_was_kept_to_be_undone_is_forgotten_after_a_week(shop, telegram, count):
    await shop.route(accepted(telegram, a_message()))
    await shop.sql(
        "insert into macro (id, name, created_at, changed_at) values (gen_random_uuid(), 'Запись', :now, :now)",
        now=NOON,
    )
    for days in (0, 5):
        at = NOON + timedelta(days=days)
        await shop.sql(
            "insert into bulk_action (id, user_id, what, before, outcome, at)"
            " select gen_random_uuid(), u.id, 'resolve', '[]', 'null', :at from user_account u limit 1",
            at=at,
        )
        await shop.sql(
            "insert into macro_run (id, macro_id, conversation_id, idempotency_key, at)"
            " select gen_random_uuid(), m.id, c.id, :key, :at from macro m, conversation c",
            key=str(days),
            at=at,
        )
        await shop.sql(
            "insert into saved_view (id, user_id, name, query, created_at, deleted_at)"
            " select gen_random_uuid(), u.id, 'Мои', '', :at, :at from user_account u limit 1",
            at=at,
        )
    await shop.sql(
        "insert into saved_view (id, user_id, name, query, created_at)"
        " select gen_random_uuid(), u.id, 'Мои', '', :at from user_account u limit 1",
        at=NOON,
    )
    async with shop.engine.begin() as connection:
        await timers.forget_the_old(connection, now=NOON + timedelta(days=8))
    counted = [await count(table) for table in ("bulk_action", "macro_run", "saved_view")]
    assert counted == [1, 1, 2]


# Counters


async def test_a_wrong_counter_is_found_mended_and_named(shop, telegram):
    boris = await shop.hire("Boris")
    for n in range(4):
        await shop.route(accepted(telegram, a_message(by=a_person(n))))
    await shop.sql(
        "update conversation set status = 'resolved' where manager_id = :boris", boris=boris
    )
    await shop.sql("update user_account set open_conversations = 7 where name = 'Anna'")

    async with shop.engine.begin() as connection:
        wrong = await timers.recount_open(connection)
    assert wrong == {"anna@example.com": (7, 2), "boris@example.com": (2, 0)}
    async with shop.engine.begin() as connection:
        assert await timers.recount_open(connection) == {}
