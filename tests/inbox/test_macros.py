"""Macros: all of it or nothing, once, and what can be taken back is."""

import json
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from router.asking import StepRefused
from tests.conftest import NOON
from tests.events import a_message, a_person, accepted

HOME = "/settings/macros"
STEPS = ("do", "manager", "team", "label", "hours", "stage", "text")


def a_form(*steps: dict[str, str], **fields: str) -> list[tuple[str, str]]:
    form = [("name", "Запись"), ("text", ""), ("shelf", "own")]
    form = [(name, fields.pop(name, value)) for name, value in form]
    for step in steps:
        form += [(f"step.{name}", step.get(name, "")) for name in STEPS]
    return form


async def a_talk(stage) -> UUID:
    account = await stage.shop.connect()
    await stage.receive(accepted(account, a_message(by=a_person(1, name="Марина Белова"), at=NOON)))
    return (await stage.shop.one("select id from conversation")).id


async def a_stage(stage, name: str) -> str:
    return str((await stage.shop.one("select id from stage where name = :name", name=name)).id)


async def made(stage, browser, *steps: dict[str, str], **fields: str) -> UUID:
    answer = await browser.post(HOME, a_form(*steps, **fields))
    assert answer.status == 303, answer.text
    rows = await stage.shop.sql("select id from macro order by created_at desc, id desc")
    return rows[0].id


def run_form(talk: UUID, **more: str) -> dict[str, str]:
    return {"conversation": str(talk), "key": "k-1", **more}


async def everything(stage, browser) -> UUID:
    """A macro of every kind of step."""
    return await made(
        stage,
        browser,
        {"do": "assign_me"},
        {"do": "add_label", "label": "Срочно"},
        {"do": "remove_label", "label": "старая"},
        {"do": "stage", "stage": await a_stage(stage, "Qualified")},
        {"do": "task", "hours": "2", "text": "Перезвонить"},
        {"do": "note", "text": "{{contact.first_name}} записана"},
        {"do": "snooze", "hours": "24"},
        text="{{contact.first_name}}, записали вас",
        name="Запись",
    )


async def test_a_macro_says_and_does_all_of_it_at_once(stage, browser, count):
    anna_id = await stage.hire("Anna")
    talk = await a_talk(stage)
    await stage.shop.sql("update conversation set labels = '{Старая}', manager_id = null")
    anna = await browser("Anna")
    macro = await everything(stage, anna)
    shown = await anna.fragment(f"/conversations/{talk}/macro?macro={macro}")
    for words in [
        "Марина, записали вас</textarea>",
        "Добавить метку «Срочно»",
        "Перевести лид на стадию «Qualified»",
        "Задача через 2 ч: Перезвонить",
        "Отложить на 24 ч",
        "отправленное сообщение не вернуть".capitalize(),
    ]:
        assert words in shown.text, words
    assert await count("message", "direction = 'out'") == 0

    form = run_form(talk, text="Марина, записали вас на 12")
    for _ in range(2):
        done = await anna.post(f"/macros/{macro}/run", form, **{"X-Fragment": "1"})
        assert done.status == 200, done.text
        assert json.loads(done.text)["said"] == "Выполнено: Запись"
    row = await stage.shop.one("select manager_id, labels, status, snoozed_until from conversation")
    assert (row.manager_id, row.labels, row.status) == (anna_id, ["Срочно"], "snoozed")
    assert row.snoozed_until == stage.now() + timedelta(hours=24)
    texts = await stage.shop.sql(
        "select direction, text from message where direction <> 'in' order by seq"
    )
    assert [tuple(each) for each in texts] == [
        ("out", "Марина, записали вас на 12"),
        ("note", "Марина записана"),
    ]
    lead = await stage.shop.one("select s.name from lead l join stage s on s.id = l.stage_id")
    assert lead.name == "Qualified"
    task = await stage.shop.one("select text, due_at, manager_id, lead_id from task")
    assert (task.text, task.due_at, task.manager_id) == (
        "Перезвонить",
        stage.now() + timedelta(hours=2),
        anna_id,
    )
    assert task.lead_id is not None
    assert await count("delivery") == 1
    assert (await stage.shop.one("select uses from macro")).uses == 1


