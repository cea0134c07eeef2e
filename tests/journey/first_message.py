"""Three people write over three channels, twice as people and platforms do, and each is answered once.

The journey is the same whatever the processes are: one with an embedded database, or four over RabbitMQ.
"""

import asyncio
import smtplib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Final
from uuid import uuid4

import aiohttp

from router.ids import new_id
from sandbox.mailbox import Mailbox
from sandbox.telegram import Bot, Telegram
from tests.inbox.browser import Browser
from tests.journey.processes import (
    PASSWORD,
    Api,
    Feed,
    Place,
    Process,
    api_of,
    eventually,
    following,
)

TOKEN: Final = "700700:TEST"
ADDRESS: Final = "shop@example.com"
LANDING: Final = "https://shop.example/brakes?utm_source=yandex&utm_medium=cpc&utm_campaign=Brakes"
IVAN: Final = 700


@dataclass(kw_only=True)
class Visitor:
    """Somebody with the widget open: what its script asks, by hand."""

    url: str
    http: aiohttp.ClientSession
    token: str = ""

    async def arrive(self) -> None:
        utm = {"source": "yandex", "medium": "cpc", "campaign": "Brakes"}
        visit = {"id": uuid4().hex, "url": LANDING, "title": "Тормоза", "utm": utm}
        self.token = (await self._post("session", {"visit": visit}))["token"]

    async def write(self, text: str, *, client_msg_id: str) -> None:
        said = await self._post("messages", {"client_msg_id": client_msg_id, "text": text})
        assert said["accepted"] == client_msg_id

    async def read(self) -> list[dict[str, Any]]:
        async with self.http.get(f"{self.url}/messages", headers=self._headers()) as answer:
            assert answer.status == 200, await answer.text()
            messages: list[dict[str, Any]] = (await answer.json())["messages"]
            return messages

    async def _post(self, what: str, body: Any) -> dict[str, Any]:
        async with self.http.post(
            f"{self.url}/{what}", json=body, headers=self._headers()
        ) as answer:
            assert answer.status == 200, await answer.text()
            said: dict[str, Any] = await answer.json()
            return said

    def _headers(self) -> dict[str, str]:
        # A browser names the page's origin; the chat's own pages are always allowed.
        headers = {"Origin": self.url.rpartition("/chat/")[0]}
        return headers | ({"Authorization": f"Bearer {self.token}"} if self.token else {})


@dataclass(kw_only=True)
class Shop:
    """An installation with three channels, its customers, and the API's view of it."""

    place: Place
    api: Api
    bot: Bot
    mailbox: Mailbox
    visitor: Visitor
    feed: Feed
    desk: str
    """Where colleagues work: an address."""
    by_account: dict[str, dict[str, Any]] = field(default_factory=dict)


@asynccontextmanager
async def open_shop(
    place: Place, *, door: Process, desk: Process, telegram: Telegram, mailbox: Mailbox
) -> AsyncGenerator[Shop]:
    """`door` has the connectors, `desk` the inbox; both are ready."""
    bot = telegram.add_bot(TOKEN)
    await place.add_user("anna@example.com", name="Anna")
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
    )
    assert bot.webhook is not None, "adding the channel tells Telegram where to send updates"
    token = await place.token()
    async with (
        api_of(desk, token=token) as api,
        following(desk, token=token) as feed,
        aiohttp.ClientSession() as browser,
    ):
        visitor = Visitor(url=f"{door.url}/chat/site", http=browser)
        yield Shop(
            place=place,
            api=api,
            bot=bot,
            mailbox=mailbox,
            visitor=visitor,
            feed=feed,
            desk=desk.url,
        )


async def everybody_writes(shop: Shop) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"] = "Пётр <petr@example.org>", ADDRESS
    mail["Subject"], mail["Message-ID"] = "Замена колодок", "<a1@example.org>"
    mail.set_content("Сколько стоит?")
    for _ in range(2):
        await asyncio.to_thread(_send, shop.place.smtp, mail)

    shop.bot.starts(IVAN, "autumn_sale", name="Иван")
    shop.bot.writes(IVAN, "Здравствуйте, сколько стоит замена колодок?")

    await shop.visitor.arrive()
    # The widget did not get the answer, so it posts the message again.
    posted = str(new_id())
    for _ in range(2):
        await shop.visitor.write("А на Octavia?", client_msg_id=posted)


def _send(listener: str, mail: EmailMessage) -> None:
    host, _, port = listener.rpartition(":")
    with smtplib.SMTP(host, int(port), timeout=20) as server:
        server.send_message(mail)


