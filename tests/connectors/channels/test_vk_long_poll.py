"""Asking VK for events: nothing is lost between two polls, and one bad event holds up nobody."""

import json

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.channels.vk import connector
from connectors.connector import Polled
from connectors.errors import AccountBroken, SendError, Unreachable
from connectors.outgoing import open_http
from router.message import DeliveryReported, InboundMessage
from sandbox.vk import Fault
from tests.connectors.channels.vk_stand import Stand, a_stand
from tests.connectors.channels.vk_world import ANNA, GROUP, NOON, an_account, an_event


async def polled(stand: Stand, cursor: str = "") -> Polled:
    assert connector.poll is not None
    return await connector.poll(stand.account, cursor, stand.http)


async def started(stand: Stand) -> str:
    """The place from which on events are asked for."""
    first = await polled(stand)
    assert (first.incoming, first.ignored) == ((), ())
    return first.cursor


def texts(polled: Polled) -> list[str]:
    return [each.event.text for each in polled.incoming if isinstance(each.event, InboundMessage)]


@pytest.mark.parametrize(
    ("mode", "confirmation", "polls"),
    [("", "", True), ("", "a1b2", False), ("longpoll", "a1b2", True), ("callback", "", False)],
)
def test_an_account_polls_unless_it_is_called(mode: str, confirmation: str, polls: bool) -> None:  # noqa: FBT001  # a table
    assert connector.polls is not None
    assert connector.polls(an_account(mode=mode, confirmation=confirmation)) is polls


async def test_what_was_not_confirmed_comes_again() -> None:
    async with a_stand() as stand:
        start = await started(stand)
        stand.community.writes(ANNA, "раз")
        first = await polled(stand, start)
        assert texts(first) == texts(await polled(stand, start)) == ["раз"]
        stand.community.writes(ANNA, "два")
        assert texts(await polled(stand, first.cursor)) == ["два"]


async def test_the_same_event_has_the_same_key_each_time() -> None:
    async with a_stand() as stand:
        start = await started(stand)
        stand.community.writes(ANNA, "раз")
        keys = [(await polled(stand, start)).incoming[0].event.key for _ in range(2)]
    assert keys[0] == keys[1]


async def test_a_poll_without_news_keeps_the_place() -> None:
    async with a_stand() as stand:
        cursor = (await polled(stand, await started(stand))).cursor
        again = await polled(stand, cursor)
    assert (again.incoming, again.cursor) == ((), cursor)


async def test_what_happened_before_the_first_poll_was_answered_is_not_lost() -> None:
    async with a_stand() as stand:
        start = await started(stand)
        stand.community.writes(ANNA, "раз")
        # Always: a request that changes nothing is repeated by the HTTP client itself.
        stand.vk.go_wrong(Fault(kind="drop_before", method="long_poll", times=-1))
        with pytest.raises(Unreachable):
            await polled(stand, start)
        stand.vk.faults.waiting.clear()
        assert texts(await polled(stand, start)) == ["раз"]


async def test_an_expired_key_is_made_anew_and_nothing_is_lost() -> None:
    async with a_stand() as stand:
        place = (await polled(stand, await started(stand))).cursor
        stand.community.writes(ANNA, "раз")
        stand.community.expire_key()
        renewed = await polled(stand, place)
        assert (renewed.incoming, renewed.ignored) == ((), ())
        assert texts(await polled(stand, renewed.cursor)) == ["раз"]


async def test_what_vk_has_forgotten_is_said_and_the_rest_is_read() -> None:
    async with a_stand() as stand:
        place = (await polled(stand, await started(stand))).cursor
        stand.community.writes(ANNA, "раз")
        stand.community.forget(2)
        told = await polled(stand, place)
        assert told.ignored == ("long poll: VK has forgotten some events",)
        stand.community.writes(ANNA, "два")
        assert texts(await polled(stand, told.cursor)) == ["два"]


async def test_a_lost_place_is_said_once_and_taken_anew() -> None:
    async with a_stand() as stand:
        place = (await polled(stand, await started(stand))).cursor
        stand.community.writes(ANNA, "раз")
        stand.community.lose_place()
        told = await polled(stand, place)
        assert [each.partition(":")[0] for each in told.ignored] == ["long poll"]
        stand.community.lose_place()
        assert (await polled(stand, told.cursor)).ignored == ()
        stand.community.writes(ANNA, "два")
        place = (await polled(stand, told.cursor)).cursor
        stand.community.writes(ANNA, "три")
        assert texts(await polled(stand, place)) == ["три"]


