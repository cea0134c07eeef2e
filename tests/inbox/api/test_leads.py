from datetime import timedelta

import pytest

from router.ids import new_id
from tests.builders import START, Rows
from tests.inbox.api.client import ApiClient


async def test_a_lead_carries_all_that_was_promised(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        anna, boris = await there.contact(), await there.user()
        touch = {"source": "yandex", "campaign": "brakes"}
        lead = await there.lead(
            anna, value=150_000, manager_id=boris, first_touch=touch, last_touch=touch
        )
    got = await api("GET", f"/leads/{lead}", scope="read")
    assert got.status == 200
    assert {
        "id": str(lead),
        "title": "Колодки",
        "contact_id": str(anna),
        "pipeline": "Продажи",
        "stage": "Новый",
        "status": "open",
        "value": 150_000,
        "currency": "RUB",
        "manager_id": str(boris),
        "first_touch": {"source_name": "yandex", **touch},
        "last_touch": {"source_name": "yandex", **touch},
        "created_at": "2026-11-21T12:00:00Z",
        "closed_at": None,
    }.items() <= got.body.items()
    assert isinstance(got.body["number"], int)


async def test_merged_leads_are_listed_only_when_asked_for(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        anna, boris = await there.contact(), await there.user()
        stages = await there.stages()
        opened = str(await there.lead(anna, manager_id=boris, created_at=START))
        won = str(
            await there.lead(
                anna,
                status="won",
                stage_id=stages[2],
                created_at=START - timedelta(days=1),
                closed_at=START,
            )
        )
        merged = str(await there.lead(anna, status="merged", created_at=START - timedelta(days=2)))
        other = str(await there.lead(await there.contact(), created_at=START - timedelta(days=3)))
    number = (await api("GET", f"/leads/{won}")).body["number"]
    assert await api.ids("/leads") == [opened, won, other]
    assert await api.ids("/leads", status="any") == [opened, won, merged, other]
    assert await api.ids("/leads", status="merged") == [merged]
    assert await api.ids("/leads", status="won,open", contact=str(anna)) == [opened, won]
    assert await api.ids("/leads", manager=str(boris)) == [opened]
    assert await api.ids("/leads", stage=str(stages[2])) == [won]
    assert await api.ids("/leads", q=f"#{number}") == [won]
    before = (START - timedelta(hours=36)).isoformat().replace("+00:00", "Z")
    assert await api.ids("/leads", created_to=before) == [other]
    assert (await api("GET", "/leads", params={"created_to": "2026-11-21"})).status == 400
    first = await api("GET", "/leads", params={"limit": "2"})
    rest = await api("GET", "/leads", params={"cursor": first.body["next_cursor"]})
    assert [item["id"] for item in rest.body["items"]] == [other]


async def test_leads_are_opened_for_the_living(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        anna, same = await there.contact(), await there.contact()
        await there.merge(anna, same)
    got = await api(
        "POST",
        "/leads",
        scope="write",
        json={"contact_id": str(same), "title": "Диски", "value": 5},
    )
    assert (got.status, got.body["title"], got.body["contact_id"]) == (201, "Диски", str(anna))
    missing = await api("POST", "/leads", json={"contact_id": str(new_id())})
    assert missing.status == 400
    assert "contact_id" in missing.body["detail"]


async def test_a_lead_is_moved_and_valued_through_the_desk(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        lead = await there.lead(await there.contact())
        stage = (await there.stages())[1]
    got = await api(
        "PATCH",
        f"/leads/{lead}",
        scope="write",
        json={"stage_id": str(stage), "value": 900, "manager_id": None},
    )
    assert got.status == 200
    changes = {"stage_id": stage, "value": 900, "manager_id": None}
    assert api.desk.told == [("change_lead", (lead, changes), {"by": None})]


@pytest.mark.parametrize(
    "body", [{"value": -1}, {"value": 1.5}, {"status": "merged"}, {"stage_id": "won"}]
)
async def test_a_lead_refuses_what_makes_no_sense(api: ApiClient, body: dict[str, object]) -> None:
    assert (await api("PATCH", f"/leads/{new_id()}", json=body)).status == 400
    assert api.desk.told == []


async def test_pipelines_come_with_their_stages_in_order(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        await Rows(connection).stages()
    got = await api("GET", "/pipelines")
    pipeline = next(each for each in got.body["items"] if each["name"] == "Продажи")
    assert [stage["name"] for stage in pipeline["stages"]] == [
        "Новый",
        "В работе",
        "Сделка",
        "Отказ",
    ]


async def test_a_pipeline_is_made_and_its_stages_changed(api: ApiClient) -> None:
    stages = [
        {"name": "Подписан", "kind": "won"},
        {"name": "Новый"},
        {"name": "Отказ", "kind": "lost"},
    ]
    body = {"name": "Договоры", "currency": "USD", "stages": stages}
    assert (await api("POST", "/pipelines", scope="write", json=body)).status == 403
    incomplete = {**body, "stages": [*stages[1:], {"name": "Ещё"}]}
    assert (await api("POST", "/pipelines", scope="admin", json=incomplete)).status == 409
    made = await api("POST", "/pipelines", scope="admin", json=body)
    assert made.status == 201
    assert [each["name"] for each in made.body["stages"]] == ["Новый", "Подписан", "Отказ"]
    new = made.body["stages"][0]["id"]
    path = f"/pipelines/{made.body['id']}"
    changes = {
        "lost_reasons": ["Дорого"],
        "stages": [
            {"name": "Встреча", "kind": "qualified", "probability": 60},
            {"id": new, "norm_days": 3, "task_text": "Позвонить", "task_minutes": 15},
        ],
    }
    got = await api("PATCH", path, scope="admin", json=changes)
    assert (got.status, got.body["lost_reasons"]) == (200, ["Дорого"])
    first, second, *_ = got.body["stages"]
    assert (first["name"], first["probability"]) == ("Встреча", 60)
    assert (second["id"], second["norm_days"], second["task_minutes"]) == (new, 3, 15)
    assert (await api("GET", path, scope="read")).body == got.body
    other = {"stages": [{"id": str(new_id()), "name": "x"}]}
    assert (await api("PATCH", path, scope="admin", json=other)).status == 404


async def test_leads_are_narrowed_and_sorted_as_on_the_board(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        cheap = str(
            await there.lead(
                await there.contact(), value=100, title="Шины", last_touch={"source": "avito"}
            )
        )
        dear = str(await there.lead(await there.contact(), value=900_000))
        none = str(await there.lead(await there.contact(), value=None))
    due = "2026-11-20T12:00:00Z"
    await api("POST", "/tasks", scope="write", json={"text": "x", "due_at": due, "lead_id": dear})
    assert await api.ids("/leads", sort="value") == [dear, cheap, none]
    assert await api.ids("/leads", sort="task") == [dear]
    assert await api.ids("/leads", task="late") == [dear]
    assert set(await api.ids("/leads", task="none")) == {cheap, none}
    assert await api.ids("/leads", sort="task", task="late") == [dear]
    assert await api.ids("/leads", sort="task", task="none") == []
    assert await api.ids("/leads", source="avito") == [cheap]
    assert await api.ids("/leads", value_from="1000") == [dear]
    assert await api.ids("/leads", q="шин") == [cheap]
    assert (await api("GET", f"/leads/{dear}")).body["next_task_at"] == due


async def test_a_task_is_made_moved_and_done(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        anna, boris = await there.contact(), await there.user()
        lead = await there.lead(anna)
    late = {"text": "Перезвонить", "due_at": "2026-11-22T12:00:00+03:00", "lead_id": str(lead)}
    made = await api("POST", "/tasks", scope="write", json={**late, "manager_id": str(boris)})
    assert (made.status, made.body["due_at"]) == (201, "2026-11-22T09:00:00Z")
    soon = {"text": "Счёт", "due_at": "2026-11-21T13:00:00Z", "contact_id": str(anna)}
    other = await api("POST", "/tasks", json=soon)
    path = f"/tasks/{made.body['id']}"
    assert await api.ids("/tasks", done="false") == [other.body["id"], made.body["id"]]
    assert await api.ids("/tasks", manager=str(boris)) == [made.body["id"]]
    assert await api.ids("/tasks", contact=str(anna)) == [other.body["id"]]
    done = await api("PATCH", path, json={"done": True, "text": "Перезвонила"})
    assert (done.body["done_at"], done.body["text"]) == ("2026-11-21T12:00:00Z", "Перезвонила")
    assert await api.ids("/tasks", done="false") == [other.body["id"]]
    assert await api.ids("/tasks", done="true") == [made.body["id"]]
    assert (await api("PATCH", path, json={"done": False})).body["done_at"] is None
    assert (await api("GET", path)).body["manager_id"] == str(boris)
    assert (await api("PATCH", f"/tasks/{new_id()}", json={"done": True})).status == 404


async def test_tasks_are_found_by_when_they_are_due_and_cancelled_ones_are_no_more(
    api: ApiClient,
) -> None:
    async with api.engine.begin() as connection:
        lead = str(await Rows(connection).lead(await Rows(connection).contact()))
    late, soon, far = [
        (
            await api("POST", "/tasks", json={"text": "x", "due_at": due, "lead_id": lead, **more})
        ).body
        for due, more in (
            ("2026-11-20T12:00:00Z", {"remind_before": []}),
            ("2026-11-21T18:00:00Z", {"remind_before": [60, 0]}),
            ("2026-12-21T18:00:00Z", {}),
        )
    ]
    assert [each["remind_before"] for each in (late, soon, far)] == [[], [60, 0], [0]]
    assert await api.ids("/tasks", overdue="true") == [late["id"]]
    assert await api.ids("/tasks", due_from="2026-11-21T12:00:00Z") == [soon["id"], far["id"]]
    assert await api.ids("/tasks", due_before="2026-11-22T00:00:00Z") == [late["id"], soon["id"]]
    path = f"/tasks/{late['id']}"
    cancelled = await api("PATCH", path, json={"cancelled": True})
    assert cancelled.body["cancelled_at"] == cancelled.body["done_at"] == "2026-11-21T12:00:00Z"
    assert await api.ids("/tasks", overdue="true") == []
    reopened = await api("PATCH", path, json={"done": False, "remind_before": [15]})
    assert (reopened.body["cancelled_at"], reopened.body["remind_before"]) == (None, [15])
    wrong = {"remind_before": [-1]}
    assert (await api("PATCH", path, json=wrong)).status == 400


@pytest.mark.parametrize(
    "change",
    [
        {"lead_id": None},
        {"contact_id": str(new_id())},
        {"lead_id": str(new_id())},
        {"manager_id": str(new_id())},
        {"due_at": "2026-11-22T12:00:00"},
        {"text": ""},
    ],
)
async def test_a_task_that_hangs_on_nothing_is_refused(
    api: ApiClient, change: dict[str, object]
) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        lead = await there.lead(await there.contact())
    good = {"text": "Счёт", "due_at": "2026-11-21T13:00:00Z", "lead_id": str(lead)}
    assert (await api("POST", "/tasks", json={**good, **change})).status == 400
    assert (await api("POST", "/tasks", json=good)).status == 201


async def test_one_callback_per_contact_is_open(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        anna = await Rows(connection).contact()
    body = {
        "text": "Пропущенный",
        "due_at": "2026-11-21T13:00:00Z",
        "contact_id": str(anna),
        "kind": "callback",
    }
    first = await api("POST", "/tasks", json=body)
    assert (first.status, (await api("POST", "/tasks", json=body)).status) == (201, 409)
    await api("PATCH", f"/tasks/{first.body['id']}", json={"done": True})
    assert (await api("POST", "/tasks", json=body)).status == 201
    assert (await api("PATCH", f"/tasks/{first.body['id']}", json={"done": False})).status == 409
