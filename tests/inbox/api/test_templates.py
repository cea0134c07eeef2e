"""Message templates over the API: listed, and sent instead of a text."""

import pytest

from connectors.message_templates import Slot, Template
from storage.desk import Desk
from tests.builders import START, Rows

VISIT = Template(
    name="visit", language="ru", text="{{body.1}}, ждём", slots=(Slot(key="body.1", label="1"),)
)
CHOSEN = {"name": "visit", "language": "ru", "values": {"body.1": "Анна"}}


async def a_conversation(api) -> str:
    async with api.engine.begin() as connection:
        return str(await Rows(connection).conversation())


async def test_the_templates_of_a_conversations_channel(api):
    api.templates.listed = [VISIT]
    talk = await a_conversation(api)
    got = await api("GET", f"/conversations/{talk}/templates", scope="read")
    assert got.status == 200
    assert got.body["items"] == [
        {
            "name": "visit",
            "language": "ru",
            "category": "",
            "text": "{{body.1}}, ждём",
            "slots": [{"key": "body.1", "label": "1", "example": ""}],
        }
    ]
    assert len(api.templates.asked) == 1


async def test_a_template_instead_of_a_text(api):
    api.templates.listed = [VISIT]
    talk = await a_conversation(api)
    got = await api("POST", f"/conversations/{talk}/messages", json={"template": CHOSEN})
    assert got.status == 201
    ((name, _, told),) = api.desk.told
    assert (name, told["text"]) == ("reply", "Анна, ждём")
    assert told["template"] == CHOSEN


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"template": CHOSEN, "text": "hi"}, 400, "brings its own text"),
        ({"template": CHOSEN, "kind": "note"}, 400, "brings its own text"),
        ({"template": {**CHOSEN, "values": {}}}, 409, "Fill in 1."),
        ({"template": {**CHOSEN, "name": "other"}}, 409, "no such template"),
        ({}, 400, "nothing in the text"),
    ],
)
async def test_what_does_not_fit_is_said(api, body, status, words):
    api.templates.listed = [VISIT]
    talk = await a_conversation(api)
    got = await api("POST", f"/conversations/{talk}/messages", json=body)
    assert got.status == status
    assert words in got.body["detail"]
    assert not api.desk.told


async def test_a_text_is_refused_when_the_time_for_a_free_reply_is_over_and_a_template_is_not(api):
    api.templates.listed = [VISIT]
    api.switch.desk = Desk(api.engine, now=lambda: START, media=api.media)
    async with api.engine.begin() as connection:
        talk = await Rows(connection).conversation(window_until=START)
    refused = await api("POST", f"/conversations/{talk}/messages", json={"text": "hi"})
    assert refused.status == 409
    assert refused.body["detail"].startswith("The time for a free reply is over")
    sent = await api("POST", f"/conversations/{talk}/messages", json={"template": CHOSEN})
    assert (sent.status, sent.body["text"], sent.body["state"]) == (201, "Анна, ждём", "queued")
