"""A platform shows us what we sent ourselves: once is what a colleague must see, whichever comes first."""

from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.channels.vk import connector
from connectors.connector import Account, Request
from router.ids import PARTS, SENDING_NUMBERS, is_sent_as, new_id, sending_number
from router.message import Event
from storage import deliveries
from storage.deliveries import Due
from storage.desk import Desk
from storage.policies import Policies
from storage.world import settle_late
from tests.conftest import NOON
from tests.connectors.channels import vk_world
from tests.connectors.channels.vk_world import ANNA, a_message_new, a_reply, an_event
from tests.doubles.site_chat import MemoryMedia
from tests.events import accepted
from tests.installation import Installation


@pytest.fixture
async def shop(database: AsyncEngine) -> Installation:
    shop = await Installation(database).found()
    await shop.hire("Anna")
    return shop


class Talk:
    """Anna has written in VK, and is being answered."""

    def __init__(self, shop: Installation, account: UUID) -> None:
        self.shop = shop
        self.account = account

    async def comes(self, body: bytes) -> None:
        await self.shop.route(accepted(self.account, self.event(body), channel="vk"))

    def event(self, body: bytes) -> Event:
        account: Account = replace(vk_world.an_account(), id=self.account)
        assert connector.receive is not None
        request = Request(method="POST", headers={}, body=body, received_at=NOON)
        (incoming,) = connector.receive(account, request).incoming
        return incoming.event

    async def answered(self, words: str) -> Due:
        conversation = (await self.shop.one("select id from conversation")).id
        desk = Desk(self.shop.engine, now=lambda: NOON, media=MemoryMedia())
        await desk.reply(conversation, by=None, text=words)
        async with self.shop.engine.begin() as connection:
            (due,) = await deliveries.claim(
                connection, self.account, by="w", identity="vk", now=NOON, limit=10
            )
            await deliveries.begin(connection, due, by="w", now=NOON)
        return due

    async def settled(self, due: Due, *external_ids: str) -> None:
        due = replace(due, external_ids=external_ids)
        async with self.shop.engine.begin() as connection:
            await deliveries.settle(connection, due, "sent", now=NOON, external_id=external_ids[0])
            await settle_late(connection, self.account, external_ids, policies=Policies(), now=NOON)

    async def shown(self) -> list[tuple[str, str, str]]:
        rows = await self.shop.sql("select direction, text, state from message order by seq")
        return [(row.direction, row.text, row.state) for row in rows]


@pytest.fixture
async def talk(shop: Installation) -> Talk:
    talk = Talk(shop, await shop.connect(kind="vk"))
    await talk.comes(a_message_new(text="Сколько?"))
    return talk


ASKED = ("in", "Сколько?", "")


async def test_an_echo_that_overtakes_the_platforms_answer_is_not_shown_twice(talk: Talk) -> None:
    due = await talk.answered("1 400")

    await talk.comes(
        a_reply(event_id="echo", text="1 400", random_id=sending_number(due.message_id))
    )
    await talk.settled(due, f"{ANNA}:58")

    assert await talk.shown() == [ASKED, ("out", "1 400", "sent")]
    row = await talk.shop.one("select external_id from message where direction = 'out'")
    assert row.external_id == f"{ANNA}:58"


async def test_the_echo_of_every_part_is_known_before_and_after(talk: Talk) -> None:
    due = await talk.answered("раз… два… три")

    for part in (0, 2):
        number = sending_number(due.message_id, part)
        echo = a_reply(event_id=f"echo{part}", conversation_message_id=58 + part, random_id=number)
        await talk.comes(echo)
    await talk.settled(due, *(f"{ANNA}:{58 + part}" for part in range(3)))
    # Of a version that does not repeat the number: by the ids that the parts have now.
    await talk.comes(a_reply(event_id="echo1", conversation_message_id=59, random_id=0))

    assert await talk.shown() == [ASKED, ("out", "раз… два… три", "sent")]


async def test_reading_the_last_part_is_reading_the_reply(talk: Talk) -> None:
    due = await talk.answered("раз… два")
    await talk.settled(due, f"{ANNA}:58", f"{ANNA}:59")
    told = {"from_id": ANNA, "peer_id": ANNA, "conversation_message_id": 59}

    await talk.comes(an_event("message_read", told, event_id="read"))

    assert (await talk.shown())[1] == ("out", "раз… два", "read")


async def test_reading_that_overtakes_the_answer_is_kept_until_then(talk: Talk) -> None:
    due = await talk.answered("раз… два")
    told = {"from_id": ANNA, "peer_id": ANNA, "conversation_message_id": 59}

    await talk.comes(an_event("message_read", told, event_id="read"))
    await talk.settled(due, f"{ANNA}:58", f"{ANNA}:59")

    assert (await talk.shown())[1] == ("out", "раз… два", "read")


async def test_what_others_write_for_the_community_is_shown(talk: Talk) -> None:
    due = await talk.answered("1 400")
    foreign = sending_number(new_id())
    assert not is_sent_as(due.message_id, foreign)

    await talk.comes(
        a_reply(event_id="e1", conversation_message_id=58, text="Бот", random_id=foreign)
    )
    await talk.comes(
        a_reply(
            event_id="e2",
            conversation_message_id=59,
            text="В окне VK",
            random_id=9,
            admin_author_id=42,
        )
    )

    words = [text for _, text, _ in await talk.shown()]
    assert words == ["Сколько?", "1 400", "Бот", "В окне VK"]


async def test_the_link_that_brought_a_known_person_back_is_kept(talk: Talk) -> None:
    await talk.comes(
        an_event("message_allow", {"user_id": ANNA, "key": "widget"}, event_id="allow")
    )

    (touch,) = await talk.shop.sql("select source, medium, campaign from touch")
    assert tuple(touch) == ("key", "vk", "widget")


def test_a_replys_numbers_are_its_own() -> None:
    for _ in range(200):
        reply, other = new_id(), new_id()
        numbers = [sending_number(reply, part) for part in range(PARTS)]
        assert len(set(numbers)) == PARTS
        assert all(0 < number <= SENDING_NUMBERS for number in numbers)
        assert all(is_sent_as(reply, number) for number in numbers)
        assert not is_sent_as(other, numbers[0])
        assert not is_sent_as(reply, sending_number(reply, PARTS))
        assert not is_sent_as(reply, 0)
