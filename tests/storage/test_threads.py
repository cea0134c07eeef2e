"""What customers of the site chat may see, how they learn of it, and what is kept of their visits."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.connector import Account, Incoming
from router.ids import new_id
from router.message import Chat as ChatOf, InboundMessage, Sender
from storage.threads import Threads
from tests.conftest import NOON
from tests.doubles.site_chat import TableIntake, add_account, add_message, answer

Count = Callable[..., Awaitable[int]]


@pytest.fixture
async def account(database: AsyncEngine) -> Account:
    return await add_account(database)


@pytest.fixture
async def threads(database: AsyncEngine) -> Threads:
    return Threads(database, now=lambda: NOON)


async def hears(database: AsyncEngine, account: Account, chat: str, words: str) -> None:
    event = InboundMessage(
        key=str(new_id()),
        external_id=f"{chat}:{new_id()}",
        chat=ChatOf(id=chat),
        at=NOON,
        sender=Sender(keys=()),
        text=words,
    )
    await TableIntake(database).accept(account, [Incoming(event=event)])


async def run(database: AsyncEngine, statement: str, **given: Any) -> Any:
    async with database.begin() as connection:
        return await connection.execute(text(statement), given)


async def test_a_thread_is_read_by_seq_from_both_ends(
    database: AsyncEngine, account: Account, threads: Threads
) -> None:
    for number in range(5):
        await hears(database, account, "chat", str(number))
    assert [each.text for each in await threads.after(account.id, "chat", 3)] == ["3", "4"]
    assert [each.text for each in await threads.after(account.id, "chat", 0, limit=2)] == ["0", "1"]
    assert [each.text for each in await threads.before(account.id, "chat", None, limit=2)] == [
        "3",
        "4",
    ]
    assert [each.seq for each in await threads.before(account.id, "chat", 3)] == [1, 2]
    assert await threads.after(account.id, "another", 0) == []
    assert await threads.after(new_id(), "chat", 0) == []


async def test_notes_and_system_lines_are_never_shown(
    database: AsyncEngine, account: Account, threads: Threads
) -> None:
    await hears(database, account, "chat", "Здравствуйте")
    conversation = await one_conversation(database)
    async with database.begin() as connection:
        for direction in ("note", "system", "out"):
            await add_message(connection, conversation, direction=direction, words=direction)
    assert [each.text for each in await threads.after(account.id, "chat", 0)] == [
        "Здравствуйте",
        "out",
    ]


async def one_conversation(database: AsyncEngine) -> UUID:
    found = (await run(database, "select id from conversation")).scalar_one()
    assert isinstance(found, UUID)
    return found


async def test_own_messages_are_read_once_a_colleague_has_read_them(
    database: AsyncEngine, account: Account, threads: Threads
) -> None:
    await hears(database, account, "chat", "one")
    await hears(database, account, "chat", "two")
    assert [each.state for each in await threads.after(account.id, "chat", 0)] == ["delivered"] * 2
    await run(database, "update conversation set unread = 1")
    assert [each.state for each in await threads.after(account.id, "chat", 0)] == [
        "read",
        "delivered",
    ]
    await run(database, "update conversation set unread = 0")
    assert [each.state for each in await threads.after(account.id, "chat", 0)] == ["read"] * 2


async def test_a_deleted_message_says_nothing_of_what_it_said(
    database: AsyncEngine, account: Account, threads: Threads
) -> None:
    await hears(database, account, "chat", "Здравствуйте")
    told = await answer(database, "chat", "не туда")
    await run(
        database,
        "insert into attachment (id, message_id, kind, sha256) values (:id, :message, 'document', 'abc')",
        id=new_id(),
        message=told,
    )
    (before,) = await threads.after(account.id, "chat", 1)
    assert (before.text, before.author, len(before.files)) == ("не туда", "Анна", 1)
    await run(database, "update message set deleted_at = now() where id = :id", id=told)
    (after,) = await threads.after(account.id, "chat", 1)
    assert (after.text, after.deleted, after.files) == ("", True, ())


async def test_a_file_still_on_its_way_has_no_hash(
    database: AsyncEngine, account: Account, threads: Threads
) -> None:
    await hears(database, account, "chat", "")
    await run(
        database,
        """insert into attachment (id, message_id, kind, name, size, sha256, state)
           select :id, id, 'image', 'a.png', 7, '', 'wanted' from message""",
        id=new_id(),
    )
    (message,) = await threads.after(account.id, "chat", 0)
    assert [(each.name, each.size, each.sha256) for each in message.files] == [("a.png", 7, "")]


async def test_a_look_wakes_only_those_whose_chat_went_on(
    database: AsyncEngine, account: Account, threads: Threads
) -> None:
    await hears(database, account, "one", "…")
    await hears(database, account, "other", "…")
    async with (
        threads.changes(account.id, "one") as one,
        threads.changes(account.id, "other") as other,
    ):
        await threads.look()
        await woken(one)
        await woken(other)
        await answer(database, "one", "новое")
        await threads.look()
        await woken(one)
        assert not await wakes(other)
    assert not threads._watched
    assert not threads._chats


async def test_a_colleague_reading_is_a_change(
    database: AsyncEngine, account: Account, threads: Threads
) -> None:
    await hears(database, account, "chat", "…")
    async with threads.changes(account.id, "chat") as changes:
        await threads.look()
        await woken(changes)
        await run(database, "update conversation set unread = 0")
        await threads.look()
        await woken(changes)


async def test_a_hint_wakes_at_once_and_an_unknown_conversation_may_be_a_new_chat(
    database: AsyncEngine, account: Account, threads: Threads
) -> None:
    await hears(database, account, "known", "…")
    async with (
        threads.changes(account.id, "known") as known,
        threads.changes(account.id, "new") as new,
    ):
        await threads.look()
        await woken(known)
        threads.hint(account.id, await one_conversation(database))
        await woken(known)
        assert not await wakes(new)
        threads.hint(account.id, new_id())
        await woken(new)
        assert not await wakes(known)
        threads.hint(new_id(), new_id())
        assert not await wakes(new)
        threads.hint_all()
        await woken(known)
        await woken(new)


async def test_closing_ends_every_listener(account: Account, threads: Threads) -> None:
    async with threads.changes(account.id, "chat") as changes:
        threads.close()
        assert [each async for each in changes] == []


async def woken(changes: Any) -> None:
    async with asyncio.timeout(5):
        await anext(changes)


async def wakes(changes: Any) -> bool:
    return bool(changes._woken.is_set())


YANDEX = {
    "visit": "v1",
    "utm": {"source": "Yandex", "medium": "cpc", "campaign": "brakes"},
    "click_ids": {"yclid": "7"},
    "landing": "https://shop.example/?utm_source=Yandex",
    "visited_at": NOON.isoformat(),
}
DIRECT = {"visit": "v2", "landing": "https://shop.example/", "visited_at": NOON.isoformat()}


async def test_a_visit_is_one_touch_however_often_it_is_told(
    account: Account, threads: Threads, database: AsyncEngine, count: Count
) -> None:
    visitor = str(new_id())
    await threads.visitor_seen(account.id, visitor, source=YANDEX)
    await threads.visitor_seen(account.id, visitor, source=YANDEX)
    row = (await run(database, "select source, medium, campaign, click_ids, at from touch")).one()
    assert tuple(row) == ("yandex", "cpc", "brakes", {"yclid": "7"}, NOON)
    assert await count("visitor", "visits = 1") == 1
    assert await count("contact") == 0


async def test_a_visit_of_unknown_origin_does_not_hide_where_the_person_came_from(
    account: Account, threads: Threads, count: Count
) -> None:
    visitor = str(new_id())
    await threads.visitor_seen(account.id, visitor, source=YANDEX)
    await threads.visitor_seen(account.id, visitor, source=DIRECT)
    await threads.visitor_seen(account.id, visitor, source=DIRECT)
    touch = await threads.last_touch(account.id, visitor)
    assert touch is not None
    assert touch["utm"]["campaign"] == "brakes"
    assert await count("visitor", "visits = 2") == 1
    # That they came by themselves is known all the same, once for the visit.
    assert await count("touch") == 2
    assert await count("touch", "(source, medium) = ('direct', 'none')") == 1


async def test_first_touch_stays_and_last_touch_follows(
    account: Account, threads: Threads, database: AsyncEngine
) -> None:
    visitor = str(new_id())
    await threads.visitor_seen(account.id, visitor, source=DIRECT)
    await threads.visitor_seen(account.id, visitor, source=YANDEX)
    later = NOON + timedelta(days=1)
    vk = {"visit": "v3", "utm": {"source": "vk"}, "visited_at": later.isoformat()}
    await threads.visitor_seen(account.id, visitor, source=vk)
    row = (await run(database, "select first_touch, last_touch from visitor")).one()
    assert row.first_touch["visit"] == "v2"
    assert row.last_touch["utm"] == {"source": "vk"}


async def test_the_touch_of_a_known_visitor_is_the_contacts(
    account: Account, threads: Threads, database: AsyncEngine, count: Count
) -> None:
    visitor, contact = str(new_id()), new_id()
    await run(database, "insert into contact (id, created_at) values (:id, now())", id=contact)
    await run(
        database,
        """insert into identity (id, contact_id, kind, value, proved, first_seen, last_seen)
           values (:id, :contact, 'visitor', :value, true, now(), now())""",
        id=new_id(),
        contact=contact,
        value=visitor,
    )
    await threads.visitor_seen(account.id, visitor, source=YANDEX)
    assert await count("touch", f"contact_id = '{contact}'") == 1


async def test_a_visitor_without_a_visit_is_only_seen(account: Account, threads: Threads) -> None:
    visitor = str(new_id())
    await threads.visitor_seen(account.id, visitor, source=None)
    assert await threads.last_touch(account.id, visitor) is None
    assert await threads.last_touch(account.id, str(new_id())) is None
