"""Asking Telegram for updates: nothing is lost between two polls, and one bad update holds up nobody."""

import json

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.channels.telegram import connector
from connectors.channels.telegram.bot_api import Conflict
from connectors.channels.telegram.updates import ALLOWED_UPDATES
from connectors.connector import Polled
from connectors.errors import AccountBroken, Throttled, Unreachable
from connectors.outgoing import open_http
from router.message import InboundMessage
from sandbox.telegram import Fault
from sandbox.telegram.world import Webhook
from tests.connectors.channels.telegram_stand import ANNA, Stand, a_stand
from tests.connectors.channels.telegram_world import AT, TOKEN, an_account


async def polled(stand: Stand, cursor: str = "") -> Polled:
    assert connector.poll is not None
    return await connector.poll(stand.account, cursor, stand.http)


def texts(polled: Polled) -> list[str]:
    return [each.event.text for each in polled.incoming if isinstance(each.event, InboundMessage)]


@pytest.mark.parametrize(("mode", "polls"), [("", True), ("polling", True), ("webhook", False)])
def test_an_account_polls_unless_it_has_a_webhook(mode: str, polls: bool) -> None:  # noqa: FBT001  # a table
    assert connector.polls is not None
    assert connector.polls(an_account(mode=mode)) is polls


async def test_what_was_not_confirmed_comes_again() -> None:
    async with a_stand() as stand:
        stand.bot.writes(ANNA, "раз")
        first = await polled(stand)
        assert texts(first) == texts(await polled(stand)) == ["Здравствуйте", "раз"]
        stand.bot.writes(ANNA, "два")
        second = await polled(stand, first.cursor)
        assert texts(second) == ["два"]
        assert int(second.cursor) == int(first.cursor) + 1
        assert [update["update_id"] for update in stand.bot.pending] == [int(first.cursor)]


async def test_a_poll_without_news_keeps_the_cursor() -> None:
    async with a_stand() as stand:
        cursor = (await polled(stand)).cursor
        again = await polled(stand, cursor)
    assert (again.incoming, again.cursor) == ((), cursor)


async def test_all_kinds_that_matter_are_asked_for() -> None:
    async with a_stand() as stand:
        await polled(stand)
        assert stand.bot.allowed == set(ALLOWED_UPDATES)
        assert {"message_reaction", "chat_member", "my_chat_member"} <= stand.bot.allowed


async def test_raw_updates_come_along() -> None:
    async with a_stand() as stand:
        (incoming,) = (await polled(stand)).incoming
    assert incoming.raw is not None
    assert json.loads(incoming.raw)["message"]["text"] == "Здравствуйте"


async def test_a_webhook_that_is_in_the_way_is_removed_and_nothing_waiting_is_lost() -> None:
    async with a_stand() as stand:
        stand.bot.webhook = Webhook("http://127.0.0.1:9/")
        first = await polled(stand)
        assert (stand.bot.webhook, first.incoming, first.cursor) == (None, (), "")
        assert texts(await polled(stand)) == ["Здравствуйте"]


async def test_another_program_that_asks_too_is_said_in_words() -> None:
    async with a_stand() as stand:
        stand.telegram.go_wrong(
            Fault(
                kind="answer",
                method="getUpdates",
                status=409,
                description="Conflict: terminated by other getUpdates request; make sure …",
            )
        )
        with pytest.raises(Conflict, match="Another program"):
            await polled(stand)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, AccountBroken), (404, AccountBroken), (429, Throttled), (502, Unreachable)],
)
async def test_what_telegram_answers_instead(status: int, kind: type[Exception]) -> None:
    async with a_stand() as stand:
        stand.telegram.go_wrong(Fault(kind="answer", status=status, description="Not today"))
        with pytest.raises(kind):
            await polled(stand)


async def test_telegram_down_is_unreachable() -> None:
    async with a_stand() as stand:
        await stand.telegram.go_down()
        with pytest.raises(Unreachable):
            await polled(stand)


GOOD = b'{"update_id":%d,"message":{"message_id":%d,"date":1763700000,"chat":{"id":7,"type":"private"},"text":"x"}}'


@pytest.mark.parametrize(
    ("poison", "more"),
    [
        pytest.param(b'{"update_id":11,"message":{"message_id":"odd","chat":{"id":7}}}', 1, id="oddly typed"),
        pytest.param(b'{"update_id":11,"new":{"text":"\\ud800"}}', 1, id="lone surrogate"),
        pytest.param(b'{"update_id":11,"new":{"text":"\xff\xfe"}}', 1, id="broken UTF-8"),
        pytest.param(b'{"update_id":11,"new":null}', 1, id="nothing in it"),
        pytest.param(b'{"no":"update"}', 0, id="no update"),
        pytest.param(b"7", 0, id="a number"),
    ],
)  # fmt: skip
async def test_one_bad_update_does_not_cost_its_neighbours(poison: bytes, more: int) -> None:
    body = b'{"ok":true,"result":[' + b",".join([GOOD % (10, 1), poison, GOOD % (12, 2)]) + b"]}"

    async def get_updates(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_post(f"/bot{TOKEN}/getUpdates", get_updates)
    async with TestServer(app) as server, open_http() as http:
        assert connector.poll is not None
        account = an_account(api_base=str(server.make_url("")))
        got = await connector.poll(account, "", http)
    assert len(got.incoming) == 2 + more
    assert len(got.ignored) == 1 - more
    assert got.cursor == "13"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"null", b'{"ok":true,"result":7}', b'{"ok":true}']
)
async def test_what_is_no_answer_of_telegrams_moves_no_cursor(body: bytes) -> None:
    async def get_updates(request: web.Request) -> web.Response:
        return web.Response(body=body)

    app = web.Application()
    app.router.add_post(f"/bot{TOKEN}/getUpdates", get_updates)
    async with TestServer(app) as server, open_http() as http:
        assert connector.poll is not None
        with pytest.raises(Unreachable):
            await connector.poll(an_account(api_base=str(server.make_url(""))), "5", http)


async def test_times_are_bounded_by_telegrams_own_clock() -> None:
    async with a_stand() as stand:
        stand.bot.pending.clear()
        stand.bot.posts(ANNA, {"text": "x", "date": 4_000_000_000})
        stand.bot.posts(ANNA, {"text": "y", "date": AT})
        future, past = (each.event.at.timestamp() for each in (await polled(stand)).incoming)
    assert AT < future < 4_000_000_000
    assert past == AT
