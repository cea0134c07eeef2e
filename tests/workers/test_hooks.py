"""Outgoing webhooks against a program that listens for real, and answers as it is told to."""

import asyncio
import hmac
from collections.abc import AsyncGenerator
from datetime import timedelta
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy.ext.asyncio import AsyncEngine

from inbox.desk import Refused
from storage import outbox, webhook_deliveries
from storage.engine import transaction
from storage.reading.webhooks import list_deliveries, webhook_by_id
from storage.sealing import Sealer
from tests.conftest import NOON
from tests.events import a_message, accepted
from tests.installation import Installation
from workers.hooks import Hooks, delay, signature
from workers.webhook_desk import Webhooks

SEALER = Sealer(b"s" * 32)


class Receiver:
    """Answers the next requests with `answers`, the last of which repeats; keeps what it got."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers = [200]
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((dict(request.headers), await request.read()))
        self.reached.set()
        await self.go_on.wait()
        status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return web.Response(status=status, text="said the receiver")

    def body(self, number: int = -1) -> Any:
        return msgspec.json.decode(self.got[number][1])


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_post("/allo", made.take)
    async with TestServer(app) as server:
        made.url = str(server.make_url("/allo"))  # type: ignore[attr-defined]  # its address, once it has one
        yield made


class Shop:
    """Something that happens, a desk where webhooks are made, and the job that tells."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.time = NOON
        self.desk = Webhooks(engine=engine, sealer=SEALER, now=self.now, private=True)
        self.place = Installation(engine)
        self.said = 0

    def now(self) -> Any:
        return self.time

    def job(self, **options: Any) -> Hooks:
        return Hooks(
            engine=self.engine,
            sealer=SEALER,
            now=self.now,
            chance=lambda: 0.5,
            **({"private": True} | options),
        )

    async def happens(self) -> None:
        """Somebody writes, and the relay has been there."""
        if not self.said:
            await self.place.found()
            await self.place.hire("Anna")
            self.account = await self.place.connect("bot")
        self.said += 1
        event = a_message(
            text=f"Сколько стоит {self.said}?", at=NOON + timedelta(seconds=self.said)
        )
        await self.place.route(accepted(self.account, event), now=self.time)
        async with transaction(self.engine) as connection:
            await outbox.take(connection, limit=500)

    async def once(self, hooks: Hooks) -> None:
        """Until there is nothing that could be done now."""
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(hooks.run(stop))
            while True:
                await hooks.settled()
                async with self.engine.connect() as connection:
                    left = await webhook_deliveries.targets_due(
                        connection, sealer=SEALER, now=self.time
                    )
                if not left:
                    break
            stop.set()

    async def log(self, webhook: Any) -> Any:
        async with self.engine.connect() as connection:
            return (await list_deliveries(connection, webhook)).items

    async def state(self, webhook: Any) -> str:
        async with self.engine.connect() as connection:
            found = await webhook_by_id(connection, webhook)
        assert found is not None
        return found.state


@pytest.fixture
async def shop(database: AsyncEngine) -> Shop:
    made = Shop(database)
    # The place from which facts are looked at.
    async with transaction(database) as connection:
        await webhook_deliveries.collect(connection, now=NOON)
    return made


async def test_what_happens_is_told_signed_and_as_the_api_shows_it(shop, receiver):
    made, secret = await shop.desk.add(receiver.url, ["message_received", "lead_opened"], by=None)
    await shop.happens()
    await shop.once(shop.job())

    told = {receiver.body(n)["type"]: receiver.body(n) for n in range(len(receiver.got))}
    assert told.keys() == {"message_received", "lead_opened"}
    assert told["message_received"]["data"]["text"] == "Сколько стоит 1?"
    assert told["lead_opened"]["data"]["status"] == "open"
    assert told["message_received"]["id"] == told["message_received"]["fact"]["id"]

    headers, body = receiver.got[0]
    moment, proof = headers["Allo-Signature"].removeprefix("t=").split(",v1=")
    expected = hmac.new(secret.encode(), f"{moment}.".encode() + body, sha256).hexdigest()
    assert proof == expected
    assert all(each.state == "delivered" and each.status == 200 for each in await shop.log(made))


async def test_a_fact_is_told_once_however_often_it_is_collected(shop, receiver):
    await shop.desk.add(receiver.url, ["message_received"], by=None)
    await shop.happens()
    await shop.once(shop.job())
    await shop.place.sql("update setting set value = '0' where name = 'webhooks_position'")
    await shop.once(shop.job())
    assert len(receiver.got) == 1


async def test_what_was_not_taken_is_sent_again_later_with_the_same_bytes(shop, receiver):
    receiver.answers = [500, 200]
    made, _ = await shop.desk.add(receiver.url, ["message_received"], by=None)
    await shop.happens()
    await shop.once(shop.job())
    (waiting,) = await shop.log(made)
    assert (waiting.state, waiting.status, waiting.response) == (
        "waiting",
        500,
        "said the receiver",
    )
    assert waiting.next_attempt_at == shop.time + timedelta(seconds=10)

    await shop.once(shop.job())
    assert len(receiver.got) == 1, "not before its time"
    shop.time += timedelta(seconds=11)
    await shop.once(shop.job())
    assert receiver.got[0][1] == receiver.got[1][1]
    (taken,) = await shop.log(made)
    assert (taken.state, taken.attempts) == ("delivered", 2)


async def test_after_a_day_it_is_given_up_and_can_be_sent_again_by_hand(shop, receiver):
    receiver.answers = [503]
    made, _ = await shop.desk.add(receiver.url, ["message_received"], by=None)
    await shop.happens()
    for _ in range(20):
        await shop.once(shop.job())
        shop.time += timedelta(hours=5)
    (given_up,) = await shop.log(made)
    assert given_up.state == "failed"
    assert 3 < given_up.attempts < 20

    receiver.answers = [200]
    await shop.desk.change(made, state="active", by=None)
    await shop.desk.send_again(given_up.id)
    await shop.once(shop.job())
    assert (await shop.log(made))[0].state == "delivered"


