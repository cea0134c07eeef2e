"""The settings' front page, labels, webhooks, hours, company, first steps, and the guide to a channel."""

import re
from fractions import Fraction
from uuid import UUID

import pytest

from connectors.connector import Finding
from storage import labels
from storage.analytics.terms import margin
from storage.company import Company, merge_policy, read_company
from storage.dead_letters import NewLetter, keep_letter
from storage.reading.labels import list_labels
from storage.reading.webhooks import list_deliveries, list_webhooks
from tests.events import a_message, accepted

SAID = {"X-Fragment": "1"}


@pytest.fixture
async def anna(stage, browser):
    await stage.hire("Anna", role="admin")
    return await browser("Anna", **{"Accept-Language": "en"})


async def test_the_front_page_says_what_each_section_is_for_and_shows_only_what_one_may(
    stage, browser, anna
):
    front = (await anna.get("/settings")).text
    for path in ("channels", "labels", "webhooks", "working-hours", "company", "first-steps"):
        assert f'href="/settings/{path}"' in front
    await stage.hire("Boris", role="lead")
    boris = await browser("Boris")
    his = (await boris.get("/settings")).text
    assert 'href="/settings/working-hours"' in his
    assert 'href="/settings/webhooks"' not in his
    await stage.hire("Clara", role="marketer")
    hers = (await (await browser("Clara")).get("/settings")).text
    assert 'href="/settings/spend"' in hers
    assert 'href="/settings/people"' not in hers
    assert 'href="/settings/sources"' in hers
    assert 'href="/settings/channels"' not in hers


async def test_a_section_whose_page_is_not_there_is_not_offered(stage, browser, anna):
    front = (await anna.get("/settings")).text
    offered = set(re.findall(r'href="(/settings/[a-z-]+)"', front))
    assert offered
    for path in offered:
        assert (await anna.get(path)).status == 200, path


async def test_every_channel_has_a_guide_that_says_what_to_do(stage, anna):
    kinds = set(
        re.findall(
            r'href="/settings/channels/new/(\w+)"', (await anna.get("/settings/channels")).text
        )
    )
    assert {"telegram", "vk", "whatsapp", "email", "mango", "lead_form"} <= kinds
    for kind in kinds:
        guide = (await anna.get(f"/settings/channels/new/{kind}")).text
        assert guide.count("guide__step") >= 3, kind
        assert "Who answers" in guide


async def test_credentials_are_tried_before_anything_is_kept(stage, anna, count):
    stage.channels.findings = [Finding(level="error", text="No such token.", field="token")]
    path = "/settings/channels/new/telegram/try"
    fields = {"slug": "bot", "field.token": "1:SECRET", "field.mode": "polling"}
    tried = await anna.post(path, fields, **SAID)
    assert 'data-field="token"' in tried.text
    assert stage.channels.tried == [("telegram", "bot", {"token": "1:SECRET", "mode": "polling"})]
    assert await count("account") == 0

    whole = (await anna.post(path, fields)).text
    assert 'aria-invalid="true"' in whole
    assert "No such token." in whole
    assert "SECRET" not in whole


async def test_words_that_only_have_to_be_long_are_thought_of(stage, anna):
    guide = (await anna.get("/settings/channels/new/lead_form")).text
    secret = re.search(r'name="field.path_secret" type="text" value="(\w{32})"', guide)[1]
    assert f"/hooks/leads/lead-form/{secret}" in guide


async def test_the_first_message_is_waited_for_and_led_to(stage, anna):
    await anna.post("/settings/channels/new/telegram", {"slug": "bot", "field.token": "1:S"})
    page = (await anna.get("/settings/channels/bot?new=1")).text
    assert 'data-first="/settings/channels/bot/first"' in page
    assert "Waiting for the first message" in page
    account = (await stage.shop.one("select id from account")).id
    await stage.receive(accepted(account, a_message()))
    await stage.shop.sql("update account set last_event_at = now()")
    found = (await anna.get("/settings/channels/bot/first", **SAID)).text
    assert "The first message has arrived" in found
    assert 'href="/conversations/' in found


