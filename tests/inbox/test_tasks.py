"""What somebody has to do by when: written down, put off, given away, done, and taken back."""

import json
import re
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from inbox.due_words import due_in
from tests.conftest import NOON
from tests.events import a_message, a_person, accepted

MOSCOW = ZoneInfo("Europe/Moscow")
FRAGMENT = {"X-Fragment": "1"}


async def _added(stage, browser, text="Набрать завтра в 10", **fields: str) -> Any:
    answer = await browser.post("/tasks", {"text": text, **fields}, **FRAGMENT)
    assert answer.status == 200, answer.text
    return await stage.shop.one("select * from task order by created_at desc, id desc limit 1")


async def _undone(browser, answer) -> None:
    undo = answer["undo"]
    assert (await browser.post(undo["action"], undo["fields"])).status == 303


def _json(answer) -> Any:
    assert answer.status == 200, answer.text
    return json.loads(answer.text)


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("позвонить завтра в 10", "2026-11-22 10:00"),
        ("Позвонить сегодня в 19:30", "2026-11-21 19:30"),
        ("послезавтра отправить счёт", "2026-11-23 09:00"),
        ("встреча в понедельник в 9", "2026-11-23 09:00"),
        ("в субботу в 11.15 забрать", "2026-11-28 11:15"),
        ("через 2 часа напомнить", "2026-11-21 17:00"),
        ("через неделю", "2026-11-28 15:00"),
        ("через день в 9", "2026-11-22 09:00"),
        ("перезвонить в 9", "2026-11-22 09:00"),
        ("сегодня", "2026-11-21 18:00"),
        ("call tomorrow at 10", "2026-11-22 10:00"),
        ("on Friday send the offer", "2026-11-27 09:00"),
        ("in 45 minutes", "2026-11-21 15:45"),
        ("отправить счёт", None),
        ("заказать в 3 шт", None),
        ("в 25 часов", None),
        ("на 15 000 руб", None),
    ],
)
def test_a_moment_written_in_the_text_is_understood(text, due):
    found = due_in(text, now=NOON, zone=MOSCOW)
    assert (found.strftime("%Y-%m-%d %H:%M") if found else None) == due


async def test_a_task_is_written_with_its_moment_and_taken_back(stage, browser):
    me = await stage.hire("Anna")
    anna = await browser("Anna")
    answer = _json(await anna.post("/tasks", {"text": "Набрать завтра в 10"}, **FRAGMENT))
    assert answer["said"] == "Задача: завтра, 10:00"
    task = await stage.shop.one("select * from task")
    assert (task.manager_id, task.created_by) == (me, me)
    assert task.due_at.astimezone(MOSCOW).strftime("%d %H:%M") == "22 10:00"
    page = (await anna.get("/tasks")).text
    assert "Набрать завтра в 10" in page
    assert "завтра, 10:00" in page
    await _undone(anna, answer)
    assert "Набрать завтра в 10" not in (await anna.get("/tasks")).text
    assert "отменена" in (await anna.get("/tasks?show=done")).text


async def test_without_a_script_one_comes_back_to_the_list(stage, browser):
    await stage.hire("Anna")
    anna = await browser("Anna")
    answer = await anna.post("/tasks", {"text": "Счёт", "to": "/tasks?show=today"})
    assert (answer.status, answer.headers["Location"]) == (303, "/tasks?show=today")
    answer = await anna.post("/tasks", {"text": "Счёт", "to": "https://evil.example"})
    assert answer.headers["Location"] == "/tasks"


async def test_what_is_chosen_counts_and_what_cannot_be_is_said(stage, browser):
    await stage.hire("Anna")
    anna = await browser("Anna")
    task = await _added(stage, anna, when="own", date="2026-12-01", time="16:30", remind="60")
    assert task.due_at.astimezone(MOSCOW).strftime("%m-%d %H:%M") == "12-01 16:30"
    assert task.remind_before == [60, 0]
    for fields, said in (
        ({"text": "  "}, "Напишите, что нужно сделать."),
        ({"text": "x", "when": "own", "date": "завтра"}, "Выберите день и время."),
    ):
        answer = await anna.post("/tasks", fields, **FRAGMENT)
        assert (answer.status, answer.text) == (409, said)
    for fields in ({"text": "x", "remind": "5"}, {"text": "x", "lead": "nonsense"}):
        assert (await anna.post("/tasks", fields)).status == 400
    for due in ("2026-12-01T10:00:00", "never", "9999-01-01T00:00:00+00:00"):
        assert (await anna.post(f"/tasks/{task.id}", {"due": due})).status == 400


