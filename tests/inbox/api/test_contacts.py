from datetime import timedelta
from uuid import UUID

import msgspec

from router.ids import new_id
from storage.fields import add_field
from tests.builders import START, Rows
from tests.inbox.api.client import ApiClient


async def test_a_contact_carries_its_keys(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        boris = await there.user()
        anna = await there.contact(manager_id=boris, fields={"city": "Тверь"})
        await there.identity(anna, kind="telegram", value="42", display="@anna", how="Telegram")
    got = await api("GET", f"/contacts/{anna}", scope="read")
    assert got.status == 200
    assert (got.body["name"], got.body["manager_id"]) == ("Анна Петрова", str(boris))
    assert got.body["fields"] == {"city": "Тверь"}
    (key,) = got.body["identities"]
    assert {
        "kind": "telegram",
        "value": "42",
        "proved": True,
        "display": "@anna",
    }.items() <= key.items()


async def test_only_the_living_are_listed_and_the_merged_lead_to_them(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        anna, same = await there.contact(), await there.contact(name="Аня")
        newer = await there.contact(name="Глеб", created_at=START + timedelta(days=1))
        await there.merge(anna, same)
    assert await api.ids("/contacts") == [str(newer), str(anna)]
    got = await api("GET", f"/contacts/{same}")
    assert (got.status, got.body["id"]) == (200, str(anna))
    await api("PATCH", f"/contacts/{same}", json={"name": "Анна"})
    assert api.desk.told == [("change_contact", (anna, {"name": "Анна"}), {"by": None})]
    assert (await api("GET", f"/contacts/{new_id()}")).status == 404


async def test_contacts_are_found_by_key_name_and_manager(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        boris = await there.user()
        anna = str(await there.contact(manager_id=boris))
        gleb = await there.contact(name="Глеб Сидоров")
        await there.identity(gleb, kind="phone", value="+79161234567")
    assert await api.ids("/contacts", q="сидор") == [str(gleb)]
    assert await api.ids("/contacts", q="916123") == [str(gleb)]
    assert await api.ids("/contacts", kind="phone", value="+79161234567") == [str(gleb)]
    assert await api.ids("/contacts", kind="phone", value="+7916") == []
    assert await api.ids("/contacts", manager=str(boris)) == [anna]
    assert (await api("GET", "/contacts", params={"kind": "phone"})).status == 400


async def test_people_are_added_with_what_is_only_claimed(api: ApiClient) -> None:
    got = await api(
        "POST",
        "/contacts",
        scope="write",
        json={"name": "Вера", "identities": [{"kind": "phone", "value": "8 916 123-45-67"}]},
    )
    assert got.status == 201
    assert got.headers["Location"] == f"/api/v1/contacts/{got.body['id']}"
    ((name, _, more),) = api.desk.told
    assert (name, more["keys"]) == ("create_contact", [("phone", "+79161234567")])
    no_number = {"name": "Вера", "identities": [{"kind": "phone", "value": "нет"}]}
    got = await api("POST", "/contacts", json=no_number)
    assert got.status == 400
    assert "identities[0]" in got.body["detail"]


async def test_null_takes_the_manager_away_and_silence_leaves_them(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        anna = await Rows(connection).contact()
    await api("PATCH", f"/contacts/{anna}", json={"manager_id": None, "fields": {"city": None}})
    await api("PATCH", f"/contacts/{anna}", json={})
    changes = {"manager_id": None, "fields": {"city": None}}
    assert api.desk.told == [("change_contact", (anna, changes), {"by": None})]


async def test_two_are_merged_and_taken_apart(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        anna, same, gone = [await there.contact() for _ in range(3)]
        merge = await there.merge(anna, gone)
    api.desk.result = made = new_id()
    got = await api(
        "POST", f"/contacts/{anna}/merge", json={"contact_id": str(same), "reason": "сказала"}
    )
    assert (got.status, got.body["merge_id"]) == (200, str(made))
    assert api.desk.told.pop() == (
        "merge",
        (anna, same),
        {"by": None, "reason": "сказала", "keep": {}},
    )
    one_already = await api("POST", f"/contacts/{anna}/merge", json={"contact_id": str(gone)})
    assert one_already.status == 409
    missing = await api("POST", f"/contacts/{anna}/merge", json={"contact_id": str(new_id())})
    assert missing.status == 404

    api.desk.result = same
    for named in (anna, gone):
        got = await api("POST", f"/contacts/{named}/unmerge", json={})
        assert (got.status, got.body["restored"]["id"]) == (200, str(same))
        assert api.desk.told.pop() == ("unmerge", (merge,), {"by": None})
    nothing = await api("POST", f"/contacts/{same}/unmerge", json={})
    assert nothing.status == 409
    assert api.desk.told == []


async def test_erasing_needs_an_administrators_token(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        anna = await Rows(connection).contact()
    assert (await api("DELETE", f"/contacts/{anna}", scope="write")).status == 403
    assert (await api("DELETE", f"/contacts/{anna}")).status == 204
    assert api.desk.told == [("erase_contact", (anna,), {"by": None})]


async def test_the_export_has_everything_kept_about_a_person(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        anna, same = await there.contact(), await there.contact(name="Аня")
        await there.merge(anna, same)
        await there.identity(anna, kind="telegram", value="42")
        await there.claim(anna, kind="phone", value="+79161234567")
        await there.touch(anna)
        lead = await there.lead(anna)
        talks = [await there.conversation(contact=anna) for _ in range(2)]
        said = [
            str(await there.message(talks[number % 2], at=START + timedelta(seconds=number)))
            for number in range(510)
        ]
        other = await there.conversation()
        await there.message(other, text="чужое")
    got = await api("GET", f"/contacts/{same}/export")
    assert got.status == 200
    kept = got.body
    assert kept["contact"]["id"] == str(anna)
    assert kept["contact"]["identities"][0]["value"] == "42"
    assert kept["claims"][0]["value"] == "+79161234567"
    assert kept["merges"][0]["absorbed_name"] == "Аня"
    assert kept["leads"][0]["lead"]["id"] == str(lead)
    assert kept["touches"][0]["source"] == "yandex"
    assert {each["id"] for each in kept["conversations"]} == {str(talk) for talk in talks}
    assert [each["id"] for each in kept["messages"]] == said
    assert "чужое" not in msgspec.json.encode(kept).decode()


async def test_suggestions_are_listed_surest_first_and_decided(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        one, two, three = [await there.contact() for _ in range(3)]
        weak = await there.suggestion(one, two, score=40)
        sure = await there.suggestion(one, three, score=90, reasons=["один телефон"])
        await there.suggestion(two, three, decision="rejected")
    assert await api.ids("/suggestions") == [str(sure), str(weak)]
    first = await api("GET", "/suggestions", params={"limit": "1"})
    rest = await api("GET", "/suggestions", params={"cursor": first.body["next_cursor"]})
    assert [item["id"] for item in rest.body["items"]] == [str(weak)]
    got = await api("POST", f"/suggestions/{sure}/accept", scope="write")
    assert (got.status, got.body["reasons"]) == (200, ["один телефон"])
    await api("POST", f"/suggestions/{weak}/reject", scope="write")
    assert [(args, more["accept"]) for _, args, more in api.desk.told] == [
        ((sure,), True),
        ((weak,), False),
    ]


async def test_a_merge_is_previewed_and_done_as_chosen(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        anna = await there.contact(fields={"city": "Тверь"})
        same = await there.contact(
            name="Аня", fields={"city": "Клин"}, created_at=START + timedelta(days=1)
        )
        await there.identity(same, kind="telegram", value="42")
        await there.conversation(contact=same)
    path = f"/contacts/{same}/merge-preview"
    got = await api("GET", path, params={"with": str(anna)}, scope="read")
    assert got.status == 200
    assert (got.body["survivor_id"], got.body["absorbed_id"]) == (str(anna), str(same))
    assert got.body["moves"] == {"identity": 1, "conversation": 1}
    assert [each["what"] for each in got.body["disagreements"]] == ["name", "fields.city"]
    assert (await api("GET", path)).status == 400
    assert (await api("GET", path, params={"with": str(same)})).status == 409
    assert (await api("GET", path, params={"with": str(new_id())})).status == 404

    api.desk.result = new_id()
    keep = {"fields.city": str(same)}
    wish = {"contact_id": str(same), "keep": keep}
    assert (await api("POST", f"/contacts/{anna}/merge", json=wish)).status == 200
    ((_, _, more),) = api.desk.told
    assert more["keep"] == {"fields.city": same}


async def test_what_was_only_claimed_is_listed_added_and_removed(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        anna = await there.contact()
        await there.claim(anna, kind="phone", value="+79161234567")
    got = await api("GET", f"/contacts/{anna}/claims", scope="read")
    (claim,) = got.body["items"]
    assert (claim["kind"], claim["value"]) == ("phone", "+79161234567")
    new = {"kind": "email", "value": "Anna@Example.com"}
    assert (await api("POST", f"/contacts/{anna}/claims", scope="write", json=new)).status == 201
    assert (await api("DELETE", f"/claims/{claim['id']}", scope="write")).status == 204
    assert (await api("DELETE", f"/claims/{claim['id']}", scope="read")).status == 403
    assert [(name, args) for name, args, _ in api.desk.told] == [
        ("add_key", (anna,)),
        ("remove_key", (UUID(claim["id"]),)),
    ]
    assert api.desk.told[0][2]["value"] == "anna@example.com"


async def test_answers_to_fields_are_of_their_kind_and_all_else_is_kept_as_it_is(
    api: ApiClient,
) -> None:
    async with api.engine.begin() as connection:
        anna = await Rows(connection).contact()
        await add_field(connection, entity="contact", name="Mileage", kind="number", now=START)
        await add_field(connection, entity="lead", name="Budget", kind="number", now=START)
    (field,) = (await api("GET", "/fields", scope="read")).body["items"]
    assert (field["key"], field["kind"]) == ("mileage", "number")
    (other,) = (await api("GET", "/fields", params={"of": "lead"})).body["items"]
    assert other["name"] == "Budget"
    path = f"/contacts/{anna}"
    fields = {"mileage": 68000.5, "utm": {"a": 1}}
    assert (await api("PATCH", path, json={"fields": fields, "note": "vip"})).status == 200
    ((_, (_, changes), _),) = api.desk.told
    assert changes == {"fields": {"mileage": "68000.5", "utm": {"a": 1}}, "note": "vip"}
    assert (await api("PATCH", path, json={"fields": {"mileage": "much"}})).status == 409
    assert len(api.desk.told) == 1
