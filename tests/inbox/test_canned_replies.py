"""Canned replies: whose they are, how they are found, and what becomes of their places."""

import json
from uuid import UUID, uuid4

import pytest

from inbox.reply_variables import fill, unfilled
from tests.conftest import NOON
from tests.events import a_message, a_person, accepted

HOME = "/settings/canned-replies"


async def a_talk(stage, name: str = "Марина Белова") -> UUID:
    account = await stage.shop.connect()
    await stage.receive(accepted(account, a_message(by=a_person(1, name=name), at=NOON)))
    return (await stage.shop.one("select id from conversation")).id


async def written(browser, code: str, text: str, **more: str):
    answer = await browser.post(HOME, {"code": code, "title": "", "text": text, **more})
    assert answer.status == 303, answer.text
    return answer


async def id_of(stage, code: str) -> UUID:
    return (await stage.shop.one("select id from canned_reply where code = :code", code=code)).id


@pytest.mark.parametrize(
    ("text", "shown", "missing"),
    [
        ("{{contact.first_name}}, да", "Марина, да", ()),
        ("{{ contact.first_name }}", "Марина", ()),
        ("{{contact.name|друг}}", "Марина Белова", ()),
        ("{{lead.title|заказ}}", "заказ", ()),
        ("{{lead.title}}", "{{lead.title}}", ("{{lead.title}}",)),
        ("{{lead.title| }}", "{{lead.title| }}", ("{{lead.title| }}",)),
        ("{{nothing|друг}}", "{{nothing|друг}}", ("{{nothing|друг}}",)),
        ("{{клиент.имя}}", "{{клиент.имя}}", ("{{клиент.имя}}",)),
        ("{ {contact.name} }", "{ {contact.name} }", ()),
        ("{{1}} {{}} {{contact.name", "{{1}} {{}} {{contact.name", ()),
        ("{{{contact.first_name}}}", "{Марина}", ()),
    ],
)
def test_a_place_is_filled_or_keeps_its_braces(text, shown, missing):
    known = {"contact.first_name": "Марина", "contact.name": "Марина Белова", "lead.title": " "}
    filled = fill(text, known)
    assert (filled.text, tuple(filled.missing)) == (shown, missing)
    assert tuple(unfilled(filled.text)) == missing


def test_what_a_customer_is_called_is_neither_a_place_nor_html():
    known = {"contact.name": "{{manager.name}}<img src=x>", "manager.name": "Anna"}
    filled = fill("{{contact.name}} <b>{{lead.number}}</b>", known)
    assert filled.text == "{{manager.name}}<img src=x> <b>{{lead.number}}</b>"
    assert "<img" not in filled.html
    assert "<b>" not in filled.html
    assert '<mark class="unfilled">{{lead.number}}</mark>' in filled.html
    assert filled.missing == ("{{lead.number}}",)


async def test_a_reply_is_found_by_code_by_a_part_and_by_a_word_form(stage, browser):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    anna = await browser("Anna")
    await written(anna, "время", "Работаем с 9 до 21", title="Часы работы")
    await written(anna, "адрес", "Приезжайте в мастерскую на Лиговском")
    for q, found in [
        ("врем", "/время"),
        ("час", "/время"),
        ("мастерских", "/адрес"),
        ("ЛИГОВ", "/адрес"),
    ]:
        page = await anna.fragment(f"/conversations/{talk}/canned?q={q}")
        assert page.text.count('role="option"') == 1, q
        assert found in page.text
    nothing = await anna.fragment(f"/conversations/{talk}/canned?q=%25")
    assert 'role="option"' not in nothing.text
    assert "Нет готового ответа по «%»" in nothing.text