async def test_a_task_is_put_off_given_away_and_done_and_each_is_taken_back(stage, browser):
    me = await stage.hire("Anna", role="lead")
    boris = await stage.hire("Boris")
    anna = await browser("Anna")
    before = await _added(stage, anna)

    async def now() -> Any:
        return await stage.shop.one("select * from task")

    put_off = _json(await anna.post(f"/tasks/{before.id}", {"when": "monday"}, **FRAGMENT))
    assert put_off["said"] == "Перенесено: пн 09:00"
    assert (await now()).due_at > before.due_at
    await _undone(anna, put_off)
    assert (await now()).due_at == before.due_at

    given = _json(await anna.post(f"/tasks/{before.id}", {"manager": str(boris)}, **FRAGMENT))
    assert (await now()).manager_id == boris
    assert "Набрать завтра" not in (await anna.get("/tasks")).text
    assert "Набрать завтра" in (await anna.get(f"/tasks?of={boris}")).text
    assert "Набрать завтра" in (await anna.get("/tasks?of=all")).text
    await _undone(anna, given)
    assert (await now()).manager_id == me

    done = _json(await anna.post(f"/tasks/{before.id}/done", **FRAGMENT))
    assert (await now()).done_at == NOON
    assert "Набрать завтра" in (await anna.get("/tasks?show=done")).text
    await _undone(anna, done)
    assert (await now()).done_at is None


async def test_tasks_stand_under_their_day_and_on_in_the_next_piece(stage, browser):
    await stage.hire("Anna")
    anna = await browser("Anna")
    for text, shift in [("Вчера", -1), ("Сейчас", 0.1), ("Завтра", 1), ("Скоро", 3), ("Потом", 30)]:
        await _added(stage, anna, text)
        due = NOON + timedelta(days=shift)
        await stage.shop.sql("update task set due_at = :due where text = :text", due=due, text=text)
    page = (await anna.get("/tasks")).text
    heads = re.findall(r"taskhead[^>]*><h2>([^<]+)|taskrow__t[^>]*>([^<]+)", page)
    assert [head or text for head, text in heads] == [
        "Просрочено", "Вчера", "Сегодня", "Сейчас", "Завтра", "Завтра", "На этой неделе", "Скоро", "Позже", "Потом",
    ]  # fmt: skip
    for show, expected in {
        "overdue": ["Вчера"],
        "today": ["Сейчас"],
        "later": ["Завтра", "Скоро", "Потом"],
    }.items():
        found = re.findall(r"taskrow__t[^>]*>([^<]+)", (await anna.get(f"/tasks?show={show}")).text)
        assert found == expected
    news = _json(await anna.get("/notices/news"))
    assert (news["due"], news["overdue"]) == (2, 1)


async def test_a_long_list_goes_on_behind_its_last_row(stage, browser):
    me = await stage.hire("Anna")
    anna = await browser("Anna")
    await stage.shop.sql(
        "insert into task (id, manager_id, text, due_at, created_at)"
        " select gen_random_uuid(), :me, 'n' || n, cast(:noon as timestamptz) + n / 3 * interval '1 minute', now()"
        " from generate_series(1, 120) n",
        me=me,
        noon=NOON + timedelta(days=60),
    )
    seen: list[str] = []
    path = "/tasks"
    while path:
        page = (await (anna.get(path) if not seen else anna.fragment(path))).text
        seen += re.findall(r"taskrow__t[^>]*>(n\d+)", page)
        assert page.count("taskhead") == (1 if len(seen) == 50 else 0)
        more = re.search(r'data-more="([^"]+)"', page)
        path = more[1].replace("&amp;", "&") if more else ""
    assert len(seen) == len(set(seen)) == 120
    assert (await anna.get("/tasks?cursor=nonsense")).status == 404


