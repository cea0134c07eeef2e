"""Guided set-up of WhatsApp, against the stand-in: what is wrong is said in words, and the webhook is registered."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.channels.whatsapp import connector
from connectors.connector import Request
from connectors.errors import Unverified
from sandbox.whatsapp.world import Webhook
from tests.connectors.channels.whatsapp_stand import Stand, a_stand
from tests.connectors.channels.whatsapp_world import NOON, an_account

HOOK = "https://allo.example/hooks/whatsapp/shop"


async def said(stand: Stand, url: str = HOOK) -> list[tuple[str, str]]:
    assert connector.check is not None
    findings = await connector.check(stand.account, stand.http, webhook_url=url)
    return [(each.level, each.text) for each in findings]


@asynccontextmanager
async def our_door() -> AsyncGenerator[str]:
    """The address that Meta is told, answering as the gateway would."""

    async def handle(request: web.Request) -> web.Response:
        assert connector.receive is not None
        asked = Request(
            method="GET", headers=request.headers, body=b"", query=request.query, received_at=NOON
        )
        try:
            return web.Response(body=connector.receive(an_account(), asked).answer.body)
        except Unverified:
            return web.Response(status=403)

    app = web.Application()
    app.add_routes([web.get("/hooks/whatsapp/shop", handle)])
    async with TestServer(app) as server:
        yield str(server.make_url("/hooks/whatsapp/shop"))


async def test_all_is_well():
    async with a_stand() as stand:
        stand.number.webhook, stand.number.subscribed = Webhook(HOOK), True
        assert await said(stand) == [
            ("ok", "WhatsApp accepts the token: this is 15550001111 (Shop)"),
            ("ok", f"WhatsApp sends messages to {HOOK}"),
            ("ok", "Subscribed to the business account: Shop"),
        ]


async def test_nothing_is_sent_anywhere_yet():
    async with a_stand() as stand:
        texts = [text for level, text in await said(stand) if level == "warning"]
        assert f"WhatsApp sends messages nowhere yet, not to {HOOK}" in texts
        assert "No app is subscribed to the business account: nothing is sent anywhere" in texts


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"access_token": "wrong"}, "The access token has expired or was taken back"),
        ({"app_secret": "wrong"}, "app_secret is not the secret of the app"),
        ({"app_secret": ""}, "Set app_secret"),
        ({"verify_token": ""}, "Set verify_token"),
        ({"phone_number_id": "1"}, "does not exist"),
        ({"phone_number_id": "+7 916"}, "phone_number_id is missing or is not one"),
        ({"waba_id": "5"}, "does not exist"),
        ({"waba_id": ""}, "Without waba_id there are no templates"),
    ],
)
async def test_what_is_wrong_is_said(fields, words):
    async with a_stand(**fields) as stand:
        found = await said(stand)
        assert any(words in text for level, text in found if level != "ok"), found


async def test_a_number_of_another_business_account():
    async with a_stand(waba_id="77") as stand:
        stand.whatsapp.add_number("8", waba="77")
        assert (
            "error",
            "phone_number_id is not a number of the business account waba_id",
        ) in await said(stand)


async def test_the_platform_is_away():
    async with a_stand() as stand:
        await stand.whatsapp.go_down()
        ((level, text),) = await said(stand)
        assert (level, text) == ("error", "WhatsApp: The server does not accept connections")


async def test_the_number_gets_an_address_of_its_own():
    assert connector.connect is not None
    async with our_door() as door, a_stand() as stand:
        (found,) = await connector.connect(stand.account, stand.http, webhook_url=door)
        assert found.level == "ok", found
        assert stand.number.webhook is not None
        assert (stand.number.webhook.url, stand.number.subscribed) == (door, True)


async def test_an_address_that_does_not_know_the_word_is_not_taken():
    assert connector.connect is not None
    async with our_door() as door, a_stand(verify_token="another") as stand:
        (found,) = await connector.connect(stand.account, stand.http, webhook_url=door)
        assert found.level == "error"
        assert "Callback verification failed" in found.text
        assert stand.number.webhook is None


@pytest.mark.parametrize("url", ["", "http://allo.example/hooks/whatsapp/shop"])
async def test_meta_calls_public_https_addresses_only(url):
    assert connector.connect is not None
    async with a_stand() as stand:
        account = an_account()
        (found,) = await connector.connect(account, stand.http, webhook_url=url)
        assert found.level == "error"
        assert not stand.whatsapp.calls
