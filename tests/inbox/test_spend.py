"""Settings → Advertising spend: accounts, files with their preview, amounts by hand, overheads, rates."""

import re
from datetime import date

import aiohttp
import pytest

from storage.sealing import Sealer
from tests.bad_spend_files import BAD
from tests.inbox.stage import SECRET

FILE = (
    "Дата;Кампания;Расход;Клики\n"
    "01.11.2026;Тормоза;1 000,50;10\n"
    "02.11.2026;Тормоза;200;2\n"
    "31.02.2026;Тормоза;5;1\n"
    "03.11.2026;Тормоза;<script>;1\n"
)
ACCOUNT = {
    "name": "Директ",
    "platform": "yandex-direct",
    "currency": "RUB",
    "source": "Yandex",
    "medium": "cpc",
    "campaign_by": "name",
    "vat_included": "yes",
    "vat_rate": "22",
}


@pytest.fixture
async def mark(stage, browser):
    await stage.hire("Mark", role="marketer")
    return await browser("Mark", **{"Accept-Language": "en"})


async def add(browser, **fields):
    made = await browser.post("/settings/spend/accounts", {**ACCOUNT, **fields})
    assert made.status == 303, made.text
    return made.headers["Location"]


async def upload(browser, account, content, **fields):
    # Browsers send names as they are.
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("csrf", await browser.csrf())
    for name, value in fields.items():
        form.add_field(name, value)
    data = content.encode() if isinstance(content, str) else content
    form.add_field("file", data, filename="ноябрь.csv", content_type="text/csv")
    return await browser.post(f"{account}/file", form, token="")


async def previewed(browser, account, content, **fields):
    sent = await upload(browser, account, content, **fields)
    assert sent.status == 303, sent.text
    return await browser.get(sent.headers["Location"])


def ticket_in(page):
    return re.search(r'name="file" value="([^"]+)"', page.text)[1]


async def amounts(stage):
    return [
        (row.day.day, str(row.amount), row.counted)
        for row in await stage.shop.sql(
            "select day, amount, counted from spend order by day, amount"
        )
    ]


async def test_an_empty_page_says_what_to_do_and_an_account_is_added(stage, mark):
    empty = (await mark.get("/settings/spend")).text
    assert "No advertising accounts yet" in empty
    account = await add(mark)
    page = (await mark.get(account)).text
    assert "Import a file" in page
    assert "Nothing imported yet" in page
    row = await stage.shop.one("select * from ad_account")
    assert (row.source, row.vat_included, row.vat_rate) == ("yandex", True, 22)
    again = await mark.post("/settings/spend/accounts", ACCOUNT)
    assert (again.status, "There is an advertising account" in again.text) == (409, True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "},
        {"currency": "RUBLES"},
        {"source": ""},
        {"vat_rate": "a lot"},
        {"vat_rate": "NaN"},
        {"vat_rate": "100"},
    ],
)
async def test_what_is_no_account_is_refused_in_words(mark, wrong):
    assert (await mark.post("/settings/spend/accounts", {**ACCOUNT, **wrong})).status == 409


async def test_a_file_is_shown_first_and_written_once(stage, mark):
    account = await add(mark)
    page = await previewed(mark, account, FILE)
    assert "What would be written" in page.text
    assert "₽1,200.50" in page.text
    assert "There is no day 31.02.2026." in page.text
    assert "“&lt;script&gt;” is not an amount." in page.text
    late = await previewed(mark, account, "date,cost\n2026-11-01,1\n2026-11-02,1,5\n2099-01-01,1\n")
    assert "more cells than headings in this line" in late.text
    assert "2099-01-01 is still to come." in late.text
    assert await amounts(stage) == []

    ticket = ticket_in(page)
    first = await mark.post(f"{account}/confirm", {"file": ticket})
    second = await mark.post(f"{account}/confirm", {"file": ticket})
    assert first.headers["Location"] == second.headers["Location"]
    assert await amounts(stage) == [(1, "1000.500000", 100050), (2, "200.000000", 20000)]
    done = (await mark.get(first.headers["Location"])).text
    assert "ноябрь.csv" in done
    assert "Mark" in done
    assert "There is no day 31.02.2026." in done
    assert "nothing would change" in (await previewed(mark, account, FILE)).text
    front = (await mark.get("/settings/spend")).text
    assert "2 lines not read" in front


async def test_of_bad_files_every_line_is_named_and_the_rest_is_written_when_it_is_confirmed(
    stage, mark
):
    for number, (what, content, problems, written) in enumerate(BAD):
        account = await add(mark, name=f"Account {number}")
        before = await stage.shop.sql("select * from spend order by ad_account_id, day")
        page = await previewed(mark, account, content)
        told = re.findall(r"<tr[^>]*>.*?</tr>", page.text, re.DOTALL)
        for line, reason, _ in problems:
            assert any(f">{line}<" in row and reason in row for row in told), (what, reason)
        after = await stage.shop.sql("select * from spend order by ad_account_id, day")
        assert after == before, what
        await mark.post(f"{account}/confirm", {"file": ticket_in(page)})
        kept = await stage.shop.sql(
            f"select amount::text from spend where ad_account_id = '{account.rpartition('/')[2]}' order by day, amount"
        )
        assert [row.amount for row in kept] == written, what


