"""Where a reply goes, and what is asked before: the server's side of the composer."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from tests.conftest import NOON
from tests.events import a_message, a_person, accepted


async def talks(stage, *people: int) -> list[UUID]:
    """A conversation with each, in the order of writing."""
    account = await stage.shop.connect()
    for minute, number in enumerate(people):
        at = NOON + timedelta(minutes=minute)
        await stage.receive(accepted(account, a_message(by=a_person(number), at=at)))
    rows = await stage.shop.sql("select id from conversation order by last_message_at")
    return [row.id for row in rows]


async def test_a_reply_goes_to_the_persons_own_conversations_only(stage, browser, count):
    await stage.hire("Anna")
    one, other = await talks(stage, 1, 2)
    anna = await browser("Anna")
    for to in (str(other), str(uuid4()), "nonsense"):
        answer = await anna.post(f"/conversations/{one}/messages", {"text": "hi", "to": to})
        assert answer.status == 400
    assert await count("message", "direction = 'out'") == 0
    answer = await anna.post(f"/conversations/{one}/messages", {"text": "hi", "to": str(one)})
    assert answer.status == 303


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("update conversation set unreachable = 'gone'", "Ответ не дойдёт: gone"),
        ("update contact set blocked = true", "заблокирован"),
        ("update account set state = 'removed'", "Канал отключён"),
        ("update conversation set window_until = '2020-01-01Z'", "Время свободного ответа вышло"),
    ],
)
async def test_where_nothing_arrives_nothing_is_sent(stage, browser, count, change, why):
    await stage.hire("Anna")
    (talk,) = await talks(stage, 1)
    await stage.shop.sql(change)
    anna = await browser("Anna")
    answer = await anna.post(
        f"/conversations/{talk}/messages", {"text": "hi"}, **{"X-Fragment": "1"}
    )
    assert answer.status == 409
    assert why in answer.text
    assert await count("message", "direction = 'out'") == 0
    note = {"text": "for us", "mode": "note"}
    assert (await anna.post(f"/conversations/{talk}/messages", note)).status == 303


async def test_a_paused_channel_is_said_and_keeps_the_reply(stage, browser, count):
    await stage.hire("Anna")
    (talk,) = await talks(stage, 1)
    await stage.shop.sql("update account set state = 'paused'")
    anna = await browser("Anna")
    assert "ответ уйдёт, когда его включат" in (await anna.get(f"/conversations/{talk}")).text
    assert (await anna.post(f"/conversations/{talk}/messages", {"text": "hi"})).status == 303
    assert await count("delivery", "state = 'queued'") == 1


async def test_somebody_elses_answer_is_asked_about_once(stage, browser, count):
    await stage.hire("Anna")
    boris = await stage.hire("Boris")
    (talk,) = await talks(stage, 1)
    anna = await browser("Anna")
    await stage.desk.reply(talk, by=boris, text="1 400")
    stage.time += timedelta(seconds=5)
    form = {"text": "1 400 ₽", "seen": "1", "key": "k"}

    asked = await anna.post(f"/conversations/{talk}/messages", form, **{"X-Fragment": "1"})
    assert asked.status == 409
    assert asked.text == "Уже есть ответ: Boris, 5 с назад: «1 400». Всё равно отправить?"
    assert await count("message", "direction = 'out'") == 1
    seen = {**form, "seen": asked.headers["X-Seen"]}
    assert (await anna.post(f"/conversations/{talk}/messages", seen)).status == 303
    assert await count("message", "direction = 'out'") == 2


async def test_without_a_script_the_question_is_a_page(stage, browser, count):
    await stage.hire("Anna")
    boris = await stage.hire("Boris")
    (talk,) = await talks(stage, 1)
    anna = await browser("Anna")
    await stage.desk.reply(talk, by=boris, text="1 400")
    asked = await anna.post(f"/conversations/{talk}/messages", {"text": "<1 400>", "seen": "1"})
    assert asked.status == 409
    assert 'name="text" value="&lt;1 400&gt;"' in asked.text
    assert 'name="seen" value="2"' in asked.text


async def test_ones_own_answer_and_a_customers_message_are_no_reason_to_ask(stage, browser):
    anna_id = await stage.hire("Anna")
    (talk,) = await talks(stage, 1)
    anna = await browser("Anna")
    await stage.desk.reply(talk, by=anna_id, text="first")
    await stage.shop.sql("update message set automatic = null")
    form = {"text": "second", "seen": "0"}
    assert (await anna.post(f"/conversations/{talk}/messages", form)).status == 303


async def test_a_message_of_another_conversation_is_not_quoted(stage, browser, count):
    await stage.hire("Anna")
    one, other = await talks(stage, 1, 2)
    message = await stage.shop.one(
        "select id from message where conversation_id = :other", other=other
    )
    anna = await browser("Anna")
    answer = await anna.post(
        f"/conversations/{one}/messages", {"text": "hi", "reply_to": str(message.id)}
    )
    assert answer.status == 409
    assert await count("message", "direction = 'out'") == 0


async def test_the_key_of_a_message_is_its_authors(stage, browser):
    await stage.hire("Anna")
    await stage.hire("Boris")
    (talk,) = await talks(stage, 1)
    anna, boris = await browser("Anna"), await browser("Boris")
    await anna.post(f"/conversations/{talk}/messages", {"text": "hi", "key": "abc123"})
    assert 'data-key="abc123"' in (await anna.get(f"/conversations/{talk}")).text
    assert "abc123" not in (await boris.get(f"/conversations/{talk}")).text