async def test_what_a_macro_did_is_taken_back_but_for_what_was_said(stage, browser, count):
    await stage.hire("Anna")
    boris = await stage.hire("Boris")
    talk = await a_talk(stage)
    await stage.desk.assign(talk, by=boris, manager=boris)
    await stage.shop.sql("update conversation set labels = '{Старая}'")
    anna = await browser("Anna")
    macro = await everything(stage, anna)
    form = run_form(talk, text="Записали")
    done = await anna.post(f"/macros/{macro}/run", form, **{"X-Fragment": "1"})
    undo = json.loads(done.text)["undo"]["action"]
    other = await browser("Boris")
    assert (await other.post(undo)).status == 404
    assert (await anna.post(undo, **{"X-Fragment": "1"})).status == 204
    row = await stage.shop.one("select manager_id, labels, status, snoozed_until from conversation")
    assert (row.manager_id, row.labels, row.status) == (boris, ["Старая"], "open")
    assert row.snoozed_until is None
    lead = await stage.shop.one("select s.name from lead l join stage s on s.id = l.stage_id")
    assert lead.name == "New"
    assert await count("task", "done_at is null") == 0
    assert await count("message", "direction = 'out'") == 1
    again = await anna.post(undo, **{"X-Fragment": "1"})
    assert (again.status, again.text) == (409, "Отменять уже поздно.")


async def test_a_conversation_goes_back_to_the_queue_and_the_counts_agree(stage, browser):
    anna_id = await stage.hire("Anna", in_team=False)
    talk = await a_talk(stage)
    second = uuid4()
    await stage.shop.sql(
        "insert into team (id, name, created_at) values (:id, 'Second', now())", id=second
    )
    before = await stage.shop.one("select manager_id, team_id, status from conversation")
    assert before.manager_id is None
    anna = await browser("Anna")
    macro = await made(
        stage,
        anna,
        {"do": "assign_team", "team": str(second)},
        {"do": "assign_me"},
        {"do": "resolved"},
    )
    done = await anna.post(f"/macros/{macro}/run", run_form(talk), **{"X-Fragment": "1"})
    now = await stage.shop.one("select manager_id, status from conversation")
    assert (now.manager_id, now.status) == (anna_id, "resolved")
    await anna.post(json.loads(done.text)["undo"]["action"])
    assert await stage.shop.one("select manager_id, team_id, status from conversation") == before
    assert (
        await stage.shop.one("select open_conversations from user_account")
    ).open_conversations == 0


async def test_what_somebody_changed_since_is_not_taken_back(stage, browser):
    await stage.hire("Anna")
    boris = await stage.hire("Boris")
    talk = await a_talk(stage)
    await stage.desk.assign(talk, by=boris, manager=boris)
    olga = await stage.hire("Olga")
    anna = await browser("Anna")
    macro = await made(
        stage, anna, {"do": "assign_me"}, {"do": "add_label", "label": "Срочно"}, name="Беру"
    )
    done = await anna.post(f"/macros/{macro}/run", run_form(talk), **{"X-Fragment": "1"})
    await stage.desk.assign(talk, by=olga, manager=olga)
    await anna.post(json.loads(done.text)["undo"]["action"])
    row = await stage.shop.one("select manager_id, labels from conversation")
    assert (row.manager_id, row.labels) == (olga, [])


async def test_it_is_too_late_to_take_back_after_a_quarter_of_an_hour(stage, browser):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    anna = await browser("Anna")
    macro = await made(stage, anna, {"do": "add_label", "label": "Срочно"})
    done = await anna.post(f"/macros/{macro}/run", run_form(talk), **{"X-Fragment": "1"})
    stage.time += timedelta(minutes=16)
    late = await anna.post(json.loads(done.text)["undo"]["action"], **{"X-Fragment": "1"})
    assert late.status == 409
    assert (await stage.shop.one("select labels from conversation")).labels == ["Срочно"]


