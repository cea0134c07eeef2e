"""Message templates: what is left to send when the time for a free reply is over."""

from datetime import timedelta
from uuid import UUID

import pytest

from connectors.message_templates import Slot, Template
from tests.conftest import NOON
from tests.events import a_message, a_person, accepted

VISIT = Template(
    name="visit",
    language="ru",
    category="UTILITY",
    text="{{body.1}}, ждём вас <{{body.2}}>",
    slots=(Slot(key="body.1", label="1", example="Анна"), Slot(key="body.2", label="2")),
)
FILLED = {"template": "visit/ru", "value.body.1": "Анна", "value.body.2": "в 12", "key": "k-1"}


async def a_talk(stage) -> UUID:
    account = await stage.shop.connect("wa", kind="whatsapp")
    until = NOON + timedelta(hours=24)
    person = a_person(1, channel="whatsapp")
    await stage.receive(
        accepted(account, a_message(by=person, at=NOON, window_until=until), channel="whatsapp")
    )
    stage.channels.listed = [VISIT]
    return (await stage.shop.one("select id from conversation")).id


async def test_a_template_is_offered_once_the_time_for_a_free_reply_is_over(stage, browser):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    anna = await browser("Anna")
    stage.time += timedelta(hours=1)
    open_page = (await anna.get(f"/conversations/{talk}")).text
    assert "на ответ ещё 23 ч" in open_page
    assert f"/conversations/{talk}/templates" not in open_page
    stage.time += timedelta(hours=23)
    page = (await anna.get(f"/conversations/{talk}")).text
    assert "Время свободного ответа вышло" in page
    assert f"/conversations/{talk}/templates" in page


async def test_a_chosen_template_is_the_reply_that_the_customer_reads(stage, browser, count):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    anna = await browser("Anna")
    stage.time += timedelta(hours=24)
    listed = (await anna.get(f"/conversations/{talk}/templates")).text
    assert "{{body.1}}, ждём вас &lt;{{body.2}}&gt;" in listed
    assert 'name="value.body.1"' in listed
    assert 'placeholder="Анна"' in listed
    for _ in range(2):
        answer = await anna.post(f"/conversations/{talk}/template", FILLED)
        assert (answer.status, answer.headers["Location"]) == (303, f"/conversations/{talk}")
    row = await stage.shop.one("select text, details, state from message where direction = 'out'")
    assert (row.text, row.state) == ("Анна, ждём вас <в 12>", "queued")
    assert row.details == {
        "template": {
            "name": "visit",
            "language": "ru",
            "values": {"body.1": "Анна", "body.2": "в 12"},
        }
    }
    assert await count("delivery") == 1


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({**FILLED, "value.body.2": " "}, "Заполните поле 2"),
        ({**FILLED, "template": "gone/ru"}, "Такого шаблона нет"),
        ({**FILLED, "template": ""}, "Такого шаблона нет"),
    ],
)
async def test_what_does_not_fit_is_said_and_what_was_typed_stays(
    stage, browser, count, form, words
):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    anna = await browser("Anna")
    stage.time += timedelta(hours=24)
    answer = await anna.post(f"/conversations/{talk}/template", form)
    assert answer.status == 409
    assert words in answer.text
    if form["template"] == "visit/ru":
        assert 'name="value.body.1" value="Анна"' in answer.text
    assert await count("message", "direction = 'out'") == 0


async def test_the_platforms_trouble_is_shown_on_the_page(stage, browser):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    stage.channels.trouble = "The templates cannot be listed now: WhatsApp is overloaded"
    anna = await browser("Anna")
    page = await anna.get(f"/conversations/{talk}/templates")
    assert page.status == 200
    assert "Шаблоны сейчас не получить: WhatsApp перегружен" in page.text


async def test_who_cannot_be_reached_gets_no_template_either(stage, browser, count):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    anna = await browser("Anna")
    stage.time += timedelta(hours=24)
    await stage.shop.sql("update contact set blocked = true")
    answer = await anna.post(f"/conversations/{talk}/template", FILLED)
    assert answer.status == 409
    assert "заблокирован" in answer.text
    assert await count("message", "direction = 'out'") == 0
    assert "templates" not in (await anna.get(f"/conversations/{talk}")).text


async def test_a_channel_without_templates_offers_none(stage, browser):
    await stage.hire("Anna")
    account = await stage.shop.connect()
    await stage.receive(accepted(account, a_message(window_until=NOON + timedelta(hours=1))))
    stage.time += timedelta(hours=2)
    (talk,) = [row.id for row in await stage.shop.sql("select id from conversation")]
    anna = await browser("Anna")
    page = (await anna.get(f"/conversations/{talk}")).text
    assert "Время свободного ответа вышло" in page
    assert f"/conversations/{talk}/templates" not in page
