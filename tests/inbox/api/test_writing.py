"""Canned replies, macros and mentions over the API."""

from uuid import UUID

import msgspec
import pytest
from sqlalchemy import text

from router.ids import new_id
from storage.canned_replies import CannedText, add_canned
from storage.desk import Desk
from storage.macros import AddLabel, MacroText, MoveLead, SetStatus, add_macro
from tests.builders import START, Rows


async def a_conversation(api) -> UUID:
    async with api.engine.begin() as connection:
        return await Rows(connection).conversation()


async def test_canned_replies_are_kept_and_found(api):
    new = {"code": "Адрес", "text": "Лиговский, {{contact.first_name}}"}
    made = await api("POST", "/canned-replies", json=new)
    assert made.status == 201
    assert (made.body["code"], made.body["team_id"]) == ("адрес", None)
    path = f"/canned-replies/{made.body['id']}"
    assert (await api("POST", "/canned-replies", json=new)).status == 409
    changed = await api("PATCH", path, json={"title": "Где мы"})
    assert (changed.body["title"], changed.body["text"]) == ("Где мы", new["text"])
    found = await api("GET", "/canned-replies?q=лиговск", scope="read")
    assert [each["code"] for each in found.body["items"]] == ["адрес"]
    assert (await api("GET", "/canned-replies?q=нет", scope="read")).body["items"] == []
    assert (await api("DELETE", path)).status == 204
    assert (await api("GET", path, scope="read")).status == 404
    assert (await api("DELETE", path)).status == 404


@pytest.mark.parametrize(
    "body",
    [
        {"code": "два слова", "text": "x"},
        {"code": "x", "text": " "},
        {"code": "x", "text": "{{contact.age}}"},
        {"code": "x"},
        {"code": "x", "text": "x", "team_id": str(UUID(int=7))},
    ],
)
async def test_what_makes_no_canned_reply_is_refused(api, body):
    assert (await api("POST", "/canned-replies", json=body)).status == 400


async def test_a_colleagues_own_reply_is_not_a_programs(api):
    async with api.engine.begin() as connection:
        owner = await Rows(connection).user(name="Anna")
        own = CannedText(owner_id=owner, team_id=None, code="x", title="", text="моё")
        made = await add_canned(connection, own, by=owner, now=START)
    assert (await api("GET", "/canned-replies", scope="read")).body["items"] == []
    assert (await api("PATCH", f"/canned-replies/{made}", json={"text": "y"})).status == 404
    assert (await api("DELETE", f"/canned-replies/{made}")).status == 404


async def test_a_macro_is_run_once_for_one_key(api, tmp_path):
    talk = await a_conversation(api)
    steps = [AddLabel(label="Срочно"), SetStatus(status="resolved")]
    async with api.engine.begin() as connection:
        new = MacroText(owner_id=None, team_id=None, name="Срочное", text="", steps=steps)
        macro = await add_macro(connection, new, by=None, now=START)
    api.switch.desk = Desk(api.engine, now=api.clock, media=api.media)
    got = await api("GET", "/macros", scope="read")
    assert got.body["items"][0]["steps"] == msgspec.to_builtins(steps)
    run = {"macro": str(macro), "idempotency_key": "k"}
    first = await api("POST", f"/conversations/{talk}/macros", json=run)
    again = await api("POST", f"/conversations/{talk}/macros", json=run)
    assert (first.status, first.body) == (201, again.body)
    async with api.engine.connect() as connection:
        row = (await connection.execute(text("select labels, status from conversation"))).one()
    assert tuple(row) == (["Срочно"], "resolved")


@pytest.mark.parametrize(
    ("language", "said"), [("ru", "18\xa0400,50\xa0₽"), ("en", "₽18,400.50")], ids=str
)
async def test_money_in_a_macro_is_written_as_its_customers_write_it(api, language, said):
    talk = await a_conversation(api)
    async with api.engine.begin() as connection:
        await connection.execute(text("update account set language = :to"), {"to": language})
        contact = await connection.scalar(text("select contact_id from conversation"))
        await Rows(connection).lead(contact, value=1_840_050)
        words = "Итого {{lead.value}}"
        new = MacroText(owner_id=None, team_id=None, name="x", text=words, steps=[])
        macro = await add_macro(connection, new, by=None, now=START)
    api.switch.desk = Desk(api.engine, now=api.clock, media=api.media)
    got = await api("POST", f"/conversations/{talk}/macros", json={"macro": str(macro)})
    assert got.status == 201, got.body
    async with api.engine.connect() as connection:
        assert await connection.scalar(text("select text from message")) == f"Итого {said}"


async def test_a_macro_that_cannot_be_done_says_which_step(api):
    talk = await a_conversation(api)
    steps = [SetStatus(status="resolved"), MoveLead(stage=new_id())]
    async with api.engine.begin() as connection:
        new = MacroText(owner_id=None, team_id=None, name="x", text="", steps=steps)
        macro = await add_macro(connection, new, by=None, now=START)
    api.switch.desk = Desk(api.engine, now=api.clock, media=api.media)
    got = await api("POST", f"/conversations/{talk}/macros", json={"macro": str(macro)})
    assert got.status == 409
    assert "Step 2 cannot be done" in got.body["detail"]
    unknown = await api("POST", f"/conversations/{talk}/macros", json={"macro": str(new_id())})
    assert unknown.status == 400


async def test_a_note_tells_those_it_is_given(api):
    talk = await a_conversation(api)
    async with api.engine.begin() as connection:
        anna = await Rows(connection).user(name="Anna")
        mark = await Rows(connection).user(name="Mark", role="marketer")
    note = {"kind": "note", "text": "глянь", "mentions": [str(anna)]}
    assert (await api("POST", f"/conversations/{talk}/messages", json=note)).status == 201
    ((_, _, told),) = api.desk.told
    assert told["mentions"] == (anna,)
    refused = {**note, "mentions": [str(mark)]}
    assert (await api("POST", f"/conversations/{talk}/messages", json=refused)).status == 400