@pytest.mark.parametrize(
    ("step", "spoil", "number", "why"),
    [
        ({"do": "assign_manager", "manager": "{boris}"}, "update user_account set disabled_at = now() where name = 'Boris'", 3, "нет"),
        ({"do": "assign_team", "team": "{team}"}, "delete from team where name = 'Second'", 3, "нет"),
        ({"do": "add_label", "label": "тринадцатая"}, "update conversation set labels = '{a,b,c,d,e,f,g,h,i,j,k,l}'", 3, "12"),
        ({"do": "stage", "stage": "{stage}"}, "update lead set status = 'won', closed_at = now()", 3, "лида"),
        ({"do": "stage", "stage": "{other}"}, "select 1", 3, "воронк"),
    ],
)  # fmt: skip
async def test_a_step_that_cannot_be_done_leaves_nothing_done(
    stage, browser, count, *, step, spoil, number, why
):
    await stage.hire("Anna")
    boris = await stage.hire("Boris", in_team=False)
    talk = await a_talk(stage)
    second = uuid4()
    await stage.shop.sql(
        "insert into team (id, name, created_at) values (:id, 'Second', now())", id=second
    )
    pipeline, foreign = uuid4(), uuid4()
    await stage.shop.sql(
        "insert into pipeline (id, name, position) values (:id, 'Other', 2)", id=pipeline
    )
    await stage.shop.sql(
        "insert into stage (id, pipeline_id, name, position) values (:id, :of, 'Foreign', 1)",
        id=foreign,
        of=pipeline,
    )
    places = {
        "{boris}": str(boris),
        "{team}": str(second),
        "{stage}": await a_stage(stage, "Qualified"),
        "{other}": str(foreign),
    }
    anna = await browser("Anna")
    macro = await made(
        stage,
        anna,
        {"do": "note", "text": "сначала заметка"},
        {"do": "resolved"},
        {name: places.get(value, value) for name, value in step.items()},
        text="Здравствуйте",
    )
    await stage.shop.sql(spoil)
    before = await stage.shop.one("select status, labels, manager_id from conversation")
    answer = await anna.post(
        f"/macros/{macro}/run", run_form(talk, text="Здравствуйте"), **{"X-Fragment": "1"}
    )
    assert answer.status == 409
    assert f"Шаг {number} не выполнить" in answer.text
    assert why in answer.text
    assert "Ничего не сделано" in answer.text
    assert await stage.shop.one("select status, labels, manager_id from conversation") == before
    for table in ("delivery", "macro_run", "task"):
        assert await count(table) == 0
    assert await count("message", "direction <> 'in'") == 0


async def test_a_macros_reply_goes_where_the_composers_would(stage, browser):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    mail = await stage.shop.connect("mail", kind="email")
    letter = a_message(by=a_person(7, channel="email"), at=NOON + timedelta(minutes=1))
    await stage.receive(accepted(mail, letter, channel="email"))
    people = await stage.shop.sql("select id from contact order by created_at, id")
    await stage.desk.merge(people[0].id, people[1].id, by=None)
    other = (await stage.shop.one("select id from conversation where id <> :id", id=talk)).id
    anna = await browser("Anna")
    says = await made(stage, anna, text="Здравствуйте")
    does = await made(stage, anna, {"do": "resolved"})
    page = f"/conversations/{talk}/macro?macro="
    field = 'name="conversation" value="{}"'
    assert field.format(other) in (await anna.fragment(f"{page}{says}")).text
    assert field.format(talk) in (await anna.fragment(f"{page}{says}&to={talk}")).text
    assert field.format(talk) in (await anna.fragment(f"{page}{does}&to={other}")).text
    assert (await anna.fragment(f"{page}nonsense")).status == 404


async def test_a_reply_that_cannot_leave_keeps_the_rest_undone(stage, browser, count):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    anna = await browser("Anna")
    macro = await made(stage, anna, {"do": "resolved"}, text="Здравствуйте")
    run = f"/macros/{macro}/run"
    unfilled = run_form(talk, text="Номер {{lead.number}}")
    answer = await anna.post(run, unfilled, **{"X-Fragment": "1"})
    assert (answer.status, answer.text) == (409, "Сначала заполните: {{lead.number}}")
    await stage.shop.sql("update conversation set unreachable = 'gone'")
    answer = await anna.post(run, run_form(talk, text="Привет"), **{"X-Fragment": "1"})
    assert answer.status == 409
    assert "gone" in answer.text
    await stage.shop.sql("update conversation set unreachable = '', window_until = '2020-01-01Z'")
    with pytest.raises(StepRefused) as refused:
        await stage.desk.run_macro(macro, talk, by=None, text="Привет", idempotency_key="x")
    assert refused.value.step == 0
    assert (await stage.shop.one("select status from conversation")).status == "open"
    assert await count("message", "direction = 'out'") == 0


