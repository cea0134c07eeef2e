import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from router.ids import new_id
from storage import tables
from storage.reading.messages import (
    MessageRow,
    list_messages,
    messages_after_seq,
    messages_by_id,
    timeline,
    timeline_around,
)
from storage.reading.paging import BadCursor
from storage.reading.sight import EVERYTHING
from tests.builders import START, Rows


async def test_a_message_comes_with_its_files_its_delivery_and_what_it_answers(
    database: AsyncEngine,
) -> None:
    async with database.begin() as connection:
        there = Rows(connection)
        anna, boris = await there.contact(), await there.user(name="Борис")
        talk = await there.conversation(contact=anna)
        question = await there.message(talk, text="Сколько?", author_contact=anna)
        answer = await there.message(
            talk,
            text="Тысяча",
            direction="out",
            state="failed",
            author_user=boris,
            reply_to=question,
        )
        second = await there.attachment(answer, name="b.png", position=1)
        first = await there.attachment(answer, name="a.png", position=0, size=10, duration=1.5)
        await there.delivery(answer, state="failed", created_at=START)
        await there.delivery(
            answer, state="queued", attempts=1, created_at=START + timedelta(seconds=9)
        )
        page = await timeline(connection, conversation_id=talk, sight=EVERYTHING)

    asked, answered = page.messages
    assert (asked.author, asked.attachments, asked.delivery) == ("Анна Петрова", (), None)
    assert (answered.author, answered.account, answered.channel) == (
        "Борис",
        "shop_bot",
        "telegram",
    )
    assert [each.id for each in answered.attachments] == [first, second]
    assert (answered.attachments[0].size, answered.attachments[0].duration) == (10, 1.5)
    assert answered.delivery is not None
    assert (answered.delivery.state, answered.delivery.attempts) == ("queued", 1)
    assert answered.quoted is not None
    assert (answered.quoted.author, answered.quoted.text) == ("Анна Петрова", "Сколько?")


