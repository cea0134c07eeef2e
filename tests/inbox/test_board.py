"""The board, the list and the card of a lead, as a colleague's browser asks for them."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.events import a_message, a_person, accepted
from tests.inbox.stage import Stage


@pytest.fixture
async def anna(stage: Stage, browser: Any) -> Any:
    await stage.hire("Anna")
    return await browser("Anna")


async def a_lead(stage: Stage, number: int = 1, name: str = "Марина") -> UUID:
    found = await stage.shop.sql("select id from account")
    account = found[0].id if found else await stage.shop.connect("bot")
    await stage.receive(accepted(account, a_message(by=a_person(number, name=name))))
    row = await stage.shop.one("select id from lead where title like :name", name=f"{name}%")
    lead: UUID = row.id
    return lead


async def stages(stage: Stage) -> dict[str, str]:
    rows = await stage.shop.sql("select id, name from stage")
    return {row.name: str(row.id) for row in rows}


async def moved(anna: Any, lead: UUID, **fields: str) -> Any:
    return await anna.post(f"/leads/{lead}/move", fields, **{"X-Fragment": "1"})


async def test_a_card_is_moved_said_and_put_back(stage, anna):
    lead, names = await a_lead(stage), await stages(stage)
    answer = await moved(anna, lead, stage=names["Qualified"], seen=names["New"])
    told = json.loads(answer.text)
    assert "Qualified" in told["said"]
    assert str((await stage.shop.one("select stage_id from lead")).stage_id) == names["Qualified"]
    back = await anna.post(told["undo"]["action"], told["undo"]["fields"], **{"X-Fragment": "1"})
    assert "undo" not in json.loads(back.text)
    assert str((await stage.shop.one("select stage_id from lead")).stage_id) == names["New"]
    # Once put back, it is not there to be put back from any more.
    assert (await anna.post(told["undo"]["action"], told["undo"]["fields"])).status == 409


async def test_what_somebody_has_moved_meanwhile_is_told_and_stays(stage, anna):
    lead, names = await a_lead(stage), await stages(stage)
    await stage.desk.move_lead(lead, UUID(names["Qualified"]), by=None)
    answer = await moved(anna, lead, stage=names["Lost"], seen=names["New"], lost_reason="Дорого")
    assert (answer.status, "Qualified" in answer.text) == (409, True)
    assert (await stage.shop.one("select status from lead")).status == "open"


async def test_lost_takes_a_reason_and_won_an_amount(stage, anna):
    lead, names = await a_lead(stage), await stages(stage)
    assert (await moved(anna, lead, stage=names["Lost"])).status == 409
    assert (await moved(anna, lead, stage=names["Won"])).status == 409
    assert (await moved(anna, lead, stage=names["Won"], value="дорого")).status == 409
    assert (await moved(anna, lead, stage=str(uuid4()))).status == 409
    assert (await stage.shop.one("select status from lead")).status == "open"
    await moved(anna, lead, stage=names["Lost"], lost_reason="Дорого", lost_details="на 10 %")
    row = await stage.shop.one("select status, lost_reason, lost_details from lead")
    assert tuple(row) == ("lost", "Дорого", "на 10 %")
    assert "Дорого" in (await anna.get("/leads?lost=1")).text
    await moved(anna, lead, stage=names["Won"], value="18 400")
    row = await stage.shop.one("select status, value, lost_reason from lead")
    assert tuple(row)[:2] == ("won", 1840000)


async def test_nonsense_does_not_put_a_card_anywhere(stage, anna):
    lead, names = await a_lead(stage), await stages(stage)
    back = {"was": "1", "stage": names["New"], "seen": names["New"]}
    for position in ("", "nan", "inf", "x"):
        assert (await moved(anna, lead, **back, position=position)).status == 400
    assert (await moved(anna, lead, **back, position="1", closed_at="x")).status == 400
    assert (await moved(anna, uuid4(), stage=names["New"])).status == 404


async def test_a_changed_card_comes_as_the_filter_shows_it(stage, anna):
    lead = await a_lead(stage)
    answer = json.loads((await anna.fragment(f"/leads/cards?ids={lead},{uuid4()},x")).text)
    assert [each["id"] for each in answer["cards"]] == [str(lead)]
    assert len(answer["gone"]) == 1
    new = (await stages(stage))["New"]
    assert answer["columns"][new]["count"] == "1"
    elsewhere = json.loads((await anna.fragment(f"/leads/cards?ids={lead}&source=avito")).text)
    assert (elsewhere["cards"], elsewhere["gone"]) == ([], [str(lead)])


@pytest.mark.parametrize(
    ("query", "is_there"),
    [
        ("manager=me", True),
        ("manager=none", False),
        ("task=none", True),
        ("task=late", False),
        ("min=100", False),
        ("channel=telegram", True),
        ("channel=vk", False),
        ("from=2026-11-01&to=2026-11-30", True),
        ("to=2026-11-01", False),
        ("age=3", False),
        ("age=norm", False),
        ("q=марин", True),
        ("q=Добрый", True),
        ("q=Виктор", False),
        ("label=опт", False),
        # What is not understood is as if it were not there.
        ("manager=x&task=x&age=x&min=x&from=x&team=x&status=x&sort=x", True),
    ],
)
async def test_board_and_list_are_narrowed_by_the_address(stage, anna, query, is_there):
    lead = await a_lead(stage)
    await stage.shop.sql("update lead set title = 'Марина: Добрый день'")
    for view in ("", "&view=list"):
        page = (await anna.get(f"/leads?{query}{view}")).text
        assert (f'href="/leads/{lead}"' in page) == is_there


async def test_a_lead_is_opened_by_hand_for_somebody_new_or_known(stage, anna):
    names = await stages(stage)
    assert (await anna.post("/leads", {"name": " ", "stage": names["New"]})).status == 409
    fields = {"name": "Борис Н.", "title": "Ступица", "value": "500", "stage": names["Qualified"]}
    made = await anna.post("/leads", {**fields, "contact": ""})
    assert made.status == 303
    row = await stage.shop.one("select title, value, stage_id, contact_id from lead")
    assert (row.title, row.value, str(row.stage_id)) == ("Ступица", 50000, names["Qualified"])
    again = await anna.post("/leads", {"contact": str(row.contact_id), "stage": names["New"]})
    assert again.status == 409
    assert (await anna.post("/leads", {"name": "X", "stage": names["Won"]})).status == 409
    found = (await anna.fragment("/leads/new?q=Борис")).text
    assert f'value="{row.contact_id}"' in found


async def test_a_card_has_its_fields_tasks_and_notes(stage, anna, count):
    lead = await a_lead(stage)
    for key, kind in (("km", "number"), ("when", "date"), ("pay", "choice"), ("site", "link")):
        await stage.shop.sql(
            "insert into field (id, entity, key, name, kind, choices, created_at)"
            " values (gen_random_uuid(), 'lead', :key, :key, :kind, array['карта'], now())",
            key=key,
            kind=kind,
        )
    where = f"/leads/{lead}"
    wrong = {"km": "много", "when": "31.02", "pay": "натурой", "site": "javascript:alert(1)"}
    for key, value in wrong.items():
        assert (await anna.post(where, {f"field.{key}": value})).status == 409
    right = {"km": "10 000,5", "when": "2026-12-01", "pay": "карта", "site": "https://x.ru/"}
    for key, value in right.items():
        assert (await anna.post(where, {f"field.{key}": value})).status == 303
    kept = (await stage.shop.one("select fields from lead")).fields
    assert kept == {**right, "km": "10000.5"}
    answer = await anna.post(where, {"field.km": ""}, **{"X-Fragment": "1"})
    assert json.loads(answer.text)["undo"]["fields"] == {"field.km": "10000.5"}
    assert "km" not in (await stage.shop.one("select fields from lead")).fields

    assert (await anna.post(f"{where}/tasks", {"text": "Счёт", "due": "потом"})).status == 409
    await anna.post(f"{where}/tasks", {"text": "Счёт", "due": "2026-11-22T10:00"})
    task = (await stage.shop.one("select id from task where lead_id = :lead", lead=lead)).id
    assert "Счёт" in (await anna.get(where)).text
    await anna.post(f"{where}/tasks/done", {"task": str(task)})
    assert await count("task", "done_at is not null") == 1

    await anna.post(f"{where}/notes", {"text": "Клиент торопится"})
    assert await count("message", "direction = 'note'") == 1
    assert "Клиент торопится" in (await anna.get(where)).text


async def test_a_lead_without_a_conversation_keeps_its_own_notes_from_a_marketer(
    stage, browser, anna
):
    await stage.hire("Mark", role="marketer")
    await anna.post("/leads", {"name": "Борис", "contact": ""})
    lead = (await stage.shop.one("select id from lead")).id
    await anna.post(f"/leads/{lead}/notes", {"text": "секретная заметка"})
    assert "секретная заметка" in (await anna.get(f"/leads/{lead}")).text
    mark = await browser("Mark")
    page = await mark.get(f"/leads/{lead}")
    assert (page.status, "секретная заметка" in page.text) == (200, False)
    assert (await mark.get("/leads")).status == 200
    assert "card__pick" not in (await mark.get("/leads")).text


async def test_many_are_moved_at_once_those_that_may_and_all_are_put_back(stage, anna):
    names = await stages(stage)
    leads = [await a_lead(stage, n, name) for n, name in enumerate(("Ада", "Бэла", "Вера"), 1)]
    await stage.desk.move_lead(leads[2], UUID(names["Qualified"]), by=None)
    chosen = ",".join(f"{lead}.{names['New']}" for lead in leads)
    fragment = {"X-Fragment": "1"}
    lost = {"do": "move", "leads": chosen, "stage": names["Lost"]}
    assert (await anna.post("/leads/bulk", lost)).status == 409
    told = json.loads(
        (await anna.post("/leads/bulk", {**lost, "lost_reason": "Дорого"}, **fragment)).text
    )
    assert "2 лида" in told["said"]
    assert "тем временем" in told["said"]
    rows = await stage.shop.sql("select status from lead order by title")
    assert [row.status for row in rows] == ["lost", "lost", "open"]
    await anna.post(told["undo"]["action"], told["undo"]["fields"], **fragment)
    rows = await stage.shop.sql("select status from lead")
    assert {row.status for row in rows} == {"open"}

    due = {"do": "task", "leads": chosen, "text": "Позвонить", "due": "2026-11-22T10:00"}
    assert (await anna.post("/leads/bulk", due)).status == 303
    assert (await stage.shop.one("select count(*) as n from task")).n == 3
    boris = await stage.hire("Boris")
    await anna.post("/leads/bulk", {"do": "manager", "leads": chosen, "manager": str(boris)})
    rows = await stage.shop.sql("select distinct manager_id from lead")
    assert [row.manager_id for row in rows] == [boris]
    too_many = ",".join(str(uuid4()) for _ in range(201))
    assert (await anna.post("/leads/bulk", {**due, "leads": too_many})).status == 409
    assert (await anna.post("/leads/bulk", {**due, "leads": "x"})).status == 409
    assert (await anna.post("/leads/bulk/undo", {"steps": "{"})).status == 404


async def test_a_pipeline_is_made_changed_and_its_stages_ordered_and_deleted(stage, browser, count):
    await stage.hire("Anna", role="lead")
    anna = await browser("Anna")
    made = await anna.post("/settings/pipelines", {"name": "Договоры"})
    where = made.headers["Location"]
    pipeline = where.rpartition("/")[2]

    async def order() -> list[Any]:
        return await stage.shop.sql(
            "select id, name, norm_days, task_minutes from stage where pipeline_id = :id order by position",
            id=pipeline,
        )

    first = (await order())[0]
    values = {"name": "Первый", "kind": "open", "colour": "blue", "norm_days": "3"}
    task = {"task_text": "Позвонить", "task_in": "2", "task_unit": "h"}
    for wrong in ({"norm_days": "-1"}, {"probability": "101"}, {"name": " "}):
        answer = await anna.post(f"{where}/stages", {**values, "stage": str(first.id), **wrong})
        assert answer.status == 409
    await anna.post(f"{where}/stages", {**values, **task, "stage": str(first.id)})
    await anna.post(f"{where}/stages", {**values, "name": "Встреча"})
    await anna.post(f"{where}/stages/order", {"down": str(first.id)})
    rows = await order()
    assert [row.name for row in rows] == [
        "Квалификация",
        "Первый",
        "В работе",
        "Встреча",
        "Выигран",
        "Проигран",
    ]
    assert (rows[1].norm_days, rows[1].task_minutes) == (3, 120)
    page = (await anna.get(where)).text
    assert "Первый" in page
    await anna.post(
        where, {"name": "Договоры", "currency": "USD", "lost_reasons": "Дорого\n\nДорого\nДолго"}
    )
    row = await stage.shop.one(
        "select currency, lost_reasons from pipeline where id = :id", id=pipeline
    )
    assert (row.currency, row.lost_reasons) == ("USD", ["Дорого", "Долго"])
    assert (await anna.post(where, {"name": "x", "currency": "рубль"})).status == 409
    await anna.post(f"{where}/stages/remove", {"stage": str(first.id)})
    assert len(await order()) == 5
    other = (await stages(stage))["New"]
    assert (await anna.post(f"{where}/stages/remove", {"stage": other})).status == 404
    assert (await anna.post(f"{where}/first")).status == 303
    assert (await anna.post(f"{where}/remove")).status == 303
    assert await count("pipeline") == 1
    assert await count("audit", "object_kind = 'pipeline'") >= 8
    last = (await stage.shop.one("select id from pipeline")).id
    assert (await anna.post(f"/settings/pipelines/{last}/remove")).status == 409
