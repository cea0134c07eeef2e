"""The card of a person, the list of all, duplicates, merges and fields, as pages."""

import json
import re
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.conftest import NOON
from tests.events import a_message, a_person, a_phone, a_shared_contact, accepted

PHONE = "+79215551408"


async def contact_of(stage, number: int) -> UUID:
    row = await stage.shop.one(
        "select contact_id from identity where kind = 'telegram' and value = :value",
        value=str(number),
    )
    return row.contact_id


@pytest.fixture
async def marina(stage) -> UUID:
    await stage.hire("Anna")
    telegram = await stage.shop.connect("bot")
    await stage.receive(accepted(telegram, a_message(by=a_person(1, name="Марина"))))
    await stage.receive(accepted(telegram, a_shared_contact(a_person(1), a_phone(PHONE))))
    return await contact_of(stage, 1)


@pytest.fixture
async def twin(stage, marina) -> UUID:
    """Somebody who gave Marina's number."""
    telegram = (await stage.shop.one("select id from account")).id
    late = NOON + timedelta(minutes=1)
    await stage.receive(accepted(telegram, a_message(by=a_person(2, name="Marina"), at=late)))
    other = await contact_of(stage, 2)
    await stage.desk.add_key(other, kind="phone", value=PHONE, by=None)
    return other


async def told(browser: Any, path: str, **fields: str) -> Any:
    """What a script is answered to a posted form."""
    answer = await browser.post(path, fields, **{"X-Fragment": "1"})
    assert answer.status == 200, answer.text
    return json.loads(answer.text)


async def take_back(browser: Any, answer: Any) -> None:
    undo = answer["undo"]
    done = await browser.post(undo["action"], undo["fields"], **{"X-Fragment": "1"})
    assert done.status in {200, 204}, done.text


async def test_everything_changed_in_place_can_be_taken_back(stage, browser, marina):
    boris = await stage.hire("Boris")
    anna = await browser("Anna")

    async def now() -> tuple[Any, ...]:
        row = await stage.shop.one("select name, manager_id, note, locale, blocked from contact")
        return tuple(row)

    before = await now()
    for form in (
        {"name": "Марина Белозёрова"},
        {"manager": str(boris)},
        {"note": "звонить вечером"},
        {"locale": "kk"},
        {"blocked": "1", "block_reason": "спам"},
    ):
        answer = await told(anna, f"/contacts/{marina}", **form)
        assert await now() != before, form
        assert answer["said"]
        await take_back(anna, answer)
        assert await now() == before, form
    assert (await anna.post(f"/contacts/{marina}", {"name": " "})).status == 409
    assert (await anna.post(f"/contacts/{marina}", {"locale": "клингон"})).status == 409
    assert (await anna.post(f"/contacts/{marina}", {"manager": str(uuid4())})).status == 400
    assert (await anna.post(f"/contacts/{marina}", {"nonsense": "x"})).status == 400


async def test_answers_are_held_against_their_fields(stage, browser, marina):
    await stage.hire("Olga", role="lead")
    olga = await browser("Olga")
    for name, kind, choices in (
        ("Пробег", "number", ""),
        ("Узнала", "choice", "Яндекс\nДрузья"),
        ("Сайт", "link", ""),
    ):
        form = {"of": "contact", "name": name, "kind": kind, "choices": choices}
        assert (await olga.post("/settings/fields", form)).status == 303
    keys = {row.name: row.key for row in await stage.shop.sql("select name, key from field")}

    async def answers(name: str, value: str) -> int:
        return (await olga.post(f"/contacts/{marina}", {f"field.{keys[name]}": value})).status

    assert await answers("Пробег", "68 000,5") == 303
    assert await answers("Узнала", "Друзья") == 303
    for name, value in (("Пробег", "много"), ("Узнала", "Авито"), ("Сайт", "javascript:alert(1)")):
        assert await answers(name, value) == 409
    assert (await olga.post(f"/contacts/{marina}", {"field.no_such": "x"})).status == 404
    fields = (await stage.shop.one("select fields from contact")).fields
    assert fields == {keys["Пробег"]: "68000.5", keys["Узнала"]: "Друзья"}
    page = (await olga.get(f"/contacts/{marina}")).text
    assert 'value="68000.5"' in page
    assert "<option selected>Друзья</option>" in page
    await answers("Пробег", "")
    assert (await stage.shop.one("select fields from contact")).fields == {keys["Узнала"]: "Друзья"}


