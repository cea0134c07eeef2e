import re
from uuid import uuid4

from sqlalchemy import text

from connectors.registry import discover
from storage.api_tokens import find_token
from storage.channel_log import LogLine, write_lines
from tests.inbox.stage import PASSWORD


async def test_a_channel_is_connected_by_its_own_form_and_checked(stage, browser):
    await stage.hire("Anna", role="admin")
    anna = await browser("Anna")
    form = (await anna.get("/settings/channels/new/telegram")).text
    for field in discover()["telegram"].fields:
        assert f'name="field.{field.name}"' in form

    added = await anna.post(
        "/settings/channels/new/telegram",
        {"slug": "bot", "field.token": "123:SECRET", "field.mode": "webhook"},
    )
    assert added.headers["Location"] == "/settings/channels/bot?new=1"
    page = (await anna.get("/settings/channels/bot?new=1")).text
    assert "/hooks/telegram/bot" in page
    assert "data-now" in page
    found = await anna.post("/settings/channels/bot/check", **{"X-Fragment": "1"})
    assert "The bot answers" in found.text


async def test_a_secret_goes_in_and_never_out(stage, browser):
    await stage.hire("Anna", role="admin")
    anna = await browser("Anna")
    await anna.post("/settings/channels/new/telegram", {"slug": "bot", "field.token": "123:SECRET"})
    page = (await anna.get("/settings/channels/bot")).text
    assert "SECRET" not in page
    assert "Задан; оставьте пустым" in page

    await anna.post("/settings/channels/bot", {"field.token": "", "field.mode": "polling"})
    row = await stage.channels.find("bot")
    assert row.fields["token"] == "123:SECRET"
    assert row.fields["mode"] == "polling"


async def test_what_is_wrong_with_a_channel_is_said_and_what_was_typed_stays(stage, browser):
    await stage.hire("Anna", role="admin")
    anna = await browser("Anna")
    answer = await anna.post(
        "/settings/channels/new/telegram", {"slug": "bot", "field.username": "@kolodka"}
    )
    assert answer.status == 422
    assert "нужно заполнить: token" in answer.text
    assert 'value="@kolodka"' in answer.text


async def test_a_channel_is_paused_resumed_and_disconnected(stage, browser):
    await stage.hire("Anna", role="admin")
    anna = await browser("Anna")
    await anna.post("/settings/channels/new/telegram", {"slug": "bot", "field.token": "1:S"})
    await anna.post("/settings/channels/bot/state", {"state": "paused"})
    assert "На паузе" in (await anna.get("/settings/channels")).text
    await anna.post("/settings/channels/bot/state", {"state": "active"})
    assert (await anna.post("/settings/channels/bot/state", {"state": "broken"})).status == 400
    await anna.post("/settings/channels/bot/state", {"state": "removed"})
    assert (await anna.get("/settings/channels/bot")).status == 404


async def test_a_silent_channel_says_so_and_shows_what_was_said(stage, browser):
    await stage.hire("Anna", role="admin")
    anna = await browser("Anna")
    await anna.post(
        "/settings/channels/new/lead_form",
        {"slug": "landing", "field.path_secret": "s3cr3t-s3cr3t"},
    )
    async with stage.engine.begin() as connection:
        await connection.execute(
            text("update account set silent_hours = 2, silent_since = now(), created_at = now()")
        )
        account = (await connection.execute(text("select id from account"))).scalar_one()
        line = LogLine(
            account=account,
            at=stage.now(),
            direction="in",
            what="request refused",
            detail="403: <b>",
        )
        await write_lines(connection, [line])
    assert "Молчит" in (await anna.get("/settings/channels")).text
    page = (await anna.get("/settings/channels/landing")).text
    assert "Молчит дольше, чем 2 рабочих часов" in page
    assert "403: &lt;b&gt;" in page
    assert 'name="silent_hours" type="number" min="1" max="1000" value="2"' in page


async def test_a_new_colleague_gets_in_with_the_password_shown_once(stage, browser):
    await stage.hire("Anna", role="admin")
    anna = await browser("Anna")
    made = await anna.post(
        "/settings/people", {"email": "Boris@example.com", "name": "Борис", "role": "manager"}
    )
    password = re.search(r"<code[^>]*>([^<]+)</code>", made.text)[1]
    assert password not in (await anna.get("/settings/people")).text

    boris = await browser()
    assert (await boris.sign_in("boris@example.com", password)).status == 303
    assert (await boris.get("/")).headers["Location"] == "/profile/password"
    again = await anna.post(
        "/settings/people", {"email": "boris@example.com", "name": "x", "role": "manager"}
    )
    assert again.status == 409


