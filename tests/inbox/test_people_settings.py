"""Managing colleagues: what they see, which teams they are in, handing over what is theirs, and being out at once."""

import asyncio

import pytest

from inbox.pages.profile_sessions import device
from tests.events import a_message, a_person, accepted
from tests.inbox.test_live import listening


async def test_everything_of_a_colleague_is_changed_in_one_form(stage, browser):
    await stage.hire("Root", role="admin")
    boris = await stage.hire("Boris")
    root = await browser("Root", **{"Accept-Language": "en"})
    await root.post("/settings/teams", {"name": "Support"})
    support = (await stage.shop.one("select id from team where name = 'Support'")).id

    form = (await root.get(f"/settings/people/{boris}")).text
    assert 'name="sees" value="all" checked' in form
    fields = {"name": "Boris B.", "role": "lead", "sees": "team", "capacity": "7"}
    answer = await root.post(
        f"/settings/people/{boris}",
        {**fields, "presence": "away", "extension": "101", "teams": "1", "team": str(support)},
    )

    assert answer.status == 303
    row = await stage.shop.one("select * from user_account where id = :id", id=boris)
    assert (row.name, row.role, row.sees, row.capacity) == ("Boris B.", "lead", "team", 7)
    assert (row.presence, row.extension) == ("away", "101")
    teams = await stage.shop.sql("select team_id from team_member where user_id = :id", id=boris)
    assert [each.team_id for each in teams] == [support]
    line = await stage.shop.one("select * from audit where what = 'colleague_changed'")
    assert line.before["role"] == "manager"
    assert line.after["teams"] == ["Support"]
    assert line.remote == "127.0.0.1"
    audit = (await root.get("/settings/audit")).text
    assert "changed a colleague" in audit
    assert "Their teams&#39; and their own" in audit


async def test_nobody_lets_others_see_more_than_they_see(stage, browser):
    boris = await stage.hire("Boris")
    await stage.hire("Lena", role="lead", sees="team")
    await stage.shop.sql("update user_account set sees = 'own' where name = 'Boris'")
    lena = await browser("Lena")

    assert (await lena.post(f"/settings/people/{boris}", {"sees": "all"})).status == 403
    assert (await lena.post(f"/settings/people/{boris}", {"sees": "team"})).status == 303
    invited = {"email": "new@example.com", "name": "New", "role": "manager"}
    assert (await lena.post("/settings/people", invited)).status == 200
    new = await stage.shop.one("select sees from user_account where email = 'new@example.com'")
    assert new.sees == "team"


async def test_a_team_lead_manages_their_own_teams_and_nobody_elses(stage, browser):
    await stage.hire("Root", role="admin")
    await stage.hire("Lena", role="lead")
    near = await stage.hire("Near")
    far = await stage.hire("Far", in_team=False)
    root, lena = await browser("Root"), await browser("Lena")
    await root.post("/settings/teams", {"name": "Support"})
    support = (await stage.shop.one("select id from team where name = 'Support'")).id
    await root.post(f"/settings/teams/{support}/members", {"user": str(far)})

    assert (await lena.get(f"/settings/people/{near}")).status == 200
    for path in [f"/settings/people/{far}", f"/settings/teams/{support}"]:
        assert (await lena.get(path)).status == 403, path
    assert (await lena.post(f"/settings/people/{far}/disable")).status == 403
    assert (
        await lena.post(f"/settings/teams/{support}/members", {"user": str(near)})
    ).status == 403
    assert (await lena.post("/settings/teams", {"name": "Mine"})).status == 403
    root_id = (await stage.shop.one("select id from user_account where name = 'Root'")).id
    sales = f"/settings/teams/{stage.shop.team}/members"
    assert (await lena.post(f"{sales}/remove", {"user": str(root_id)})).status == 403
    assert (await lena.post(sales, {"user": str(root_id), "lead": "1"})).status == 403
    assert (await lena.post(sales, {"user": str(near), "lead": "1"})).status == 303
    # Boxes of other teams change nothing.
    await lena.post(f"/settings/people/{near}", {"teams": "1", "team": str(support)})
    inside = await stage.shop.sql("select team_id from team_member where user_id = :id", id=near)
    assert support not in {each.team_id for each in inside}


