"""Web push against a push service of our own, which opens what it is sent with the browser's keys.

It is opened by RFC 8291 and RFC 8188 as they are written, not by the library that sealed it.
"""

import asyncio
import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.outgoing import open_guarded_http, open_http
from router.notices import KINDS, Manner
from storage import notice_feed, notice_marks
from storage.engine import transaction
from storage.notice_wishes import save_wishes
from storage.push import kept_push_keys, public_push_key, subscribe, try_push
from storage.sealing import Sealer
from tests.conftest import NOON
from tests.events import a_message, a_person, accepted
from tests.installation import Installation
from workers.push import ATTEMPTS, CLAIM, KEPT, Pusher, make_keys

SEALER = Sealer(b"s" * 32)


def _base64url(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _derived(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)


class Device:
    """A browser's half of a subscription."""

    def __init__(self) -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())
        self._auth = os.urandom(16)
        self.point = self._private.public_key().public_bytes(
            Encoding.X962, PublicFormat.UncompressedPoint
        )
        self.p256dh = _base64url(self.point)
        self.auth = _base64url(self._auth)

    def opened(self, body: bytes) -> dict[str, Any]:
        """RFC 8188: salt, record size, the length of the sender's key, the key, one record."""
        salt, length = body[:16], body[20]
        sender, record = body[21 : 21 + length], body[21 + length :]
        shared = self._private.exchange(
            ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        )
        key = _derived(self._auth, shared, b"WebPush: info\0" + self.point + sender, 32)
        plain = AESGCM(_derived(salt, key, b"Content-Encoding: aes128gcm\0", 16)).decrypt(
            _derived(salt, key, b"Content-Encoding: nonce\0", 12), record, None
        )
        return json.loads(plain.rstrip(b"\0").removesuffix(b"\x02"))


@dataclass
class PushService:
    """Takes what it is sent; answers `status`."""

    status: int = 201
    headers: dict[str, str] = field(default_factory=dict)
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""
    arrived: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def take(self, request: web.Request) -> web.Response:
        self.taken.append((dict(request.headers), await request.read()))
        self.arrived.release()
        return web.Response(status=self.status, headers=self.headers)


@pytest.fixture
async def service() -> AsyncGenerator[PushService]:
    service = PushService()
    application = web.Application()
    application.router.add_post("/push/{id}", service.take)
    async with TestServer(application) as server:
        service.url = f"http://127.0.0.1:{server.port}"
        yield service


@dataclass
class Scene:
    """Anna has a browser that has subscribed; a customer writes; the pusher is asked to send."""

    shop: Installation
    engine: AsyncEngine
    service: PushService
    device: Device
    anna: UUID
    telegram: UUID
    time: datetime = NOON
    written: int = 0

    async def writes(self, text: str = "Секрет") -> None:
        for _ in range(2 if not self.written else 1):
            self.written += 1
            await self.shop.route(
                accepted(
                    self.telegram,
                    a_message(by=a_person(1, name="Марина"), key=f"m{self.written}", text=text),
                )
            )
        await self.shop.sql(
            "update outbox set position = nextval('outbox_position') where position is null"
        )
        async with self.engine.begin() as connection:
            await notice_feed.follow(connection, now=self.time, zone="UTC")

    def pusher(self) -> Pusher:
        return Pusher(
            engine=self.engine,
            sealer=SEALER,
            now=lambda: self.time,
            public_url="https://allo.example",
            time_zone="Europe/Moscow",
            language="ru",
            http=open_http,
        )

    async def push(self) -> int:
        async with transaction(self.engine) as connection:
            keys = await kept_push_keys(connection, SEALER, made=make_keys())
        async with open_http() as http:
            return await self.pusher().turn(http, keys)

    def opened(self) -> list[dict[str, Any]]:
        return [self.device.opened(body) for _, body in self.service.taken]

    async def left(self) -> tuple[int, int]:
        """Browsers that are subscribed, pushes that wait."""
        row = await self.shop.one(
            "select (select count(*) from push_subscription) as s, (select count(*) from push_delivery) as d"
        )
        return row.s, row.d


@pytest.fixture
async def scene(database: AsyncEngine, service: PushService) -> Scene:
    shop = await Installation(database).found()
    anna = await shop.hire("Anna")
    scene = Scene(
        shop=shop,
        engine=database,
        service=service,
        device=Device(),
        anna=anna,
        telegram=await shop.connect(),
    )
    async with transaction(database) as connection:
        await subscribe(
            connection,
            anna,
            endpoint=f"{service.url}/push/anna",
            p256dh=scene.device.p256dh,
            auth=scene.device.auth,
            browser="Firefox",
            now=NOON,
        )
    return scene


async def test_a_push_says_who_and_where_and_only_the_browser_can_read_it(scene):
    await scene.writes()
    assert await scene.push() == 2
    told = scene.opened()
    talk = (await scene.shop.one("select id from conversation")).id
    assert {each["body"] for each in told} == {
        "Диалог теперь ваш · Telegram",
        "Новое сообщение · Telegram",
    }
    assert {each["title"] for each in told} == {"Марина"}
    assert {each["url"] for each in told} == {f"/conversations/{talk}"}
    for _, body in scene.service.taken:
        assert "Марина".encode() not in body
    assert "Секрет" not in str(told), "what was written is told to those only who wish it"
    assert await scene.left() == (1, 0)


