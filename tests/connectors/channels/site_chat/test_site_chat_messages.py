"""What a visitor's message and form become."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from router.message import Key
from tests.doubles.site_chat import Chat
from tests.doubles.site_chat_browser import SITE, Browser, Clock

Rows = Callable[..., Awaitable[int]]


async def test_a_message_is_the_visitors_and_carries_the_last_visit(
    http: aiohttp.ClientSession, chat: Chat, clock: Clock
) -> None:
    browser = await Browser(http).begin(
        url="https://user:pw@shop.example/a?utm_source=ya&access_token=s3#x",
        referrer="https://yandex.ru/search?text=колодки",
        utm={"source": " ya ", "campaign": "brakes", "evil": "x"},
        click_ids={"YCLID": "7", "evil": "x", "_ga": "1.2"},
    )
    page = {"url": "https://shop.example/p#frag", "title": "  Цены\nи услуги "}
    status, told = await browser.say(" Здравствуйте\x00! ", page=page, language="ru-RU")
    assert status == 200
    (message,) = chat.intake.messages
    assert message.text == "Здравствуйте!"
    assert message.external_id == message.key == f"{message.chat.id}:{told['accepted']}"
    assert message.at == clock.at
    assert message.sender is not None
    assert message.sender.keys == (
        Key(kind="visitor", value=message.chat.id, how="signed visitor token"),
    )
    assert message.sender.locale == "ru-RU"
    assert message.details == {"page": {"url": "https://shop.example/p", "title": "Цены и услуги"}}
    source = message.source
    assert source is not None
    assert source.utm == {"source": "ya", "campaign": "brakes"}
    assert source.click_ids == {"_ga": "1.2", "yclid": "7"}
    assert source.landing == "https://shop.example/a?utm_source=ya"
    assert source.referrer.startswith("https://yandex.ru/search")
    assert source.visited_at == clock.at


async def test_posting_again_changes_nothing(browser: Browser, chat: Chat) -> None:
    body = {"client_msg_id": str(uuid4()), "text": "раз"}
    assert (await browser.post("messages", body))[0] == 200
    assert (await browser.post("messages", body))[0] == 200
    assert len(chat.intake.messages) == 1
    assert [each["text"] for each in await browser.read()] == ["раз"]


async def test_two_visitors_may_choose_the_same_id(
    browser: Browser, http: aiohttp.ClientSession, chat: Chat
) -> None:
    body = {"client_msg_id": str(uuid4()), "text": "раз"}
    other = await Browser(http).begin()
    assert (
        (await browser.post("messages", body))[0] == (await other.post("messages", body))[0] == 200
    )
    assert len(chat.intake.messages) == 2


async def test_what_cannot_be_made_durable_is_asked_for_again(browser: Browser, chat: Chat) -> None:
    chat.intake.refusals = 1
    body = {"client_msg_id": str(uuid4()), "text": "важно"}
    async with browser.http.post(
        "/chat/site/messages", json=body, headers=browser.headers()
    ) as got:
        assert got.status == 503
        assert int(got.headers["Retry-After"]) >= 1
        assert got.headers["Access-Control-Allow-Origin"] == SITE
    assert (await browser.post("messages", body))[0] == 200
    assert len(chat.intake.messages) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({"text": "без id"}, 400, id="no id"),
        pytest.param({"client_msg_id": "7", "text": "x"}, 400, id="an id that is no uuid"),
        pytest.param({"client_msg_id": str(uuid4()), "text": 7}, 400, id="a number for a text"),
        pytest.param({"client_msg_id": str(uuid4()), "text": "\n "}, 422, id="nothing said"),
        pytest.param(
            {"client_msg_id": str(uuid4()), "text": "ж" * 4097}, 413, id="8 KB and a letter"
        ),
        pytest.param({"client_msg_id": str(uuid4()), "text": "a" * 70000}, 413, id="a huge body"),
        pytest.param({"client_msg_id": str(uuid4()), "files": ["x"] * 6}, 400, id="six files"),
        pytest.param(
            {"client_msg_id": str(uuid4()), "files": ["forged.ticket"]}, 403, id="forged file"
        ),
        pytest.param([], 400, id="a list"),
    ],
)
async def test_what_is_no_message_is_refused(
    browser: Browser, chat: Chat, body: Any, status: int
) -> None:
    assert (await browser.post("messages", body))[0] == status
    assert chat.intake.events == []


async def test_eight_kilobytes_are_a_message(browser: Browser) -> None:
    assert (await browser.say("ж" * 4096))[0] == 200


async def test_a_robot_is_thanked_and_ignored(browser: Browser, chat: Chat) -> None:
    assert (await browser.say("купите", website="http://spam.example"))[0] == 200
    assert chat.intake.events == []


async def test_what_is_typed_in_the_form_is_claimed_and_the_consent_is_kept(
    browser: Browser, chat: Chat, clock: Clock
) -> None:
    chat.change(
        prechat="required",
        prechat_fields="name phone email topic",
        privacy_url="https://shop.example/policy",
    )
    assert (await browser.say("без формы"))[1]["field"] == "form"
    form = {
        "name": "Пётр",
        "phone": "8 (921) 555-14-07",
        "email": " Petr@Example.RU ",
        "topic": "Тормоза",
        "consent": True,
        "language": "ru",
    }
    assert (await browser.say("Здравствуйте", form=form))[0] == 200
    assert (await browser.say("и ещё"))[0] == 200
    message = chat.intake.messages[0]
    assert message.sender is not None
    assert message.sender.name == "Пётр"
    assert [(key.kind, key.value, key.proof) for key in message.sender.keys[1:]] == [
        ("phone", "+79215551407", "claimed"),
        ("email", "petr@example.ru", "claimed"),
    ]
    assert message.details["form"]["topic"] == "Тормоза"
    assert message.details["consent"] == {
        "text": "Согласен на обработку персональных данных",
        "url": "https://shop.example/policy",
        "at": clock.at.isoformat(),
    }


@pytest.mark.parametrize(
    ("form", "field", "fault"),
    [
        ({"phone": "+7 921 555-14-0", "consent": True}, "phone", "too_short"),
        ({"phone": "+7 921 555-14-07 77777777", "consent": True}, "phone", "too_long"),
        ({"phone": "позвоните мне", "consent": True}, "phone", "invalid"),
        ({"email": "petr@", "consent": True}, "email", "invalid"),
        ({"name": "Пётр", "phone": "+79215551407"}, "consent", "missing"),
        ({"name": "Пётр", "consent": True}, "phone", "missing"),
    ],
)
async def test_the_form_says_what_to_mend(
    browser: Browser, chat: Chat, form: Any, field: str, fault: str
) -> None:
    chat.change(prechat="required", prechat_fields="name phone email", privacy_url="https://s.ru/p")
    status, problem = await browser.say("Здравствуйте", form=form)
    assert (status, problem["field"], problem["fault"]) == (422, field, fault)
    assert chat.intake.events == []


async def test_a_paused_chat_asks_the_widget_to_come_again(browser: Browser, chat: Chat) -> None:
    body = {"client_msg_id": str(uuid4()), "text": "раз"}
    chat.paused = True
    assert (await browser.post("messages", body))[0] == 503
    chat.paused = False
    assert (await browser.post("messages", body))[0] == 200
    assert len(chat.intake.messages) == 1
