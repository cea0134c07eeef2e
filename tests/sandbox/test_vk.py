"""The stand-in for VK: vk_api's own long poll works against it, and it does what dev.vk.com says."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from io import BytesIO
from typing import Any

import aiohttp
import pytest
import requests
import vk_api
from aiohttp import web
from aiohttp.test_utils import TestServer
from requests.adapters import HTTPAdapter
from vk_api.bot_longpoll import VkBotEventType, VkBotLongPoll

from sandbox.vk import VK, Community, Fault, Limits
from sandbox.vk.control import PICTURE, routes
from sandbox.vk.methods import KINDS

GROUP = 222
TOKEN = "vk1.a.TEST"
ANNA = 700


@pytest.fixture
async def vk() -> AsyncGenerator[VK]:
    vk = VK(now=time.time, tempo=0.01)
    vk.add_community(GROUP, TOKEN)
    async with vk.running(routes=routes(vk)) as up:
        yield up


@pytest.fixture
def shop(vk: VK) -> Community:
    return vk.communities[GROUP]


@pytest.fixture
async def http() -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


Call = Callable[..., Awaitable[Any]]


@pytest.fixture
def call(vk: VK, http: aiohttp.ClientSession) -> Call:
    async def call(method: str, **fields: Any) -> Any:
        data = {"access_token": TOKEN, "v": "5.199"} | fields
        async with http.post(f"{vk.url}/method/{method}", data=data) as response:
            assert response.status == 200
            return await response.json()

    return call


class Elsewhere(HTTPAdapter):
    """vk_api knows one address only."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    def send(self, request: requests.PreparedRequest, **more: Any) -> requests.Response:  # type: ignore[override]
        request.url = (request.url or "").replace("https://api.vk.ru", self.url)
        return super().send(request, **more | {"timeout": 10})


def client(vk: VK) -> vk_api.VkApiGroup:
    session = requests.Session()
    session.trust_env = False
    session.mount("https://api.vk.ru/", Elsewhere(vk.url))
    return vk_api.VkApiGroup(token=TOKEN, api_version="5.199", session=session)


class Told:
    """What vk_api makes of a few polls, in its own words."""

    def __init__(self, vk: VK) -> None:
        self.events: list[Any] = []
        self.poll: Any = None
        self.vk = vk

    async def start(self) -> "Told":
        self.poll = await asyncio.to_thread(lambda: VkBotLongPoll(client(self.vk), GROUP, wait=1))
        return self

    async def look(self) -> "list[Any]":
        found = await asyncio.to_thread(self.poll.check)
        self.events += found
        return list(found)

    def close(self) -> None:
        self.poll.session.close()
        self.poll.vk.http.close()


@pytest.fixture
async def told(vk: VK, shop: Community) -> AsyncGenerator[Told]:
    shop.polling = True
    shop.polled |= set(KINDS)
    told = await Told(vk).start()
    yield told
    told.close()


async def test_vk_apis_long_poll_understands_every_deed(shop: Community, told: Told) -> None:
    shop.writes(ANNA, "раз", name="Анна К", ref="spring", payload='{"command":"start"}')
    shop.sends_photo(ANNA, PICTURE, text="вот")
    shop.edits(ANNA, 1, "раз!")
    shop.allows(ANNA, key="k")
    shop.denies(ANNA)
    shop.joins(ANNA)
    shop.presses(ANNA, 1, {"a": "yes"})
    events = await told.look()
    assert [event.type for event in events] == [
        VkBotEventType.MESSAGE_NEW,
        VkBotEventType.MESSAGE_NEW,
        VkBotEventType.MESSAGE_EDIT,
        VkBotEventType.MESSAGE_ALLOW,
        VkBotEventType.MESSAGE_DENY,
        VkBotEventType.GROUP_JOIN,
        VkBotEventType.MESSAGE_EVENT,
    ]
    first = events[0]
    assert (first.from_user, first.message.text, first.message.from_id) == (True, "раз", ANNA)
    assert first.message.ref == "spring"


async def test_vk_apis_long_poll_goes_on_after_each_failure(shop: Community, told: Told) -> None:
    shop.writes(ANNA, "раз")
    shop.forget(1)
    assert await told.look() == []
    shop.writes(ANNA, "два")
    shop.expire_key()
    assert await told.look() == []
    assert [event.message.text for event in await told.look()] == ["два"]
    shop.writes(ANNA, "не дойдёт")
    shop.lose_place()
    assert await told.look() == []
    shop.writes(ANNA, "три")
    assert [event.message.text for event in await told.look()] == ["три"]


