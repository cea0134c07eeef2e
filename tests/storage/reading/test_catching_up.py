"""Catching up by how far each conversation had been seen; and a timeline that begins at a message."""

from datetime import timedelta

import pytest

from router.ids import new_id
from storage.reading.messages import cursor_of, messages_since, timeline, timeline_around
from storage.reading.paging import BadCursor
from storage.reading.sight import EVERYTHING
from tests.conftest import NOON
from tests.events import a_message, accepted
from tests.installation import Installation


@pytest.fixture
async def shop(database):
    return await Installation(database).found()


@pytest.fixture
async def telegram(shop):
    await shop.hire("Anna")
    return await shop.connect("bot")


async def said(shop, account, *numbers: int) -> None:
    for number in numbers:
        event = a_message(text=f"number {number}", at=NOON + timedelta(minutes=number))
        await shop.route(accepted(account, event))


async def test_what_came_since_is_given_in_full_and_says_when_there_is_more(shop, telegram):
    await said(shop, telegram, *range(1, 8))
    talk = await shop.one("select id, contact_id from conversation")
    async with shop.engine.connect() as connection:
        rows, more = await messages_since(
            connection, contact_id=talk.contact_id, reached={talk.id: 2}, limit=3, sight=EVERYTHING
        )
        assert ([row.text for row in rows], more) == (["number 3", "number 4", "number 5"], True)
        rows, more = await messages_since(
            connection,
            contact_id=talk.contact_id,
            reached={talk.id: rows[-1].seq},
            limit=3,
            sight=EVERYTHING,
        )
        assert ([row.text for row in rows], more) == (["number 6", "number 7"], False)
        rows, more = await messages_since(
            connection, contact_id=talk.contact_id, reached={talk.id: 7}, limit=3, sight=EVERYTHING
        )
        assert (rows, more) == ([], False)


async def test_a_message_that_came_late_is_caught_up_though_it_was_written_before(shop, telegram):
    await said(shop, telegram, 5, 6, 1)
    talk = await shop.one("select id, contact_id from conversation")
    async with shop.engine.connect() as connection:
        rows, _ = await messages_since(
            connection, contact_id=talk.contact_id, reached={talk.id: 2}, sight=EVERYTHING
        )
    assert [row.text for row in rows] == ["number 1"]


async def test_a_conversation_that_was_not_known_is_caught_up_from_its_beginning(shop, telegram):
    await said(shop, telegram, 1)
    other = await shop.connect("other")
    event = a_message(text="elsewhere", at=NOON + timedelta(minutes=9))
    await shop.route(accepted(other, event))
    talk = await shop.one(
        "select id, contact_id from conversation where account_id = :id", id=telegram
    )
    async with shop.engine.connect() as connection:
        rows, _ = await messages_since(
            connection, contact_id=talk.contact_id, reached={talk.id: 1}, sight=EVERYTHING
        )
        assert [row.text for row in rows] == ["elsewhere"]
        rows, _ = await messages_since(
            connection,
            contact_id=talk.contact_id,
            reached={talk.id: 0},
            only=talk.id,
            sight=EVERYTHING,
        )
        assert [row.text for row in rows] == ["number 1"]


async def test_a_timeline_goes_on_from_a_message_and_never_shows_anothers(shop, telegram):
    await said(shop, telegram, *range(1, 6))
    talk = await shop.one("select id, contact_id from conversation")
    third = (await shop.one("select id from message where text = 'number 3'")).id
    async with shop.engine.connect() as connection:
        place = await cursor_of(connection, third)
        page = await timeline(
            connection, contact_id=talk.contact_id, after=place, limit=10, sight=EVERYTHING
        )
        assert [row.text for row in page.messages] == ["number 4", "number 5"]
        page = await timeline(
            connection, contact_id=talk.contact_id, before=place, limit=10, sight=EVERYTHING
        )
        assert [row.text for row in page.messages] == ["number 1", "number 2"]
        with pytest.raises(BadCursor):
            await cursor_of(connection, new_id())
        assert (
            await timeline_around(connection, third, within=talk.contact_id, sight=EVERYTHING)
            is not None
        )
        assert await timeline_around(connection, third, within=new_id(), sight=EVERYTHING) is None