async def test_what_every_account_has_is_kept(stage, anna):
    await anna.post("/settings/channels/new/telegram", {"slug": "bot", "field.token": "1:S"})
    await anna.post(
        "/settings/channels/bot",
        {"lead_policy": "never", "promise_minutes": "30", "silence_minutes": "45", "region": "RU"},
    )
    row = await stage.channels.find("bot")
    assert (row.promise_minutes, row.silence_minutes) == (30, 45)
    page = (await anna.get("/settings/channels/bot")).text
    assert 'name="promise_minutes" value="30"' in page


async def test_the_list_says_how_many_errors_and_replies_wait(stage, anna):
    account = await stage.shop.connect("bot")
    await stage.receive(accepted(account, a_message()))
    talk = (await stage.shop.one("select id from conversation")).id
    await stage.desk.reply(talk, text="Да", by=None, idempotency_key="one")
    assert "1 reply waits" in (await anna.get("/settings/channels")).text


async def test_a_label_is_renamed_on_its_conversations_and_a_deletion_is_taken_back(stage, anna):
    account = await stage.shop.connect("bot")
    await stage.receive(accepted(account, a_message()))
    await anna.post("/settings/labels", {"name": "опт", "colour": "green"})
    await stage.shop.sql("update conversation set labels = array['опт', 'другое']")
    label = (await stage.shop.one("select id from label")).id
    page = (await anna.get("/settings/labels")).text
    assert "1 conversation" in page
    assert "другое" in page

    await stage.shop.sql("delete from outbox")
    await anna.post(f"/settings/labels/{label}", {"name": "оптовик", "colour": "red"})
    # Pages and programs learn of it, of each conversation.
    told = await stage.shop.sql(
        "select conversation_id from outbox where kind = 'conversation_changed'"
    )
    talks = await stage.shop.sql("select id from conversation")
    assert {row.conversation_id for row in told} == {row.id for row in talks} != set()
    assert (await labels_of(stage)) == ["оптовик", "другое"]
    again = await anna.post("/settings/labels", {"name": "ОПТОВИК", "colour": ""})
    assert again.status == 409

    gone = await anna.post(f"/settings/labels/{label}/delete", **SAID)
    told = __import__("json").loads(gone.text)
    assert await labels_of(stage) == ["другое"]
    await anna.post(told["undo"]["action"], told["undo"]["fields"])
    assert sorted(await labels_of(stage)) == ["другое", "оптовик"]
    async with stage.engine.connect() as connection:
        (kept,) = await list_labels(connection)
    assert (kept.name, kept.colour) == ("оптовик", "red")


async def test_two_labels_become_one_and_nobody_has_it_twice(stage, anna):
    account = await stage.shop.connect("bot")
    await stage.receive(accepted(account, a_message()))
    for name in ("опт", "Оптом"):
        await anna.post("/settings/labels", {"name": name, "colour": ""})
    await stage.shop.sql("update conversation set labels = array['опт', 'Оптом']")
    async with stage.engine.connect() as connection:
        one, other = await list_labels(connection)
    await anna.post(f"/settings/labels/{one.id}/merge", {"into": str(other.id)})
    assert await labels_of(stage) == ["Оптом"]
    await anna.post("/settings/labels", {"name": "первая", "colour": ""})
    async with stage.engine.connect() as connection:
        last = (await list_labels(connection))[-1]
    await anna.post(f"/settings/labels/{last.id}/move", {"to": "up"})
    async with stage.engine.connect() as connection:
        assert [each.name for each in await list_labels(connection)] == ["первая", "Оптом"]


async def test_a_rename_that_was_interrupted_is_gone_on_with(stage, anna):
    account = await stage.shop.connect("bot")
    await stage.receive(accepted(account, a_message()))
    await anna.post("/settings/labels", {"name": "опт", "colour": ""})
    await stage.shop.sql("update conversation set labels = array['опт']")
    async with stage.engine.begin() as connection:
        (kept,) = await list_labels(connection)
        await labels.change_label(connection, kept.id, name="оптом", colour="", now=stage.now())
    assert await labels_of(stage) == ["опт"]
    await anna.get("/settings/labels")
    assert await labels_of(stage) == ["оптом"]