async def test_the_text_is_in_it_for_whoever_wishes_it(scene):
    async with transaction(scene.engine) as connection:
        await save_wishes(connection, scene.anna, wishes=KINDS, manner=Manner(push_text=True))
    await scene.writes()
    await scene.push()
    assert all(each["body"].endswith("\nСекрет") for each in scene.opened())


async def test_a_push_is_signed_with_the_installations_own_keys_and_may_replace_an_older_one(scene):
    await scene.writes()
    await scene.push()
    headers, _ = scene.service.taken[0]
    scheme, token, key = headers["Authorization"].replace(",", "").split()
    async with scene.engine.connect() as connection:
        public = await public_push_key(connection)
    assert (scheme, key) == ("vapid", f"k={public}")
    point = urlsafe_b64decode(public + "=")
    claims = jwt.decode(
        token.removeprefix("t="),
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point),
        algorithms=["ES256"],
        audience=scene.service.url,
        options={"verify_exp": False},
    )
    assert claims["sub"] == "https://allo.example"
    assert 0 < claims["exp"] - NOON.timestamp() <= 24 * 3600
    assert headers["Content-Encoding"] == "aes128gcm"
    assert headers["Urgency"] == "high"
    assert int(headers["TTL"]) == KEPT.total_seconds()
    assert len({each["Topic"] for each, _ in scene.service.taken}) == 1
    assert len(headers["Topic"]) <= 32


@pytest.mark.parametrize("status", [404, 410])
async def test_a_browser_that_is_gone_is_forgotten(scene, status):
    scene.service.status = status
    await scene.writes()
    await scene.push()
    assert await scene.left() == (0, 0)


async def test_a_service_in_trouble_is_asked_again_later_and_not_for_ever(scene):
    scene.service.status = 503
    scene.service.headers = {"Retry-After": "600"}
    async with transaction(scene.engine) as connection:
        assert await try_push(connection, scene.anna, now=NOON) == 1
        assert await try_push(connection, scene.anna, now=NOON) == 0, "one that waits is enough"
    assert await scene.push() == 1
    scene.time = NOON + timedelta(minutes=9)
    assert await scene.push() == 0
    scene.time = NOON + timedelta(minutes=11)
    assert await scene.push() == 1
    for hours in range(1, ATTEMPTS + 1):
        scene.time = NOON + timedelta(hours=hours + 1)
        await scene.push()
    assert len(scene.service.taken) == ATTEMPTS
    assert await scene.left() == (1, 0)


async def test_what_was_read_meanwhile_or_is_old_does_not_ring(scene):
    await scene.writes()
    async with transaction(scene.engine) as connection:
        await notice_marks.mark_read(connection, scene.anna, now=NOON)
    await scene.push()
    await scene.writes()
    scene.time = NOON + KEPT + timedelta(minutes=1)
    await scene.push()
    assert scene.service.taken == []
    assert await scene.left() == (1, 0)


async def test_a_refusal_is_remembered_and_not_repeated(scene):
    scene.service.status = 403
    await scene.writes()
    await scene.push()
    assert await scene.left() == (1, 0)
    assert "403" in (await scene.shop.one("select error from push_subscription")).error


async def test_keys_that_are_none_cost_the_subscription_and_nothing_else(scene):
    await scene.shop.sql("update push_subscription set p256dh = 'AAAA'")
    await scene.writes()
    await scene.push()
    assert await scene.left() == (0, 0)


async def test_a_private_address_is_not_called(scene):
    await scene.writes()
    pusher = scene.pusher()
    async with open_guarded_http() as http, transaction(scene.engine) as connection:
        keys = await kept_push_keys(connection, SEALER, made=make_keys())
        await pusher.turn(http, keys)
    assert scene.service.taken == []
    assert "private network" in (await scene.shop.one("select error from push_subscription")).error


async def test_two_pushers_send_each_push_once(scene):
    await scene.writes()
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(scene.push())
    assert len(scene.service.taken) == 2
    scene.time += CLAIM * 2
    assert await scene.push() == 0


async def test_the_keys_are_made_once_and_anew_only_when_their_secret_is_lost(scene):
    async def kept(sealer: Sealer) -> Any:
        async with transaction(scene.engine) as connection:
            return await kept_push_keys(connection, sealer, made=make_keys())

    first = await kept(SEALER)
    assert await kept(SEALER) == first
    stored = (
        await scene.shop.one("select value::text as v from setting where name = 'push_keys'")
    ).v
    assert "PRIVATE" not in stored
    assert await scene.left() == (1, 0)
    other = await kept(Sealer(b"o" * 32))
    assert other.public != first.public
    assert await scene.left() == (0, 0)


async def test_the_pusher_sends_what_becomes_due_until_it_is_stopped(scene):
    stop = asyncio.Event()
    pusher = scene.pusher()
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(pusher.run(stop))
        await scene.writes()
        pusher.hear(None)
        for _ in range(2):
            await scene.service.arrived.acquire()
        stop.set()