async def test_an_address_that_takes_nothing_for_days_is_asked_no_longer(shop, receiver, count):
    receiver.answers = [500]
    made, _ = await shop.desk.add(receiver.url, ["message_received"], by=None)
    await shop.happens()
    await shop.once(shop.job())
    assert await shop.state(made) == "active"
    shop.time += timedelta(days=3, minutes=1)
    await shop.once(shop.job())
    assert await shop.state(made) == "stopped"
    told = await shop.place.one("select what from audit where what = 'webhook_stopped'")
    assert told.what == "webhook_stopped"

    await shop.desk.change(made, state="active", by=None)
    assert await shop.state(made) == "active"


async def test_an_address_that_says_it_is_gone_is_believed(shop, receiver):
    receiver.answers = [410]
    made, _ = await shop.desk.add(receiver.url, ["message_received"], by=None)
    await shop.happens()
    await shop.once(shop.job())
    assert await shop.state(made) == "stopped"


async def test_a_worker_that_dies_with_a_delivery_in_its_hands_leaves_it_to_the_next(
    shop, receiver
):
    made, _ = await shop.desk.add(receiver.url, ["message_received"], by=None)
    await shop.happens()
    receiver.go_on.clear()
    dying = asyncio.ensure_future(shop.job().run(asyncio.Event()))
    await receiver.reached.wait()
    dying.cancel()
    await asyncio.wait((dying,))
    receiver.go_on.set()
    assert (await shop.log(made))[0].state == "waiting"

    await shop.once(shop.job())
    assert len(receiver.got) == 1, "it may still be under way"
    shop.time += timedelta(minutes=2)
    await shop.once(shop.job())
    assert len(receiver.got) == 2
    assert receiver.body(0)["id"] == receiver.body(1)["id"]
    assert (await shop.log(made))[0].state == "delivered"


async def test_two_workers_send_each_delivery_once(shop, receiver):
    await shop.desk.add(receiver.url, ["message_received"], by=None)
    for _ in range(20):
        await shop.happens()
    await asyncio.wait([asyncio.ensure_future(shop.once(shop.job())) for _ in range(2)])
    ids = [receiver.body(n)["id"] for n in range(len(receiver.got))]
    assert len(ids) == 20
    assert len(set(ids)) == 20


async def test_both_secrets_sign_for_a_day_after_a_change(shop, receiver):
    made, first = await shop.desk.add(receiver.url, ["message_received"], by=None)
    second = await shop.desk.new_secret(made, by=None)
    await shop.happens()
    await shop.once(shop.job())
    headers, body = receiver.got[-1]
    assert headers["Allo-Signature"] == signature((second, first), body, at=shop.time)

    shop.time += timedelta(days=1, seconds=1)
    await shop.happens()
    await shop.once(shop.job())
    headers, body = receiver.got[-1]
    assert headers["Allo-Signature"] == signature((second,), body, at=shop.time)


async def test_a_paused_one_is_told_afterwards_and_a_deleted_one_never(shop, receiver):
    made, _ = await shop.desk.add(receiver.url, ["message_received"], by=None)
    gone, _ = await shop.desk.add(receiver.url, ["message_received"], by=None)
    await shop.desk.change(made, state="paused", by=None)
    await shop.happens()
    await shop.desk.remove(gone, by=None)
    await shop.once(shop.job())
    assert receiver.got == []
    await shop.desk.change(made, state="active", by=None)
    await shop.once(shop.job())
    assert len(receiver.got) == 1


async def test_a_ping_is_tried_once(shop, receiver):
    receiver.answers = [404]
    made, _ = await shop.desk.add(receiver.url, ["message_received"], by=None)
    await shop.desk.ping(made)
    await shop.once(shop.job())
    assert receiver.body()["type"] == "ping"
    (told,) = await shop.log(made)
    assert (told.state, told.status) == ("failed", 404)


async def test_a_redirect_is_not_followed_and_a_private_address_not_called(shop, receiver):
    receiver.answers = [302]
    made, _ = await shop.desk.add(receiver.url, ["message_received"], by=None)
    await shop.happens()
    await shop.once(shop.job())
    assert len(receiver.got) == 1
    assert "redirects" in (await shop.log(made))[0].error

    shop.time += timedelta(minutes=1)
    await shop.once(shop.job(private=False))
    assert len(receiver.got) == 1
    assert "private network" in (await shop.log(made))[0].error


@pytest.mark.parametrize(
    "url",
    [
        "ftp://crm.example/",
        "crm.example",
        "https://",
        "https://anna:secret@crm.example/",
        "http://127.0.0.1/allo",
        "http://localhost:1/",
        "http://[::1]/",
        "https://crm.example:99999/",
        "https://crm.example/" + "a" * 2000,
    ],
)
async def test_an_address_that_cannot_or_must_not_be_called_is_refused(database, url):
    desk = Webhooks(engine=database, sealer=SEALER, now=lambda: NOON)
    await desk.add("https://crm.example/allo", ["lead_opened"], by=None)
    with pytest.raises(Refused):
        await desk.add(url, ["lead_opened"], by=None)


def test_waiting_grows_and_is_spread() -> None:
    assert delay(1, 0.5) == timedelta(seconds=10)
    assert delay(2, 0.5) == timedelta(seconds=30)
    assert delay(30, 0.5) == timedelta(hours=4)
    assert delay(1, 0.0) < delay(1, 0.5) < delay(1, 0.99)