async def test_people_are_disabled_and_let_in_again_and_the_last_administrator_stays(
    stage, browser
):
    me = await stage.hire("Anna", role="admin")
    boris = await stage.hire("Boris")
    anna, his = await browser("Anna"), await browser("Boris")
    await anna.post(f"/settings/people/{boris}/disable")
    assert (await his.get("/")).status == 303
    await anna.post(f"/settings/people/{boris}/enable")
    assert (await his.sign_in("boris@example.com", PASSWORD)).status == 303

    assert (await anna.post(f"/settings/people/{me}/disable")).status == 409
    assert (await anna.post(f"/settings/people/{me}", {"role": "manager"})).status == 409
    assert (await anna.post(f"/settings/people/{uuid4()}/disable")).status == 404


async def test_a_team_lead_manages_managers_and_not_administrators(stage, browser):
    admin = await stage.hire("Anna", role="admin")
    boris = await stage.hire("Boris")
    lead = await stage.hire("Lena", role="lead")
    lena = await browser("Lena")
    assert (await lena.post(f"/settings/people/{boris}", {"role": "marketer"})).status == 303
    assert (await lena.post(f"/settings/people/{boris}", {"role": "admin"})).status == 403
    assert (await lena.post(f"/settings/people/{lead}", {"role": "admin"})).status == 403
    assert (await lena.post(f"/settings/people/{admin}/password")).status == 403
    assert (await lena.post(f"/settings/people/{admin}/disable")).status == 403
    new = {"email": "x@example.com", "name": "x", "role": "admin"}
    assert (await lena.post("/settings/people", new)).status == 403


async def test_what_was_done_to_people_is_audited_without_passwords(stage, browser):
    me = await stage.hire("Anna", role="admin")
    boris = await stage.hire("Boris")
    anna = await browser("Anna")
    await anna.post(f"/settings/people/{boris}/password")
    [line] = await stage.shop.sql("select user_id, what, object_id, after from audit")
    assert (line.user_id, line.what, line.object_id) == (me, "password_reset", boris)
    assert not line.after


async def test_a_key_is_shown_once_works_and_is_taken_back(stage, browser):
    await stage.hire("Anna", role="admin")
    anna = await browser("Anna")
    made = await anna.post("/settings/tokens", {"name": "1С", "scope": "read"})
    token = re.search(r"allo_[\w-]+", made.text)[0]
    assert token not in (await anna.get("/settings/tokens")).text

    async with stage.engine.connect() as connection:
        found = await find_token(connection, token, now=stage.time)
    assert found is not None
    assert found.scopes == {"read"}

    await anna.post(f"/settings/tokens/{found.id}/revoke")
    async with stage.engine.connect() as connection:
        assert await find_token(connection, token, now=stage.time) is None
    assert (await anna.post(f"/settings/tokens/{found.id}/revoke")).status == 404
    assert (await anna.post("/settings/tokens", {"name": "x", "scope": "god"})).status == 400


async def test_dead_letters_are_listed_shown_replayed_and_dropped(stage, browser):
    await stage.hire("Anna", role="admin")
    await stage.shop.sql(
        "insert into dead_letter (id, stage, queue, body, reason, traceback, first_seen, last_seen)"
        " select gen_random_uuid(), 'route', 'allo.inbound.1', '{\"a\": \"<b>\"}', 'No such <thing> ' || n, 'Trace',"
        " now() + n * interval '1 second', now() from generate_series(1, 60) n"
    )
    anna = await browser("Anna")
    page = (await anna.get("/settings/dead-letters")).text
    assert "No such &lt;thing&gt; 1" in page
    assert page.count("/replay") == 50
    more = re.search(r'href="(/settings/dead-letters\?[^"]+)"', page)[1].replace("&amp;", "&")
    assert (await anna.get(more)).text.count("/replay") == 10

    letter = (await stage.shop.sql("select id from dead_letter order by first_seen"))[0].id
    shown = (await anna.get(f"/settings/dead-letters/{letter}")).text
    assert "&#34;&lt;b&gt;&#34;" in shown
    await anna.post(f"/settings/dead-letters/{letter}/replay")
    await anna.post(f"/settings/dead-letters/{letter}/drop")
    assert stage.dead_letters.replayed == stage.dead_letters.dropped == [letter]