async def test_a_preview_says_what_it_replaces_and_what_has_no_rate(stage, mark):
    account = await add(mark)
    await mark.post(f"{account}/confirm", {"file": ticket_in(await previewed(mark, account, FILE))})
    page = (await previewed(mark, account, "date;cost;currency\n2026-11-02;5;USD\n")).text
    assert re.search(r"In place of</dt><dd>1 row", page)
    assert "There is no rate of USD" in page


async def test_what_cannot_be_read_at_all_says_why_and_offers_another_file(mark):
    account = await add(mark)
    for content, why in (
        (b"\x00\x01" * 500, "not a text file"),
        ("name\nAnna\n", "no column with the cost"),
    ):
        page = (await previewed(mark, account, content)).text
        assert "Nothing in it can be written" in page
        assert why in page
        assert "Write it" not in page
    assert (await upload(mark, account, "")).status == 409
    assert (await upload(mark, account, FILE, format="xls")).status == 400


async def test_a_ticket_is_for_its_person_and_its_account(stage, browser, mark):
    account = await add(mark)
    ticket = ticket_in(await previewed(mark, account, FILE))
    await stage.hire("Anna", role="admin")
    anna = await browser("Anna")
    assert (await anna.post(f"{account}/confirm", {"file": ticket})).status == 400
    other = await add(mark, name="Other")
    assert (await mark.post(f"{other}/confirm", {"file": ticket})).status == 400
    assert (await mark.post(f"{account}/confirm", {"file": ticket[:-1]})).status == 400
    assert await amounts(stage) == []


async def test_a_file_from_a_page_of_another_site_is_not_taken(mark):
    account = await add(mark)
    form = aiohttp.FormData()
    form.add_field("file", FILE.encode(), filename="a.csv")
    assert (await mark.post(f"{account}/file", form, token="")).status == 403


async def test_an_amount_by_hand_is_spread_and_nought_takes_it_out(stage, mark):
    account = await add(mark, platform="other")
    hand = {
        "amount": "100",
        "first_day": "2026-11-01",
        "last_day": "2026-11-03",
        "campaign": "Листовки",
    }
    assert (await mark.post(f"{account}/hand", hand)).status == 303
    assert [amount for _, amount, _ in await amounts(stage)] == [
        "33.330000",
        "33.330000",
        "33.340000",
    ]
    await mark.post(f"{account}/hand", {**hand, "amount": "0"})
    assert await amounts(stage) == []
    for wrong in (
        {"amount": "x"},
        {"first_day": ""},
        {"last_day": "2026-10-01"},
        {"amount": "1e30"},
    ):
        assert (await mark.post(f"{account}/hand", {**hand, **wrong})).status == 409


async def test_settings_of_an_account_count_its_spend_anew(stage, mark):
    account = await add(mark)
    await mark.post(
        f"{account}/confirm",
        {"file": ticket_in(await previewed(mark, account, "date;cost\n2026-11-01;122\n"))},
    )
    await mark.post("/settings/spend/vat", {"vat": "without"})
    assert await amounts(stage) == [(1, "122.000000", 10000)]
    await mark.post(account, {**ACCOUNT, "vat_included": "", "source": "ya"})
    assert await amounts(stage) == [(1, "122.000000", 12200)]
    assert (
        await stage.shop.one("select o.source from spend join origin o on o.id = origin_id")
    ).source == "ya"


async def test_a_rate_fills_in_what_had_none(stage, mark):
    account = await add(mark, currency="USD")
    await mark.post(f"{account}/hand", {"amount": "10", "first_day": "2026-11-05", "campaign": "a"})
    assert await amounts(stage) == [(5, "10.000000", None)]
    assert "is not counted" in (await mark.get("/settings/spend")).text
    rate = {"currency": "USD", "day": "2026-11-01", "rate": "90.125"}
    assert (await mark.post("/settings/spend/rates", rate)).status == 303
    assert await amounts(stage) == [(5, "10.000000", 90125)]
    assert "1 USD = 90.125 RUB" in (await mark.get("/settings/spend/rates")).text
    await mark.post("/settings/spend/rates/delete", rate)
    assert await amounts(stage) == [(5, "10.000000", None)]
    for wrong in (
        {"currency": "RUB"},
        {"rate": "0"},
        {"rate": "200000"},
        {"day": ""},
        {"currency": "US"},
    ):
        assert (await mark.post("/settings/spend/rates", {**rate, **wrong})).status == 409


