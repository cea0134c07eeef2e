"""Whose figures somebody reads: a manager their own, a lead with limited sight a team's of theirs, the others everybody's."""

import re

import pytest

from router.ids import new_id
from tests.conftest import NOON
from tests.inbox.report_shop import open_report_shop
from tests.inbox.test_reports import leads_in, rows_of

WEEK = "from=2026-11-15&to=2026-11-21"
ENGLISH = {"Accept-Language": "en"}


@pytest.fixture
async def people(stage):
    """Anna sold one lead, Boris two; both have been called."""
    await stage.shop.connect()
    account = (await stage.shop.one("select id from account")).id
    anna, boris = await stage.hire("Anna"), await stage.hire("Boris")
    async with stage.engine.begin() as connection:
        shop = await open_report_shop(connection, now=NOON, account=account)
        await shop.lead(status="won", value=100_000, manager=anna, title="Колодки Анны")
        for _each in range(2):
            await shop.lead(status="won", value=700_000, manager=boris, title="Коробка")
        for manager in (anna, boris, boris):
            await shop.call(hours_ago=30, manager=manager)
        await shop.reckon()
    return {"Anna": anna, "Boris": boris}


async def test_a_manager_reads_their_own_figures_whatever_the_address_says(stage, people, browser):
    pipeline = (await stage.shop.one("select id from pipeline where name = 'Продажи'")).id
    anna = await browser("Anna", **ENGLISH)
    boris = people["Boris"]
    for asked in ("", f"&manager={boris}"):
        summary = rows_of((await anna.get(f"/reports/summary?{WEEK}{asked}")).text)
        assert summary["Total"][:2] == ["1", "1"]
        managers = rows_of((await anna.get(f"/reports/managers?{WEEK}{asked}")).text)
        assert "Anna" in managers
        assert "Boris" not in managers
        calls = rows_of((await anna.get(f"/reports/calls?{WEEK}{asked}")).text)
        assert calls["Total"][0] == "1"
        funnel = rows_of(
            (await anna.get(f"/reports/funnel?{WEEK}&pipeline={pipeline}&by=manager{asked}")).text
        )
        assert funnel["Total"][0] == "1"
        assert "Boris" not in funnel
        cards = (await anna.get(f"/reports/summary/cards?{WEEK}&count=won{asked}")).text
        assert "Колодки Анны" in cards
        assert len(leads_in(cards)) == 1
        file = await anna.get(f"/reports/managers/export?{WEEK}&format=csv{asked}")
        assert "Anna" in file.text
        assert "Boris" not in file.text


async def test_a_manager_is_offered_what_they_may_read(people, browser):
    anna = await browser("Anna", **ENGLISH)
    index = (await anna.get("/reports")).text
    assert set(re.findall(r'href="/reports/(\w+)"', index)) == {
        "summary", "funnel", "managers", "calls",
    }  # fmt: skip
    assert (await anna.get("/reports/sources")).status == 403
    page = (await anna.get(f"/reports/summary?{WEEK}")).text
    assert "/reports/saved" not in page
    assert '<select class="select" name="source">' in page
    assert '<select class="select" name="manager">' not in page
    assert "Without: Manager" not in page


async def test_a_lead_with_limited_sight_reads_a_team_of_theirs(stage, people, browser):
    lena = await stage.hire("Lena", role="lead", sees="team")
    await stage.shop.sql("delete from team_member")  # whoever is hired is in a team with everybody
    north, south = new_id(), new_id()
    for team, name in ((north, "North"), (south, "South")):
        await stage.shop.sql(
            "insert into team (id, name, created_at) values (:team, :name, now())",
            team=team,
            name=name,
        )
    for team, who in ((north, lena), (north, people["Anna"]), (south, people["Boris"])):
        await stage.shop.sql(
            "insert into team_member (team_id, user_id, joined_at) values (:team, :who, now())",
            team=team,
            who=who,
        )
    page = await browser("Lena", **ENGLISH)
    for asked in ("", f"&team={south}", f"&manager={people['Boris']}&team={south}"):
        managers = rows_of((await page.get(f"/reports/managers?{WEEK}{asked}")).text)
        assert "Boris" not in managers
    assert "Anna" in rows_of((await page.get(f"/reports/managers?{WEEK}")).text)
    sources = (await page.get(f"/reports/sources?{WEEK}&by=manager")).text
    assert "Boris" not in rows_of(sources)
    assert rows_of(sources)["Total"][0] == "3"


async def test_nobody_has_figures_sent_that_they_do_not_see(stage, people, browser):
    await stage.hire("Olga", role="admin")
    await stage.hire("Lena", role="lead", sees="own")
    olga, lena = await browser("Olga", **ENGLISH), await browser("Lena", **ENGLISH)
    kept = {"report": "summary", "query": "period=7d", "name": "Everybody's", "shared": "1"}
    where = (await olga.post("/reports/saved", kept)).headers["Location"]
    assert "Everybody" in (await olga.get(f"{where}/sending")).text
    form = {"every": "day", "hour": "9", "on_day": "1", "account": "", "to": "lena@example.com"}
    assert (await lena.post(f"{where}/sending", form)).status == 403
    own = (await lena.post("/reports/saved", {**kept, "shared": ""})).headers["Location"]
    assert "manager=" in (await lena.get(own)).headers["Location"]


async def test_every_number_of_a_grouped_funnel_opens_its_cards(stage, people, browser):
    await stage.hire("Olga", role="admin")
    olga = await browser("Olga", **ENGLISH)
    pipeline = (await stage.shop.one("select id from pipeline where name = 'Продажи'")).id
    page = (await olga.get(f"/reports/funnel?{WEEK}&pipeline={pipeline}&by=manager")).text
    row = next(each for each in re.findall(r"<tr.*?</tr>", page, re.DOTALL) if "Boris" in each)
    cells = re.findall(r"<td.*?</td>", row, re.DOTALL)
    numbers = [each for each in cells if re.search(r">\s*2\s*<", each)]
    assert len(numbers) > 4  # all leads, each stage, those won
    for each in numbers:
        behind = re.search(r'href="([^"]+/cards[^"]*)"', each)
        assert behind is not None, each
        assert len(leads_in((await olga.get(behind[1].replace("&amp;", "&"))).text)) == 2
