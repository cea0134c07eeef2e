"""The relay: at once after a silence, and together when there is much."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from router import wire
from router.facts import ContactCreated
from router.ids import new_id
from router.transit import Publication
from tests.conftest import NOON
from workers import relay as relays
from workers.relay import Relay
from workers.topology import RECORD


class Heard:
    """A broker that remembers what it was given."""

    def __init__(self) -> None:
        self.passes: list[int] = []
        self.broadcasts: list[bytes] = []
        self.published = asyncio.Event()

    async def publish(self, publications: Sequence[Publication]) -> None:
        assert {each.queue for each in publications} == {RECORD}
        self.passes.append(sum(len(wire.unpack_facts(each.body)) for each in publications))
        self.published.set()

    async def broadcast(self, body: bytes) -> None:
        self.broadcasts += wire.unpack_facts(body)

    async def until(self, facts: int) -> None:
        async with asyncio.timeout(20):
            while sum(self.passes) < facts:
                self.published.clear()
                await self.published.wait()


async def _happens(engine: AsyncEngine, relay: Relay) -> None:
    fact = ContactCreated(id=new_id(), at=NOON, contact=new_id())
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "insert into outbox (id, kind, body, at) values (:id, 'contact_created', :body, :at)"
            ),
            {"id": fact.id, "body": wire.encode_fact(fact), "at": NOON},
        )
    relay.wake()


async def test_the_first_leaves_at_once_and_those_after_it_together(
    database: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, "PACE_S", 2.0)
    heard, stop = Heard(), asyncio.Event()
    relay = Relay(engine=database, broker=heard)  # type: ignore[arg-type]  # what a relay asks of one
    async with asyncio.TaskGroup() as group:
        group.create_task(relay.run(stop))
        await _happens(database, relay)
        await heard.until(1)
        for _ in range(5):
            await _happens(database, relay)
        assert heard.passes == [1], "it is pausing still"
        await heard.until(6)
        stop.set()
    assert heard.passes == [1, 5]
    assert len(heard.broadcasts) == 6
    async with database.connect() as connection:
        positions = list(
            (
                await connection.execute(text("select position from outbox order by position"))
            ).scalars()
        )
    assert positions == sorted(set(positions))
    assert None not in positions