async def test_a_colleagues_answer_meanwhile_is_asked_about(stage, browser, count):
    await stage.hire("Anna")
    boris = await stage.hire("Boris")
    talk = await a_talk(stage)
    anna = await browser("Anna")
    macro = await made(stage, anna, {"do": "resolved"}, text="Здравствуйте")
    await stage.desk.reply(talk, by=boris, text="1 400")
    form = run_form(talk, text="Здравствуйте", seen="1")
    asked = await anna.post(f"/macros/{macro}/run", form, **{"X-Fragment": "1"})
    assert asked.status == 409
    assert "Уже есть ответ: Boris" in asked.text
    assert (await stage.shop.one("select status from conversation")).status == "open"
    form["seen"] = asked.headers["X-Seen"]
    assert (await anna.post(f"/macros/{macro}/run", form)).status == 303
    assert (await stage.shop.one("select status from conversation")).status == "resolved"
    assert await count("message", "direction = 'out'") == 2


@pytest.mark.parametrize(
    ("steps", "fields", "why"),
    [
        ((), {}, "нужно хотя бы одно"),
        (({"do": "resolved"},), {"name": " "}, "Дайте название"),
        (({"do": "resolved"}, {"do": "add_label"}), {}, "Шаг 2 заполнен не до конца: Добавить метку"),
        (({"do": "assign_manager"},), {}, "Шаг 1 заполнен не до конца"),
        (({"do": "snooze", "hours": "0"},), {}, "Шаг 1 заполнен не до конца"),
        (({"do": "snooze", "hours": "x"},), {}, "Шаг 1 заполнен не до конца"),
        (({"do": "task", "hours": "1"},), {}, "Шаг 1 заполнен не до конца"),
        (({"do": "drop table"},), {}, "Шаг 1 заполнен не до конца"),
        (({"do": "resolved"},) * 13, {}, "Не больше 12 шагов"),
        ((), {"text": "{{contact.age}}"}, "Такой переменной нет"),
    ],
)  # fmt: skip
async def test_a_macro_that_makes_no_sense_is_not_kept(
    stage, browser, count, *, steps, fields, why
):
    await stage.hire("Anna")
    anna = await browser("Anna")
    answer = await anna.post(HOME, a_form(*steps, **fields))
    assert answer.status == 422
    assert why in answer.text
    assert await count("macro") == 0


async def test_macros_have_an_order_owners_and_a_way_back(stage, browser):
    await stage.hire("Anna")
    await stage.hire("Lena", role="lead")
    await stage.hire("Olga", in_team=False)
    talk = await a_talk(stage)
    anna, lena, olga = await browser("Anna"), await browser("Lena"), await browser("Olga")
    done = {"do": "resolved"}
    assert (await anna.post(HOME, a_form(done, shelf="all"))).status == 403
    first = await made(stage, lena, done, shelf="all", name="Первый")
    second = await made(stage, lena, done, shelf=str(stage.shop.team), name="Второй")
    mine = await made(stage, anna, done, name="Мой")
    await lena.post(f"{HOME}/{second}/move", {"way": "up"})
    listed = (await anna.fragment(f"/conversations/{talk}/macros")).text
    assert listed.index("Второй") < listed.index("Первый") < listed.index("Мой")
    for_olga = (await olga.fragment(f"/conversations/{talk}/macros")).text
    assert "Первый" in for_olga
    assert "Второй" not in for_olga
    assert "Мой" not in for_olga
    for macro in (second, mine):
        assert (await olga.post(f"/macros/{macro}/run", run_form(talk))).status == 404
    assert (await olga.post(f"{HOME}/{mine}/delete")).status == 404
    assert (await anna.post(f"{HOME}/{first}/delete")).status == 403
    gone = await anna.post(f"{HOME}/{mine}/delete", **{"X-Fragment": "1"})
    assert (await anna.post(f"/macros/{mine}/run", run_form(talk))).status == 404
    assert (await anna.post(json.loads(gone.text)["undo"]["action"])).status == 303
    changed = a_form(done, {"do": "add_label", "label": "Готово"}, name="Мой новый")
    assert (await anna.post(f"{HOME}/{mine}", changed)).status == 303
    page = (await anna.get(f"{HOME}/{mine}")).text
    assert 'value="Мой новый"' in page
    assert 'value="Готово"' in page