async def everybody_is_there_once(shop: Shop) -> None:
    """Message, contact, lead with its source and its manager, through the API and in the feed."""
    api = shop.api

    async def three_leads() -> bool:
        return len(await api.all("/leads")) == 3 and len(await api.all("/messages")) == 4

    await eventually(three_leads)
    messages = await api.all("/messages")
    assert {(each["account"], each["text"].strip()) for each in messages} == {
        ("post", "Сколько стоит?"),
        ("shop", "/start"),
        ("shop", "Здравствуйте, сколько стоит замена колодок?"),
        ("site", "А на Octavia?"),
    }
    contacts = {each["id"]: each for each in await api.all("/contacts")}
    assert len(contacts) == 3
    assert {"Пётр", "Иван"} <= {each["name"] for each in contacts.values()}

    (anna,) = [each for each in await api.all("/users") if each["email"] == "anna@example.com"]
    leads = {each["account"]: each for each in await api.all("/leads")}
    assert set(leads) == {"post", "shop", "site"}
    assert {each["contact_id"] for each in leads.values()} == set(contacts)
    assert {each["manager_id"] for each in leads.values()} == {anna["id"]}
    touched = {account: lead["first_touch"] for account, lead in leads.items()}
    assert (touched["site"]["source"], touched["site"]["campaign"]) == ("yandex", "brakes")
    assert (touched["shop"]["source"], touched["shop"]["campaign"]) == ("link", "autumn_sale")
    assert touched["post"] is None, "a mail does not say where its sender came from"

    conversations = await api.all("/conversations")
    assert len(conversations) == 3
    for each in conversations:
        assert each["assignment"]["manager_id"] == anna["id"]
        assert each["assignment"]["reason"]
    shop.by_account = {each["account"]: each for each in conversations}

    async def told() -> bool:
        return len(shop.feed.told("lead_opened")) == 3

    await eventually(told)
    assert len(shop.feed.told("message_received")) == 4
    assert len(shop.feed.told("contact_created")) == 3


async def ivan_sees_us_typing(shop: Shop) -> None:
    """Whatever processes the page, the broker and the one who tells Telegram are."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(shop.desk, cookie_jar=jar) as session:
        anna = Browser(session)
        assert (await anna.sign_in("anna@example.com", PASSWORD)).status == 303

        async def seen() -> bool:
            talk = shop.by_account["shop"]["id"]
            draft = await anna.post(
                f"/conversations/{talk}/draft", {"text": "1 4", "mode": "reply"}
            )
            assert draft.status == 204, draft.text
            return bool(shop.bot.actions)

        await eventually(seen)
        assert set(shop.bot.actions) == {(IVAN, "typing")}


async def everybody_is_answered_once(shop: Shop) -> None:
    api, bot, mailbox = shop.api, shop.bot, shop.mailbox
    await ivan_sees_us_typing(shop)
    answers = {"shop": "1 400 ₽, Иван.", "post": "1 500 ₽, Пётр.", "site": "1 600 ₽."}
    made = {}
    for account, text in answers.items():
        path = f"/conversations/{shop.by_account[account]['id']}/messages"
        first = await api.post(path, {"text": text}, key=f"answer-{account}")
        # A second click, or a client that did not hear our answer.
        again = await api.post(path, {"text": text}, key=f"answer-{account}")
        assert again["id"] == first["id"]
        made[account] = first["id"]

    async def all_sent() -> bool:
        replies = [await api.get(f"/messages/{each}") for each in made.values()]
        states = [(each["account"], each["state"], each["error"]) for each in replies]
        assert all(state in {"sent", "delivered"} for _, state, _ in states), states
        return True

    await eventually(all_sent)

    async def read_by_the_visitor() -> bool:
        return any(each["text"] == answers["site"] for each in await shop.visitor.read())

    await eventually(read_by_the_visitor)
    # Whatever was on its way a second time is in front of this one.
    for account, conversation in shop.by_account.items():
        made[account] = (
            await api.post(f"/conversations/{conversation['id']}/messages", {"text": "Приезжайте!"})
        )["id"]
    await eventually(all_sent)

    assert bot.times(answers["shop"], IVAN) == 1
    assert bot.times("Приезжайте!", IVAN) == 1
    mails = [message_from_bytes(each.content, policy=policy.default) for each in mailbox.mails]
    assert [each.recipients for each in mailbox.mails] == [("petr@example.org",)] * 2
    assert answers["post"] in _words(mails[0])
    assert mails[0]["In-Reply-To"] == "<a1@example.org>"
    seen = [each["text"] for each in await shop.visitor.read() if not each["mine"]]
    assert seen == [answers["site"], "Приезжайте!"]

    # What the feed tells live is what it tells whoever asks later.
    history = [each["position"] for each in await api.all("/events")]
    assert history == sorted(set(history))

    async def caught_up() -> bool:
        return {each["position"] for each in shop.feed.events} >= {
            each["position"]
            for each in await api.all("/events")
            if each["type"] == "delivery_changed"
        }

    await eventually(caught_up)
    queued = [each["data"]["message"] for each in shop.feed.told("message_queued")]
    assert len(queued) == len(set(queued)) == 6


def _words(mail: Any) -> str:
    body = mail.get_body(preferencelist=("plain",))
    assert body is not None
    return str(body.get_content())


async def nothing_waits(shop: Shop) -> None:
    """Nothing was given up on, and nothing went wrong on the way."""
    assert await shop.api.all("/dead-letters") == []
