"""A reply on its way out: what is written about it twice, or late, changes nothing that is true."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from storage import deliveries
from storage.deliveries import Due
from storage.desk import Desk
from storage.profile import set_signature
from tests.conftest import NOON
from tests.doubles.site_chat import MemoryMedia
from tests.events import a_message, a_person, accepted
from tests.installation import Installation

WORKER = "worker-1"


@pytest.fixture
async def shop(database: AsyncEngine) -> Installation:
    shop = await Installation(database).found()
    await shop.hire("Anna")
    return shop


async def _answered(shop: Installation) -> tuple[UUID, UUID]:
    """(account, the reply's message)."""
    account = await shop.connect()
    await shop.route(accepted(account, a_message(by=a_person(700))))
    conversation = (await shop.one("select id from conversation")).id
    desk = Desk(shop.engine, now=lambda: NOON, media=MemoryMedia())
    return account, await desk.reply(conversation, by=None, text="1 400")


async def _claimed(shop: Installation, account: UUID) -> Due:
    async with shop.engine.begin() as connection:
        (due,) = await deliveries.claim(
            connection, account, by=WORKER, identity="telegram", now=NOON, limit=10
        )
    return due


async def _begun(shop: Installation, due: Due, *, by: str = WORKER, now: Any = NOON) -> bool:
    async with shop.engine.begin() as connection:
        return await deliveries.begin(connection, due, by=by, now=now)


async def test_beginning_again_because_the_answer_was_lost_is_the_same_attempt(shop):
    account, _ = await _answered(shop)
    due = await _claimed(shop, account)

    assert await _begun(shop, due)
    assert await _begun(shop, due)

    row = await shop.one("select state, attempts from delivery")
    assert (row.state, row.attempts) == ("sending", 1)


async def test_what_another_worker_has_claimed_since_is_not_begun(shop):
    account, _ = await _answered(shop)
    due = await _claimed(shop, account)
    later = NOON + deliveries.CLAIM + timedelta(seconds=1)
    async with shop.engine.begin() as connection:
        assert await deliveries.claim(
            connection, account, by="worker-2", identity="telegram", now=later, limit=10
        )

    assert not await _begun(shop, due, now=later)


async def test_a_part_written_down_twice_is_one_part(shop):
    account, _ = await _answered(shop)
    due = await _claimed(shop, account)
    await _begun(shop, due)
    first = replace(due, external_ids=("700:1",))
    for _ in range(2):
        async with shop.engine.begin() as connection:
            await deliveries.part_sent(connection, first, now=NOON)

    row = await shop.one("select parts_done, external_ids from delivery")
    assert (row.parts_done, row.external_ids) == (1, ["700:1"])


async def test_a_reply_whose_echo_came_in_first_is_sent_all_the_same(shop):
    account, message = await _answered(shop)
    due = await _claimed(shop, account)
    await _begun(shop, due)
    echo = a_message(by=a_person(700), external_id="700:900", direction="out", text="1 400")
    await shop.route(accepted(account, echo))

    async with shop.engine.begin() as connection:
        await deliveries.settle(connection, due, "sent", now=NOON, external_id="700:900")

    assert (await shop.one("select state from message where id = :id", id=message)).state == "sent"
    assert (await shop.one("select state from delivery")).state == "sent"


async def test_an_answer_goes_out_under_its_authors_signature(shop):
    account = await shop.connect()
    await shop.route(accepted(account, a_message(by=a_person(700))))
    conversation = (await shop.one("select id from conversation")).id
    anna = (await shop.one("select id from user_account where name = 'Anna'")).id
    async with shop.engine.begin() as connection:
        await set_signature(connection, anna, "Анна\nМагазин")
    desk = Desk(shop.engine, now=lambda: NOON, media=MemoryMedia())
    await desk.reply(conversation, by=anna, text="1 400")
    assert (await _claimed(shop, account)).signature == "Анна\nМагазин"


async def test_an_answer_of_nobodys_has_no_signature(shop):
    account, _ = await _answered(shop)
    assert (await _claimed(shop, account)).signature == ""
