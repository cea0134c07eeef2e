"""Reports that are kept under a name, and whom they are sent to."""

import re

import pytest

from tests.conftest import NOON
from tests.inbox.report_shop import a_week_of_sales
from tests.inbox.test_reports import WEEK, rows_of

KEPT = {"report": "sources", "query": f"{WEEK}&by=campaign&model=linear&nonsense=1"}


@pytest.fixture
async def olga(stage, browser):
    await stage.hire("Olga", role="admin")
    await a_week_of_sales(stage.engine, now=NOON)
    return await browser("Olga", **{"Accept-Language": "ru"})


async def saved(page, **fields: str) -> str:
    answer = await page.post("/reports/saved", {**KEPT, "name": "Кампании", **fields})
    assert answer.status == 303, answer.text
    return answer.headers["Location"]


async def test_a_saved_report_opens_with_all_that_was_asked_of_it(olga):
    where = await saved(olga)

    address = (await olga.get(where)).headers["Location"]
    assert address == f"/reports/sources?{WEEK}&by=campaign&model=linear"
    assert rows_of((await olga.get(address)).text)["brakes"][0] == "2"
    assert "Кампании" in (await olga.get("/reports")).text


async def test_ones_own_is_nobody_elses_and_a_shared_one_is_the_leads_to_change(
    stage, olga, browser
):
    await stage.hire("Mark", role="marketer")
    mark = await browser("Mark")
    own, shared = await saved(olga, name="Моё"), await saved(olga, name="Общее", shared="1")

    listed = (await mark.get("/reports")).text
    assert "Общее" in listed
    assert "Моё" not in listed
    assert (await mark.get(own)).status == 404
    assert (await mark.get(shared)).status == 303
    assert (await mark.post(own, {"name": "x"})).status == 404
    assert (await mark.post(f"{shared}/delete")).status == 404
    assert (await mark.post(f"{shared}/sending", {"every": "day", "hour": "9"})).status == 403
    assert (await mark.post("/reports/saved", {**KEPT, "name": "x", "shared": "1"})).status == 403

    assert (await olga.post(f"{own}/delete")).status == 303
    assert (await olga.get(own)).status == 404
    await olga.post(f"{own}/restore")
    assert (await olga.get(own)).status == 303
    # Views of the inbox are another list.
    assert "Моё" not in (await olga.get("/views")).text


async def test_a_digest_is_set_up_paused_and_stopped_by_whoever_gets_it(stage, olga, browser):
    await stage.shop.connect("mail", kind="email")
    account = (await stage.shop.one("select id from account where kind = 'email'")).id
    where = await saved(olga)
    form = {"account": str(account), "every": "week", "on_day": "1", "hour": "9"}

    wrong = await olga.post(f"{where}/sending", {**form, "to": "anna"})
    assert wrong.status == 409
    await olga.post(f"{where}/sending", {**form, "to": "anna@example.com, Boris@example.com"})
    page = (await olga.get(f"{where}/sending")).text
    assert "anna@example.com" in page
    assert "Следующая: 23.11, 09:00" in page  # Monday by the company's clock

    digest = (await stage.shop.one("select id from digest")).id
    await olga.post(f"/reports/digests/{digest}/pause", {"paused": "1"})
    assert "приостановлена" in (await olga.get(f"{where}/sending")).text

    code = (
        await stage.shop.one("select code from digest_recipient where address like 'anna%'")
    ).code
    guest = await browser()
    looked = await guest.get(f"/digest/{code}")
    assert "Кампании" in looked.text
    assert (
        await stage.shop.sql("select 1 from digest_recipient where stopped_at is not null")
    ) == []
    done = await guest.post(f"/digest/{code}", {}, token="")
    assert done.status == 200
    assert re.search(
        r"anna@example.com.*?отказался", (await olga.get(f"{where}/sending")).text, re.DOTALL
    )
    assert (await guest.get("/digest/none")).status == 404