async def test_a_place_of_another_age_is_taken_anew() -> None:
    async with a_stand() as stand:
        for cursor in ("870001", "{}", '{"server":1}'):
            assert (await polled(stand, cursor)).cursor == await started(stand)


async def test_a_server_that_has_moved_is_asked_for() -> None:
    async with a_stand() as stand:
        place = json.loads(await started(stand))
        elsewhere = json.dumps(place | {"server": f"{stand.vk.url}/whp/404"})
        assert json.loads((await polled(stand, elsewhere)).cursor)["server"] == place["server"]


async def test_a_server_that_is_no_more_is_asked_for_and_nothing_is_lost() -> None:
    async with a_stand() as stand:
        place = json.loads(await started(stand))
        stand.community.writes(ANNA, "раз")
        gone = await polled(stand, json.dumps(place | {"server": "http://127.0.0.1:9/gone"}))
        assert (gone.incoming, json.loads(gone.cursor)["server"]) == ((), place["server"])
        assert texts(await polled(stand, gone.cursor)) == ["раз"]


async def test_events_of_every_kind_come_this_way_too() -> None:
    async with a_stand() as stand:
        start = await started(stand)
        stand.community.says(stand.community.chat_of(ANNA), "да", admin_author_id=42)
        stand.community.reads(ANNA)
        stand.community.tells("message_typing_state", {"state": "typing", "from_id": ANNA})
        told = await polled(stand, start)
    assert [type(each.event) for each in told.incoming] == [InboundMessage, DeliveryReported]
    assert [each.partition(":")[0] for each in told.ignored] == ["message_typing_state"]


async def test_a_token_that_is_refused_stops_the_account() -> None:
    async with a_stand(access_token="vk1.a.OTHER") as stand:
        with pytest.raises(AccountBroken):
            await polled(stand)


async def test_an_account_without_a_community_is_broken() -> None:
    async with a_stand(group_id="shop") as stand:
        with pytest.raises(AccountBroken):
            await polled(stand)


@pytest.mark.parametrize("kind", ["status", "drop_after", "drop_before"])
async def test_a_long_poll_that_is_out_of_order_is_asked_again(kind: str) -> None:
    async with a_stand() as stand:
        start = await started(stand)
        stand.vk.go_wrong(Fault(kind=kind, method="long_poll", times=-1))  # type: ignore[arg-type]  # a table
        with pytest.raises(SendError) as caught:
            await polled(stand, start)
        assert caught.value.again
        assert "key1" not in repr(caught.value)


async def told_by(body: bytes, *, status: int = 200) -> Polled:
    """What is made of an answer as it stands."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=body, status=status, content_type="application/json")

    app = web.Application()
    app.router.add_get("/whp", answer)
    async with TestServer(app) as server, open_http() as http:
        assert connector.poll is not None
        place = {"server": str(server.make_url("/whp")), "key": "k", "ts": "4"}
        return await connector.poll(an_account(), json.dumps(place), http)


async def test_one_bad_event_costs_nothing_else() -> None:
    good = an_event("message_new", {"id": 1, "from_id": ANNA, "peer_id": ANNA, "text": "а"})
    foreign = an_event("message_new", {"id": 2, "peer_id": 1}, group_id=GROUP + 1)
    body = b'{"ts": 9, "updates": [17, {"no": "type"}, %s, %s]}' % (good, foreign)
    told = await told_by(body)
    assert texts(told) == ["а"]
    assert len(told.ignored) == 3
    assert json.loads(told.cursor)["ts"] == "9"


async def test_one_bad_character_does_not_stop_everything_for_ever() -> None:
    good = an_event("message_new", {"id": 1, "from_id": ANNA, "peer_id": ANNA, "text": "аб"})
    body = b'{"ts": "9", "updates": [%s]}' % good.replace(b"\\u0430", b"\\ud800\\u0430")
    told = await told_by(body)
    assert texts(told) == ["аб"]
    assert json.loads(told.cursor)["ts"] == "9"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}x", b"[" * 10_000])
async def test_an_answer_that_is_none_is_asked_for_again(body: bytes) -> None:
    with pytest.raises(Unreachable):
        await told_by(body)


async def test_times_are_bounded_by_vks_own_clock() -> None:
    good = an_event("message_new", {"id": 1, "from_id": ANNA, "peer_id": ANNA, "text": "а", "date": 32_503_680_000})  # fmt: skip
    (incoming,) = (await told_by(b'{"ts": "9", "updates": [%s]}' % good)).incoming
    assert incoming.event.at.year < NOON.year + 5