async def test_a_macro_that_would_win_a_lead_needs_its_amount(stage, browser):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    anna = await browser("Anna")
    macro = await made(stage, anna, {"do": "stage", "stage": await a_stage(stage, "Won")})
    refused = await anna.post(f"/macros/{macro}/run", run_form(talk), **{"X-Fragment": "1"})
    assert refused.status == 409
    assert "Укажите сумму продажи" in refused.text
    assert (await stage.shop.one("select status from lead")).status == "open"
    await stage.shop.sql("update lead set value = 1840000")
    done = await anna.post(f"/macros/{macro}/run", run_form(talk), **{"X-Fragment": "1"})
    assert done.status == 200, done.text
    row = await stage.shop.one("select status, value, closed_at from lead")
    assert tuple(row) == ("won", 1840000, stage.now())


async def test_a_lead_that_a_macro_won_is_open_again_when_it_is_taken_back(stage, browser, count):
    boris = await stage.hire("Boris")
    await stage.hire("Anna")
    talk = await a_talk(stage)
    anna = await browser("Anna")
    await stage.shop.sql("update lead set value = 500")
    await stage.shop.sql(
        "update stage set task_text = 'Отправить чек', task_minutes = 60 where name = 'Won'"
    )
    macro = await made(stage, anna, {"do": "stage", "stage": await a_stage(stage, "Won")})
    done = await anna.post(f"/macros/{macro}/run", run_form(talk), **{"X-Fragment": "1"})
    assert await count("task", "origin = 'stage' and done_at is null") == 1
    undo = json.loads(done.text)["undo"]["action"]
    assert (await anna.post(undo, **{"X-Fragment": "1"})).status == 204
    lead = await stage.shop.one(
        "select l.status, l.closed_at, s.name from lead l join stage s on s.id = l.stage_id"
    )
    assert tuple(lead) == ("open", None, "New")
    assert await count("task", "done_at is null") == 0
    # Somebody has closed it otherwise since: it stays as they left it.
    done = await anna.post(f"/macros/{macro}/run", run_form(talk, key="k-2"), **{"X-Fragment": "1"})
    lost = UUID(await a_stage(stage, "Lost"))
    lead = (await stage.shop.one("select id from lead")).id
    await stage.desk.move_lead(lead, lost, by=boris, changes={"lost_reason": "Дорого"})
    undo = json.loads(done.text)["undo"]["action"]
    assert (await anna.post(undo, **{"X-Fragment": "1"})).status == 204
    assert (await stage.shop.one("select status from lead")).status == "lost"


async def test_a_task_of_a_macro_is_a_task_like_any_other(stage, browser):
    """It knows where it comes from, reminds when it is due, and leads back to its conversation."""
    await stage.hire("Anna")
    boris = await stage.hire("Boris")
    talk = await a_talk(stage)
    await stage.desk.assign(talk, by=boris, manager=boris)
    anna = await browser("Anna")
    macro = await made(stage, anna, {"do": "task", "hours": "2", "text": "Перезвонить"})
    await anna.post(f"/macros/{macro}/run", run_form(talk))
    task = await stage.shop.one(
        "select origin, remind_before, manager_id, conversation_id, lead_id is not null as of_lead from task"
    )
    assert tuple(task) == ("macro", [0], boris, talk, True)
    told = await stage.shop.one("select body from outbox where kind = 'task_changed'")
    assert str(boris) in str(told.body)