async def test_vk_api_sends_and_uploads(vk: VK, shop: Community) -> None:
    shop.writes(ANNA, "раз")

    def send() -> Any:
        api = client(vk)
        upload = vk_api.VkUpload(api)
        (photo,) = upload.photo_messages(BytesIO(PICTURE), peer_id=ANNA)
        name = f"photo{photo['owner_id']}_{photo['id']}_{photo['access_key']}"
        sent = api.get_api().messages.send(peer_id=ANNA, message="да", random_id=5, attachment=name)
        upload.http.close()
        api.http.close()
        return sent

    number = await asyncio.to_thread(send)
    assert isinstance(number, int)
    assert [(each.text, len(each.files)) for each in shop.sent] == [("да", 1)]


async def test_vk_api_gets_its_errors(vk: VK, shop: Community) -> None:
    def send() -> Any:
        api = client(vk)
        try:
            return api.get_api().messages.send(peer_id=5, message="да", random_id=5)
        finally:
            api.http.close()

    with pytest.raises(vk_api.ApiError) as caught:
        await asyncio.to_thread(send)
    assert caught.value.code == 901


async def test_the_same_random_id_shows_nothing_twice(shop: Community, call: Call) -> None:
    shop.writes(ANNA, "раз")
    first, second = [
        await call("messages.send", peer_ids=ANNA, message="да", random_id=77) for _ in range(2)
    ]
    assert first == second
    (told,) = first["response"]
    assert told["conversation_message_id"] == 2
    assert shop.times("да") == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"peer_id": ANNA, "message": "да"}, 100),
        ({"peer_id": ANNA, "message": " ", "random_id": 1}, 100),
        ({"peer_id": ANNA, "message": "x" * 4097, "random_id": 1}, 914),
        ({"peer_id": 5, "message": "да", "random_id": 1}, 901),
        ({"peer_id": 2_000_000_009, "message": "да", "random_id": 1}, 917),
        ({"peer_id": ANNA, "attachment": "photo1_2", "random_id": 1}, 100),
        ({"peer_id": ANNA, "message": "да", "random_id": 1, "access_token": "another"}, 5),
        ({"peer_id": ANNA, "message": "да", "random_id": 1, "v": ""}, 8),
        ({"peer_id": ANNA, "message": "да", "random_id": 1, "forward": json.dumps(
            {"peer_id": ANNA, "conversation_message_ids": [99], "is_reply": True})}, 921),
    ],
)  # fmt: skip
async def test_a_message_that_vk_would_refuse_is_refused(shop: Community, call: Call, fields: dict[str, Any], code: int) -> None:  # fmt: skip
    shop.writes(ANNA, "раз")
    told = await call("messages.send", **fields)
    assert told["error"]["error_code"] == code
    # With everything that was sent, as VK does.
    assert {each["key"] for each in told["error"]["request_params"]} >= {"access_token"}
    assert shop.sent == []


async def test_an_unknown_method_is_refused(call: Call) -> None:
    assert (await call("messages.sing"))["error"]["error_code"] == 3


async def test_more_than_twenty_calls_a_second_are_refused(http: aiohttp.ClientSession) -> None:
    vk = VK(now=lambda: 100.0, limits=Limits())
    community = vk.add_community(GROUP, TOKEN)
    async with vk.running():
        codes = []
        for _ in range(25):
            data = {"access_token": TOKEN, "v": "5.199", "user_ids": ANNA}
            async with http.post(f"{vk.url}/method/users.get", data=data) as response:
                codes.append((await response.json()).get("error", {}).get("error_code"))
    assert codes == [None] * 20 + [6] * 5
    assert (community.meter.most, community.meter.refused) == (20, 5)


class Hook:
    """A callback server that answers as it is told, and remembers what it got."""

    def __init__(self, shop: Community) -> None:
        self.shop = shop
        self.got: list[tuple[dict[str, Any], str]] = []
        self.answers: list[web.Response] = []

    async def take(self, request: web.Request) -> web.Response:
        told = await request.json()
        if told["type"] == "confirmation":
            return web.Response(text=self.shop.confirmation)
        self.got.append((told, request.headers.get("X-Retry-Counter", "")))
        return self.answers.pop(0) if self.answers else web.Response(text="ok")


