"""The inbound story on a real database: one event at a time, and what it leaves behind."""

import hashlib
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from router.message import Attachment, InboundMessage, Key, SourceKeys
from tests.conftest import NOON
from tests.events import (
    a_deletion,
    a_message,
    a_person,
    a_phone,
    a_report,
    a_service,
    a_shared_contact,
    accepted,
    an_edit,
)
from tests.installation import Installation


@pytest.fixture
async def shop(database: AsyncEngine) -> Installation:
    installation = await Installation(database).found()
    await installation.hire("Anna")
    return installation


@pytest.fixture
async def telegram(shop: Installation) -> UUID:
    return await shop.connect()


async def test_a_first_message_becomes_contact_conversation_lead_and_assignment(shop, telegram):
    await shop.route(accepted(telegram, a_message(text="Сколько стоит замена колодок?")))

    row = await shop.one(
        "select c.name, v.unread, v.manager_id, v.preview, l.title, l.manager_id as lead_manager, a.reason, l.number"
        " from contact c join conversation v on v.contact_id = c.id join lead l on l.contact_id = c.id"
        " join assignment a on a.conversation_id = v.id"
    )
    assert row.name == "Person 1"
    assert row.unread == 1
    assert row.manager_id == row.lead_manager == shop.managers[0]
    assert row.title == "Person 1: Сколько стоит замена колодок?"
    assert "Anna" in row.reason
    kinds = [each.kind for each in await shop.sql("select kind from outbox order by seq")]
    assert (
        sorted(kinds)
        == [
            "assigned",
            "contact_created",
            "conversation_changed",
            "lead_opened",
            "message_received",
        ]
        or "lead_changed" in kinds
    )


async def test_the_same_event_again_changes_nothing(shop, telegram, count):
    event = accepted(telegram, a_message())
    first = await shop.route(event)
    again = await shop.route(event, event)

    assert (first.fresh, first.repeated) == (1, 0)
    assert (again.fresh, again.repeated) == (0, 2)
    assert await count("message") == 1
    assert (await shop.one("select unread from conversation")).unread == 1
    assert (await shop.one("select repeats from inbound_event")).repeats == 2


async def test_a_deep_link_before_the_first_words_is_the_leads_source(shop, telegram):
    anna = a_person(5)
    link = a_message(
        by=anna,
        text="/start",
        kind="service",
        source=SourceKeys(code="ad42_spring"),
        details={"command": "start"},
    )
    await shop.route(accepted(telegram, link))
    await shop.route(
        accepted(telegram, a_message(by=anna, text="Здравствуйте", at=NOON + timedelta(seconds=9)))
    )

    lead = await shop.one("select title, first_touch, last_touch from lead")
    assert lead.first_touch["campaign"] == "ad42_spring"
    assert lead.last_touch["campaign"] == "ad42_spring"
    assert lead.title == "Person 5: Здравствуйте"


async def test_a_late_touch_before_the_opening_still_counts(shop, telegram):
    anna = a_person(5)
    await shop.route(accepted(telegram, a_message(by=anna, at=NOON)))
    early = a_message(
        by=anna, at=NOON - timedelta(seconds=30), source=SourceKeys(utm={"source": "yandex"})
    )
    await shop.route(accepted(telegram, early))

    lead = await shop.one("select first_touch, created_at from lead")
    assert lead.first_touch["source"] == "yandex"
    assert lead.created_at == NOON - timedelta(seconds=30)


async def test_a_shared_own_number_makes_one_of_the_caller_and_the_writer(shop, telegram):
    mobile = await shop.connect("calls", kind="call_hook")
    caller = a_person(1, channel="phone")
    caller = type(caller)(keys=(a_phone("+79215551408"),), name="")
    await shop.route(accepted(mobile, a_message(by=caller, at=NOON), channel="call_hook"))
    writer = a_person(7, name="Марина")
    await shop.route(accepted(telegram, a_message(by=writer, at=NOON + timedelta(minutes=1))))
    assert len(await shop.sql("select id from lead where status = 'open'")) == 2

    shared = a_shared_contact(writer, a_phone("+79215551408"), at=NOON + timedelta(minutes=2))
    await shop.route(accepted(telegram, shared))

    live = await shop.one("select id, name from contact where merged_into is null")
    assert live.name == "Марина"
    merge = await shop.one("select reason, moved, survivor_id from contact_merge")
    assert merge.survivor_id == live.id
    assert "+79215551408" in merge.reason
    assert {"identity", "conversation", "lead"} <= merge.moved.keys()
    assert len(await shop.sql("select id from lead where status = 'open'")) == 1
    assert len(await shop.sql("select id from lead where status = 'merged'")) == 1
    assert {row.contact_id for row in await shop.sql("select contact_id from conversation")} == {
        live.id
    }
    assert {row.contact_id for row in await shop.sql("select contact_id from identity")} == {
        live.id
    }


