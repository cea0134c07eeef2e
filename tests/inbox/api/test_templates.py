"""Message templates over the API: listed, and sent instead of a text."""

import pytest

from connectors.message_templates import Slot, Template
from tests.builders import Rows

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
