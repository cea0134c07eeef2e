"""What is done from the head of a conversation, and the timeline beneath: taken back, put off, narrowed, gone on with."""

import json
import re
from datetime import timedelta

import pytest

from router.ids import new_id
from tests.conftest import NOON
from tests.events import a_message, a_person, accepted

QUIET = {"X-Fragment": "1"}


@pytest.fixture
async def account(stage):
    await stage.hire("Anna")
    return await stage.shop.connect("bot")


@pytest.fixture
async def talk(stage, account):
    await stage.receive(accepted(account, a_message(text="Сколько стоит?")))
    return (await stage.shop.one("select id from conversation")).id


async def state(stage):
    return await stage.shop.one(
        "select status, snoozed_until, manager_id, unread from conversation order by id limit 1"
    )


async def take_back(browser, answer) -> None:
    undo = json.loads(answer.text)["undo"]
    assert (await browser.post(undo["action"], undo["fields"], **QUIET)).status < 300


async def test_put_off_until_the_customer_writes(stage, browser, account, talk):
    anna = await browser("Anna")
    where = f"/conversations/{talk}/status"
    told = await anna.post(where, {"until": "message"}, **QUIET)
    assert json.loads(told.text)["said"] == "Скрыто, пока клиент не напишет."
    assert (await state(stage))[:2] == ("snoozed", None)
    assert "пока клиент не напишет" in (await anna.get(f"/conversations/{talk}")).text
    event = a_message(text="Алло?", key="2", at=NOON + timedelta(hours=1))
    await stage.receive(accepted(account, event))
    assert (await state(stage)).status == "open"


async def test_a_chosen_time_is_the_clock_on_the_wall(stage, browser, talk):
    anna = await browser("Anna")
    local = stage.time + timedelta(hours=3 + 5)
    await anna.post(f"/conversations/{talk}/status", {"until": local.strftime("%Y-%m-%dT%H:%M")})
    assert (await state(stage)).snoozed_until == stage.time + timedelta(hours=5)


@pytest.mark.parametrize(
    "fields",
    [{"status": "resolved"}, {"status": "spam"}, {"status": "waiting"}, {"until": "message"}],
)
async def test_what_was_made_of_it_can_be_taken_back(stage, browser, talk, fields):
    anna = await browser("Anna")
    answer = await anna.post(f"/conversations/{talk}/status", fields, **QUIET)
    assert (await state(stage)).status != "open"
    await take_back(anna, answer)
    assert (await state(stage)).status == "open"


@pytest.mark.parametrize("status", ["resolved", "spam"])
async def test_taken_back_the_customer_waits_as_before(stage, browser, talk, status):
    """Unread, since when, how soon somebody has to answer: exactly."""
    anna = await browser("Anna")
    everything = (
        "select status, snoozed_until, manager_id, team_id, unread, waiting_since, silence_due_at, silence_moves,"
        " resolved_at from conversation"
    )
    await stage.shop.sql(
        "update conversation set silence_due_at = waiting_since + interval '9 minutes', silence_moves = 1"
    )
    before = await stage.shop.one(everything)
    assert (before.unread, before.waiting_since is None) == (1, False)
    for fields in ({"status": status}, {"until": "message"}):
        answer = await anna.post(f"/conversations/{talk}/status", fields, **QUIET)
        assert await stage.shop.one(everything) != before
        await take_back(anna, answer)
        assert await stage.shop.one(everything) == before
    counted = "select open_conversations from user_account where open_conversations <> 0"
    assert len(await stage.shop.sql(counted)) == (1 if before.manager_id else 0)


async def test_what_somebody_did_since_is_not_taken_back(stage, browser, account, talk):
    anna = await browser("Anna")
    answer = await anna.post(f"/conversations/{talk}/status", {"status": "resolved"}, **QUIET)
    event = a_message(text="Ещё вопрос", key="2", at=NOON + timedelta(hours=1))
    await stage.receive(accepted(account, event))
    stage.time += timedelta(minutes=1)
    undo = json.loads(answer.text)["undo"]
    told = json.loads((await anna.post(undo["action"], **QUIET)).text)
    assert "изменил" in told["said"]
    assert (await state(stage)).unread == 1


