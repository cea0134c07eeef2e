"""The stand-in for WhatsApp, checked against an independent client: pywa calls it, and takes its webhooks for Meta's."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pywa import utils
from pywa.errors import (
    ExpiredAccessToken,
    InvalidParameter,
    RateLimitHit,
    TemplateParamCountMismatch,
    TooManyMessages,
    WhatsAppError,
)
from pywa.types.templates import BodyText, TemplateLanguage
from pywa_async import WhatsApp as Pywa, handlers

from sandbox.whatsapp import Fault, Limits, Number, WhatsApp
from sandbox.whatsapp.control import routes
from sandbox.whatsapp.world import Json, Template, Webhook

TOKEN, SECRET, NUMBER, ANNA = "EAAG-x", "s3cret", "106540352242922", "79161234567"
UNLIMITED = Limits(number_rate=None, pair_rate=None)


@asynccontextmanager
async def standing(**more: Any) -> AsyncGenerator[tuple[WhatsApp, Number, Pywa]]:
    settings = {"limits": UNLIMITED, "now": time.time} | more
    whatsapp = WhatsApp(token=TOKEN, app_secret=SECRET, tempo=0.001, **settings)
    number = whatsapp.add_number(NUMBER)
    number.person(ANNA, "Анна").wrote_at = number.now()
    async with whatsapp.running(routes=routes(whatsapp)), httpx.AsyncClient() as session:
        client = Pywa(phone_id=NUMBER, token=TOKEN, waba_id=number.waba, session=session)
        session.base_url = httpx.URL(f"{whatsapp.url}/v26.0")
        yield whatsapp, number, client


@asynccontextmanager
async def listening(number: Number, answers: list[int]) -> AsyncGenerator[list[tuple[bytes, str]]]:
    """A business's address; answers as told, then 200."""
    heard: list[tuple[bytes, str]] = []

    async def hear(request: web.Request) -> web.Response:
        heard.append((await request.read(), request.headers["X-Hub-Signature-256"]))
        return web.Response(status=answers.pop(0) if answers else 200)

    app = web.Application()
    app.add_routes([web.post("/", hear)])
    async with TestServer(app) as server:
        number.webhook = Webhook(str(server.make_url("/")))
        yield heard


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # several things change
            await asyncio.sleep(0.001)


def items(heard: list[tuple[bytes, str]], kind: str) -> list[Json]:
    values = [json.loads(body)["entry"][0]["changes"][0]["value"] for body, _ in heard]
    return [item for value in values for item in value.get(kind, ())]


async def test_pywa_sends_texts_files_and_templates():
    async with standing() as (_, number, client):
        number.templates.append(Template(name="visit", language="en_US", body="Hi {{1}}"))
        sent = await client.send_message(ANNA, "hi", tracker="outbox-17")
        await client.send_document(
            ANNA, document=b"%PDF-1.4", filename="a.pdf", caption="c", mime_type="application/pdf"
        )
        await client.send_template(
            ANNA, "visit", TemplateLanguage.ENGLISH_US, [BodyText.params("Anna")]
        )
        user_id = number.person(ANNA).user_id
        await client.send_message(user_id, "by user id")
        kinds = [(each.kind, each.text, each.to) for each in number.sent]
        assert kinds == [
            ("text", "hi", ANNA),
            ("document", "c", ANNA),
            ("template", "Hi Anna", ANNA),
            ("text", "by user id", user_id),
        ]
        assert (sent.id, number.sent[0].tracker) == (number.sent[0].id, "outbox-17")
        assert number.sent[1].content == b"%PDF-1.4"


async def test_pywa_fetches_files_and_lists_what_there_is():
    async with standing() as (_, number, client):
        number.templates.append(Template(name="visit", body="Hi {{1}}"))
        media = number.keep(b"bytes", "image/jpeg")
        url = await client.get_media_url(media)
        assert (url.mime_type, url.file_size) == ("image/jpeg", 5)
        assert await client.get_media_bytes(url.url) == b"bytes"
        assert [each.name for each in await client.get_templates()] == ["visit"]
        assert (await client.get_business_phone_number()).verified_name == "Shop"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(kind="answer", status=429, code=130429), RateLimitHit),
        (Fault(kind="answer", status=401, code=190), ExpiredAccessToken),
    ],
)
async def test_pywa_understands_the_errors(fault, kind):
    async with standing() as (whatsapp, _, client):
        whatsapp.go_wrong(fault)
        with pytest.raises(kind):
            await client.send_message(ANNA, "hi")


