from datetime import timedelta

import pytest

from router.ids import new_id
from tests.builders import START, Rows
from tests.inbox.api.client import ApiClient


async def test_a_conversation_says_whose_it_is_and_why(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        boris, team = await there.user(name="Борис"), await there.team()
        talk = await there.conversation(
            manager_id=boris, team_id=team, waiting_since=START, labels=["vip"]
        )
        await there.assignment(
            talk, manager_id=boris, team_id=team, reason="По очереди в команде «Продажи»"
        )
    got = await api("GET", f"/conversations/{talk}", scope="read")
    assert got.status == 200
    assert (got.body["account"], got.body["channel"]) == ("shop_bot", "telegram")
    assert got.body["waiting_since"] == "2026-11-21T12:00:00Z"
    assignment = got.body["assignment"]
    assert (assignment["manager_id"], assignment["team_id"]) == (str(boris), str(team))
    assert assignment["reason"] == "По очереди в команде «Продажи»"
    listed = await api("GET", "/conversations", scope="read")
    assert listed.body["items"] == [got.body]


async def test_the_list_is_narrowed_by_what_is_asked(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        boris, team = await there.user(), await there.team()
        mail = await there.account(slug="mail", kind="email")
        his = str(await there.conversation(manager_id=boris))
        mailed = str(await there.conversation(account=mail, team_id=team, labels=["опт"]))
        anna = await there.contact(name="Анна Смирнова")
        done = str(await there.conversation(contact=anna, status="resolved"))
    assert set(await api.ids("/conversations")) == {his, mailed, done}
    assert await api.ids("/conversations", status="resolved") == [done]
    assert set(await api.ids("/conversations", status="open,resolved")) == {his, mailed, done}
    assert await api.ids("/conversations", assignee=str(boris)) == [his]
    assert set(await api.ids("/conversations", assignee="none")) == {mailed, done}
    assert await api.ids("/conversations", team=str(team)) == [mailed]
    assert await api.ids("/conversations", channel="email") == [mailed]
    assert await api.ids("/conversations", account="mail") == [mailed]
    assert await api.ids("/conversations", label="опт") == [mailed]
    assert await api.ids("/conversations", contact=str(anna)) == [done]
    assert await api.ids("/conversations", q="смирн") == [done]
    for wrong in ({"assignee": "me"}, {"status": "lost"}, {"team": "7"}, {"sort": "best"}):
        assert (await api("GET", "/conversations", params=wrong)).status == 400


async def test_pages_follow_each_other(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        made = [
            str(await there.conversation(at=START - timedelta(minutes=number)))
            for number in range(5)
        ]
    seen: list[str] = []
    cursor = ""
    while True:
        got = await api("GET", "/conversations", params={"limit": "2", "cursor": cursor})
        seen += [item["id"] for item in got.body["items"]]
        if got.body["next_cursor"] is None:
            break
        cursor = got.body["next_cursor"]
    assert seen == made


async def test_changes_go_through_the_desk(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        talk = await Rows(connection).conversation()
    boris, until = new_id(), START + timedelta(hours=3)
    got = await api(
        "PATCH",
        f"/conversations/{talk}",
        scope="write",
        json={
            "manager_id": str(boris),
            "labels": ["опт"],
            "status": "snoozed",
            "snoozed_until": until.isoformat(),
        },
    )
    assert got.status == 200
    assert api.desk.told == [
        ("assign", (talk,), {"by": None, "manager": boris, "team": None}),
        ("set_labels", (talk, ["опт"]), {"by": None}),
        ("set_status", (talk, "snoozed"), {"by": None, "until": until}),
    ]


async def test_a_snooze_without_an_end_is_until_the_customer_writes(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        talk = await Rows(connection).conversation()
    body = {"status": "snoozed", "snoozed_until": None}
    assert (await api("PATCH", f"/conversations/{talk}", json=body)).status == 200
    assert api.desk.told == [("set_status", (talk, "snoozed"), {"by": None, "until": None})]


async def test_null_gives_it_back_to_the_queue_and_nothing_changes_nothing(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        talk = await Rows(connection).conversation()
    await api("PATCH", f"/conversations/{talk}", json={})
    assert api.desk.told == []
    await api("PATCH", f"/conversations/{talk}", json={"manager_id": None})
    assert api.desk.told == [("assign", (talk,), {"by": None, "manager": None, "team": None})]


@pytest.mark.parametrize(
    "body",
    [
        {"status": "snoozed"},
        {"status": "snoozed", "snoozed_until": "2026-11-21T15:00:00"},
        {"status": "closed"},
        {"labels": "vip"},
        {"labels": [""]},
        {"manager_id": 7},
    ],
)
async def test_a_change_that_means_nothing_changes_nothing(
    api: ApiClient, body: dict[str, object]
) -> None:
    async with api.engine.begin() as connection:
        talk = await Rows(connection).conversation()
    assert (await api("PATCH", f"/conversations/{talk}", json=body)).status == 400
    assert api.desk.told == []