async def test_what_is_used_most_comes_first(stage, browser):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    anna = await browser("Anna")
    await written(anna, "a", "first by name")
    await written(anna, "b", "{{contact.first_name}}, {{lead.title}} — {{company|мы}}")
    reply = await id_of(stage, "b")
    await stage.shop.sql("update lead set title = 'Колодки'")
    taken = await anna.post(f"/canned-replies/{reply}/fill", {"conversation": str(talk)})
    assert json.loads(taken.text) == {"text": "Марина, Колодки — мы", "missing": []}
    row = await stage.shop.one("select uses, used_at from canned_reply where code = 'b'")
    assert (row.uses, row.used_at) == (1, stage.now())
    page = (await anna.fragment(f"/conversations/{talk}/canned")).text
    assert page.index("/b</code>") < page.index("/a</code>")


async def test_what_nothing_is_known_for_is_marked_and_asked_about_before_it_is_sent(
    stage, browser, count
):
    await stage.hire("Anna")
    talk = await a_talk(stage, name="<b>Марина</b>")
    await stage.shop.sql("delete from lead_event")
    await stage.shop.sql("delete from lead")
    anna = await browser("Anna")
    await written(anna, "номер", "{{contact.name}}, ваш номер {{lead.number}}")
    shown = (await anna.fragment(f"/conversations/{talk}/canned?q=номер")).text
    assert "&lt;b&gt;Марина&lt;/b&gt;" in shown
    assert '<mark class="unfilled">{{lead.number}}</mark>' in shown
    taken = await anna.post(
        f"/canned-replies/{await id_of(stage, 'номер')}/fill", {"conversation": str(talk)}
    )
    text = json.loads(taken.text)["text"]
    assert text == "<b>Марина</b>, ваш номер {{lead.number}}"
    say = f"/conversations/{talk}/messages"
    asked = await anna.post(say, {"text": text}, **{"X-Fragment": "1"})
    assert (asked.status, asked.text) == (
        422,
        "Не заполнено: {{lead.number}}. Всё равно отправить?",
    )
    page = await anna.post(say, {"text": text, "key": "k"})
    assert page.status == 409
    assert 'name="unfilled" value="sent"' in page.text
    assert await count("message", "direction = 'out'") == 0
    assert (await anna.post(say, {"text": text, "unfilled": "sent"})).status == 303
    assert await count("message", "direction = 'out'") == 1


async def test_ones_own_are_nobody_elses(stage, browser):
    await stage.hire("Anna")
    await stage.hire("Boris")
    talk = await a_talk(stage)
    anna, boris = await browser("Anna"), await browser("Boris")
    await written(anna, "тайна", "моё")
    await written(boris, "тайна", "своё")
    mine = await stage.shop.one("select id from canned_reply where text = 'моё'")
    assert "моё" in (await anna.fragment(f"/conversations/{talk}/canned")).text
    assert "моё" not in (await boris.fragment(f"/conversations/{talk}/canned")).text
    assert "моё" not in (await boris.get(HOME)).text
    for path, fields in [
        (f"/canned-replies/{mine.id}/fill", {"conversation": str(talk)}),
        (f"{HOME}/{mine.id}", {"code": "x", "text": "x"}),
        (f"{HOME}/{mine.id}/delete", {}),
    ]:
        assert (await boris.post(path, fields)).status == 404
    assert (await boris.get(f"{HOME}/{mine.id}")).status == 404