async def test_a_key_that_another_door_left_is_shown_and_can_become_a_field(stage, browser, marina):
    await stage.hire("Olga", role="lead")
    await stage.desk.change_contact(marina, {"fields": {"utm_id": "<b>7</b>"}}, by=None)
    olga, anna = await browser("Olga"), await browser("Anna")
    shown = (await anna.get(f"/contacts/{marina}")).text
    assert "utm_id" in shown
    assert "&lt;b&gt;7&lt;/b&gt;" in shown
    assert "<b>7</b>" not in shown
    assert (await anna.get("/settings/fields")).status == 403
    assert "utm_id" in (await olga.get("/settings/fields")).text
    added = await told(olga, "/settings/fields", of="contact", key="utm_id", name="Кампания")
    assert "Кампания" in (await anna.get(f"/contacts/{marina}")).text
    field = await stage.shop.one("select id, key from field where name = 'Кампания'")
    assert field.key == "utm_id"
    await take_back(olga, added)
    assert "Кампания" not in (await anna.get(f"/contacts/{marina}")).text
    assert "Вернуть" in (await olga.get("/settings/fields")).text


async def test_a_number_is_added_and_removed_and_an_offices_one_marked(stage, browser, marina):
    anna = await browser("Anna")
    where = f"/contacts/{marina}/keys"
    added = await told(anna, where, kind="phone", value="8 (812) 555-14-08")
    page = (await anna.get(f"/contacts/{marina}")).text
    assert "8 (812) 555-14-08" in page
    claim = await stage.shop.one("select kind, value from identity_claim")
    assert (claim.kind, claim.value) == ("phone", "+78125551408")
    for kind, value in (("phone", "нет"), ("email", "не адрес"), ("telegram", "два слова")):
        assert (await anna.post(where, {"kind": kind, "value": value})).status == 409
    assert (await anna.post(where, {"kind": "visitor", "value": "x"})).status == 400
    await take_back(anna, added)
    assert await stage.shop.sql("select id from identity_claim") == []

    key = (await stage.shop.one("select id from identity where kind = 'phone'")).id
    shared = await told(anna, f"{where}/share", key=str(key), shared="1")
    assert "общий" in (await anna.get(f"/contacts/{marina}")).text
    await take_back(anna, shared)
    assert not (await stage.shop.one("select shared from identity where id = :id", id=key)).shared


async def test_only_who_may_vouch_makes_a_claim_proved(stage, browser, marina):
    await stage.hire("Olga", role="lead")
    anna, olga = await browser("Anna"), await browser("Olga")
    where = f"/contacts/{marina}/keys"
    await anna.post(where, {"kind": "email", "value": "m@example.com"})
    claim = str((await stage.shop.one("select id from identity_claim")).id)
    assert (await anna.post(f"{where}/vouch", {"claim": claim})).status == 403
    assert "Проверено" not in (await anna.get(f"/contacts/{marina}")).text
    assert "Проверено" in (await olga.get(f"/contacts/{marina}")).text
    answer = await told(olga, f"{where}/vouch", claim=claim)
    page = (await anna.get(f"/contacts/{marina}")).text
    assert "Подтвердил сотрудник" in page
    await take_back(olga, answer)
    assert (
        "Подтвердил сотрудник"
        not in (await anna.get(f"/contacts/{marina}")).text.split("История")[0]
    )


async def test_another_persons_claim_is_not_removed_by_this_ones_page(stage, browser, twin, marina):
    claim = (await stage.shop.one("select id from identity_claim")).id
    anna = await browser("Anna")
    answer = await anna.post(f"/contacts/{marina}/keys/remove", {"claim": str(claim)})
    assert answer.status == 404
    assert len(await stage.shop.sql("select id from identity_claim")) == 1


async def test_a_merge_shows_what_moves_and_keeps_what_was_chosen(stage, browser, marina, twin):
    anna = await browser("Anna")
    suggestion = (await stage.shop.one("select id from suggestion")).id
    sheet = (await anna.get(f"/contacts/{twin}/merge?with={marina}&suggestion={suggestion}")).text
    assert "Останется: старше" in sheet
    assert "Лид 2 закроется как объединённый, открыт останется 1" in sheet
    assert re.search(r"Диалоги</span><b class=\"num\">1</b>", sheet)
    assert f'name="keep.name" value="{twin}"' in sheet
    done = await told(
        anna,
        f"/contacts/{twin}/merge",
        **{"with": str(marina), "suggestion": str(suggestion), "keep.name": str(twin)},
    )
    row = await stage.shop.one("select name from contact where merged_into is null")
    assert row.name == "Marina"
    assert (await stage.shop.one("select decision from suggestion")).decision == "accepted"
    assert (await anna.get(f"/contacts/{twin}")).headers["Location"] == f"/contacts/{marina}"
    merge = (await stage.shop.one("select id from contact_merge")).id
    back = (await anna.get(f"/merges/{merge}/undo")).text
    assert "Что вернётся" in back
    await take_back(anna, done)
    names = {each.id: each.name for each in await stage.shop.sql("select id, name from contact")}
    assert names == {marina: "Марина", twin: "Marina"}
    again = (await anna.get(f"/contacts/{twin}/merge?with={marina}")).text
    assert "Раньше было отмечено, что это разные люди" in again


