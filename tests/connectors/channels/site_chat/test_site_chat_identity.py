"""Whom the site chat believes to be who."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode
from datetime import timedelta
from typing import Any

import aiohttp
import jwt
import pytest

from router.message import Key, ServiceEvent
from tests.doubles.site_chat import Chat
from tests.doubles.site_chat_browser import Browser, Clock

SECRET = "0123456789abcdef0123456789abcdef"


def hashed(id_: str, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), id_.encode(), hashlib.sha256).hexdigest()


def signed(clock: Clock, secret: str = SECRET, **claims: Any) -> str:
    exp = int((clock.at + timedelta(minutes=10)).timestamp())
    return jwt.encode({"sub": "42", "exp": exp, **claims}, secret, algorithm="HS256")


async def test_a_hash_proves_the_id_and_nothing_else(browser: Browser, chat: Chat) -> None:
    chat.change(identity_secret=SECRET)
    who = {"id": "42", "email": "boss@shop.example", "hash": hashed("42")}
    assert (await browser.post("identify", who))[0] == 200
    assert chat.intake.events == []
    await browser.say("Здравствуйте")
    assert chat.intake.messages[0].sender is not None
    assert [(key.kind, key.value, key.proof) for key in chat.intake.messages[0].sender.keys] == [
        ("visitor", chat.intake.messages[0].chat.id, "proved"),
        ("external", "site:42", "proved"),
    ]


async def test_a_token_proves_all_it_says(browser: Browser, chat: Chat, clock: Clock) -> None:
    chat.change(identity_secret=f"{'o' * 32} {SECRET}")
    token = signed(clock, email="Petr@Example.ru", phone="8 921 555-14-07", name="Пётр")
    assert (await browser.post("identify", {"token": token}))[0] == 200
    await browser.say("Здравствуйте")
    sender = chat.intake.messages[0].sender
    assert sender is not None
    assert sender.name == "Пётр"
    assert [(key.kind, key.value, key.proof) for key in sender.keys[1:]] == [
        ("external", "site:42", "proved"),
        ("email", "petr@example.ru", "proved"),
        ("phone", "+79215551407", "proved"),
    ]


@pytest.mark.parametrize(
    "who",
    [
        pytest.param({"id": "42"}, id="no hash"),
        pytest.param({"id": "42", "hash": "0" * 64}, id="a wrong hash"),
        pytest.param({"id": "43", "hash": hashed("42")}, id="somebody else's hash"),
        pytest.param({"id": "42", "hash": hashed("42", "x")}, id="another secret"),
        pytest.param({"id": "42", "hash": "ёж"}, id="not even ASCII"),
        pytest.param({"token": "not.a.token"}, id="no token"),
        pytest.param({"email": "boss@shop.example"}, id="only an address"),
    ],
)
async def test_what_is_not_signed_is_never_believed(
    browser: Browser, chat: Chat, who: dict[str, str]
) -> None:
    chat.change(identity_secret=SECRET)
    assert (await browser.say("до"))[0] == 200
    assert (await browser.post("identify", who))[0] in {401, 403}
    await browser.say("после")
    assert chat.intake.messages[1].sender == chat.intake.messages[0].sender
    assert not [each for each in chat.intake.events if isinstance(each, ServiceEvent)]


async def test_tokens_that_must_not_pass(browser: Browser, chat: Chat, clock: Clock) -> None:
    chat.change(identity_secret=SECRET)
    now = int(clock.at.timestamp())
    unsigned = jwt.encode({"sub": "42", "exp": now + 60}, "", algorithm="none")
    other = jwt.encode({"sub": "42", "exp": now + 60}, SECRET * 2, algorithm="HS512")
    for token in (
        unsigned,
        other,
        signed(clock, secret="x" * 32),
        signed(clock, exp=now - 60),
        signed(clock, exp=now + 2 * 86400),
        signed(clock, nbf=now + 600),
    ):
        assert (await browser.post("identify", {"token": token}))[0] == 403
    assert (await browser.post("identify", {"token": signed(clock, sub="")}))[0] == 400
    assert (await browser.post("identify", {"token": signed(clock, exp=None)}))[0] == 400
    assert (await browser.post("identify", {"token": signed(clock)}))[0] == 200


async def test_nobody_is_identified_without_a_secret(browser: Browser) -> None:
    assert (await browser.post("identify", {"id": "42", "hash": hashed("42", "")}))[0] == 403


async def test_a_conversation_begun_before_the_log_in_is_told_whose_it_is_once(
    browser: Browser, chat: Chat, clock: Clock
) -> None:
    chat.change(identity_secret=SECRET)
    await browser.say("Здравствуйте")
    who = {"token": signed(clock, email="petr@example.ru")}
    for _ in range(3):
        assert (await browser.post("identify", who))[0] == 200
    (event,) = [each for each in chat.intake.events if isinstance(each, ServiceEvent)]
    assert event.name == "identified"
    assert event.chat == chat.intake.messages[0].chat
    assert event.sender is not None
    assert Key(kind="external", value="site:42", how="signed by the site") in event.sender.keys


async def test_a_token_copied_before_the_log_in_opens_nothing_after_it(
    http: aiohttp.ClientSession, chat: Chat
) -> None:
    chat.change(identity_secret=SECRET)
    browser = await Browser(http).begin(utm={"source": "yandex"})
    copied = Browser(http, token=browser.token)
    await browser.post("identify", {"id": "42", "hash": hashed("42")})
    await browser.say("личное")
    assert [each["text"] for each in await browser.read()] == ["личное"]
    assert await copied.read() == []
    # The visit that brought them is still theirs.
    assert chat.intake.messages[0].source is not None
    assert chat.intake.messages[0].source.utm == {"source": "yandex"}


@pytest.mark.parametrize("said", [True, False], ids=["stored", "still on its way"])
async def test_who_has_written_keeps_the_conversation_at_the_log_in(
    browser: Browser, chat: Chat, *, said: bool
) -> None:
    chat.change(identity_secret=SECRET)
    before = browser.token
    if said:
        await browser.say("до")
    who = {"id": "42", "hash": hashed("42"), "begun": not said}
    assert (await browser.post("identify", who))[0] == 200
    assert browser.token != before
    await browser.say("после")
    chats = {each.chat.id for each in chat.intake.messages}
    assert chats == {visitor_in(before)}


def visitor_in(token: str) -> str:
    content = token.partition(".")[0]
    return str(json.loads(urlsafe_b64decode(content + "=" * (-len(content) % 4)))["v"])


async def test_somebody_else_at_the_same_computer_sees_nothing(
    browser: Browser, chat: Chat
) -> None:
    chat.change(identity_secret=SECRET)
    await browser.post("identify", {"id": "42", "hash": hashed("42")})
    await browser.say("личное")
    await browser.post("identify", {"id": "43", "hash": hashed("43")})
    assert await browser.read() == []
