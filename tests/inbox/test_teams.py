"""Who answers, how conversations are handed out, and when."""

import pytest

from tests.conftest import NOON
from tests.events import a_message, accepted

WEEK = {
    "name": "Sales",
    "strategy": "least_loaded",
    "when": "week",
    "time_zone": "Asia/Yekaterinburg",
    "mon.0.from": "9",
    "mon.0.to": "13:00",
    "mon.1.from": "14:00",
    "mon.1.to": "18:00",
    "sat.0.from": "22:00",
    "sat.0.to": "00:00",
    "holidays": "31.12.2026, 2027-01-01 31.12.2026",
    "away_text": "  Ответим {{opens}}.  ",
}


async def the_team(stage):
    return await stage.shop.one("select * from team where id = :id", id=stage.shop.team)


async def test_a_team_keeps_its_hours_and_shows_them_again(stage, browser):
    await stage.hire("Anna", role="admin")
    anna = await browser("Anna")
    path = f"/settings/teams/{stage.shop.team}"
    assert "Сейчас работает" in (await anna.get(path)).text

    assert (await anna.post(path, WEEK)).status == 303
    team = await the_team(stage)
    assert team.hours == {
        "mon": [["09:00", "13:00"], ["14:00", "18:00"]],
        "sat": [["22:00", "24:00"]],
    }
    assert (team.strategy, team.time_zone) == ("least_loaded", "Asia/Yekaterinburg")
    assert team.holidays == ["2026-12-31", "2027-01-01"]
    assert team.away_text == "Ответим {{opens}}."
    text = (await anna.get(path)).text
    assert 'name="mon.1.to" value="18:00"' in text
    assert 'name="sat.0.to" value="00:00"' in text
    assert 'name="tue.0.from" value=""' in text
    assert "Ответим {{opens}}." in text
    assert "2026-12-31, 2027-01-01" in text

    assert (await anna.post(path, {**WEEK, "when": "always"})).status == 303
    assert (await stage.shop.one("select hours is null as always from team")).always


async def test_outside_its_hours_a_team_is_given_nothing(stage, browser):
    await stage.hire("Anna", role="admin", in_team=False, presence="off")
    await stage.hire("Boris")
    anna = await browser("Anna")
    day = NOON.strftime("%a").lower()
    hours = {"time_zone": "UTC", f"{day}.0.from": "01:00", f"{day}.0.to": "02:00"}
    form = {"name": "Sales", "strategy": "round_robin", "when": "week", **hours}
    assert (await anna.post(f"/settings/teams/{stage.shop.team}", form)).status == 303
    await stage.receive(accepted(await stage.shop.connect(), a_message()))
    assert (await stage.shop.one("select manager_id from conversation")).manager_id is None
    assert "Сейчас закрыто" in (await anna.get(f"/settings/teams/{stage.shop.team}")).text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"mon.0.to": ""}, "начало и конец смены"),
        ({"mon.0.from": "9 утра"}, "начало и конец смены"),
        ({"time_zone": "Mars/Olympus"}, "Такого часового пояса нет"),
        ({"holidays": "31.02.2026"}, "31.02.2026 — не дата"),
        ({"name": "  "}, "Назовите команду"),
        ({"name": "Other"}, "Команда «Other» уже есть"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_is_changed(stage, browser, wrong, said):
    await stage.hire("Anna", role="admin")
    anna = await browser("Anna")
    assert (await anna.post("/settings/teams", {"name": "Other"})).status == 303
    before = await the_team(stage)
    answer = await anna.post(f"/settings/teams/{stage.shop.team}", {**WEEK, **wrong})
    assert answer.status == 409
    assert said in answer.text
    assert await the_team(stage) == before


async def test_people_come_in_lead_and_go(stage, browser, count):
    await stage.hire("Anna", role="lead")
    boris = await stage.hire("Boris", in_team=False)
    anna = await browser("Anna")
    path = f"/settings/teams/{stage.shop.team}"
    assert f'<option value="{boris}"' in (await anna.get(path)).text

    assert (await anna.post(f"{path}/members", {"user": str(boris)})).status == 303
    assert f'<option value="{boris}"' not in (await anna.get(path)).text
    await anna.post(f"{path}/members", {"user": str(boris), "lead": "1"})
    assert await count("team_member", f"user_id = '{boris}' and is_lead") == 1
    await anna.post(f"{path}/members/remove", {"user": str(boris)})
    assert await count("team_member", f"user_id = '{boris}'") == 0
    assert await count("audit", "object_kind = 'team'") == 3


async def test_only_who_answers_is_put_into_a_team(stage, browser, count):
    await stage.hire("Anna", role="admin")
    marketer = await stage.hire("Max", role="marketer")
    gone = await stage.hire("Gleb", in_team=False, disabled_at=NOON)
    anna = await browser("Anna")
    for user in (marketer, gone):
        answer = await anna.post(f"/settings/teams/{stage.shop.team}/members", {"user": str(user)})
        assert answer.status == 404
    assert await count("team_member", f"user_id in ('{marketer}', '{gone}')") == 0


async def test_another_team_becomes_the_default(stage, browser, count):
    await stage.hire("Anna", role="admin")
    anna = await browser("Anna")
    made = (await anna.post("/settings/teams", {"name": "Service"})).headers["Location"]
    assert (await anna.post(f"{made}/default")).status == 303
    assert (await stage.shop.one("select name from team where is_default")).name == "Service"
    assert await count("team", "is_default") == 1


async def test_a_capacity_is_set_beside_the_team_and_one_is_back_there(stage, browser):
    await stage.hire("Anna", role="admin")
    boris = await stage.hire("Boris")
    anna = await browser("Anna")
    to = f"/settings/teams/{stage.shop.team}"
    answer = await anna.post(f"/settings/people/{boris}", {"capacity": "3", "to": to})
    assert answer.headers["Location"] == to
    assert "не больше 3" in (await anna.get(to)).text
    elsewhere = {"capacity": "4", "to": "//evil.example"}
    answer = await anna.post(f"/settings/people/{boris}", elsewhere)
    assert answer.headers["Location"].startswith(f"/settings/people/{boris}")


async def test_a_manager_changes_no_team(stage, browser):
    boris = await stage.hire("Boris")
    page = await browser("Boris")
    path = f"/settings/teams/{stage.shop.team}"
    assert (await page.get("/settings/teams")).status == 403
    assert (await page.get(path)).status == 403
    assert (await page.post(path, WEEK)).status == 403
    assert (await page.post(f"{path}/members", {"user": str(boris), "lead": "1"})).status == 403