async def test_a_claimed_number_only_suggests(shop, telegram, count):
    await shop.route(accepted(telegram, a_shared_contact(a_person(1), a_phone("+79215551408"))))
    stranger = a_person(2, a_phone("+79215551408", proved=False))
    await shop.route(accepted(telegram, a_message(by=stranger)))

    assert await count("contact", "merged_into is null") == 2
    suggestion = await shop.one("select score, reasons, decision from suggestion")
    assert suggestion.decision == "open"
    assert "+79215551408" in suggestion.reasons[0]


async def test_an_edit_before_its_message_waits_for_it(shop, telegram, count):
    message = a_message(text="как есть")
    await shop.route(accepted(telegram, an_edit(message, "исправлено")))
    assert await count("waiting_event") == 1
    await shop.route(accepted(telegram, message))

    row = await shop.one("select text, edited_at, details from message")
    assert row.text == "исправлено"
    assert row.edited_at is not None
    assert await count("waiting_event") == 0


async def test_an_edit_in_the_same_batch_is_applied_and_an_older_one_is_not(shop, telegram):
    message = a_message(text="a")
    later, earlier = an_edit(message, "c", later=20), an_edit(message, "b", later=10)
    await shop.route(*(accepted(telegram, each) for each in (later, message, earlier)))
    assert (await shop.one("select text from message")).text == "c"


async def test_a_deleted_message_stays_marked(shop, telegram):
    message = a_message()
    await shop.route(accepted(telegram, message), accepted(telegram, a_deletion(message)))
    assert (await shop.one("select deleted_at from message")).deleted_at is not None


async def test_states_only_move_forward(shop, telegram):
    await shop.route(accepted(telegram, a_message()))
    await shop.sql("update message set direction = 'out', external_id = 'ours', state = 'sent'")
    for state in ("read", "delivered", "sent"):
        await shop.route(accepted(telegram, a_report("ours", state)))
    assert (await shop.one("select state from message")).state == "read"


async def test_blocking_makes_the_conversation_unreachable_until_they_write(shop, telegram):
    person = a_person(1)
    await shop.route(accepted(telegram, a_message(by=person)))
    await shop.route(accepted(telegram, a_service("blocked", by=person)))
    assert (await shop.one("select unreachable from conversation")).unreachable
    await shop.route(accepted(telegram, a_message(by=person, at=NOON + timedelta(minutes=5))))
    assert (await shop.one("select unreachable from conversation")).unreachable == ""


async def test_files_at_the_platform_are_wanted(shop, telegram):
    await shop.route(
        accepted(telegram, a_message(attachments=(Attachment(kind="image", ref="file-id"),)))
    )
    assert (await shop.one("select state from attachment")).state == "wanted"
    assert "media_wanted" in {row.kind for row in await shop.sql("select kind from outbox")}


async def test_capacity_is_never_exceeded_and_the_rest_waits(shop, telegram, count):
    await shop.sql("update user_account set capacity = 2")
    await shop.route(*(accepted(telegram, a_message(by=a_person(n))) for n in range(5)))
    await shop.route(accepted(telegram, a_message(by=a_person(9))))

    assert await count("conversation", "manager_id is not null") == 2
    assert (await shop.one("select open_conversations from user_account")).open_conversations == 2
    assert await count("assignment", "ended_at is null and rule = 'queue'") == 4


async def test_round_robin_is_even(shop, telegram):
    await shop.hire("Boris")
    await shop.hire("Vera")
    for n in range(10):
        await shop.route(accepted(telegram, a_message(by=a_person(n))))
    loads = [
        row.n
        for row in await shop.sql("select count(*) as n from conversation group by manager_id")
    ]
    assert sorted(loads) == [3, 3, 4]