async def test_a_group_is_nobodys_twin(stage, browser, marina):
    await stage.shop.sql("update contact set kind = 'group'")
    anna = await browser("Anna")
    assert (await anna.get(f"/contacts/{marina}/merge")).status == 409
    page = (await anna.get(f"/contacts/{marina}")).text
    assert "Групповой чат" in page
    assert "Объединить с…" not in page


async def test_duplicates_are_decided_from_their_list_and_asked_again(stage, browser, twin):
    anna = await browser("Anna")
    page = (await anna.get("/contacts/duplicates")).text
    assert "Marina" in page
    assert "80 %" in page
    suggestion = (await stage.shop.one("select id from suggestion")).id
    answer = await told(anna, f"/suggestions/{suggestion}", decision="reject")
    assert "Вероятных дублей нет" in (await anna.get("/contacts/duplicates")).text
    await take_back(anna, answer)
    assert "Marina" in (await anna.get("/contacts/duplicates")).text


async def test_somebody_is_found_while_one_types(stage, browser, marina, twin):
    anna = await browser("Anna")
    for q in ("мари", "921 555", PHONE):
        found = (await anna.fragment(f"/contacts/find?q={q.replace('+', '%2B')}")).text
        assert f'data-id="{marina}"' in found, q
    without = (await anna.fragment(f"/contacts/find?q=мари&without={marina}")).text
    assert str(marina) not in without
    plain = (await anna.get(f"/contacts/find?q=мари&merge={twin}")).text
    assert f"/contacts/{twin}/merge?with={marina}" in plain
    assert "Никого не нашли" in (await anna.fragment("/contacts/find?q=ыыыыы")).text


async def test_whoever_adds_a_contact_is_warned_of_the_same_number(stage, browser, marina):
    anna = await browser("Anna")
    warned = (await anna.fragment("/contacts/same?phone=8%20921%20555-14-08")).text
    assert "Возможно, контакт уже есть" in warned
    assert str(marina) in warned
    assert (await anna.fragment("/contacts/same?phone=123")).text.strip() == ""
    made = await anna.post("/contacts", {"name": "Вера", "phone": "8 921 555-14-08"})
    assert made.status == 303
    assert "Вероятно, это тот же человек" in (await anna.get(made.headers["Location"])).text
    assert (await anna.post("/contacts", {"name": "Вера", "phone": "нет"})).status == 409
    assert (await anna.post("/contacts", {"name": " "})).status == 409


async def test_several_get_a_manager_at_once_and_two_are_merged(stage, browser, marina, twin):
    boris = await stage.hire("Boris")
    anna = await browser("Anna")
    ticked = {f"pick.{marina}": "1", f"pick.{twin}": "1"}
    await anna.post("/contacts/at-once", {**ticked, "do": "manager", "manager": str(boris)})
    assert {row.manager_id for row in await stage.shop.sql("select manager_id from contact")} == {
        boris
    }
    merge = await anna.post("/contacts/at-once", {**ticked, "do": "merge"})
    assert "/merge?with=" in merge.headers["Location"]
    one = await anna.post("/contacts/at-once", {f"pick.{twin}": "1", "do": "merge"})
    assert one.status == 409
    assert (await anna.post("/contacts/at-once", {"do": "manager"})).status == 409


async def test_managers_given_at_once_are_taken_back_but_for_whoever_was_given_to_another_since(
    stage, browser, marina, twin
):
    boris, vera = await stage.hire("Boris"), await stage.hire("Vera")
    anna = await browser("Anna")
    before = {
        row.id: row.manager_id for row in await stage.shop.sql("select id, manager_id from contact")
    }
    ticked = {f"pick.{marina}": "1", f"pick.{twin}": "1"}
    answer = await anna.post(
        "/contacts/at-once",
        {**ticked, "do": "manager", "manager": str(boris)},
        **{"X-Fragment": "1"},
    )
    undo = json.loads(answer.text)["undo"]
    await stage.desk.change_contact(twin, {"manager_id": vera}, by=None)
    told = await anna.post(undo["action"], undo["fields"], **{"X-Fragment": "1"})
    assert "1" in json.loads(told.text)["said"]
    after = {
        row.id: row.manager_id for row in await stage.shop.sql("select id, manager_id from contact")
    }
    assert after == before | {twin: vera}


