"""Replies that were not sent are counted on their conversation until somebody has dealt with them."""

from datetime import timedelta

import pytest

from router.message import DeliveryReported
from storage import deliveries
from tests.conftest import NOON
from tests.events import a_message, a_person, accepted
from tests.storage.test_bulk import Shop


@pytest.fixture
async def shop(database, tmp_path):
    return await Shop(database, tmp_path).opened(people=1)


async def reply(shop, text="Здравствуйте!"):
    [talk] = await shop.shop.sql("select id from conversation")
    return await shop.desk.reply(talk.id, by=shop.shop.managers[0], text=text)


async def sent(shop, state, external_id=None):
    """The worker takes what is due and settles it."""
    [account] = await shop.shop.sql("select id from account")
    async with shop.engine.begin() as connection:
        [due] = await deliveries.claim(
            connection, account.id, by="w", identity="telegram", now=NOON, limit=5
        )
        await deliveries.begin(connection, due, by="w", now=NOON)
        await deliveries.settle(
            connection, due, state, now=NOON, external_id=external_id, reason="blocked"
        )


async def failed(shop):
    return (await shop.shop.one("select failed from conversation")).failed


@pytest.mark.parametrize("state", ["failed", "unknown"])
async def test_one_that_was_not_sent_is_counted_and_one_tried_again_is_not(shop, state):
    message = await reply(shop)
    assert await failed(shop) == 0
    await sent(shop, state)
    assert await failed(shop) == 1
    await shop.desk.retry(message, by=shop.shop.managers[0])
    assert await failed(shop) == 0
    await sent(shop, "failed")
    assert await failed(shop) == 1


async def test_a_later_answer_that_goes_out_makes_it_history(shop):
    await reply(shop)
    await sent(shop, "failed")
    await reply(shop, "ещё раз")
    assert await failed(shop) == 1
    await sent(shop, "sent", "x1")
    assert await failed(shop) == 0


async def test_a_platform_may_say_later_that_it_failed_or_arrived(shop):
    await reply(shop)
    await sent(shop, "sent", "x1")
    [account] = await shop.shop.sql("select id from account")

    async def reported(state, number):
        event = DeliveryReported(
            key=f"r{number}",
            chat=a_message(by=a_person(1)).chat,
            at=NOON + timedelta(minutes=number),
            external_ids=("x1",),
            state=state,
        )
        await shop.shop.route(accepted(account.id, event))

    await reported("failed", 1)
    assert await failed(shop) == 1
    await reported("delivered", 2)
    assert await failed(shop) == 0


async def test_dismissed_it_is_out_of_the_way_and_can_be_brought_back(shop):
    message = await reply(shop)
    await sent(shop, "failed")
    [talk] = await shop.shop.sql("select id from conversation")
    anna = shop.shop.managers[0]
    before = await shop.desk.dismiss_failures(talk.id, by=anna)
    assert await failed(shop) == 0
    await shop.desk.dismiss_failures(talk.id, by=anna, up_to=before)
    assert await failed(shop) == 1
    await shop.desk.dismiss_failures(talk.id, by=anna)
    # Tried again and failed again, it is news again.
    await shop.desk.retry(message, by=anna)
    await sent(shop, "failed")
    assert await failed(shop) == 1