async def test_overheads_are_kept_with_their_days(stage, mark):
    salary = {
        "name": "Маркетолог",
        "amount": "80000.50",
        "first_day": "2026-11-01",
        "last_day": "2026-11-30",
    }
    await mark.post("/settings/spend/overheads", salary)
    row = await stage.shop.one("select * from overhead")
    assert (row.amount, row.currency, row.last_day) == (8000050, "RUB", date(2026, 11, 30))
    shown = (await mark.get("/settings/spend/overheads")).text
    assert 'value="80000.50"' in shown
    await mark.post(f"/settings/spend/overheads/{row.id}", {**salary, "amount": "1"})
    assert (await stage.shop.one("select amount from overhead")).amount == 100
    await mark.post(f"/settings/spend/overheads/{row.id}/delete")
    assert (await mark.post(f"/settings/spend/overheads/{row.id}/delete")).status == 404
    assert (
        await mark.post("/settings/spend/overheads", {**salary, "last_day": "2026-10-01"})
    ).status == 409


async def test_credentials_are_sealed_and_never_shown_again(stage, mark):
    account = await add(mark)
    assert "still to be filled in" in (await mark.post(f"{account}/connect", {"token": ""})).text
    await mark.post(f"{account}/connect", {"token": "y0_secret", "client_login": "shop"})
    row = await stage.shop.one("select * from ad_account")
    assert b"y0_secret" not in bytes(row.sealed)
    assert (
        Sealer(SECRET).unseal_fields(bytes(row.sealed), context=row.id.bytes)["token"]
        == "y0_secret"
    )
    assert row.next_pull_at is not None
    page = (await mark.get(account)).text
    assert "y0_secret" not in page
    assert 'value="shop"' in page
    await mark.post(f"{account}/connect", {"token": "", "client_login": "other"})
    row = await stage.shop.one("select * from ad_account")
    assert Sealer(SECRET).unseal_fields(bytes(row.sealed), context=row.id.bytes) == {
        "token": "y0_secret",
        "client_login": "other",
    }
    await mark.post(f"{account}/pause")
    assert (await stage.shop.one("select next_pull_at from ad_account")).next_pull_at is None
    await mark.post(f"{account}/disconnect")
    assert (await stage.shop.one("select sealed from ad_account")).sealed is None
    audit = await stage.shop.sql("select what, after::text from audit")
    assert "y0_secret" not in str(audit)


async def test_an_account_put_away_takes_nothing_and_comes_back(stage, mark):
    account = await add(mark)
    page = await previewed(mark, account, FILE)
    await mark.post(f"{account}/archive")
    assert (await mark.post(f"{account}/confirm", {"file": ticket_in(page)})).status == 409
    assert "Bring it back" in (await mark.get(account)).text
    await mark.post(f"{account}/restore")
    assert (await mark.post(f"{account}/confirm", {"file": ticket_in(page)})).status == 303


async def test_a_team_lead_reads_and_changes_nothing_and_a_manager_sees_nothing(
    stage, browser, mark
):
    account = await add(mark)
    await stage.hire("Lena", role="lead")
    await stage.hire("Boris")
    lena, boris = await browser("Lena", **{"Accept-Language": "en"}), await browser("Boris")
    for path in ("", "/imports", "/overheads", "/rates"):
        assert (await lena.get(f"/settings/spend{path}")).status == 200
        assert (await boris.get(f"/settings/spend{path}")).status == 403
    shown = (await lena.get(account)).text
    assert f'action="{account}' not in shown
    assert (await lena.post(f"{account}/hand", {"amount": "1"})).status == 403


async def test_the_log_pages_and_the_words_are_russian(stage, browser, mark):
    account = await add(mark)
    for number in range(1, 4):
        await mark.post(
            f"{account}/hand", {"amount": str(number), "first_day": f"2026-11-0{number}"}
        )
    assert (await mark.get("/settings/spend/imports?after=x")).status == 404
    russian = await browser("Mark", **{"Accept-Language": "ru"})
    shown = (await russian.get("/settings/spend/imports")).text
    assert "Загрузки" in shown
    assert "Вручную" in shown
    page = (await previewed(russian, account, "date;cost\n31.02.2026;1\n01.10.2026;1\n")).text
    assert "Дня 31.02.2026 не бывает." in page


async def test_another_currency_of_the_company_counts_everything_anew(stage, browser, mark):
    account = await add(mark)
    await mark.post(f"{account}/hand", {"amount": "10", "first_day": "2026-11-05"})
    await stage.hire("Anna", role="admin")
    anna = await browser("Anna")
    company = {
        "name": "A",
        "time_zone": "Europe/Moscow",
        "language": "ru",
        "currency": "EUR",
        "merge_policy": "ask",
    }
    assert (await anna.post("/settings/company", company)).status == 303
    assert await amounts(stage) == [(5, "10.000000", None)]