async def labels_of(stage) -> list[str]:
    return list((await stage.shop.one("select labels from conversation")).labels)


async def test_a_webhooks_secret_is_shown_once_and_its_log_can_be_sent_again(stage, anna):
    made = await anna.post(
        "/settings/webhooks",
        {"url": "https://crm.example/allo", "event.lead_opened": "1", "event.lead_changed": "1"},
    )
    secret = re.search(r"whsec_[\w-]+", made.text)[0]
    assert secret not in (await anna.get("/settings/webhooks")).text
    async with stage.engine.connect() as connection:
        (row,) = await list_webhooks(connection)
    assert row.events == ("lead_opened", "lead_changed")
    path = f"/settings/webhooks/{row.id}"
    assert secret not in (await anna.get(path)).text

    await anna.post(f"{path}/ping", **SAID)
    await stage.shop.sql(
        "update webhook_delivery set state = 'failed', attempts = 3, status = 500, response = '<b>no</b>'"
    )
    page = (await anna.get(path)).text
    assert "&lt;b&gt;no&lt;/b&gt;" in page
    assert "Given up" in page
    async with stage.engine.connect() as connection:
        (told,) = (await list_deliveries(connection, row.id)).items
    await anna.post(f"/settings/webhooks/deliveries/{told.id}/again", {"webhook": str(row.id)})
    async with stage.engine.connect() as connection:
        (told,) = (await list_deliveries(connection, row.id)).items
    assert (told.state, told.attempts) == ("waiting", 0)

    await anna.post(f"{path}/state", {"state": "paused"})
    assert "Paused" in (await anna.get(path)).text
    assert re.search(r"whsec_[\w-]+", (await anna.post(f"{path}/secret")).text)[0] != secret
    bad = await anna.post(path, {"url": "http://10.0.0.1/", "event.lead_opened": "1"})
    assert bad.status == 409
    await anna.post(f"{path}/delete")
    assert (await anna.get(path)).status == 404


async def test_what_would_happen_at_a_moment_is_said(stage, anna):
    await stage.shop.sql(
        """update team set hours = '{"mon": [["09:00", "18:00"]]}', time_zone = 'Europe/Moscow',
           away_text = 'Откроемся {{opens}}.'"""
    )
    monday = (await anna.get("/settings/working-hours?at=2026-11-23T10:00")).text
    assert "is at work" in monday
    night = (await anna.get("/settings/working-hours?at=2026-11-23T23:00")).text
    assert "is closed" in night
    assert re.search(r"Откроемся [^{.]* at 09:00\.", night)
    wrong = (await anna.get("/settings/working-hours?at=yesterday")).text
    assert "within a year" in wrong


async def test_the_company_has_a_clock_a_currency_and_a_policy(stage, anna, browser):
    await stage.hire("Dan", role="admin", language="")
    kept = await anna.post(
        "/settings/company",
        {
            "name": " Колодка ",
            "time_zone": "Asia/Vladivostok",
            "language": "en",
            "currency": "usd",
            "merge_policy": "ask",
            "margin": "37,5 %",
        },
    )
    assert kept.status == 303
    async with stage.engine.connect() as connection:
        assert await read_company(connection) == Company(
            name="Колодка", time_zone="Asia/Vladivostok", language="en", currency="USD"
        )
        assert await merge_policy(connection) == "ask"
        assert await margin(connection) == Fraction(3, 8)
    assert (await stage.shop.one("select currency from pipeline")).currency == "USD"
    hours = (await anna.get("/settings/working-hours")).text
    here = stage.now().astimezone(__import__("zoneinfo").ZoneInfo("Asia/Vladivostok"))
    assert here.strftime("%Y-%m-%dT%H:%M") in hours
    # A new team works by the same clock.
    await anna.post("/settings/teams", {"name": "Дальний Восток"})
    team = await stage.shop.one("select time_zone from team where name = 'Дальний Восток'")
    assert team.time_zone == "Asia/Vladivostok"
    bad = {"name": "", "time_zone": "Mars/North", "language": "en", "currency": "USD"}
    assert (await anna.post("/settings/company", bad | {"merge_policy": "ask"})).status == 409


