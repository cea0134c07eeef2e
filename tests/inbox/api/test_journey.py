"""The API with the real desk behind it: what another program does in a day."""

from datetime import timedelta

import pytest

from router.ids import new_id
from storage.desk import Desk
from tests.conftest import NOON
from tests.events import a_message, a_person, a_phone, accepted
from tests.inbox.api.client import ApiClient
from tests.installation import Installation


@pytest.fixture
async def shop(api: ApiClient) -> Installation:
    shop = await Installation(api.engine).found()
    await shop.hire("Anna")
    api.switch.desk = Desk(api.engine, now=lambda: NOON + timedelta(minutes=10), media=api.media)
    return shop


async def test_a_program_answers_hands_over_moves_the_lead_and_sees_it_all(
    api: ApiClient, shop: Installation
) -> None:
    account = await shop.connect("shop")
    await shop.route(
        accepted(account, a_message(text="Сколько стоят колодки?", by=a_person(1, name="Вера")))
    )
    boris = await shop.hire("Boris")

    (talk,) = (await api("GET", "/conversations", scope="read")).body["items"]
    assert (talk["contact_name"], talk["account"]) == ("Вера", "shop")
    assert talk["assignment"]["manager_id"] == str(shop.managers[0])
    assert talk["assignment"]["reason"]

    path = f"/conversations/{talk['id']}"
    key = {"Idempotency-Key": "k" * 200}
    sent = [
        await api("POST", f"{path}/messages", scope="write", json={"text": "1 500"}, headers=key)
        for _ in range(2)
    ]
    assert sent[0].body == sent[1].body
    assert (sent[0].body["state"], sent[0].body["author"]["name"]) == ("queued", "write")
    note = await api("POST", f"{path}/messages", json={"text": "торопится", "kind": "note"})
    assert note.body["direction"] == "note"

    changed = await api(
        "PATCH", path, json={"manager_id": str(boris), "labels": ["vip"], "status": "resolved"}
    )
    assert (changed.body["manager_id"], changed.body["labels"], changed.body["status"]) == (
        str(boris),
        ["vip"],
        "resolved",
    )
    nobody = await api("PATCH", path, json={"manager_id": str(new_id())})
    assert nobody.status in {400, 404, 409}

    (lead,) = (await api("GET", "/leads", scope="read")).body["items"]
    stages = (await api("GET", "/pipelines")).body["items"][0]["stages"]
    moved = await api(
        "PATCH",
        f"/leads/{lead['id']}",
        json={"stage_id": stages[1]["id"], "value": 150_000, "title": "Колодки"},
    )
    assert (moved.body["stage"], moved.body["value"]) == ("Qualified", 150_000)
    won = await api("PATCH", f"/leads/{lead['id']}", json={"status": "won"})
    assert won.body["status"] == "won"
    assert won.body["closed_at"] is not None
    second = await api("POST", "/leads", json={"contact_id": talk["contact_id"], "value": 5})
    assert (second.status, second.body["status"]) == (201, "open")
    third = await api("POST", "/leads", json={"contact_id": talk["contact_id"]})
    assert third.status == 409

    feed = await api("GET", "/messages", params={"account": "shop"})
    assert [(item["direction"], item["text"]) for item in feed.body["items"]] == [
        ("in", "Сколько стоят колодки?"),
        ("out", "1 500"),
    ]


async def test_two_people_become_one_and_two_again_and_one_is_erased(
    api: ApiClient, shop: Installation
) -> None:
    account = await shop.connect("shop")
    phone = a_phone("+79161234567")
    await shop.route(
        accepted(account, a_message(by=a_person(1, phone, name="Вера"), chat="1")),
        accepted(account, a_message(by=a_person(2, name="Верочка"), chat="2")),
    )
    newer, older = (await api("GET", "/contacts")).body["items"]
    merged = await api("POST", f"/contacts/{older['id']}/merge", json={"contact_id": newer["id"]})
    assert merged.status == 200, merged.body
    survivor = merged.body["contact"]["id"]
    assert await api.ids("/contacts") == [survivor]
    for id_ in (older["id"], newer["id"]):
        assert (await api("GET", f"/contacts/{id_}")).body["id"] == survivor
    apart = await api("POST", f"/contacts/{survivor}/unmerge", json={})
    assert apart.status == 200, apart.body
    assert {apart.body["contact"]["id"], apart.body["restored"]["id"]} == {older["id"], newer["id"]}
    assert len(await api.ids("/contacts")) == 2

    renamed = await api("PATCH", f"/contacts/{older['id']}", json={"fields": {"city": "Тверь"}})
    assert renamed.body["fields"] == {"city": "Тверь"}
    orphan = await api("PATCH", f"/contacts/{older['id']}", json={"manager_id": str(new_id())})
    assert orphan.status in {400, 409}
    added = await api(
        "POST",
        "/contacts",
        json={"name": "Глеб", "identities": [{"kind": "email", "value": "G@x.ru"}]},
    )
    assert added.status == 201

    assert (await api("DELETE", f"/contacts/{older['id']}")).status == 204
    export = (await api("GET", f"/contacts/{newer['id']}/export")).body
    assert export["contact"]["id"] == newer["id"]
    assert [each["contact_id"] for each in export["messages"]] == [newer["id"]]
