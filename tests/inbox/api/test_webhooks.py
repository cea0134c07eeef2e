"""Webhooks and labels, as another program sets them up."""

from uuid import UUID

from storage import labels
from tests.builders import START

EVENTS = ["lead_opened", "message_received"]


async def test_a_program_adds_changes_and_removes_its_own_webhook(api):
    made = await api("POST", "/webhooks", json={"url": "https://crm.example/a", "events": EVENTS})
    assert made.status == 201
    assert made.body["secret"].startswith("whsec_")
    path = f"/webhooks/{made.body['id']}"
    listed = await api("GET", "/webhooks")
    assert listed.body["items"][0]["events"] == ["message_received", "lead_opened"]
    assert made.body["secret"] not in str(listed.body)

    changed = await api("PATCH", path, json={"state": "paused", "events": ["lead_changed"]})
    assert (changed.body["state"], changed.body["events"]) == ("paused", ["lead_changed"])
    assert changed.body["url"] == "https://crm.example/a"
    again = await api("POST", f"{path}/secret")
    assert again.body["secret"] != made.body["secret"]

    assert (await api("POST", f"{path}/ping")).status == 204
    log = await api("GET", f"{path}/deliveries")
    assert [each["event"] for each in log.body["items"]] == ["ping"]
    assert (
        await api("POST", f"/webhooks/deliveries/{log.body['items'][0]['id']}/again")
    ).status == 204
    assert (await api("DELETE", path)).status == 204
    assert (await api("GET", path)).status == 404


async def test_an_address_or_event_that_will_not_do_is_said_so(api):
    for body in (
        {"url": "http://127.0.0.1/", "events": EVENTS},
        {"url": "https://crm.example/", "events": ["everything"]},
    ):
        refused = await api("POST", "/webhooks", json=body)
        assert refused.status == 409, body
    none = await api("POST", "/webhooks", json={"url": "https://crm.example/", "events": []})
    assert none.status == 400
    unknown = f"/webhooks/{UUID(int=1)}"
    assert (await api("PATCH", unknown, json={"state": "paused"})).status == 404
    assert (await api("GET", f"{unknown}/deliveries")).status == 404


async def test_labels_come_in_their_order(api):
    async with api.engine.begin() as connection:
        for name, colour in (("опт", "green"), ("вип", "")):
            await labels.add_label(connection, name=name, colour=colour, now=START)
    found = await api("GET", "/labels")
    assert [(each["name"], each["colour"]) for each in found.body["items"]] == [
        ("опт", "green"),
        ("вип", ""),
    ]
