from datetime import timedelta

import pytest
from sqlalchemy import text

from router.ids import new_id
from storage.desk import Desk
from storage.recording import index_conversations
from storage.saved_views import save_view
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


async def test_a_mistyped_word_finds_what_was_meant_unless_it_is_asked_for_exactly(
    api: ApiClient,
) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        talk = await there.conversation()
        await there.message(talk, text="Есть запасной ремень?", searchable=False)
        await index_conversations(connection, [talk])
    for typed, instead in (("запсной", "запасной"), ("pfgfcyjq", "запасной")):
        found = (await api("GET", "/conversations", params={"q": typed}, scope="read")).body
        assert [each["id"] for each in found["items"]] == [str(talk)]
        assert found["searched_instead"] == [instead]
        exactly = {"q": typed, "exact": "true"}
        found = (await api("GET", "/conversations", params=exactly, scope="read")).body
        assert (found["items"], "searched_instead" in found) == ([], False)
    found = (await api("GET", "/conversations", params={"q": "запасные"}, scope="read")).body
    assert (len(found["items"]), "searched_instead" in found) == (1, False)


async def test_what_was_not_sent_and_where_leads_came_from_narrow_too(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        failed = str(await there.conversation())
        other = str(await there.conversation())
        await connection.execute(
            text("update conversation set failed = 2 where id = :id"), {"id": failed}
        )
    assert set(await api.ids("/conversations")) == {failed, other}
    assert await api.ids("/conversations", failed="true") == [failed]
    got = await api("GET", f"/conversations/{failed}", scope="read")
    assert got.body["failed"] == 2
    assert await api.ids("/conversations", source="Авито") == []


async def test_the_views_everybody_has_are_listed(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        lena = await Rows(connection).user()
        for name, shared in (("Общий", True), ("Свой", False)):
            await save_view(
                connection, user_id=lena, name=name, query="label=vip", shared=shared, now=START
            )
    got = await api("GET", "/views", scope="read")
    assert [(each["name"], each["query"]) for each in got.body["items"]] == [("Общий", "label=vip")]


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


async def test_one_thing_is_done_to_many_once_and_taken_back(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        rows = Rows(connection)
        talks = [await rows.conversation() for _ in range(3)]
    api.switch.desk = Desk(api.engine, now=api.clock, media=api.media)
    gone = new_id()
    wish = {
        "what": "label",
        "label": "опт",
        "conversations": [str(each) for each in (*talks, gone)],
        "idempotency_key": "crm-17",
    }
    first = await api("POST", "/conversations/bulk", json=wish)
    assert (first.status, first.body["done"]) == (200, 3)
    assert [each["conversation_id"] for each in first.body["skipped"]] == [str(gone)]
    again = await api("POST", "/conversations/bulk", json=wish)
    assert again.body == first.body

    async def labelled() -> int:
        return len((await api("GET", "/conversations?label=опт", scope="read")).body["items"])

    assert await labelled() == 3
    back = await api("POST", f"/conversations/bulk/{first.body['id']}/undo")
    assert (back.status, back.body["done"], await labelled()) == (200, 3, 0)
    assert (await api("POST", f"/conversations/bulk/{first.body['id']}/undo")).status == 409
    too_many = {**wish, "conversations": [str(new_id()) for _ in range(201)]}
    for body in (too_many, {**wish, "conversations": []}, {**wish, "what": "explode"}):
        assert (await api("POST", "/conversations/bulk", json=body)).status == 400
    assert (await api("POST", "/conversations/bulk", json=wish, scope="read")).status == 403