async def test_a_task_of_a_conversation_is_of_its_person_and_stands_in_their_card(stage, browser):
    await stage.hire("Anna")
    account = await stage.shop.connect()
    await stage.receive(accepted(account, a_message(by=a_person(1, name="Марина"))))
    talk = await stage.shop.one("select id, contact_id from conversation")
    lead = (await stage.shop.one("select id from lead")).id
    anna = await browser("Anna")
    assert str(lead) in (await anna.get("/tasks?show=leads")).text
    await _added(stage, anna, "Счёт", conversation=str(talk.id), lead=str(lead))
    task = await stage.shop.one("select * from task")
    assert (task.conversation_id, task.contact_id, task.lead_id) == (talk.id, talk.contact_id, lead)
    card = (await anna.get(f"/contacts/{talk.contact_id}")).text
    assert "Счёт" in card
    assert 'action="/tasks"' in card
    page = (await anna.get("/tasks")).text
    assert f"/conversations/{talk.id}?tab=all" in page
    assert "Марина" in page
    lone = (await anna.get("/tasks?show=leads")).text
    assert str(lead) not in lone
    assert "У каждого открытого лида есть задача" in lone


async def test_everybodys_tasks_are_for_those_who_lead(stage, browser):
    await stage.hire("Mark", role="marketer")
    mark = await browser("Mark")
    assert (await mark.get("/tasks")).status == 403
    vera = await stage.hire("Vera")
    manager = await browser("Vera")
    assert (await manager.get(f"/tasks?of={vera}")).status == 200
    assert (await manager.get("/tasks?of=all")).status == 403
    assert 'name="of"' not in (await manager.get("/tasks")).text
    await stage.hire("Anna", role="lead")
    anna = await browser("Anna")
    assert (await anna.get("/tasks?of=nobody")).status == 400
    assert (await anna.get("/tasks?show=nonsense")).status == 404
    gone = await stage.hire("Gone", disabled_at=NOON)
    assert (await anna.post("/tasks", {"text": "x", "manager": str(gone)})).status == 400


async def test_a_second_call_back_is_not_opened_beside_the_first(stage, browser):
    me = await stage.hire("Anna")
    account = await stage.shop.connect()
    await stage.receive(accepted(account, a_message()))
    contact = (await stage.shop.one("select id from contact")).id
    for done in (NOON, None):
        await stage.shop.sql(
            "insert into task (id, manager_id, contact_id, kind, text, due_at, done_at, created_at)"
            " values (gen_random_uuid(), :me, :contact, 'callback', 'x', :due, :done, :due)",
            me=me,
            contact=contact,
            due=NOON,
            done=done,
        )
    closed = (await stage.shop.one("select id from task where done_at is not null")).id
    anna = await browser("Anna")
    answer = await anna.post(f"/tasks/{closed}/reopen", **FRAGMENT)
    assert answer.status == 409
    assert "уже есть другая задача" in answer.text


async def test_one_task_is_changed_on_its_own_page(stage, browser):
    await stage.hire("Anna")
    anna = await browser("Anna")
    task = await _added(stage, anna, remind="15")
    page = (await anna.get(f"/tasks/{task.id}")).text
    assert '<option value="15" selected>' in page
    assert 'value="10:00"' in page
    fields = {
        "text": "Отправить <b>счёт</b>",
        "when": "own",
        "date": "2026-11-25",
        "time": "12:00",
        "remind": "never",
        "manager": str(task.manager_id),
    }
    assert (await anna.post(f"/tasks/{task.id}", fields)).status == 303
    changed = await stage.shop.one("select * from task")
    assert changed.remind_before == []
    assert "Отправить &lt;b&gt;счёт&lt;/b&gt;" in (await anna.get("/tasks")).text
    assert (await anna.get(f"/tasks/{stage.shop.team}")).status == 404
