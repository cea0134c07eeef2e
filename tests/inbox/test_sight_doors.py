"""Doors that the sweep over all pages does not go through by itself: forms that name many, notices, mentions, searches."""

import json
import re
from typing import Any
from uuid import UUID, uuid4

import pytest

from router.ids import new_id
from router.notices import Notice
from storage.notices import give
from storage.recording import index_conversations
from storage.tasks import create_task
from tests.builders import Rows
from tests.events import a_message, a_person, accepted
from tests.inbox.test_live import listening

FRAGMENT = {"X-Fragment": "1"}


@pytest.fixture
async def two(stage: Any) -> dict[str, UUID]:
    """Two conversations: "1" is Anna's, who sees her own alone, "2" is Boris's."""
    anna = await stage.hire("Anna", in_team=False, sees="own")
    boris = await stage.hire("Boris", in_team=False)
    account = await stage.shop.connect()
    for number in (1, 2):
        await stage.receive(
            accepted(account, a_message(by=a_person(number), text=f"тормоза {number}"))
        )
    rows = await stage.shop.sql("select id, chat, contact_id from conversation")
    talks = {row.chat: row for row in rows}
    for chat, manager in (("1", anna), ("2", boris)):
        await stage.desk.assign(talks[chat].id, by=None, manager=manager)
    await stage.publish()
    await stage.shop.sql(
        "delete from assignment where manager_id is distinct from (select manager_id"
        " from conversation c where c.id = conversation_id)"
    )
    return {
        "anna": anna,
        "boris": boris,
        "own": talks["1"].id,
        "foreign": talks["2"].id,
        "contact": talks["1"].contact_id,
        "foreign_contact": talks["2"].contact_id,
    }


async def test_of_many_conversations_those_that_left_ones_sight_are_named_and_the_rest_is_done(
    stage, browser, two
):
    anna = await browser("Anna")
    form = {"do": "label", "label": "срочно", "key": str(uuid4()), "revs": ","}
    both = f"{two['own']},{two['foreign']}"

    answer = await anna.post("/conversations/bulk", {**form, "ids": both}, **FRAGMENT)

    assert answer.status == 200
    assert "Готово: 1" in json.loads(answer.text)["said"]
    assert "Без имени" in json.loads(answer.text)["said"]
    rows = {
        row.id: row.labels for row in await stage.shop.sql("select id, labels from conversation")
    }
    assert rows == {two["own"]: ["срочно"], two["foreign"]: []}
    alone = {**form, "key": str(uuid4()), "ids": str(two["foreign"])}
    assert (await anna.post("/conversations/bulk", alone)).status == 404


async def test_ticked_people_and_undone_leads_are_ones_own(stage, browser, two):
    anna = await browser("Anna")
    ticked = {f"pick.{two['foreign_contact']}": "1", "manager": str(two["anna"])}
    assert (await anna.post("/contacts/at-once", ticked)).status == 404
    lead = (
        await stage.shop.one("select id from lead where contact_id = :c", c=two["foreign_contact"])
    ).id
    steps = f'[{{"lead":"{lead}","manager":"{two["anna"]}","hands_over":true}}]'
    for seal in ["", "00"]:
        forged = {"steps": steps, "seal": seal}
        assert (await anna.post("/leads/bulk/undo", forged)).status == 404
    row = await stage.shop.one(
        "select manager_id from contact where id = :c", c=two["foreign_contact"]
    )
    assert row.manager_id != two["anna"]
    row = await stage.shop.one("select manager_id from lead where id = :l", l=lead)
    assert row.manager_id != two["anna"]


async def test_leads_that_one_gave_away_can_be_taken_back_by_whoever_gave_them(stage, browser, two):
    anna = await browser("Anna")
    lead = (await stage.shop.one("select id from lead where contact_id = :c", c=two["contact"])).id
    form = {"do": "manager", "leads": str(lead), "manager": str(two["boris"])}
    said = json.loads((await anna.post("/leads/bulk", form, **FRAGMENT)).text)
    assert (
        await stage.shop.one("select manager_id from lead where id = :l", l=lead)
    ).manager_id == two["boris"]

    boris = await browser("Boris")
    assert (await boris.post("/leads/bulk/undo", said["undo"]["fields"])).status == 404
    assert (await anna.post("/leads/bulk/undo", said["undo"]["fields"])).status == 303
    assert (
        await stage.shop.one("select manager_id from lead where id = :l", l=lead)
    ).manager_id == two["anna"]