async def test_contacts_are_found_by_a_label_of_their_conversations(stage, browser, marina, twin):
    await stage.shop.sql(
        "update conversation set labels = array['опт'] where contact_id = :id", id=marina
    )
    anna = await browser("Anna")
    page = (await anna.get("/contacts?label=опт")).text
    assert re.findall(r'<a class="cut" href="/contacts/([0-9a-f-]+)">', page) == [str(marina)]
    assert '<option value="опт" selected>' in page
    assert "Ничего не найдено" in (await anna.get("/contacts?label=нет")).text


async def test_the_list_is_narrowed_and_its_address_says_by_what(stage, browser, marina, twin):
    await stage.desk.change_contact(twin, {"blocked": True}, by=None)
    anna = await browser("Anna")

    async def names(query: str) -> set[str]:
        page = (await anna.get(f"/contacts?{query}")).text
        return set(re.findall(r'<a class="cut" href="/contacts/[0-9a-f-]+">([^<]+)</a>', page))

    assert await names("") == {"Марина", "Marina"}
    assert await names("blocked=1") == {"Marina"}
    assert await names("duplicates=1") == {"Марина", "Marina"}
    assert await names("channel=vk") == set()
    assert await names("channel=telegram&sort=contact") == {"Марина", "Marina"}
    assert await names("from=2026-11-22") == set()
    assert await names("to=2026-11-21&q=мари") == {"Марина"}
    assert await names("manager=nonsense&from=nonsense") == {"Марина", "Marina"}
    assert (await anna.get("/contacts?cursor=nonsense")).status == 404


async def test_only_an_administrator_takes_out_and_erases_and_only_who_means_it(
    stage, browser, marina
):
    await stage.hire("Root", role="admin")
    anna, root = await browser("Anna"), await browser("Root")
    for path in ("export", "erase"):
        assert (await anna.get(f"/contacts/{marina}/{path}")).status == 403
    export = await root.get(f"/contacts/{marina}/export")
    assert export.headers["Content-Disposition"].startswith("attachment")
    kept = json.loads(export.text)
    assert kept["contact"]["name"] == "Марина"
    assert [each["text"] for each in kept["messages"]][:1] == ["hi"]
    assert "стереть" in (await root.get(f"/contacts/{marina}/erase")).text
    slip = await root.post(f"/contacts/{marina}/erase", {"word": "да"})
    assert slip.status == 409
    assert (await stage.shop.one("select erased_at from contact")).erased_at is None
    await root.post(f"/contacts/{marina}/erase", {"word": " Стереть "})
    page = (await root.get(f"/contacts/{marina}")).text
    assert "Персональные данные стёрты" in page
    assert "Марина" not in page
    assert PHONE not in page
    assert (await root.post(f"/contacts/{marina}", {"name": "Снова"})).status == 404


async def test_the_files_of_all_channels_are_together_a_page_at_a_time(stage, browser, marina):
    message = await stage.shop.one("select id from message order by seq limit 1")
    for number in range(30):
        await stage.shop.sql(
            "insert into attachment (id, message_id, position, kind, name, mime, size, sha256)"
            " values (gen_random_uuid(), :message, :n, 'document', :name, 'application/pdf', 10, :sha)",
            message=message.id,
            n=number,
            name=f"смета-{number}.pdf",
            sha=f"{number:064x}",
        )
    anna = await browser("Anna")
    first = (await anna.get(f"/contacts/{marina}/files")).text
    more = re.search(r'data-more="([^"]+)"', first)
    assert more
    second = (await anna.fragment(more[1])).text
    seen = re.findall(r"смета-\d+\.pdf(?=</span>)", first + second)
    assert len(seen) == len(set(seen)) == 30
    assert "Файлы" in (await anna.get(f"/contacts/{marina}")).text
    assert (await anna.get(f"/contacts/{marina}/files?cursor=x")).status == 404


async def test_the_page_says_what_was_changed_and_by_whom(stage, browser, marina):
    anna = await browser("Anna")
    await anna.post(f"/contacts/{marina}", {"name": "Марина Белозёрова"})
    await anna.post(f"/contacts/{marina}/keys", {"kind": "email", "value": "m@example.com"})
    page = (await anna.get(f"/contacts/{marina}")).text
    assert "Имя: Марина → Марина Белозёрова" in page
    assert "Добавлено: Почта m@example.com" in page
    assert page.count("· Anna") >= 2