async def test_pywa_is_refused_as_by_meta():
    async with standing(limits=Limits(number_rate=None, pair_burst=1, pair_rate=1e-9)) as (
        _,
        number,
        client,
    ):
        number.templates.append(Template(name="visit", language="en_US", body="Hi {{1}}"))
        await client.send_message(ANNA, "hi")
        with pytest.raises(TooManyMessages):
            await client.send_message(ANNA, "hi")
    async with standing() as (_, number, client):
        number.templates.append(Template(name="visit", language="en_US", body="Hi {{1}}"))
        with pytest.raises(TemplateParamCountMismatch):
            await client.send_template(ANNA, "visit", TemplateLanguage.ENGLISH_US, [])
        with pytest.raises(InvalidParameter):
            await client.send_image(ANNA, "12345678901234567")
        with pytest.raises(WhatsAppError):
            await client.send_message(ANNA, "x" * 4097)


async def test_pywa_takes_the_webhooks_for_metas():
    async with standing() as (_, number, client):
        async with listening(number, []) as heard:
            number.writes(ANNA, "Здравствуйте", name="Анна")
            number.sends_file(ANNA, b"bytes")
            number.clicks_advertisement(ANNA, "hi")
            await client.send_message(ANNA, "hi")
            await until(lambda: len(heard) == 5)
        for body, signature in heard:
            assert utils.webhook_updates_validator(SECRET, body, signature)
        # pywa swallows what it cannot read, so what counts is what its handlers were given.
        given: list[str] = []

        async def take(_: Pywa, told: Any) -> None:
            given.append(told.id)

        client.add_handlers(handlers.MessageHandler(take), handlers.MessageStatusHandler(take))
        for body, _ in heard:
            await client.webhook_update_handler(body)
        assert sorted(given) == sorted(
            each["id"] for kind in ("messages", "statuses") for each in items(heard, kind)
        )
        assert len(given) == 5
        assert [each["status"] for each in items(heard, "statuses")] == ["sent", "delivered"]
        assert b"\\u0417" in heard[0][0]


async def test_a_webhook_comes_again_until_it_is_answered_200():
    async with standing() as (whatsapp, number, _):
        async with listening(number, [500, 503, 302]) as heard:
            number.writes(ANNA, "hi")
            await until(lambda: len(heard) == 4 and not whatsapp.waiting)
        assert len({body for body, _ in heard}) == 1
        assert number.webhook is not None
        assert number.webhook.last_error == ""


async def test_what_cannot_be_delivered_is_accepted_and_fails_later():
    moment = [1_763_700_000.0]
    async with standing(now=lambda: moment[0]) as (_, number, client):
        async with listening(number, []) as heard:
            moment[0] += 86_400
            await client.send_message(ANNA, "too late")
            await client.send_message("79260000000", "to a stranger")
            await until(lambda: len(heard) == 2)
        failed = {each["errors"][0]["code"] for each in items(heard, "statuses")}
        assert failed == {131047, 131026}
        assert not number.sent
        assert all(
            "contacts" not in json.loads(body)["entry"][0]["changes"][0]["value"]
            for body, _ in heard
        )


async def test_people_act_by_hand_over_http():
    async with standing() as (whatsapp, number, client), aiohttp.ClientSession() as http:
        door = f"{whatsapp.url}/control/{NUMBER}"
        async with listening(number, []) as heard:
            url = number.webhook.url if number.webhook else ""
            for deed, told in (
                ("webhook", {"url": url}),
                ("write", {"from": ANNA, "text": "hi", "name": "Анна"}),
                ("click", {"from": ANNA, "text": "hi", "source_id": "7"}),
                ("photo", {"from": ANNA, "caption": "c"}),
                ("react", {"from": ANNA, "id": "wamid.x", "emoji": "👍"}),
                ("revoke", {"from": ANNA, "id": "wamid.x"}),
                ("post", {"from": ANNA, "content": {"type": "location", "location": {}}}),
                ("template", {"name": "visit", "body": "Hi"}),
            ):
                async with http.post(f"{door}/{deed}", json=told) as answer:
                    assert answer.status == 200, deed
            await until(lambda: len(heard) == 6)
        await client.send_message(ANNA, "hi")
        async with http.get(f"{door}/sent") as answer:
            told = await answer.json()
        assert told["seen"] == [{"to": ANNA, "text": "hi", "times": 1}]
        async with http.post(f"{door}/write", json={}) as answer:
            assert answer.status == 400
        async with http.post(f"{door}/fly", json={}) as answer:
            assert answer.status == 404
        async with http.post(f"{whatsapp.url}/control/fault", json={"kind": "answer"}) as answer:
            assert answer.status == 204
        with pytest.raises(WhatsAppError):
            await client.send_message(ANNA, "hi")


async def test_a_hidden_number_is_in_no_webhook():
    async with standing() as (_, number, _):
        number.person(ANNA, hidden=True, username="anna.k")
        async with listening(number, []) as heard:
            number.writes(ANNA, "hi")
            await until(lambda: len(heard) == 1)
        assert ANNA.encode() not in heard[0][0]
        assert items(heard, "contacts")[0]["profile"] == {"name": "Анна", "username": "anna.k"}