async def test_what_one_gave_away_from_its_card_is_taken_back_or_no_way_back_is_offered(
    stage, browser, two
):
    """One's own by the lead alone: who is given it has the person with it."""
    anna, boris = await browser("Anna"), await browser("Boris")
    await stage.desk.assign(two["own"], by=None, manager=two["boris"])
    await stage.shop.sql("update contact set manager_id = null where id = :c", c=two["contact"])
    lead = (await stage.shop.one("select id from lead where contact_id = :c", c=two["contact"])).id

    async def whose() -> UUID:
        return (
            await stage.shop.one("select manager_id from lead where id = :l", l=lead)
        ).manager_id

    async def gives_away() -> dict[str, Any]:
        await stage.desk.change_lead(lead, {"manager_id": two["anna"]}, by=None)
        answer = await anna.post(f"/leads/{lead}", {"manager": str(two["boris"])}, **FRAGMENT)
        assert await whose() == two["boris"]
        assert (await anna.get(f"/leads/{lead}")).status == 404
        return json.loads(answer.text)["undo"]

    undo = await gives_away()
    assert (await anna.post(undo["action"], undo["fields"], **FRAGMENT)).status == 200
    assert await whose() == two["anna"]
    assert (await anna.get(f"/leads/{lead}")).status == 200

    # Given on meanwhile, it is not taken from whoever has it.
    vera = await stage.hire("Vera", in_team=False)
    undo = await gives_away()
    assert (await boris.post(f"/leads/{lead}", {"manager": str(vera)}, **FRAGMENT)).status == 200
    said = json.loads((await anna.post(undo["action"], undo["fields"], **FRAGMENT)).text)["said"]
    assert "другой" in said or "кто-то" in said or "перен" in said, said
    assert await whose() == vera
    assert (await anna.post(undo["action"], undo["fields"])).status == 303

    # Without a script one is led to the board, not to a page that is not one's own any more.
    await stage.desk.change_lead(lead, {"manager_id": two["anna"]}, by=None)
    answer = await anna.post(f"/leads/{lead}", {"manager": str(two["boris"])})
    assert answer.headers["Location"] == "/leads"

    # A person and a task, given away and out of sight with it: there is no way back to offer.
    await stage.shop.sql(
        "update contact set manager_id = :a where id = :c", a=two["anna"], c=two["contact"]
    )
    answer = await anna.post(
        f"/contacts/{two['contact']}", {"manager": str(two["boris"])}, **FRAGMENT
    )
    assert "undo" not in json.loads(answer.text)
    await stage.shop.sql(
        "update contact set manager_id = :a where id = :c", a=two["anna"], c=two["contact"]
    )
    ticked = {f"pick.{two['contact']}": "1", "manager": str(two["boris"])}
    answer = await anna.post("/contacts/at-once", ticked, **FRAGMENT)
    assert "undo" not in json.loads(answer.text)
    async with stage.engine.begin() as connection:
        task = await create_task(
            connection,
            text="позвонить",
            due_at=stage.now(),
            now=stage.now(),
            manager_id=two["anna"],
            created_by=two["boris"],
        )
    answer = await anna.post(f"/tasks/{task}", {"manager": str(two["boris"])}, **FRAGMENT)
    assert answer.status == 200
    assert "undo" not in json.loads(answer.text)


async def test_only_who_sees_the_conversation_is_offered_and_named_in_its_notes(
    stage, browser, two
):
    boris = await browser("Boris")
    await stage.hire("Vera", in_team=False, sees="own")
    offered = (await boris.fragment(f"/colleagues/names?q=&conversation={two['foreign']}")).text
    assert "Anna" not in offered
    assert "Vera" not in offered
    note = {"text": "@Anna @Vera @Boris", "mode": "note", "mention": str(two["anna"])}
    assert (await boris.post(f"/conversations/{two['foreign']}/messages", note)).status == 303
    assert await stage.shop.sql("select user_id from mention") == []

    await boris.post(f"/conversations/{two['own']}/messages", note)
    named = await stage.shop.sql("select user_id from mention")
    assert [row.user_id for row in named] == [two["anna"]]
    assert "Anna" in (await boris.fragment(f"/colleagues/names?q=&conversation={two['own']}")).text