async def test_first_steps_tick_themselves_off_and_can_be_put_away(stage, anna):
    site = await stage.shop.connect("site", kind="site_chat")
    page = (await anna.get("/settings/first-steps")).text
    assert 'class="is-now"' in page
    await stage.receive(accepted(site, a_message(), channel="site_chat"))
    talk = (await stage.shop.one("select id from conversation")).id
    page = (await anna.get("/settings/first-steps")).text
    assert f'href="/conversations/{talk}?tab=all"' in page
    await stage.desk.reply(talk, text="Да", by=None, idempotency_key="one")
    lead = (await stage.shop.one("select id from lead")).id
    before = (await anna.get("/settings/first-steps")).text.count("is-done")
    await stage.desk.change_lead(lead, {"status": "won"}, by=None)
    after = (await anna.get("/settings/first-steps")).text.count("is-done")
    assert after == before + 1

    assert "stepsbar" in (await anna.get("/settings")).text
    await anna.post("/settings/first-steps/hide", {"hidden": "1"})
    assert "stepsbar" not in (await anna.get("/settings")).text


async def test_letters_that_died_alike_are_tried_again_together(stage, anna):
    async with stage.engine.begin() as connection:
        for _ in range(2):
            first = await keep_letter(
                connection,
                NewLetter(stage="route", queue="in", body=b'{"a":[1]}', reason="ValueError: x"),
                now=stage.now(),
            )
        await keep_letter(
            connection,
            NewLetter(stage="media", queue="in", body=b"\xff", reason="KeyError: y"),
            now=stage.now(),
        )
    page = (await anna.get("/settings/dead-letters")).text
    found = re.search(r"/settings/dead-letters/([0-9a-f-]{36})/replay-alike", page)
    assert found is not None
    await anna.post(found[0])
    assert stage.dead_letters.alike == [UUID(found[1])]
    assert "&#34;a&#34;: [" in (await anna.get(f"/settings/dead-letters/{first}")).text


async def test_a_plan_is_made_for_those_one_manages_and_is_told_to_the_audit(stage, browser, anna):
    boris = await stage.hire("Boris")
    await stage.hire("Clara", in_team=False)
    await stage.hire("Leo", role="lead", in_team=False)
    (row,) = await stage.shop.sql("select id from stage where kind = 'qualified'")
    page = (await anna.get("/settings/plans")).text
    assert 'name="calls.' in page
    assert "Clara" in page
    assert "Leo" in page
    assert (
        await anna.post("/settings/plans", {f"calls.{boris}": "30", f"offers.{boris}": ""})
    ).status < 400
    assert (await anna.post("/settings/plans/stages", {"stage": str(row.id)})).status < 400
    page = (await anna.get("/settings/plans")).text
    assert 'value="30"' in page
    assert page.count(" checked") == 1
    plan = await stage.shop.one("select calls, offers from activity_plan")
    assert tuple(plan) == (30, 0)
    done = {each.what for each in await stage.shop.sql("select what from audit")}
    assert {"plan_changed", "offer_stages_chosen"} <= done
    for wrong in ("-1", "1001", "many"):
        refused = await anna.post("/settings/plans", {f"calls.{boris}": wrong})
        assert refused.status == 409
    # A team lead plans for the managers of their own teams, and those in none.
    leo = await browser("Leo", **{"Accept-Language": "en"})
    his = (await leo.get("/settings/plans")).text
    assert "Clara" in his
    assert "Boris" not in his
    assert (await leo.post("/settings/plans", {f"calls.{boris}": "1"})).status < 400
    assert (await stage.shop.one("select calls from activity_plan where calls > 0")).calls == 30
    assert (await (await browser("Boris")).get("/settings/plans")).status == 403
