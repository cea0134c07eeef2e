from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from router.ids import new_id
from storage.dead_letters import (
    NewLetter,
    close_for_replay,
    count_open_letters,
    drop_letters,
    find_letter,
    keep_letter,
    open_letters,
)
from tests.conftest import NOON


def _letter(event: UUID | None = None, *, queue: str = "allo.inbound.0") -> NewLetter:
    return NewLetter(stage="route", queue=queue, body=b"{}", reason="a reason", event_id=event)


async def test_the_same_event_failing_again_counts_on_its_open_letter(
    database: AsyncEngine,
) -> None:
    event = new_id()
    async with database.begin() as connection:
        first = await keep_letter(connection, _letter(event), now=NOON)
        again = await keep_letter(connection, _letter(event), now=NOON + timedelta(hours=1))
        found = await find_letter(connection, first)
    assert again == first
    assert found is not None
    assert found.letter.attempts == 2
    assert (found.letter.first_seen, found.letter.last_seen) == (NOON, NOON + timedelta(hours=1))


async def test_a_replayed_event_that_fails_again_has_a_new_letter(database: AsyncEngine) -> None:
    event = new_id()
    async with database.begin() as connection:
        first = await keep_letter(connection, _letter(event), now=NOON)
        await close_for_replay(connection, [first], by="anna", now=NOON)
        second = await keep_letter(connection, _letter(event), now=NOON)
        assert second != first
        assert [each.id for each in await open_letters(connection)] == [second]


async def test_letters_go_back_once_and_in_the_order_in_which_they_failed(
    database: AsyncEngine,
) -> None:
    async with database.begin() as connection:
        letters = [await keep_letter(connection, _letter(), now=NOON) for _ in range(3)]
        back = await close_for_replay(connection, letters[::-1], by="anna", now=NOON)
        again = await close_for_replay(connection, letters, by="boris", now=NOON)
    assert [each.id for each in back] == letters
    assert again == ()


async def test_a_letter_without_a_queue_stays_open_until_it_is_dropped(
    database: AsyncEngine,
) -> None:
    async with database.begin() as connection:
        letter = await keep_letter(connection, _letter(queue=""), now=NOON)
        assert await close_for_replay(connection, [letter], by="anna", now=NOON) == ()
        assert await count_open_letters(connection) == 1
        assert await drop_letters(connection, [letter], by="anna", now=NOON) == (letter,)
        assert await drop_letters(connection, [letter], by="anna", now=NOON) == ()


async def test_pages_of_letters_follow_each_other(database: AsyncEngine) -> None:
    async with database.begin() as connection:
        letters = [
            await keep_letter(connection, _letter(), now=NOON + timedelta(minutes=n // 2))
            for n in range(5)
        ]
        first = await open_letters(connection, limit=2)
        rest = await open_letters(connection, after=(first[-1].first_seen, first[-1].id), limit=10)
    assert [each.id for each in (*first, *rest)] == letters
