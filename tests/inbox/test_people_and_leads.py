from tests.conftest import NOON
from tests.events import a_message, a_person, a_phone, a_shared_contact, accepted


async def test_two_contacts_become_one_and_two_again_by_a_click(stage, browser):
    await stage.hire("Anna")
    telegram = await stage.shop.connect("bot")
    phone = a_phone("+79215551408")
    one, two = a_person(1, name="Марина"), a_person(2, name="Marina")
    await stage.receive(accepted(telegram, a_message(by=one)))
    await stage.receive(accepted(telegram, a_message(by=two)))
    await stage.receive(accepted(telegram, a_shared_contact(one, phone)))
    await stage.receive(accepted(telegram, a_shared_contact(two, phone, at=NOON)))
    merge = await stage.shop.one("select id, survivor_id, absorbed_id from contact_merge")
    anna = await browser("Anna")

    page = (await anna.get(f"/contacts/{merge.survivor_id}")).text
    assert "Вошли в этот контакт" in page
    gone = await anna.get(f"/contacts/{merge.absorbed_id}")
    assert (gone.status, gone.headers["Location"]) == (301, f"/contacts/{merge.survivor_id}")

    undone = await anna.post(f"/merges/{merge.id}/undo")
    assert undone.headers["Location"] == f"/contacts/{merge.absorbed_id}"
    assert (await anna.get(f"/contacts/{merge.absorbed_id}")).status == 200
    assert (await anna.post(f"/merges/{merge.id}/undo")).status in {404, 409}


async def test_a_suggestion_is_accepted_or_rejected(stage, browser, count):
    await stage.hire("Anna")
    telegram = await stage.shop.connect("bot")
    await stage.receive(accepted(telegram, a_message(by=a_person(1, name="Марина"))))
    await stage.receive(accepted(telegram, a_message(by=a_person(2, name="Marina"))))
    await stage.shop.sql(
        "insert into suggestion (id, first_id, second_id, score, reasons, at)"
        " select gen_random_uuid(), (array_agg(id order by id))[1], (array_agg(id order by id))[2], 80,"
        " '[\"Имя то же\"]', now() from contact"
    )
    row = await stage.shop.one("select id, first_id from suggestion")
    anna = await browser("Anna")
    page = (await anna.get(f"/contacts/{row.first_id}")).text
    assert "Вероятно, это тот же человек" in page
    assert "Имя то же" in page

    assert (await anna.post(f"/suggestions/{row.id}", {"decision": "perhaps"})).status == 400
    await anna.post(f"/suggestions/{row.id}", {"decision": "reject"})
    assert await count("suggestion", "decision = 'rejected'") == 1
    assert await count("contact_merge") == 0


async def test_a_contact_is_renamed(stage, browser):
    await stage.hire("Anna")
    telegram = await stage.shop.connect("bot")
    await stage.receive(accepted(telegram, a_message()))
    contact = (await stage.shop.one("select id from contact")).id
    anna = await browser("Anna")
    await anna.post(f"/contacts/{contact}", {"name": "  Марина   Белозёрова "})
    assert "Марина Белозёрова" in (await anna.get("/contacts")).text
    assert (await anna.post(f"/contacts/{contact}", {"name": " "})).status == 409


async def test_a_lead_moves_by_its_stages_and_closes(stage, browser):
    await stage.hire("Anna")
    telegram = await stage.shop.connect("bot")
    await stage.receive(accepted(telegram, a_message()))
    lead = (await stage.shop.one("select id from lead")).id
    stages = {row.name: row.id for row in await stage.shop.sql("select id, name from stage")}
    anna = await browser("Anna")
    where = f"/leads/{lead}"

    await anna.post(where, {"stage": str(stages["Qualified"])})
    await anna.post(where, {"value": "18 400,50"})
    row = await stage.shop.one("select stage_id, value from lead")
    assert (row.stage_id, row.value) == (stages["Qualified"], 1840050)
    assert "18 400,50" in (await anna.get(where)).text.replace("\xa0", " ")

    for nonsense in ["abc", "-5", "1e99", "NaN"]:
        assert (await anna.post(where, {"value": nonsense})).status == 409
    assert (await anna.post(where, {"stage": "x"})).status == 400
    assert (await anna.post(where, {"status": "lost"})).status == 409
    await anna.post(where, {"status": "lost", "lost_reason": "дорого"})
    assert (await stage.shop.one("select status from lead")).status == "lost"
    assert "дорого" in (await anna.get(where)).text


async def test_leads_are_a_board_and_a_list_and_are_found_by_number(stage, browser):
    await stage.hire("Anna")
    telegram = await stage.shop.connect("bot")
    await stage.receive(accepted(telegram, a_message(by=a_person(1, name="Марина"))))
    await stage.receive(accepted(telegram, a_message(by=a_person(2, name="Виктор"))))
    number = (await stage.shop.one("select number from lead where title like 'Марина%'")).number
    anna = await browser("Anna")
    assert 'class="board"' in (await anna.get("/leads")).text
    assert "<table" in (await anna.get("/leads?view=list")).text
    found = (await anna.get(f"/leads?q={number}")).text
    assert "Марина" in found
    assert "Виктор" not in found


async def test_an_installation_without_anything_explains_itself(stage, browser):
    await stage.hire("Anna", role="admin")
    anna = await browser("Anna")
    assert "Пока никто не написал" in (await anna.get("/")).text
    assert "/settings/channels" in (await anna.get("/")).text
    assert "Контактов пока нет" in (await anna.get("/contacts")).text
    assert "Здесь лидов нет" in (await anna.get("/leads")).text
    assert "Лидов пока нет" in (await anna.get("/leads?view=list")).text
    assert "Каналов пока нет" in (await anna.get("/settings/channels")).text
    assert "Всё обработано" in (await anna.get("/settings/dead-letters")).text


async def test_a_lead_is_given_to_another_manager_to_nobody_and_not_to_just_anybody(stage, browser):
    await stage.hire("Anna")
    boris = await stage.hire("Boris")
    marketer = await stage.hire("Max", role="marketer")
    await stage.receive(accepted(await stage.shop.connect(), a_message()))
    lead = (await stage.shop.one("select id from lead")).id
    anna = await browser("Anna")

    async def manager() -> object:
        return (await stage.shop.one("select manager_id from lead")).manager_id

    assert (await anna.post(f"/leads/{lead}", {"manager": str(boris)})).status == 303
    assert await manager() == boris
    assert f'<option value="{boris}" selected>' in (await anna.get(f"/leads/{lead}")).text
    assert (await anna.post(f"/leads/{lead}", {"manager": str(marketer)})).status == 400
    await stage.shop.sql("update user_account set disabled_at = now() where id = :id", id=boris)
    assert (await anna.post(f"/leads/{lead}", {"manager": str(boris), "title": "x"})).status == 303
    assert await manager() == boris
    assert (await anna.post(f"/leads/{lead}", {"manager": ""})).status == 303
    assert await manager() is None