async def test_without_any_manager_the_administrator_answers(database):
    shop = await Installation(database).found()
    admin = await shop.hire("Root", role="admin", in_team=False)
    account = await shop.connect()
    await shop.route(accepted(account, a_message()))
    assert (await shop.one("select manager_id from conversation")).manager_id == admin


async def test_a_resolved_conversation_reopens_with_its_manager(shop, telegram):
    await shop.hire("Boris")
    await shop.route(accepted(telegram, a_message()))
    before = await shop.one("select manager_id from conversation")
    await shop.sql("update conversation set status = 'resolved'")
    await shop.sql("update user_account set open_conversations = 0")
    await shop.route(accepted(telegram, a_message(at=NOON + timedelta(hours=1))))
    after = await shop.one("select manager_id, status from conversation")
    assert (after.manager_id, after.status) == (before.manager_id, "open")


async def test_a_closed_team_says_so_once_a_night_however_many_conversations_begin(shop, telegram):
    await shop.sql(
        "update team set away_text = 'Ответим {{opens}}', hours = cast(:hours as jsonb)",
        hours='{"mon": [["09:00", "18:00"]]}',
    )
    for n in range(3):
        await shop.route(accepted(telegram, a_message(by=a_person(1), chat=f"thread-{n}")))
    await shop.route(accepted(telegram, a_message(by=a_person(2))))

    said = await shop.sql(
        "select m.text, m.details, m.state, v.chat, v.unread, v.waiting_since, d.state as delivery from message m"
        " join conversation v on v.id = m.conversation_id join delivery d on d.message_id = m.id"
        " where m.direction = 'out' order by m.id"
    )
    assert [(row.chat, row.text) for row in said] == [
        ("thread-0", "Ответим в понедельник в 09:00"),
        ("2", "Ответим в понедельник в 09:00"),
    ]
    for row in said:
        assert row.details == {"automatic": "out_of_hours"}
        assert (row.unread, row.waiting_since, row.delivery) == (1, NOON, "queued")

    next_night = NOON + timedelta(hours=13)
    await shop.route(accepted(telegram, a_message(by=a_person(1), chat="thread-9")), now=next_night)
    assert len(await shop.sql("select id from message where direction = 'out'")) == 3


# Mail: threads are found by what a mail answers, and an id is not always one mail's


def a_mail(
    own: str, *answers: str, root: str = "", words: str = "hi", by: int = 1
) -> InboundMessage:
    fingerprint = hashlib.sha256(f"{by} {words}".encode()).hexdigest()
    return a_message(
        by=a_person(by, channel="email"),
        key=f"{own}#{fingerprint[:10]}",
        external_id=own,
        fingerprint=fingerprint,
        chat=root or (answers[0] if answers else own),
        thread=(*answers, own),
        text=words,
    )


@pytest.mark.parametrize("together", [True, False])
async def test_an_answer_that_names_only_the_mail_it_answers_finds_the_conversation(shop, together):
    """The answered mail is itself an answer: the conversation is named after the first, which is not mentioned."""
    account = await shop.connect("mail", kind="email")
    mails = [
        a_mail("first@a"),
        a_mail("second@a", "first@a", root="first@a"),
        a_mail("third@a", "second@a"),
    ]
    events = [accepted(account, each, channel="email") for each in mails]
    for batch in [events] if together else [[each] for each in events]:
        await shop.route(*batch)
    conversation = await shop.one("select chat, seq from conversation")
    assert (conversation.chat, conversation.seq) == ("first@a", 3)


@pytest.mark.parametrize("together", [True, False])
async def test_an_id_used_again_for_other_words_is_kept_beside_the_first(shop, together):
    account = await shop.connect("mail", kind="email")
    mails = [
        a_mail("same@a", words="a"),
        a_mail("same@a", words="b"),
        a_mail("same@a", words="b", by=2),
        a_mail("answer@a", "same@a", words="c"),
    ]
    events = [accepted(account, each, channel="email") for each in mails]
    for batch in [events] if together else [[each] for each in events]:
        await shop.route(*batch)
    rows = await shop.sql("select external_id, text, details from message order by seq")
    assert [row.text for row in rows] == ["a", "b", "b", "c"]
    assert len({row.external_id for row in rows}) == 4
    assert [row.external_id.partition("#")[0] for row in rows] == ["same@a"] * 3 + ["answer@a"]
    assert [row.details["fingerprint"] for row in rows] == [each.fingerprint for each in mails]
    assert len(await shop.sql("select id from conversation")) == 1