async def test_the_shared_ones_are_kept_by_those_who_lead(stage, browser):
    await stage.hire("Anna")
    await stage.hire("Lena", role="lead")
    await stage.hire("Olga", in_team=False)
    talk = await a_talk(stage)
    anna, lena, olga = await browser("Anna"), await browser("Lena"), await browser("Olga")
    team = str(stage.shop.team)
    for shelf in ("all", team):
        refused = await anna.post(HOME, {"code": "общий", "text": "x", "shelf": shelf})
        assert refused.status == 403
    await written(lena, "всем", "для всех", shelf="all")
    await written(lena, "отделу", "для отдела", shelf=team)
    assert (await lena.post(HOME, {"code": "x", "text": "x", "shelf": str(uuid4())})).status == 400
    everybody, own_team = await id_of(stage, "всем"), await id_of(stage, "отделу")
    for_anna = (await anna.fragment(f"/conversations/{talk}/canned")).text
    for_olga = (await olga.fragment(f"/conversations/{talk}/canned")).text
    assert "для всех" in for_anna
    assert "для отдела" in for_anna
    assert "для всех" in for_olga
    assert "для отдела" not in for_olga
    taken = await olga.post(f"/canned-replies/{own_team}/fill", {"conversation": str(talk)})
    assert taken.status == 404
    assert (await anna.post(f"{HOME}/{everybody}/delete")).status == 403
    assert (await lena.post(f"{HOME}/{everybody}/delete")).status == 303


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"code": "два слова", "text": "x"}, "без пробелов"),
        ({"code": "", "text": "x"}, "без пробелов"),
        ({"code": "x", "text": "  "}, "Сначала напишите"),
        ({"code": "x", "text": "{{contact.age}}"}, "Такой переменной нет: {{contact.age}}"),
        ({"code": "/ЕСТЬ", "text": "x"}, "уже есть ответ"),
    ],
)
async def test_what_cannot_be_kept_is_said_beside_what_was_typed(
    stage, browser, count, fields, why
):
    await stage.hire("Anna")
    anna = await browser("Anna")
    await written(anna, "есть", "уже")
    answer = await anna.post(HOME, {"title": "<i>", **fields})
    assert answer.status == 422
    assert why in answer.text
    assert 'value="&lt;i&gt;"' in answer.text
    assert await count("canned_reply") == 1


async def test_a_deleted_reply_comes_back(stage, browser):
    await stage.hire("Anna")
    anna = await browser("Anna")
    await written(anna, "адрес", "Лиговский, 254")
    reply = await id_of(stage, "адрес")
    gone = await anna.post(f"{HOME}/{reply}/delete", **{"X-Fragment": "1"})
    told = json.loads(gone.text)
    assert told["undo"]["action"] == f"{HOME}/{reply}/restore"
    assert "Лиговский" not in (await anna.get(HOME)).text
    await written(anna, "адрес", "другой")
    assert (await anna.post(told["undo"]["action"], **{"X-Fragment": "1"})).status == 409
    await anna.post(f"{HOME}/{await _other(stage, reply)}/delete")
    assert (await anna.post(told["undo"]["action"])).status == 303
    assert "Лиговский" in (await anna.get(HOME)).text


async def _other(stage, reply: UUID) -> UUID:
    row = await stage.shop.one("select id from canned_reply where id <> :id", id=reply)
    return row.id


async def test_a_text_is_changed_and_seen_as_a_customer_would(stage, browser):
    await stage.hire("Anna")
    anna = await browser("Anna")
    await written(anna, "адрес", "Лиговский")
    reply = await id_of(stage, "адрес")
    changed = {"code": "адрес", "title": "Где мы", "text": "Лиговский, 254"}
    assert (await anna.post(f"{HOME}/{reply}", changed)).status == 303
    assert "Лиговский, 254" in (await anna.get(f"{HOME}/{reply}")).text
    seen = await anna.post(f"{HOME}/preview", {"text": "<b>{{contact.first_name}}</b> {{x.y}}"})
    assert '&lt;b&gt;<span class="filled">Марина</span>&lt;/b&gt;' in seen.text
    assert '<mark class="unfilled">{{x.y}}</mark>' in seen.text


async def test_the_companys_name_is_a_variable(stage, browser):
    await stage.hire("Anna")
    await stage.hire("Olga", role="admin")
    talk = await a_talk(stage)
    olga, anna = await browser("Olga"), await browser("Anna")
    assert (await anna.post("/settings/company", {"name": "x"})).status == 403
    company = {
        "name": " Колодка №1 ",
        "time_zone": "Europe/Moscow",
        "language": "ru",
        "currency": "RUB",
        "merge_policy": "strict",
    }
    assert (await olga.post("/settings/company", company)).status == 303
    await written(anna, "мы", "Это {{company}}")
    assert "Колодка №1" in (await anna.fragment(f"/conversations/{talk}/canned?q=мы")).text