@pytest.fixture
async def hook(shop: Community, call: Call) -> AsyncGenerator[Hook]:
    hook = Hook(shop)
    app = web.Application()
    app.router.add_post("/hook", hook.take)
    async with TestServer(app) as server:
        url = str(server.make_url("/hook"))
        made = await call(
            "groups.addCallbackServer", group_id=GROUP, url=url, title="Allo", secret_key="s"
        )
        number = made["response"]["server_id"]
        await call("groups.setCallbackSettings", group_id=GROUP, server_id=number, message_new=1)
        yield hook


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.005)


async def test_an_event_comes_again_until_it_is_answered_ok(shop: Community, hook: Hook) -> None:
    hook.answers = [
        web.Response(status=500),
        web.Response(text="OK"),
        web.json_response({"ok": True}),
    ]
    shop.writes(ANNA, "раз")
    shop.joins(ANNA)
    await until(lambda: len(hook.got) == 4)
    assert [counter for _, counter in hook.got] == ["", "1", "2", "3"]
    assert len({told["event_id"] for told, _ in hook.got}) == 1
    assert {told["secret"] for told, _ in hook.got} == {"s"}
    await until(lambda: shop.servers[1].errors == 0)


async def test_retry_after_is_heeded(shop: Community, hook: Hook) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    hook.answers = [web.Response(status=503, headers={"Retry-After": later})]
    shop.writes(ANNA, "раз")
    await until(lambda: len(hook.got) == 2)


async def test_remove_takes_the_server_away(shop: Community, hook: Hook) -> None:
    hook.answers = [web.Response(text="remove")]
    shop.writes(ANNA, "раз")
    await until(lambda: not shop.servers)


async def test_a_server_that_does_not_know_the_code_gets_nothing(shop: Community, call: Call, hook: Hook) -> None:  # fmt: skip
    shop.confirmation = "changed"
    hook.shop = Community(1, "t", time.time, lambda: None)
    url = shop.servers[1].url
    await call("groups.editCallbackServer", group_id=GROUP, server_id=1, url=url, title="Allo")
    servers = await call("groups.getCallbackServers", group_id=GROUP)
    assert [each["status"] for each in servers["response"]["items"]] == ["failed"]
    shop.writes(ANNA, "раз")
    assert shop.servers[1].waiting == []


async def test_people_act_over_http_and_faults_are_made_to_order(vk: VK, http: aiohttp.ClientSession, call: Call) -> None:  # fmt: skip
    base = f"{vk.url}/control"
    async with http.post(f"{base}/333/community", json={"token": "t333"}) as response:
        assert response.status == 204
    for deed, told in (
        ("write", {"user": ANNA, "text": "раз", "ref": "a"}),
        ("photo", {"user": ANNA}),
        ("document", {"user": ANNA, "name": "a.pdf"}),
        ("edit", {"user": ANNA, "number": 1, "text": "два"}),
        ("react", {"user": ANNA, "number": 1, "reaction": 4}),
        ("press", {"user": ANNA, "number": 1, "payload": {}}),
        ("allow", {"user": ANNA}),
        ("read", {"user": ANNA}),
        ("join", {"user": ANNA}),
        ("answer", {"user": ANNA, "text": "да"}),
        ("event", {"kind": "wall_post_new", "id": 1}),
        ("deny", {"user": ANNA}),
    ):
        async with http.post(f"{base}/{GROUP}/{deed}", json=told) as response:
            assert (await response.json())["group_id"] == GROUP
    async with http.post(f"{base}/{GROUP}/sing", json={}) as response:
        assert response.status == 404
    async with http.post(f"{base}/fault", json={"kind": "error", "code": 9}) as response:
        assert response.status == 204
    assert (await call("users.get"))["error"]["error_code"] == 9
    vk.go_wrong(Fault(kind="error", times=-1))
    async with http.post(f"{base}/recover") as response:
        assert response.status == 204
    assert "response" in await call("users.get")
    async with http.get(f"{base}/{GROUP}/sent") as response:
        told = await response.json()
    assert told["confirmation"] == vk.communities[GROUP].confirmation
