"""VK's pushes all the way to the intake: confirmed, once, whatever happens on the way."""

import asyncio
import json
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.channel_log import ChannelLog, Entry
from connectors.channels.vk import connector
from connectors.connector import Account, Finding, Incoming, NotDurable
from connectors.errors import Malformed, Unverified
from connectors.webhook import Webhooks
from router.message import Event, InboundMessage
from sandbox.vk import Fault
from tests.connectors.channels.vk_stand import Stand, a_stand
from tests.connectors.channels.vk_world import (
    ANNA,
    CONFIRMATION,
    GROUP,
    NOON,
    a_message,
    a_message_new,
    an_account,
    an_event,
    received,
)


@dataclass
class Edge:
    """Stores by key, as the router does; `failures` requests are turned away first, `lies` after they were stored."""

    account: Account
    failures: int = 0
    lies: int = 0
    stored: dict[str, Event] = field(default_factory=dict)
    repeats: int = 0
    statuses: list[int] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    said: list[Entry] = field(default_factory=list)

    async def look_up(self, slug: str) -> Account | None:
        return self.find(slug)

    def find(self, slug: str) -> Account | None:
        return self.account if slug == self.account.slug else None

    def of_kind(self, kind: str) -> Sequence[Account]:
        return [self.account]

    async def accept(self, account: Account, incoming: Sequence[Incoming]) -> None:
        if self.failures:
            self.failures -= 1
            raise NotDurable
        for each in incoming:
            self.repeats += each.event.key in self.stored
            self.stored.setdefault(each.event.key, each.event)
        if self.lies:
            self.lies -= 1
            raise NotDurable

    def received(self, kind: str) -> None: ...

    def refused(self, kind: str, status: int) -> None:
        self.statuses.append(status)

    def ignored(self, kind: str, reason: str) -> None:
        self.reasons.append(reason)

    def write(self, entry: Entry) -> None:
        self.said.append(entry)

    @property
    def texts(self) -> list[str]:
        return [each.text for each in self.stored.values() if isinstance(each, InboundMessage)]


@asynccontextmanager
async def a_door(account: Account, **trouble: Any) -> AsyncGenerator[tuple[Edge, str]]:
    edge = Edge(account, **trouble)
    hooks = Webhooks(
        connectors={"vk": connector},
        accounts=edge,
        intake=edge,
        now=lambda: NOON,
        counts=edge,
        log=ChannelLog(edge, lambda: NOON),
    )
    app = web.Application()
    app.add_routes(hooks.routes())
    async with TestServer(app) as server:
        yield edge, str(server.make_url("/hooks/vk/shop"))


async def connected(stand: Stand, url: str) -> Sequence[Finding]:
    assert connector.connect is not None
    return await connector.connect(stand.account, stand.http, webhook_url=url)


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.005)


async def test_everything_arrives_once_through_a_bad_hour() -> None:
    async with a_stand(mode="callback") as stand:
        async with a_door(stand.account, failures=7, lies=5) as (edge, url):
            (finding,) = await connected(stand, url)
            assert finding.level == "ok"
            for number in range(60):
                stand.community.writes(ANNA + number % 3, str(number))
            await until(lambda: len(edge.stored) == 60 and edge.repeats == 5)
        (server,) = stand.community.servers.values()
        assert not server.waiting
    assert sorted(edge.texts, key=int) == [str(number) for number in range(60)]
    assert edge.repeats == 5
    assert edge.statuses == [503] * 12


async def test_the_same_webhook_twice_shuffled_with_a_broken_one_in_the_middle() -> None:
    bodies = [
        a_message_new(event_id=f"e{n}", id=1200 + n, conversation_message_id=50 + n, text=str(n))
        for n in range(20)
    ]
    broken = an_event("message_new", {"message": a_message(text=["odd"], attachments=[None, 17])}, event_id="e99")  # fmt: skip
    everything = [*bodies, broken, b'{"type": "message_new", "object": {', *bodies]
    random.Random(7).shuffle(everything)  # the same order each time
    async with a_door(an_account()) as (edge, url), aiohttp.ClientSession() as http:
        answers = []
        for body in everything:
            async with http.post(url, data=body) as response:
                answers.append((response.status, await response.read()))
    assert answers.count((200, b"ok")) == 41
    assert edge.statuses == [400]
    messages = [each for each in edge.stored.values() if isinstance(each, InboundMessage)]
    assert len(messages) == 21
    in_order = sorted(messages, key=lambda each: (each.at, each.order))
    assert [each.text for each in in_order if each.text] == [str(n) for n in range(20)]


async def test_a_stranger_who_knows_the_address_gets_nowhere() -> None:
    forged = a_message_new(text="forged")
    secretless = {name: value for name, value in json.loads(forged).items() if name != "secret"}
    attempts = [
        (json.loads(forged) | {"secret": "guessed"}, 403),
        (json.loads(forged) | {"secret": "ключ"}, 403),
        (json.loads(forged) | {"secret": ["s3cr"]}, 401),
        (json.loads(forged) | {"group_id": GROUP + 1}, 403),
        (secretless, 401),
    ]
    async with a_door(an_account()) as (edge, url), aiohttp.ClientSession() as http:
        for told, status in attempts:
            async with http.post(url, json=told) as response:
                assert (response.status, await response.read()) == (status, b"")
    assert edge.stored == {}


