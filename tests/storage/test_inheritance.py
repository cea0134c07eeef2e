"""What a killed process held is free for its only successor, at once."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from router.transit import Publication
from storage import deliveries
from storage.desk import Desk
from storage.inheritance import inherit
from storage.leases import acquire
from storage.queue import PostgresBroker
from tests.conftest import NOON
from tests.doubles.site_chat import MemoryMedia
from tests.events import a_message, a_person, accepted
from tests.installation import Installation
from workers.topology import ATTEMPTS, DEAD, INBOUND

A_MOMENT_LATER = NOON + timedelta(seconds=1)


async def _inherit(database: AsyncEngine) -> None:
    async with database.begin() as connection:
        await inherit(connection, now=A_MOMENT_LATER)


async def test_a_lease_of_the_dead_is_free(database: AsyncEngine) -> None:
    async def taken(holder: str) -> set[str]:
        async with database.begin() as connection:
            return await acquire(connection, names=["inbound/1"], holder=holder, ttl=60, limit=1)

    assert await taken("the dead")
    assert not await taken("the next")
    await _inherit(database)
    assert await taken("the next")


async def test_what_the_dead_had_taken_from_a_queue_comes_again(database: AsyncEngine) -> None:
    async with PostgresBroker(database, dead=DEAD, attempts=ATTEMPTS) as broker:
        await broker.publish([Publication(INBOUND[0], b"x")])
        async with broker.consume(INBOUND[0], prefetch=1) as dead:
            await dead.receive(1)
            assert await broker.depth(INBOUND[0]) == 0
            await _inherit(database)
            assert await broker.depth(INBOUND[0]) == 1


async def test_a_reply_that_was_being_sent_is_judged_at_once_and_what_was_not_begun_is_sent(
    database: AsyncEngine,
) -> None:
    shop = await Installation(database).found()
    await shop.hire("Anna")
    account = await shop.connect()
    desk = Desk(database, now=lambda: NOON, media=MemoryMedia())
    for person in (1, 2):
        await shop.route(accepted(account, a_message(by=a_person(person), chat=str(person))))
    for row in await shop.sql("select id from conversation order by chat"):
        await desk.reply(row.id, by=None, text="1 400")
    async with database.begin() as connection:
        due = await deliveries.claim(
            connection, account, by="the dead", identity="telegram", now=NOON, limit=10
        )
        assert await deliveries.begin(connection, due[0], by="the dead", now=NOON)

    await _inherit(database)

    later = A_MOMENT_LATER + timedelta(seconds=1)
    async with database.begin() as connection:
        assert await deliveries.abandoned(connection, now=later, repeatable=[]) == 1
        again = await deliveries.claim(
            connection, account, by="the next", identity="telegram", now=later, limit=10
        )
    assert [each.id for each in again] == [due[1].id]
    states = {row.state for row in await shop.sql("select state from delivery")}
    assert states == {"unknown", "queued"}
