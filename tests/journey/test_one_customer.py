"""One person, five ways in: known by WhatsApp, calls, shares the number in Telegram, signs in on the site, writes a mail."""

import asyncio
import hashlib
import hmac
import json
import smtplib
import time
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from random import Random
from typing import Any, Final

import aiohttp
import jwt
import pytest

from sandbox.mailbox import Mailbox
from sandbox.telegram import Bot, Telegram
from sandbox.visitors import CAMPAIGNS, SiteVisitor
from tests.journey.processes import Api, Place, Process, api_of, eventually

pytestmark = pytest.mark.timeout(300)

PHONE: Final = "79161234567"
TOKEN: Final = "700700:TEST"
ADDRESS: Final = "shop@example.com"
SENDER: Final = "ivan@example.org"
IDENTITY_SECRET: Final = "site-identity-secret-of-32-bytes!"
APP_SECRET: Final = "whatsapp-app-secret"
CALL_SECRET: Final = "call-hook-secret"
IVAN: Final = 700


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    place: Place
    door: Process
    api: Api
    bot: Bot
    http: aiohttp.ClientSession

    async def whatsapp(self, text: str, *, message_id: str) -> None:
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "74950000000", "phone_number_id": "1001"},
            "contacts": [{"profile": {"name": "Иван"}, "wa_id": PHONE}],
            "messages": [
                {
                    "from": PHONE,
                    "id": message_id,
                    "timestamp": str(int(time.time())),
                    "type": "text",
                    "text": {"body": text},
                }
            ],
        }
        entry = {"id": "2001", "changes": [{"field": "messages", "value": value}]}
        body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
        sign = "sha256=" + hmac.new(APP_SECRET.encode(), body, hashlib.sha256).hexdigest()
        await self._post("/hooks/whatsapp/wa", body, {"X-Hub-Signature-256": sign})

    async def call(self, phase: str, **more: str) -> None:
        report = {"call": "c1", "phase": phase, "customer": f"+{PHONE}", "line": "+74950000000"}
        body = json.dumps(report | more).encode()
        at = str(int(time.time()))
        mac = hmac.new(CALL_SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        await self._post("/hooks/telephony/pbx", body, {"Allo-Signature": f"t={at},v1={mac}"})

    def mail(self, *, subject: str, message_id: str, proved: bool) -> None:
        mail = EmailMessage()
        mail["From"], mail["To"] = f"Иван <{SENDER}>", ADDRESS
        mail["Subject"], mail["Message-ID"] = subject, message_id
        if proved:
            mail["Authentication-Results"] = "mx.example.com; dmarc=pass header.from=example.org"
        mail.set_content(subject)
        host, _, port = self.place.smtp.rpartition(":")
        with smtplib.SMTP(host, int(port), timeout=20) as server:
            server.send_message(mail)

    async def _post(self, path: str, body: bytes, headers: dict[str, str]) -> None:
        headers = {"Content-Type": "application/json", **headers}
        async with self.http.post(f"{self.door.url}{path}", data=body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()


async def test_whatsapp_call_mail_and_telegram_are_one_contact_with_one_lead(
    tmp_path: Path, telegram: Telegram, mailbox: Mailbox
) -> None:
    place = Place(tmp_path)
    async with place.process() as allo:
        await allo.ready()
        bot = telegram.add_bot(TOKEN)
        await place.add_user("anna@example.com", name="Anna")
        await place.add_channel(
            *("whatsapp", "wa"),
            phone_number_id="1001",
            waba_id="2001",
            access_token="token",
            app_secret=APP_SECRET,
            verify_token="verify",
            api_base="http://127.0.0.1:9",
        )
        await place.add_channel("call_hook", "pbx", secret=CALL_SECRET)
        await place.cli("channel", "set", "site", "--set", f"identity_secret={IDENTITY_SECRET}")
        await place.add_channel(
            *("telegram", "shop"),
            token=TOKEN,
            webhook_secret="s3cret",
            mode="webhook",
            api_base=telegram.url,
        )
        await place.add_channel(
            *("email", "post"),
            address=ADDRESS,
            mode="smtp",
            smtp_host=mailbox.host,
            smtp_port=str(mailbox.port),
            smtp_tls="none",
            authserv_id="mx.example.com",
        )
        token = await place.token()
        async with api_of(allo, token=token) as api, aiohttp.ClientSession() as http:
            shop = Shop(place=place, door=allo, api=api, bot=bot, http=http)
            await _five_ways_in(shop)
            await _one_contact_one_lead(shop)
            await _an_unproved_mail_only_suggests(shop)
        assert "Traceback" not in allo.log.read_text()


async def _five_ways_in(shop: Shop) -> None:
    await shop.whatsapp("Здравствуйте!", message_id="wamid.1")
    await shop.whatsapp("Здравствуйте!", message_id="wamid.1")
    talking = {"leg": "c1-101", "extension": "101", "answered_by": "101"}
    for phase, more in (("ringing", {}), ("talking", talking), ("ended", {}), ("ringing", {})):
        await shop.call(phase, **more)
    shop.bot.writes(IVAN, "Это снова я", name="Иван")
    shop.bot.shares_contact(IVAN, PHONE)
    await _eventually_messages(shop, 4)
    # The shop's site knows both the number and the address, and signs what it says.
    visitor = SiteVisitor(
        http=shop.http,
        base_url=shop.door.url,
        slug="site",
        origin=shop.door.url,
        random=Random(1),  # not secret
    )
    await visitor.land("/", CAMPAIGNS[0])
    known = {"sub": "42", "email": SENDER, "phone": f"+{PHONE}", "exp": int(time.time()) + 600}
    await visitor.identify(jwt.encode(known, IDENTITY_SECRET, algorithm="HS256"))
    await visitor.write("А можно на субботу?")
    await _eventually_messages(shop, 5)
    await asyncio.to_thread(
        shop.mail, subject="Счёт", message_id="<proved@example.org>", proved=True
    )
    await _eventually_messages(shop, 6)


async def _one_contact_one_lead(shop: Shop) -> None:
    (contact,) = await shop.api.all("/contacts")
    (lead,) = await shop.api.all("/leads?status=open")
    assert lead["contact_id"] == contact["id"]
    conversations = await shop.api.all("/conversations")
    assert {each["contact_id"] for each in conversations} == {contact["id"]}
    assert {each["channel"] for each in conversations} == {
        "whatsapp",
        "call_hook",
        "telegram",
        "email",
        "site_chat",
    }


async def _an_unproved_mail_only_suggests(shop: Shop) -> None:
    await asyncio.to_thread(
        shop.mail, subject="Это тоже я?", message_id="<forged@example.org>", proved=False
    )

    async def two_contacts() -> bool:
        return len(await shop.api.all("/contacts")) == 2

    await eventually(two_contacts)
    (suggestion,) = await shop.api.all("/suggestions")
    assert {each["id"] for each in suggestion["contacts"]} == {
        each["id"] for each in await shop.api.all("/contacts")
    }


async def _eventually_messages(shop: Shop, number: int) -> None:
    async def there() -> bool:
        found: list[Any] = []
        for conversation in await shop.api.all("/conversations"):
            found += await shop.api.all(f"/conversations/{conversation['id']}/messages")
        return len([each for each in found if each["direction"] == "in"]) >= number

    await eventually(there)