@pytest.mark.parametrize("to", ["queue", "Vera"])
async def test_who_is_disabled_is_out_at_once_and_their_conversations_go_on(stage, browser, to):
    await stage.hire("Root", role="admin", in_team=False)
    boris = await stage.hire("Boris")
    vera = await stage.hire("Vera", presence="off")
    account = await stage.shop.connect()
    for number in range(3):
        await stage.receive(accepted(account, a_message(by=a_person(number))))
    await stage.shop.sql("update conversation set manager_id = :boris", boris=boris)
    root, his = await browser("Root"), await browser("Boris")
    heir = {"heir": str(vera) if to == "Vera" else "queue"}

    async with listening(his) as stream:
        await root.post(f"/settings/people/{boris}/disable", heir)
        await stage.publish()
        async with asyncio.timeout(10):
            while await stream.response.content.readline():
                pass  # its end, well before a heartbeat

    assert (await his.get("/")).status == 303
    rows = await stage.shop.sql("select manager_id from conversation")
    assert {row.manager_id for row in rows} == {vera if to == "Vera" else None}
    assert "3" in (await root.get("/settings/people?who=gone")).text


async def test_what_is_in_hand_is_handed_over_without_disabling(stage, browser):
    await stage.hire("Root", role="admin", in_team=False)
    boris = await stage.hire("Boris")
    mark = await stage.hire("Mark", role="marketer")
    vera = await stage.hire("Vera")
    account = await stage.shop.connect()
    await stage.receive(accepted(account, a_message()))
    await stage.shop.sql("update conversation set manager_id = :boris", boris=boris)
    root = await browser("Root")

    for nobody in [mark, boris]:
        answer = await root.post(f"/settings/people/{boris}/hand-over", {"heir": str(nobody)})
        assert answer.status == 409
    await root.post(f"/settings/people/{boris}/hand-over", {"heir": str(vera)})
    assert (await stage.shop.one("select manager_id from conversation")).manager_id == vera


async def test_the_last_administrator_is_neither_disabled_nor_demoted(stage, browser):
    root_id = await stage.hire("Root", role="admin")
    other = await stage.hire("Other", role="admin")
    root = await browser("Root")
    assert (await root.post(f"/settings/people/{other}", {"role": "manager"})).status == 303
    assert (await root.post(f"/settings/people/{root_id}", {"role": "manager"})).status == 409
    assert (await root.post(f"/settings/people/{root_id}/disable")).status == 409


async def test_somebody_else_is_signed_out_everywhere(stage, browser):
    await stage.hire("Root", role="admin")
    boris = await stage.hire("Boris")
    root, his, phone = await browser("Root"), await browser("Boris"), await browser("Boris")
    await root.post(f"/settings/people/{boris}/sign-out")
    assert {(await each.get("/")).status for each in [his, phone]} == {303}
    assert (await root.get("/settings/people")).status == 200


async def test_a_browser_of_ones_own_is_signed_out_from_another(stage, browser):
    await stage.hire("Boris")
    here = await browser("Boris")
    agent = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36"
    phone = await browser("Boris", **{"User-Agent": agent})
    await stage.hire("Vera")
    vera = await browser("Vera")

    page = (await here.get("/profile/sessions")).text
    assert "Chrome, Android" in page
    key = page.split('name="session" value="')[1].split('"')[0]
    assert (await vera.post("/profile/sessions/end", {"session": key})).status == 404
    assert (await phone.get("/")).status == 200
    await here.post("/profile/sessions/end", {"session": key})
    assert (await phone.get("/")).status == 303
    assert (await here.get("/")).status == 200
    assert (await here.post("/profile/sessions/end", {"others": "1"})).status == 303
    assert (await here.get("/")).status == 200


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/130 Safari/537 Edg/130", "Edge, Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17) Version/17 Safari/604", "Safari, iPhone"),
        ("curl/8.1", "curl"),
        ("", ""),
    ],
)
def test_a_browser_is_called_as_people_call_it(agent, name):
    assert device(agent) == name


async def test_many_colleagues_are_paged_and_searched(stage, browser):
    await stage.hire("Root", role="admin")
    for number in range(60):
        await stage.shop.hire(f"Mate{number:02}")
    root = await browser("Root", **{"Accept-Language": "en"})
    first = (await root.get("/settings/people")).text
    assert "Mate00" in first
    assert "Mate59" not in first
    further = first.split('href="/settings/people?q=&amp;cursor=')[1].split('"')[0]
    assert "Mate59" in (await root.get(f"/settings/people?cursor={further}")).text
    found = (await root.get("/settings/people?q=mate59")).text
    assert "Mate59" in found
    assert "Mate00" not in found
    assert "Nobody has such a name" in (await root.get("/settings/people?q=100%25")).text
    assert (await root.get("/settings/people?cursor=x")).status == 404