async def test_the_timeline_also_tells_what_nobody_did(stage, browser, account, talk):
    anna = await browser("Anna")
    await anna.post(f"/conversations/{talk}/status", {"status": "resolved"}, **QUIET)
    event = a_message(text="Ещё вопрос", key="2", at=NOON + timedelta(hours=1))
    await stage.receive(accepted(account, event))
    assert "Снова открыт: клиент вернулся" in (await anna.get(f"/conversations/{talk}")).text
    await anna.post(f"/conversations/{talk}/status", {"until": "message"}, **QUIET)
    event = a_message(text="Алло?", key="3", at=NOON + timedelta(hours=2))
    await stage.receive(accepted(account, event))
    assert "Снова в списке" in (await anna.get(f"/conversations/{talk}")).text
    assert "conversation_by_itself" not in (await anna.get("/settings/audit")).text


async def test_a_snooze_comes_back_when_what_ended_it_is_taken_back(stage, browser, talk):
    anna = await browser("Anna")
    until = stage.time + timedelta(hours=2)
    await anna.post(f"/conversations/{talk}/status", {"until": until.isoformat()})
    answer = await anna.post(f"/conversations/{talk}/status", {"status": "open"}, **QUIET)
    await take_back(anna, answer)
    assert (await state(stage))[:2] == ("snoozed", until)


async def test_handing_over_takes_a_note_with_it_and_can_be_taken_back(stage, browser, talk):
    boris = await stage.hire("Boris")
    anna = await browser("Anna")
    answer = await anna.post(
        f"/conversations/{talk}/assignment",
        {"manager": str(boris), "note": "Ждёт звонка до шести"},
        **QUIET,
    )
    assert json.loads(answer.text)["said"] == "Теперь отвечает Boris."
    assert (await state(stage)).manager_id == boris
    note = await stage.shop.one("select text from message where direction = 'note'")
    assert note.text == "Ждёт звонка до шести"
    await take_back(anna, answer)
    assert (await state(stage)).manager_id == stage.shop.managers[0]


async def test_unread_again_and_blocked_and_back(stage, browser, talk):
    anna = await browser("Anna")
    await anna.post(f"/conversations/{talk}/read")
    answer = await anna.post(f"/conversations/{talk}/unread", **QUIET)
    assert (await state(stage)).unread == 1
    await take_back_quietly(anna, answer)
    assert (await state(stage)).unread == 0
    answer = await anna.post(f"/conversations/{talk}/block", {"blocked": "1"}, **QUIET)
    assert (await stage.shop.one("select blocked from contact")).blocked
    assert "контакт заблокирован" in (await anna.get(f"/conversations/{talk}")).text
    await take_back(anna, answer)
    assert not (await stage.shop.one("select blocked from contact")).blocked


async def take_back_quietly(browser, answer) -> None:
    undo = json.loads(answer.text)["undo"]
    assert (await browser.post(undo["action"], undo["fields"], **QUIET)).status == 204


async def test_oneself_is_first_to_hand_it_to(stage, browser, talk):
    await stage.hire("Aaron")
    page = (await (await browser("Anna")).get(f"/conversations/{talk}")).text
    first = page.partition('id="assign"')[2].partition('name="manager" value="')[2]
    assert first.startswith(str(stage.shop.managers[0]))


async def test_one_channel_only_is_remembered_and_one_page_long(stage, browser, account, talk):
    other = await stage.shop.connect("other")
    event = a_message(text="в другом", key="o", at=NOON + timedelta(minutes=1))
    await stage.receive(accepted(other, event))
    anna = await browser("Anna")
    where = f"/conversations/{talk}"
    assert "в другом" in messages_of((await anna.get(where)).text)
    assert "в другом" not in messages_of((await anna.get(f"{where}?channels=one")).text)
    assert "в другом" not in messages_of((await anna.get(where)).text)
    heard = (await stage.shop.one("select id from message where text = 'в другом'")).id
    assert "в другом" not in (await anna.fragment(f"{where}/messages?ids={heard}")).text
    assert "в другом" not in (await anna.fragment(f"{where}/messages?since=")).text
    assert "в другом" in messages_of((await anna.get(f"{where}?channels=all")).text)