async def test_the_same_mail_by_another_way_is_known(shop, count):
    """Its event is another one (fetched from a second folder, parsed anew); the mail is not."""
    account = await shop.connect("mail", kind="email")
    mails = [a_mail("same@a", words="a"), a_mail("same@a", words="b")]
    await shop.route(*(accepted(account, each, channel="email") for each in mails))
    for each in mails:
        fields = {name: getattr(each, name) for name in each.__struct_fields__}
        again = InboundMessage(**fields | {"key": f"again {each.key}"})
        await shop.route(accepted(account, again, channel="email"))
    assert await count("message") == 2
    assert await count("inbound_event", "outcome = 'known message'") == 2


# What met in the wrong order, or twice


async def test_a_known_lead_is_closed_for_an_older_one_that_the_same_batch_opens(shop, telegram):
    phone = a_phone("+79215551408")
    await shop.route(accepted(telegram, a_shared_contact(a_person(1), phone)))
    earlier = NOON - timedelta(hours=1)
    await shop.route(
        accepted(telegram, a_message(by=a_person(2), at=earlier)),
        accepted(telegram, a_shared_contact(a_person(2), phone, at=NOON + timedelta(minutes=1))),
    )
    kept = await shop.one("select id, created_at from lead where status = 'open'")
    closed = await shop.one("select merged_into, closed_at from lead where status = 'merged'")
    assert (kept.created_at, closed.merged_into) == (earlier, kept.id)
    assert closed.closed_at == NOON


async def test_a_colleague_who_writes_first_to_one_person_from_two_accounts_meets_one_contact(
    shop, telegram, count
):
    """The platform says who wrote, and that was us: the person is known by their chat alone."""
    for account in (telegram, await shop.connect("second")):
        await shop.route(accepted(account, a_message(by=a_person(999), chat="77", direction="out")))
    assert await count("contact") == 1
    assert await count("conversation") == 2


async def test_whom_a_person_told_apart_stays_apart_under_another_name(shop, telegram, count):
    """A merge of A and B was undone; then A became one with C. Keys of B and C no longer make them one."""
    phone, mail = a_phone("+79215551408"), Key(kind="email", value="c@example.org")
    await shop.route(
        accepted(telegram, a_message(by=a_person(3, mail), at=NOON - timedelta(hours=3))),
        accepted(telegram, a_message(by=a_person(2, phone), at=NOON - timedelta(hours=2))),
        accepted(telegram, a_message(by=a_person(1), at=NOON - timedelta(hours=1))),
    )
    await shop.sql(
        "insert into contact_merge (id, survivor_id, absorbed_id, rule, reason, moved, at, undone_at)"
        " select gen_random_uuid(), b.contact_id, a.contact_id, 'by_hand', '', '{}', now(), now()"
        " from identity a, identity b where a.value = '1' and b.value = '2'"
    )
    await shop.route(accepted(telegram, a_message(by=a_person(1, mail))))
    assert await count("contact", "merged_into is null") == 2
    await shop.route(accepted(telegram, a_message(by=a_person(3, phone))))
    assert await count("contact", "merged_into is null") == 2


async def test_a_key_many_have_claimed_stays_nobodys_from_batch_to_batch(shop, telegram, count):
    for n in range(6):
        await shop.route(
            accepted(telegram, a_message(by=a_person(n, a_phone("+79215551408", proved=False))))
        )
    for n in (100, 200):
        await shop.route(accepted(telegram, a_shared_contact(a_person(n), a_phone("+79215551408"))))
    assert await count("contact", "merged_into is null") == 8


async def test_a_reopened_conversation_counts_for_its_manager_again(shop, telegram):
    await shop.route(accepted(telegram, a_message()))
    await shop.sql("update conversation set status = 'resolved'")
    await shop.sql("update user_account set open_conversations = 0")
    await shop.route(accepted(telegram, a_message(at=NOON + timedelta(hours=1))))
    assert (await shop.one("select open_conversations from user_account")).open_conversations == 1
