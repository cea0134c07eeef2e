import asyncio
import json
from contextlib import asynccontextmanager

import aiohttp
import msgspec
import pytest

from inbox.live_hub import QUEUE, Hint, LiveHub
from router import wire
from router.facts import Assigned, MediaWanted, MessageReceived
from router.ids import new_id
from storage.labels import add_label, change_label
from tests.conftest import NOON
from tests.events import a_message, accepted


class Stream:
    """What an EventSource makes of the answer."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def hints(self) -> list[dict[str, str]]:
        async with asyncio.timeout(10):
            async for line in self.response.content:
                if line.startswith(b"data: "):
                    found = json.loads(line[6:])
                    if found:
                        return found
        raise AssertionError("the stream ended")


@asynccontextmanager
async def listening(browser, **headers):
    async with browser.session.get("/live", headers=headers, allow_redirects=False) as response:
        assert response.status == 200, response.status
        assert response.headers["Content-Type"].startswith("text/event-stream")
        # The first packet says that the page is subscribed.
        async for line in response.content:
            if line.startswith(b"data:"):
                if found := json.loads(line[5:]):
                    stream = Stream(response)
                    stream.first = found
                    yield stream
                    return
                break
        yield Stream(response)


async def test_a_message_reaches_the_page_at_once(stage, browser):
    await stage.hire("Anna")
    account = await stage.shop.connect()
    anna = await browser("Anna")
    async with listening(anna) as stream:
        await stage.receive(accepted(account, a_message(text="тайна")))
        committed = asyncio.get_running_loop().time()
        hints = await stream.hints()
        took = asyncio.get_running_loop().time() - committed

    [message] = [hint for hint in hints if hint["kind"] == "message"]
    row = await stage.shop.one("select id, conversation_id, seq from message")
    assert message["conversation"] == str(row.conversation_id)
    assert message["message"] == str(row.id)
    assert message["seq"] == row.seq
    assert "тайна" not in str(hints)
    assert took < 0.2


async def test_a_marketer_hears_nothing_of_messages(stage, browser):
    await stage.hire("Mark", role="marketer")
    await stage.hire("Anna")
    account = await stage.shop.connect()
    mark, anna = await browser("Mark"), await browser("Anna")
    async with listening(anna) as hers, listening(mark) as his:
        await stage.receive(accepted(account, a_message()))
        heard = {hint["kind"] for hint in await hers.hints()}
        assert "message" in heard, "need a message to be told for this test to mean anything"
        assert {hint["kind"] for hint in await his.hints()} == {"lead"}


async def test_nobody_listens_without_a_session(stage, browser):
    guest = await browser()
    assert (await guest.get("/live")).status == 303
    assert (await guest.fragment("/live")).status == 401


async def test_a_page_that_comes_back_is_told_what_it_missed(stage, browser):
    await stage.hire("Anna")
    account = await stage.shop.connect()
    anna = await browser("Anna")
    await stage.receive(accepted(account, a_message(key="before")))
    seen = (await stage.shop.one("select max(position) as p from outbox")).p
    await stage.receive(accepted(account, a_message(key="meanwhile")))
    missed = (await stage.shop.one("select id from message order by seq desc limit 1")).id

    async with listening(anna, **{"Last-Event-ID": str(seen)}) as stream:
        told = [hint["message"] for hint in stream.first if hint["kind"] == "message"]
    assert told == [str(missed)]


async def test_a_page_that_was_away_too_long_is_told_to_refresh(stage, browser):
    await stage.hire("Anna")
    await stage.shop.sql(
        "insert into outbox (id, kind, body, at, position)"
        " select gen_random_uuid(), 'x', '{}', now(), n from generate_series(1, 300) n"
    )
    async with listening(await browser("Anna"), **{"Last-Event-ID": "1"}) as stream:
        assert stream.first == [{"kind": "refresh"}]


async def test_nonsense_for_a_position_is_no_position(stage, browser):
    await stage.hire("Anna")
    anna = await browser("Anna")
    for nonsense in ["x", "-1", "9" * 30, "1;drop table"]:
        async with listening(anna, **{"Last-Event-ID": nonsense}):
            pass


def a_fact() -> bytes:
    return wire.encode_fact(
        MessageReceived(id=new_id(), at=NOON, conversation=new_id(), message=new_id(), seq=1)
    )


@asynccontextmanager
async def nobody():
    yield


def a_hub() -> LiveHub:
    return LiveHub(listen=nobody)


async def test_a_page_that_is_too_slow_is_told_to_refresh_and_costs_nobody_else():
    hub = a_hub()
    with hub.page() as slow, hub.page() as quick:
        for _ in range(QUEUE):
            hub.hear(a_fact())
            await quick.next()
        hub.hear(a_fact())
        assert slow.waiting() == [Hint(kind="refresh")]
        assert [hint.kind for hint in quick.waiting()] == ["message"]


async def test_after_the_broker_lost_its_connection_every_page_refreshes():
    hub = a_hub()
    with hub.page() as page:
        hub.hear(b"")
        assert page.waiting() == [Hint(kind="refresh")]


@pytest.mark.parametrize("body", [b"nonsense", b'{"type":"from_a_newer_process"}'])
async def test_a_fact_that_is_not_understood_refreshes_instead_of_stopping_the_hub(body):
    hub = a_hub()
    with hub.page() as page:
        hub.hear(body)
        assert page.waiting() == [Hint(kind="refresh")]


async def test_facts_that_concern_no_page_are_not_told():
    hub = a_hub()
    with hub.page() as page:
        hub.hear(wire.encode_fact(MediaWanted(id=new_id(), at=NOON, message=new_id())))
        assert page.waiting() == []


async def test_a_closed_page_is_forgotten():
    hub = a_hub()
    with hub.page() as page:
        pass
    hub.hear(a_fact())
    assert page.waiting() == []


def test_a_hint_carries_no_words():
    fact = Assigned(id=new_id(), at=NOON, assignment=new_id(), reason="because she said so")
    hub = a_hub()
    with hub.page() as page:
        hub.hear(wire.encode_fact(fact))
        assert b"because" not in msgspec.json.encode(page.waiting())


async def test_a_process_that_stops_ends_the_streams_of_its_pages_at_once(stage, browser):
    await stage.hire("Anna")
    anna = await browser("Anna")
    async with listening(anna) as stream:
        # Well before the heartbeat, which is twenty seconds away.
        async with asyncio.timeout(10):
            await stage.server.close()
            told = await stream.response.content.read()

    assert b"data: " not in told, (
        "nothing is told that the page would try to fetch from what is closing"
    )


async def test_a_page_that_subscribes_to_a_process_that_stops_is_sent_away():
    hub = LiveHub(listen=None)
    hub.close()
    with hub.page() as page:
        assert page.is_over()


async def test_a_colour_of_a_label_is_told_to_pages_and_drawn_by_every_process(stage, browser):
    await stage.hire("Anna", role="admin")
    await stage.hire("Boris", in_team=False, sees="own")
    account = await stage.shop.connect()
    await stage.receive(accepted(account, a_message()))
    talk = (await stage.shop.one("select id from conversation")).id
    await stage.desk.set_labels(talk, ["опт"], by=None)
    async with stage.engine.begin() as connection:
        label = await add_label(connection, name="опт", colour="red", now=stage.now())
    await stage.publish()
    anna, boris = await browser("Anna"), await browser("Boris")
    assert 'data-colour="red"' in (await anna.get("/?tab=all")).text
    async with listening(anna) as hers, listening(boris) as his:
        # By another process: what this one remembers of the colours is a moment old.
        async with stage.engine.begin() as connection:
            await change_label(connection, label, name="опт", colour="green", now=stage.now())
        await stage.publish()
        assert await hers.hints() == [{"kind": "labels"}]
        assert await his.hints() == [{"kind": "labels"}]
        assert 'data-colour="green"' in (await anna.get("/?tab=all")).text