def messages_of(page: str) -> str:
    return page.partition('id="messages"')[2].partition('id="newer"')[0]


async def test_pieces_go_on_from_messages_and_from_what_was_seen(stage, browser, account, talk):
    for number in range(1, 131):
        event = a_message(text=f"number {number:03}", at=NOON + timedelta(minutes=number))
        await stage.shop.route(accepted(account, event), now=stage.now())
    anna = await browser("Anna")
    where = f"/conversations/{talk}/messages"

    def numbers(text: str) -> list[int]:
        return [int(each) for each in re.findall(r"number (\d{3})", text)]

    newest = await anna.fragment(where)
    assert numbers(newest.text) == list(range(91, 131))
    assert newest.headers["X-Reached"] == f"{talk}:131"
    assert "X-Later" not in newest.headers
    here = (await stage.shop.one("select id from message where text = 'number 050'")).id
    behind = await anna.fragment(f"{where}?after={here}")
    assert numbers(behind.text) == list(range(51, 91))
    assert "X-Later" in behind.headers
    assert numbers((await anna.fragment(f"{where}?before={here}")).text) == list(range(10, 50))
    around = numbers((await anna.fragment(f"{where}?at={here}")).text)
    assert around == list(range(30, 71))
    since = await anna.fragment(f"{where}?since={talk}:11,nonsense,{talk}:x")
    assert (numbers(since.text), since.headers["X-More"]) == (list(range(11, 111)), "1")
    rest = await anna.fragment(f"{where}?since={talk}:111")
    assert numbers(rest.text) == list(range(111, 131))
    assert "X-More" not in rest.headers
    for stranger in (f"at={new_id()}", f"after={new_id()}", "before=zzz"):
        assert (await anna.fragment(f"{where}?{stranger}")).status == 404

    page = (await anna.get(f"/conversations/{talk}?at={here}")).text
    assert f'data-found="{here}"' in page
    assert (
        f'data-found="{here}"' not in (await anna.get(f"/conversations/{talk}?at={new_id()}")).text
    )


async def test_another_contacts_message_is_not_led_to(stage, browser, account, talk):
    event = a_message(by=a_person(2), text="чужое", key="p2")
    await stage.receive(accepted(account, event))
    other = (await stage.shop.one("select id from message where text = 'чужое'")).id
    anna = await browser("Anna")
    assert (await anna.fragment(f"/conversations/{talk}/messages?at={other}")).status == 404
    assert "чужое" not in messages_of((await anna.get(f"/conversations/{talk}?at={other}")).text)


async def test_the_timeline_tells_what_was_made_of_it_and_what_a_merge_moved(
    stage, browser, account, talk
):
    me = stage.shop.managers[0]
    await stage.desk.set_status(talk, "snoozed", by=me)
    await stage.desk.set_status(talk, "resolved", by=me)
    await stage.receive(accepted(account, a_message(by=a_person(2), key="p2")))
    people = await stage.shop.sql("select id from contact order by created_at, id")
    await stage.desk.merge(people[0].id, people[1].id, by=me)
    page = messages_of((await (await browser("Anna")).get(f"/conversations/{talk}")).text)
    assert "Отложен · Anna" in page
    assert "Решён" in page
    assert "Что перенесено" in page
    assert "1 переписка" in page
    assert "1 адрес" in page


async def test_a_page_that_comes_back_learns_who_it_is(stage, browser, talk):
    anna = await browser("Anna")
    told = json.loads((await anna.fragment("/live/me")).text)
    assert told == {"user": str(stage.shop.managers[0]), "csrf": await anna.csrf()}
    assert (await (await browser()).fragment("/live/me")).status == 401


async def test_keys_can_be_turned_off(stage, browser, talk):
    anna = await browser("Anna")
    assert 'data-keys="off"' not in (await anna.get("/")).text
    await anna.post("/profile/keys", {"keys": "off"})
    assert 'data-keys="off"' in (await anna.get("/")).text
    await anna.post("/profile/keys", {"keys": "on"})
    assert 'data-keys="off"' not in (await anna.get("/")).text