async def test_nobody_is_told_of_what_they_do_not_see_nor_reads_it_under_the_bell_later(
    stage, browser, two
):
    def told(kind: Any, of: str, user: str) -> Notice:
        return Notice(
            kind=kind, subject=new_id(), at=stage.now(), user=two[user], conversation=two[of]
        )

    notices = [told("mention", "foreign", "anna"), told("message", "own", "anna")]
    async with stage.engine.begin() as connection:
        fresh = await give(connection, notices, now=stage.now(), zone="UTC")
    assert fresh == {two["anna"]}
    rows = await stage.shop.sql("select conversation_id from notification where kind <> 'assigned'")
    assert [row.conversation_id for row in rows] == [two["own"]]
    anna = await browser("Anna")
    assert "тормоза 1" in (await anna.get("/notices")).text
    before = json.loads((await anna.get("/notices/news")).text)["unread"]
    assert before

    await stage.desk.assign(two["own"], by=None, manager=two["boris"])
    assert "тормоза 1" not in (await anna.get("/notices")).text
    assert json.loads((await anna.get("/notices/news")).text)["unread"] == 0
    id_ = (await stage.shop.one("select id from notification where kind = 'message'")).id
    assert (await anna.get(f"/notices/{id_}")).status == 404


async def test_a_word_that_everybody_says_is_found_in_ones_own(stage, browser, two, monkeypatch):
    from storage.reading import searching  # noqa: PLC0415

    monkeypatch.setattr(searching, "MOST_MESSAGES", 1)
    monkeypatch.setattr(searching, "SELDOM", 1)
    async with stage.engine.begin() as connection:
        there = Rows(connection, now=stage.now())
        await there.message(two["own"], text="тормоза мои")
        for _ in range(5):
            talk = await there.conversation(manager_id=two["boris"])
            await there.message(talk, text="тормоза чужие")
    anna = await browser("Anna")
    found = (await anna.get("/?tab=all&status=any&q=тормоза")).text
    assert f"/conversations/{two['own']}" in found
    assert f"/conversations/{two['foreign']}" not in found


async def test_a_word_that_only_others_conversations_say_is_not_told(stage, browser, two):
    async with stage.engine.begin() as connection:
        there = Rows(connection, now=stage.now())
        await there.message(two["own"], text="масло моё")
        await there.message(two["foreign"], text="весло чужое, запасной ремень")
        await index_conversations(connection, [two["own"], two["foreign"]])
    anna, boris = await browser("Anna"), await browser("Boris")
    for whose, typed, told in (
        (anna, "месло", ["масло"]),
        (boris, "месло", ["весло", "масло"]),
        (anna, "запсной", []),
        (boris, "запсной", ["запасной"]),
    ):
        text = (await whose.get(f"/?tab=all&status=any&q={typed}")).text
        assert re.findall(r"<b>«([^»]*)»</b>", text) == told
        assert whose is boris or not re.search("весло|запасной", text)


async def test_what_goes_on_in_a_conversation_that_was_ones_own_is_heard_no_more(
    stage, browser, two
):
    anna = await browser("Anna")
    await stage.desk.assign(two["own"], by=None, manager=two["boris"])
    await stage.publish()
    account = (await stage.shop.one("select account_id from conversation limit 1")).account_id
    async with listening(anna) as stream:
        await stage.receive(accepted(account, a_message(by=a_person(1), text="дальше")))
        await stage.desk.set_status(two["own"], "resolved", by=two["boris"])
        await stage.publish()
        kinds = {
            hint["kind"]
            for hint in await stream.hints()
            if hint.get("conversation") == str(two["own"])
        }
    assert "message" not in kinds
    for part in ["head", "person", "ways", "messages", "company"]:
        assert (await anna.get(f"/conversations/{two['own']}/{part}", **FRAGMENT)).status == 404
