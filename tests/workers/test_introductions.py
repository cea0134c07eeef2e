"""People whose platform sends no names get theirs afterwards, and what a colleague reads is read for the customer too."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.channels.vk import connector
from connectors.connector import Account, Request
from router import wire
from router.facts import ConversationChanged, MessageReceived
from router.ids import new_id
from router.message import Accepted
from router.transit import BrokerDown, Publication
from sandbox.vk import Fault
from tests.conftest import NOON
from tests.connectors.channels.vk_stand import Stand, a_stand
from tests.connectors.channels.vk_world import ANNA, a_message_new
from tests.events import accepted
from tests.installation import Installation
from workers.introduce import Introductions
from workers.read_marks import ReadMarks


@dataclass
class Book:
    account: Account

    def by_id(self, account: UUID) -> Account | None:
        return self.account if account == self.account.id else None


@dataclass
class Broker:
    """Keeps what is published; `down` refuses so often."""

    down: int = 0
    published: list[Accepted] = field(default_factory=list)

    async def publish(self, publications: Sequence[Publication]) -> None:
        if self.down:
            self.down -= 1
            raise BrokerDown("gone")
        for each in publications:
            self.published += [wire.decode_event(body) for body in wire.split_events(each.body)]


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.005)


@asynccontextmanager
async def at_work(job: Introductions | ReadMarks) -> AsyncGenerator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(job.run(stop))
        await until(lambda: job._at_work)
        yield
        stop.set()
        await running


@pytest.fixture
async def shop(database: AsyncEngine) -> Installation:
    shop = await Installation(database).found()
    await shop.hire("Anna")
    return shop


async def a_customer(shop: Installation, stand: Stand) -> tuple[Account, MessageReceived]:
    """Anna's message is stored, without her name."""
    account = replace(stand.account, id=await shop.connect(kind="vk"))
    assert connector.receive is not None
    request = Request(method="POST", headers={}, body=a_message_new(), received_at=NOON)
    (incoming,) = connector.receive(account, request).incoming
    await shop.route(accepted(account.id, incoming.event, channel="vk"))
    row = await shop.one("select id, contact_id from conversation")
    return account, MessageReceived(
        id=new_id(), at=NOON, account=account.id, contact=row.contact_id, conversation=row.id, message=new_id(), seq=1
    )  # fmt: skip


def introductions(shop: Installation, stand: Stand, account: Account, broker: Broker) -> Introductions:  # fmt: skip
    return Introductions(
        engine=shop.engine,
        connectors={"vk": connector},
        accounts=Book(account),  # type: ignore[arg-type]  # the part that is used
        broker=broker,  # type: ignore[arg-type]  # the part that is used
        http=stand.http,
        now=lambda: NOON,
    )


async def test_a_customer_gets_the_name_that_vk_knows(shop: Installation) -> None:
    async with a_stand() as stand:
        account, fact = await a_customer(shop, stand)
        assert (await shop.one("select name from contact")).name == ""
        broker = Broker()
        job = introductions(shop, stand, account, broker)
        async with at_work(job):
            for _ in range(3):
                job.hear(fact)
            await until(lambda: broker.published)
        assert stand.vk.calls.count("users.get") == 1
    (event,) = broker.published
    await shop.route(event)
    assert (await shop.one("select name from contact")).name == "Анна Каренина"


async def test_nobody_is_asked_after_who_has_a_name(shop: Installation) -> None:
    async with a_stand() as stand:
        account, fact = await a_customer(shop, stand)
        await shop.sql("update contact set name = 'Аня'")
        job = introductions(shop, stand, account, Broker())
        async with at_work(job):
            job.hear(fact)
            await until(job._written.empty)
        assert "users.get" not in stand.vk.calls


async def test_a_vk_that_does_not_answer_holds_up_nobody_and_is_asked_again_later(
    shop: Installation,
) -> None:
    async with a_stand() as stand:
        account, fact = await a_customer(shop, stand)
        stand.vk.go_wrong(Fault(kind="error", code=10, method="users.get"))
        broker = Broker()
        job = introductions(shop, stand, account, broker)
        assert fact.contact is not None
        async with at_work(job):
            job.hear(fact)
            asked_again = asyncio.get_running_loop().time() + 120
            await until(
                lambda: 0 < job._not_before.get(fact.contact or UUID(int=0), 0) < asked_again
            )
            assert broker.published == []
            job._not_before.clear()
            job.hear(fact)
            await until(lambda: broker.published)


async def test_without_a_broker_the_next_message_asks_again(shop: Installation) -> None:
    async with a_stand() as stand:
        account, fact = await a_customer(shop, stand)
        broker = Broker(down=1)
        job = introductions(shop, stand, account, broker)
        async with at_work(job):
            job.hear(fact)
            await until(lambda: not broker.down)
            job._not_before.clear()
            job.hear(fact)
            await until(lambda: broker.published)


async def test_what_a_colleague_read_is_read_for_the_customer(shop: Installation) -> None:
    async with a_stand() as stand:
        account, fact = await a_customer(shop, stand)
        marks = ReadMarks(
            engine=shop.engine,
            connectors={"vk": connector},
            accounts=Book(account),  # type: ignore[arg-type]  # the part that is used
            http=stand.http,
        )
        stand.vk.go_wrong(Fault(kind="error", code=10, method="messages.markAsRead"))
        read = ConversationChanged(
            id=new_id(), at=NOON, account=account.id, conversation=fact.conversation, what="read"
        )
        async with at_work(marks):
            marks.hear(read)
            marks.hear(ConversationChanged(id=new_id(), at=NOON, account=account.id, conversation=fact.conversation, what="opened"))  # fmt: skip
            marks.hear(read)
            await until(lambda: stand.community.actions)
        assert stand.community.actions == [(ANNA, "read")]
        assert stand.vk.calls.count("messages.markAsRead") == 2