async def test_what_is_of_no_interest_is_taken_with_the_same_two_letters() -> None:
    body = an_event("wall_post_new", {"id": 1})
    async with (
        a_door(an_account()) as (edge, url),
        aiohttp.ClientSession() as http,
        http.post(url, data=body, headers={"X-Retry-Counter": "3"}) as response,
    ):
        assert (response.status, await response.text()) == (200, "ok")
        assert response.content_type == "text/plain"
    assert edge.reasons == ["wall"]


def test_the_confirmation_is_answered_while_the_account_has_no_secret_yet() -> None:
    asked = json.dumps({"type": "confirmation", "group_id": GROUP}).encode()
    for account in (an_account(), an_account(secret="")):
        assert received(asked, account).answer.body == CONFIRMATION.encode()
        assert received(asked, account).incoming == ()


def test_the_confirmation_is_given_to_nobody_else() -> None:
    for told in ({"group_id": GROUP + 1}, {}, {"group_id": GROUP, "secret": "guessed"}):
        with pytest.raises(Unverified):
            received(json.dumps({"type": "confirmation"} | told).encode())


def test_without_a_code_the_confirmation_is_refused_in_words() -> None:
    asked = json.dumps({"type": "confirmation", "group_id": GROUP}).encode()
    with pytest.raises(Malformed, match="confirmation code"):
        received(asked, an_account(confirmation=""))


def test_an_account_without_a_secret_takes_no_events() -> None:
    with pytest.raises(Unverified):
        received(a_message_new(), an_account(secret=""))


# Setting it up.


async def test_a_server_that_vk_can_confirm_is_set_up_once() -> None:
    async with a_stand(mode="callback") as stand, a_door(stand.account) as (_, url):
        await connected(stand, url)
        (finding,) = await connected(stand, url)
        assert (finding.level, finding.text) == ("ok", f"VK sends messages to {url}")
        (server,) = stand.community.servers.values()
        assert server.secret == "s3cr"
        assert {"message_new", "message_reply", "message_event"} <= server.events
        assert connector.check is not None
        findings = await connector.check(stand.account, stand.http, webhook_url=url)
        assert [each.level for each in findings] == ["ok", "ok"]


async def test_changing_to_long_poll_takes_the_server_away() -> None:
    async with a_stand(mode="callback") as stand, a_door(stand.account) as (_, url):
        await connected(stand, url)
        assert len(stand.community.servers) == 1
        fields = {**stand.account.fields, "mode": "longpoll"}
        changed = replace(stand, account=replace(stand.account, fields=fields))
        (finding,) = await connected(changed, url)
        assert (finding.level, stand.community.servers) == ("ok", {})


async def test_a_wrong_code_is_told_with_the_right_one() -> None:
    async with a_stand(mode="callback") as stand, a_door(stand.account) as (_, url):
        code = stand.community.confirmation
        wrong = replace(stand, account=an_account(api_base=stand.vk.url))
        (finding,) = await connected(wrong, url)
        assert (finding.level, f"confirmation={code}" in finding.text) == ("error", True)
        assert stand.community.servers == {}


async def test_an_address_that_vk_cannot_reach_is_said_to_be_so() -> None:
    async with a_stand(mode="callback") as stand:
        (finding,) = await connected(stand, f"{stand.vk.url}/nowhere")
        assert (finding.level, "could not confirm" in finding.text) == ("error", True)


async def test_long_poll_is_switched_on() -> None:
    async with a_stand() as stand:
        stand.community.polling = False
        stand.community.polled.clear()
        assert connector.check is not None
        findings = await connector.check(stand.account, stand.http, webhook_url="")
        assert findings[-1].level == "error"
        (finding,) = await connected(stand, "")
        assert finding.level == "ok"
        assert (stand.community.polling, "message_new" in stand.community.polled) == (True, True)
        findings = await connector.check(stand.account, stand.http, webhook_url="")
        assert [each.level for each in findings] == ["ok", "ok"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"group_id": "shop"}, "group_id"),
        ({"access_token": "vk1.a.OTHER"}, "token"),
        ({"mode": "callback", "secret": ""}, "secret"),
        ({"mode": "callback", "secret": "x" * 51}, "50"),
    ],
)
async def test_what_is_wrong_is_said_in_words(fields: dict[str, str], words: str) -> None:
    async with a_stand(**fields) as stand:
        assert connector.check is not None
        findings = await connector.check(stand.account, stand.http, webhook_url="https://a.example/hooks/vk/shop")  # fmt: skip
        assert findings[-1].level == "error"
        assert words in findings[-1].text
        assert not any("vk1.a" in each.text for each in findings)


async def test_missing_permissions_are_named() -> None:
    async with a_stand() as stand:
        stand.community.permissions = ("manage", "photos")
        assert connector.check is not None
        findings = await connector.check(stand.account, stand.http, webhook_url="")
        said = {each.level: each.text for each in findings}
        assert "messages" in said["error"]
        assert "docs" in said["warning"]


async def test_a_vk_that_is_down_is_said_to_be_so() -> None:
    async with a_stand() as stand:
        stand.vk.go_wrong(Fault(kind="status", times=-1))
        assert connector.check is not None
        (finding,) = await connector.check(stand.account, stand.http, webhook_url="")
        assert finding.level == "error"