async def _two_channels(connection: AsyncConnection) -> tuple[UUID, list[UUID]]:
    """One person's 11 messages over two conversations, stored out of order, some of one second."""
    there = Rows(connection)
    anna = await there.contact()
    mail = await there.account(slug="mail", kind="email")
    talks = [
        await there.conversation(contact=anna),
        await there.conversation(contact=anna, account=mail),
    ]
    ids = {}
    for number in (3, 1, 2, 0, 6, 5, 4, 8, 7, 10, 9):
        ids[number] = await there.message(
            talks[number % 2],
            at=START + timedelta(minutes=number // 2),
            place=number,
        )
    return anna, [ids[number] for number in range(11)]


@pytest.mark.parametrize("limit", [1, 3, 4, 50])
async def test_a_person_reads_as_one_timeline_page_by_page_both_ways(
    database: AsyncEngine, limit: int
) -> None:
    async with database.begin() as connection:
        anna, expected = await _two_channels(connection)
        page = await timeline(connection, contact_id=anna, limit=limit, sight=EVERYTHING)
        assert page.later is None
        back = list(page.messages)
        while page.earlier is not None:
            page = await timeline(
                connection, contact_id=anna, before=page.earlier, limit=limit, sight=EVERYTHING
            )
            back = [*page.messages, *back]
        on = list(page.messages)
        while page.later is not None:
            page = await timeline(
                connection, contact_id=anna, after=page.later, limit=limit, sight=EVERYTHING
            )
            on.extend(page.messages)
    assert [row.id for row in back] == expected
    assert [row.id for row in on] == expected


async def test_a_search_hit_is_shown_among_its_neighbours(database: AsyncEngine) -> None:
    async with database.begin() as connection:
        _, ids = await _two_channels(connection)
        whole = await timeline_around(
            connection, ids[5], whole_contact=True, limit=4, sight=EVERYTHING
        )
        assert whole is not None
        assert [row.id for row in whole.messages] == ids[3:8]
        assert whole.earlier is not None
        assert whole.later is not None
        alone = await timeline_around(connection, ids[5], limit=50, sight=EVERYTHING)
        assert alone is not None
        assert [row.id for row in alone.messages] == ids[1::2]
        assert (alone.earlier, alone.later) == (None, None)
        assert await timeline_around(connection, new_id(), sight=EVERYTHING) is None


async def test_assignments_merges_and_stages_stand_where_they_happened(
    database: AsyncEngine,
) -> None:
    def at(minutes: int) -> datetime:
        return START + timedelta(minutes=minutes)

    async with database.begin() as connection:
        there = Rows(connection)
        anna, same = await there.contact(), await there.contact(name="Аня")
        boris = await there.user(name="Борис")
        talk = await there.conversation(contact=anna)
        for minute in (0, 10, 20):
            await there.message(talk, text=f"m{minute}", at=at(minute))
        await there.assignment(talk, reason="по очереди", manager_id=boris, at=at(0))
        merge = await there.merge(anna, same, at=at(5), reason="один телефон", by_user=boris)
        lead = await there.lead(anna)
        await connection.execute(
            insert(tables.lead_event).values(
                id=new_id(),
                lead_id=lead,
                what="stage",
                before={"stage": "Новый"},
                after={"stage": "В работе"},
                at=at(15),
            )
        )
        whole = await timeline(connection, conversation_id=talk, sight=EVERYTHING)
        latest = await timeline(connection, conversation_id=talk, limit=2, sight=EVERYTHING)
        contact = await timeline(connection, contact_id=anna, sight=EVERYTHING)

        await connection.execute(
            update(tables.contact_merge)
            .where(tables.contact_merge.c.id == merge)
            .values(undone_at=at(25), undone_by=boris)
        )
        undone = await timeline(connection, conversation_id=talk, sight=EVERYTHING)

    told = [
        each.text if isinstance(each, MessageRow) else f"{each.kind} {each.reason or each.what}"
        for each in whole.entries()
    ]
    assert told == ["m0", "assigned по очереди", "merged один телефон", "m10", "lead stage", "m20"]
    assert contact.lines == whole.lines
    assert [line.kind for line in latest.lines] == ["lead"]
    assigned, merged, moved = whole.lines
    assert assigned.manager_name == "Борис"
    assert (merged.id, merged.other_name, merged.by_name, merged.undoable) == (
        merge,
        "Аня",
        "Борис",
        True,
    )
    assert (moved.before, moved.after) == ({"stage": "Новый"}, {"stage": "В работе"})
    assert [(line.kind, line.undoable) for line in undone.lines if line.id == merge] == [
        ("merged", False),
        ("unmerged", False),
    ]


async def test_a_live_page_catches_up_by_arrival(database: AsyncEngine) -> None:
    async with database.begin() as connection:
        there = Rows(connection)
        talk = await there.conversation()
        first, second, late = [
            await there.message(talk, at=START - timedelta(minutes=number)) for number in range(3)
        ]
        assert [row.id for row in await messages_after_seq(connection, talk, seq=1)] == [
            second,
            late,
        ]
        named = await messages_by_id(connection, [late, new_id(), first], sight=EVERYTHING)
        assert [row.id for row in named] == [late, first]


async def test_the_feed_gives_every_message_once_in_the_order_stored(
    database: AsyncEngine,
) -> None:
    async with database.begin() as connection:
        there = Rows(connection)
        mail = await there.account(slug="mail", kind="email")
        talk, other = await there.conversation(), await there.conversation(account=mail)
        ids = [
            await there.message(talk, direction="out" if number % 2 else "in")
            for number in range(7)
        ]
        mailed = await there.message(other)
        note = await there.message(talk, direction="note")

        seen: list[UUID] = []
        cursor = ""
        for _ in range(4):
            page = await list_messages(connection, account_slug="shop_bot", cursor=cursor, limit=2)
            seen.extend(row.id for row in page.items)
            cursor = page.next_cursor or ""
        assert cursor == ""
        assert seen == ids
        mails = await list_messages(connection, account_slug="mail")
        assert [row.id for row in mails.items] == [mailed]
        notes = await list_messages(connection, directions=("note",))
        assert [row.id for row in notes.items] == [note]
        behind = await list_messages(connection, after=ids[5])
        assert [row.id for row in behind.items] == [ids[6], mailed]
        later = behind.items[0].stored_at + timedelta(seconds=1)
        assert (await list_messages(connection, after=later)).items == ()
        earlier = await list_messages(connection, after=later - timedelta(minutes=1))
        assert len(earlier.items) == 8
        with pytest.raises(BadCursor):
            await list_messages(connection, after=new_id())
        with pytest.raises(BadCursor):
            await list_messages(connection, cursor="bm8")


async def test_what_waited_long_before_it_was_stored_comes_at_the_end_of_the_feed(
    database: AsyncEngine,
) -> None:
    waited = new_id()
    async with database.begin() as connection:
        talk = await Rows(connection).conversation()
        first = await Rows(connection).message(talk)
    async with database.begin() as connection:
        await Rows(connection).message(talk, id=waited)
        page = await list_messages(connection, after=first)
    assert waited < first
    assert [row.id for row in page.items] == [waited]


async def test_the_feed_waits_for_a_transaction_that_may_still_store_before_its_end(
    database: AsyncEngine,
) -> None:
    async with database.begin() as connection:
        talk = await Rows(connection).conversation()
        other = await Rows(connection).conversation(
            account=await Rows(connection).account(slug="b")
        )
    async with database.connect() as reader, database.begin() as slow:
        overtaken = await Rows(slow).message(other)
        async with database.begin() as quick:
            early = await Rows(quick).message(talk)
        assert overtaken < early
        async with reader.begin():
            during = await list_messages(reader)
        await slow.commit()
        async with asyncio.timeout(5):
            async with reader.begin():
                afterwards = await list_messages(reader)
    assert during.items == ()
    assert [row.id for row in afterwards.items] == [overtaken, early]
