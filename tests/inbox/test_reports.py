"""Reports as pages and files: what is asked, what is shown, who may see it."""

import csv
import io
import re
from datetime import date, timedelta
from fractions import Fraction
from uuid import UUID

import openpyxl
import pytest
from sqlalchemy import text

from inbox.languages import language
from inbox.reports.catalogue import REPORTS
from inbox.reports.csv_file import csv_file, safe
from inbox.reports.periods import Period, named
from inbox.reports.sales import figures_of
from inbox.reports.sheet import Column, Line, Sheet
from inbox.reports.words import CLEARER
from inbox.reports.xlsx_file import xlsx_file
from storage.analytics import reckoning
from storage.analytics.figures import FIGURES, FULL_CAC
from storage.analytics.rule_changes import notice_changes
from tests.conftest import NOON
from tests.inbox.report_shop import ZONE, a_week_of_sales, open_report_shop

WEEK = "from=2026-11-15&to=2026-11-21"


def rows_of(html: str) -> dict[str, list[str]]:
    """Cells of the table's rows in words, by name."""
    found = {}
    for row in re.findall(r"<tr.*?</tr>", html, re.DOTALL):
        name, *cells = [
            " ".join(re.sub(r"<[^>]+>", " ", cell).split())
            for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)
        ]
        found[name] = [cell.replace("\xa0", " ").replace("\u202f", " ") for cell in cells]
    return found


def leads_in(html: str) -> list[str]:
    return re.findall(r'href="(/leads/[0-9a-f-]{36})"', html)


@pytest.fixture
async def olga(stage, browser):
    await stage.hire("Olga", role="admin")
    await a_week_of_sales(stage.engine, now=NOON)
    return await browser("Olga", **{"Accept-Language": "ru"})


async def test_the_report_says_what_each_source_brought_and_cost(olga):
    rows = rows_of((await olga.get(f"/reports/sources?{WEEK}")).text)

    assert rows["Яндекс Директ"] == [
        "3", "1", "33,3 %", "1", "30 000 ₽", "5 000 ₽", "1 667 ₽", "5 000 ₽", "500 %",
    ]  # fmt: skip
    assert rows["vk / cpc нет правила"][:2] == ["1", "0"]
    assert rows["Неизвестно"][:4] == ["1", "0", "0 %", "0"]
    assert rows["Итого"][:2] == ["5", "1"]


async def test_rows_open_down_to_the_campaigns_and_what_spend_cannot_name_has_a_dash(olga):
    page = (await olga.get(f"/reports/sources?{WEEK}")).text
    where = re.search(r'class="table__open" href="([^"]+)"[^>]*aria-label="Яндекс', page)
    assert where is not None

    opened = rows_of((await olga.get(where[1].replace("&amp;", "&"))).text)
    assert opened["brakes"][0] == "2"
    assert opened["oil"][0] == "1"

    by_channel = rows_of((await olga.get(f"/reports/sources?{WEEK}&by=channel")).text)
    assert by_channel["Telegram"][5:7] == ["—", "—"]
    assert by_channel["Расход, который не разделить"][5] == "5 000 ₽"
    assert by_channel["Итого"][5:7] == ["5 000 ₽", "1 000 ₽"]


async def test_a_model_shares_a_lead_and_its_card_says_how(olga):
    linear = (await olga.get(f"/reports/sources?{WEEK}&model=linear")).text
    rows = rows_of(linear)
    assert rows["Яндекс Директ"][0] == "3,5"
    assert rows["vk / cpc нет правила"][0] == "0,5"
    assert rows["Итого"][0] == "5"

    cards = (
        await olga.get(f"/reports/sources/cards?{WEEK}&model=linear&count=leads&source=vk / cpc")
    ).text
    assert "доля: 50 %" in cards.replace("\xa0", " ")
    assert len(leads_in(cards)) == 1


async def test_the_period_before_is_beside_and_a_change_is_news_good_or_bad(olga):
    page = (await olga.get(f"/reports/sources?{WEEK}&changes=1")).text
    assert re.search(r"delta--good.*?400.%.*?было 1", page, re.DOTALL)
    assert "delta" not in (await olga.get(f"/reports/sources?{WEEK}&compare=none")).text


async def test_an_address_that_nobody_understands_still_opens_the_report(olga):
    answer = await olga.get(
        "/reports/sources?from=yesterday&by=moon&model=x&basis=y&manager=Anna&sort=-'&open=&period=%00"
    )
    assert answer.status == 200
    assert "Яндекс Директ" in answer.text
    left_out = re.search(r"Не понято и не учтено: ([^<]+)\.</p>", answer.text)
    assert left_out is not None
    assert set(left_out[1].split(", ")) == {
        "from=yesterday", "period=", "by=moon", "model=x", "basis=y", "manager=Anna",
    }  # fmt: skip
    assert "Не понято" not in (await olga.get(f"/reports/sources?{WEEK}&utm_source=letter")).text
    for path in (
        "sources/cards?count=spend",
        "summary/cards?count=x",
        "funnel/cards?count=reached",
    ):
        assert (await olga.get(f"/reports/{path}")).status == 404, path
    calls = (await olga.get("/reports/calls?by=moon&weekday=9&hour=x")).text
    assert "Не понято и не учтено: by=moon, weekday=9, hour=x." in calls
    assert (await olga.get("/reports/sources/cards?count=leads&cursor=x")).status == 404


async def test_figures_of_everybody_are_no_answer_to_a_condition_that_is_not_understood(olga):
    asked = f"{WEEK}&manager=Anna"
    assert (await olga.get(f"/reports/sources/cards?{asked}&count=leads")).status == 404
    assert (await olga.get(f"/reports/sources/export?{asked}")).status == 400
    for other in ("campaign=brakes", "model=first", "basis=event", "without=campaign"):
        page = (await olga.get(f"/reports/funnel?{WEEK}&{other}")).text
        assert f"Не понято и не учтено: {other}." in page


@pytest.mark.parametrize(
    "days", ["from=0001-01-01&to=0001-01-02", "from=9999-12-30&to=9999-12-31", "from=1999-12-31"]
)
async def test_days_of_no_business_are_said_to_be_left_out(olga, days):
    for report in REPORTS:
        answer = await olga.get(f"/reports/{report}?{days}&compare=year")
        assert answer.status == 200, report
        assert f"Не понято и не учтено: {days.replace('&', ', ')}." in answer.text


async def test_the_first_and_the_last_days_there_are_can_be_asked_for(olga):
    for days in ("from=2000-01-01&to=2000-01-01", "from=2099-12-31&to=2099-12-31"):
        for compare in ("previous", "year"):
            page = await olga.get(f"/reports/sources?{days}&compare={compare}")
            assert page.status == 200
            assert "Не понято" not in page.text


async def test_a_period_that_is_cut_is_said_to_be(olga):
    page = (await olga.get("/reports/sources?from=2010-01-01&to=2026-11-21")).text
    assert (
        "Отчёт охватывает не больше десяти лет: этот — за 13 ноября 2016 – 21 ноября 2026" in page
    )
    assert (
        "десяти лет" not in (await olga.get("/reports/sources?from=2017-01-01&to=2026-11-21")).text
    )


async def test_a_campaign_called_a_dash_is_another_than_no_campaign(stage, olga):
    async with stage.engine.begin() as connection:
        shop = await open_report_shop(
            connection, now=NOON, account=(await stage.shop.one("select id from account")).id
        )
        await shop.lead(campaign="—", title="По объявлению с прочерком")
        await shop.reckon()
    page = (await olga.get(f"/reports/sources?{WEEK}&by=campaign")).text
    addresses = [
        each.replace("&amp;", "&") for each in re.findall(r'href="([^"]+count=leads[^"]*)"', page)
    ]
    cards = {where: (await olga.get(where)).text for where in addresses}
    dash = [where for where, said in cards.items() if "campaign=%E2%80%94" in where]
    none = [where for where, said in cards.items() if "without=campaign" in where]
    assert "По объявлению с прочерком" in cards[dash[0]]
    assert len(leads_in(cards[dash[0]])) == 1
    assert "По объявлению с прочерком" not in cards[none[0]]
    assert len(leads_in(cards[none[0]])) == 1

    narrowed = (await olga.get(f"/reports/sources?{WEEK}&without=campaign&source= / ")).text
    assert rows_of(narrowed)["Итого"][0] == "1"
    off = re.search(r'class="chip__x" href="([^"]+)"[^>]*aria-label="[^"]*Без кампании', narrowed)
    assert off is not None
    assert "without" not in off[1]
    assert "source=" in off[1]


async def test_leads_opened_by_hand_are_a_channel_of_their_own(stage, olga):
    async with stage.engine.begin() as connection:
        shop = await open_report_shop(
            connection, now=NOON, account=(await stage.shop.one("select id from account")).id
        )
        lead = await shop.lead(title="Позвонил по объявлению")
        await connection.execute(
            text("update lead set account_id = null where id = :id"), {"id": lead}
        )
        await shop.reckon()
    pipeline = (await stage.shop.one("select id from pipeline where name = 'Продажи'")).id
    page = (await olga.get(f"/reports/funnel?{WEEK}&by=channel&pipeline={pipeline}")).text
    assert rows_of(page)["Создан вручную"][0] == "1"
    assert rows_of(page)["Итого"][0] == "6"
    behind = re.search(r'href="([^"]+without=channel[^"]*)"', page)
    assert behind is not None
    assert len(leads_in((await olga.get(behind[1].replace("&amp;", "&"))).text)) == 1
    narrowed = (await olga.get(f"/reports/summary?{WEEK}&without=channel")).text
    assert rows_of(narrowed)["Итого"][0] == "1"


async def test_by_event_date_nothing_is_open_and_ratios_say_whose_they_are(olga):
    await olga.post(
        "/reports/sources/columns",
        {"column.open": "1", "column.won": "1", "column.conversion": "1"},
    )
    by_cohort = (await olga.get(f"/reports/sources?{WEEK}")).text
    by_event = (await olga.get(f"/reports/sources?{WEEK}&basis=event&changes=1")).text
    assert rows_of(by_cohort)["Яндекс Директ"][:2] == ["1", "1"]
    for name in ("Яндекс Директ", "Неизвестно", "Итого"):
        assert rows_of(by_event)[name][1] == "—", name
    empty = (await olga.get("/reports/sources?from=2020-01-01&to=2020-01-02&basis=event")).text
    assert rows_of(empty)["Итого"][:2] == ["0", "—"]

    said = "Конверсия = лиды, выигранные за период ÷ лиды, созданные за период"
    assert said in by_event
    assert said not in by_cohort
    file = (await olga.get(f"/reports/sources/export?{WEEK}&basis=event&format=csv")).body
    table = list(csv.reader(io.StringIO(file.decode("utf-8-sig")), delimiter=";"))
    place = table[0].index("В работе")
    assert {row[place] for row in table[1:]} == {""}


async def test_the_reports_of_sales_agree_with_each_other_and_open_their_cards(stage, olga):
    pipeline = (await stage.shop.one("select id from pipeline where name = 'Продажи'")).id
    summary = rows_of((await olga.get(f"/reports/summary?{WEEK}")).text)
    assert summary["Итого"][:4] == ["5", "1", "1", "30 000 ₽"]
    assert summary["ср, 18 нояб."][0] == "1"
    cards = (await olga.get(f"/reports/summary/cards?{WEEK}&count=won")).text
    assert "Тормозные диски" in cards

    funnel = (await olga.get(f"/reports/funnel?{WEEK}&pipeline={pipeline}")).text
    assert rows_of(funnel)["Новый"][0] == "5"
    assert rows_of(funnel)["Сделка"][:2] == ["1", "100 %"]
    behind = re.search(r'href="([^"]+count=reached[^"]*)"[^>]*aria-label="1, ', funnel)
    assert behind is not None
    assert len(leads_in((await olga.get(behind[1].replace("&amp;", "&"))).text)) == 1
    by_source = rows_of(
        (await olga.get(f"/reports/funnel?{WEEK}&pipeline={pipeline}&by=source")).text
    )
    assert by_source["Яндекс Директ"][0] == "3"
    assert by_source["Итого"][0] == "5"


async def test_managers_are_ranked_and_their_numbers_have_cards(stage, olga):
    anna, boris = await stage.hire("Anna"), await stage.hire("Boris")
    async with stage.engine.begin() as connection:
        shop = await open_report_shop(
            connection, now=NOON, account=(await stage.shop.one("select id from account")).id
        )
        await shop.lead(status="won", value=100_000, manager=anna)
        await shop.lead(status="won", value=700_000, manager=boris, title="Коробка")
        await shop.call(hours_ago=30, manager=boris)
        await shop.reckon()
    page = (await olga.get(f"/reports/managers?{WEEK}")).text
    rows = rows_of(page)
    assert rows["Boris"][0] == "1"
    assert rows["Anna"][0] == "2"
    assert list(rows).index("Boris") < list(rows).index("Anna")
    cards = (await olga.get(f"/reports/managers/cards?{WEEK}&count=won&manager={boris}")).text
    assert "Коробка" in cards
    assert len(leads_in(cards)) == 1

    calls = (await olga.get(f"/reports/calls?{WEEK}")).text
    assert rows_of(calls)["Boris"][0] == "1"
    hour = re.search(r'href="([^"]+weekday=4[^"]*)"', calls)
    assert hour is not None  # a Friday, in the heat map
    assert "Звонок" in (await olga.get(hour[1].replace("&amp;", "&"))).text


async def test_an_empty_report_says_how_it_fills(stage, browser):
    await stage.hire("Olga", role="admin")
    page = (await (await browser("Olga", **{"Accept-Language": "en"})).get("/reports/sources")).text
    assert "Nothing to report of yet" in page
    assert "/settings/channels" in page


async def test_a_sale_without_a_rate_is_told(stage, olga):
    async with stage.engine.begin() as connection:
        shop = await open_report_shop(
            connection, now=NOON, account=(await stage.shop.one("select id from account")).id
        )
        await shop.lead(status="won", value=10_000, currency="USD")
        await shop.reckon()
    page = (await olga.get(f"/reports/sources?{WEEK}")).text
    assert "1 продажа в валюте без курса" in page


async def test_chosen_columns_stay_and_are_what_is_exported(olga):
    await olga.post("/reports/sources/columns", {"column.won": "1", "column.spend": "1"})
    page = (await olga.get(f"/reports/sources?{WEEK}")).text
    assert rows_of(page)["Яндекс Директ"] == ["1", "5 000 ₽"]

    answer = await olga.get(f"/reports/sources/export?{WEEK}&format=csv&by=campaign")
    assert answer.body.startswith(b"\xef\xbb\xbf")
    table = list(csv.reader(io.StringIO(answer.body.decode("utf-8-sig")), delimiter=";"))
    assert table[0] == ["Кампания", "Продажи", "Расход, RUB"]
    assert ["brakes", "1", "5000"] in table
    assert ["'=cmd", "0", "0"] in table
    assert table[-1] == ["Итого", "1", "5000"]


async def test_a_workbook_has_numbers_the_total_and_the_question(olga):
    answer = await olga.get(f"/reports/sources/export?{WEEK}&format=xlsx&by=campaign")
    book = openpyxl.load_workbook(io.BytesIO(answer.body))
    page, question = book.worksheets
    cells = {row[0].value: row[1:] for row in page.iter_rows()}
    heads = [cell.value for cell in cells["Кампания"]]
    assert cells["brakes"][heads.index("Выручка, RUB")].value == 30_000
    assert cells["brakes"][heads.index("% квалиф.")].number_format == "0.0%"
    assert cells["=cmd"][0].data_type == "n"
    assert all(
        cell.data_type != "f"
        for sheet in book.worksheets
        for row in sheet.iter_rows()
        for cell in row
    )
    assert cells["Итого"][0].value == 5
    asked = {row[0].value: row[1].value for row in question.iter_rows()}
    assert asked["Период"] == "15–21 ноября"
    assert asked["Модель"].startswith("Последнее касание")


@pytest.mark.parametrize(
    "first",
    [
        "=", "+", "-", "@", "\t", "\r", "\n", " =", "\x01=", "＝", "＋", "－", "＠", "\xa0=", "\u200b=", "\ufeff=", "\u2060@",
        "\u3000＝", "\u202e+", "\xad-",
    ],
)  # fmt: skip
def test_a_cell_is_never_a_formula(first):
    assert safe(f"{first}cmd") == f"'{first}cmd"
    sheet = Sheet(
        title="x",
        heading="x",
        columns=[Column(name="a", label="a", formula="", kind="count")],
        lines=[Line(name=f"{first}cmd", values={"a": Fraction(-1, 3)})],
        total=None,
    )
    row = csv_file(sheet, language("en")).decode("utf-8-sig").splitlines()[-1]
    assert row.endswith(",-0.333333")
    cell = openpyxl.load_workbook(io.BytesIO(xlsx_file(sheet, language("en"))))["x"]["A2"]
    assert cell.data_type == "s"


async def test_a_marketer_sees_figures_and_cards_and_no_words_of_customers(stage, olga, browser):
    await stage.hire("Mark", role="marketer")
    mark = await browser("Mark")
    assert "Яндекс Директ" in (await mark.get(f"/reports/sources?{WEEK}")).text
    cards = (await mark.get(f"/reports/sources/cards?{WEEK}&count=won")).text
    assert "/leads/" in cards
    assert "Тормозные диски" not in cards
    assert (
        "/conversations/"
        not in (await mark.get(f"/reports/sources/cards?{WEEK}&count=inquiries")).text
    )
    assert "Тормозные диски" in (await olga.get(f"/reports/sources/cards?{WEEK}&count=won")).text


async def test_limited_sight_shows_the_cards_that_are_in_it(stage, olga, browser):
    lena = await stage.hire("Lena", role="lead", sees="own")
    async with stage.engine.begin() as connection:
        shop = await open_report_shop(
            connection, now=NOON, account=(await stage.shop.one("select id from account")).id
        )
        await shop.lead(title="Мой лид", manager=lena)
        await shop.reckon()
    page = await browser("Lena", **{"Accept-Language": "en"})
    assert rows_of((await page.get(f"/reports/sources?{WEEK}")).text)["Total"][0] == "6"
    cards = (await page.get(f"/reports/sources/cards?{WEEK}&count=leads")).text
    assert "Мой лид" in cards
    assert len(leads_in(cards)) == 1


async def test_cards_go_on_page_by_page(stage, olga):
    async with stage.engine.begin() as connection:
        shop = await open_report_shop(
            connection, now=NOON, account=(await stage.shop.one("select id from account")).id
        )
        for _ in range(60):
            await shop.lead(source="avito", medium="board")
        await shop.reckon()
    seen, where = [], f"/reports/sources/cards?{WEEK}&count=leads&source=avito / board"
    while where:
        page = (await olga.get(where)).text
        seen += leads_in(page)
        more = re.search(r'data-more="([^"]+)"', page)
        where = more[1].replace("&amp;", "&") if more else ""
    assert len(seen) == len(set(seen)) == 60


def test_every_figure_has_its_words_in_russian():
    spoken = language("ru")
    sales = (
        each for name in ("summary", "funnel", "managers", "calls") for each in figures_of(name)
    )
    for figure in (*FIGURES, FULL_CAC, *sales):
        by_event = getattr(figure, "by_event", "") or figure.formula
        for words in (CLEARER.get(figure.label, figure.label), figure.formula, by_event):
            assert spoken.translations.gettext(words), words
            assert words in spoken.translations._catalog, words  # type: ignore[attr-defined]  # what was read


def test_named_periods_move_with_the_calendar():
    today = NOON.date()
    assert named("30d", today=today).days == 30
    before = Period(first=date(2026, 3, 1), last=date(2026, 3, 31)).before("previous")
    assert before == Period(first=date(2026, 1, 29), last=date(2026, 2, 28))
    assert named("last_month", today=today).last + timedelta(days=1) == today.replace(day=1)
    assert REPORTS


async def shared_three_ways(stage) -> UUID:
    """A lead of somebody who came by Google, then VK, then Yandex, a day apart."""
    async with stage.engine.begin() as connection:
        shop = await open_report_shop(connection, now=NOON)
        lead = await shop.lead(touches=("google", "vk"))
        await shop.reckon()
    return lead


def words_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split()).replace("\xa0", " ")


async def test_the_card_says_how_each_model_shares_the_lead_and_a_marketer_sees_it_too(
    stage, browser
):
    for name, role in (("Olga", "admin"), ("Mark", "marketer"), ("Ivan", "manager")):
        await stage.hire(name, role=role)
    lead = await shared_three_ways(stage)
    for who in ("Olga", "Mark"):
        reader = await browser(who, **{"Accept-Language": "en"})
        card = words_of((await reader.get(f"/leads/{lead}")).text)
        assert "How each model shares the lead" in card
        assert re.search(r"Linear 33\.3% .* 33\.3% .* 33\.3% ", card)
        assert re.search(r"By position 40–20–40 40% .* 20% .* 40% ", card)
        assert re.search(r"Last touch 100% ", card)
    his = await (await browser("Ivan", **{"Accept-Language": "en"})).get(f"/leads/{lead}")
    assert his.status == 200
    assert "How each model shares the lead" not in his.text


async def test_the_look_back_is_a_number_of_days_and_shares_the_lead_anew(stage, browser):
    await stage.hire("Olga", role="admin")
    olga = await browser("Olga", **{"Accept-Language": "en"})
    assert 'name="look_back" value="90"' in (await olga.get("/settings/company")).text
    kept = {
        "time_zone": "Europe/Moscow",
        "language": "ru",
        "currency": "RUB",
        "merge_policy": "strict",
    }
    for wrong in ("0", "2000", "a month"):
        refused = await olga.post("/settings/company", {**kept, "look_back": wrong})
        assert "from 1 to 1095" in refused.text
    await olga.post("/settings/company", {**kept, "look_back": "1"})
    lead = await shared_three_ways(stage)

    card = words_of((await olga.get(f"/leads/{lead}")).text)

    assert re.search(r"Linear 50% .* 50% ", card)


async def test_reports_group_by_the_field_that_holds_how_they_heard_of_us(stage, olga, browser):
    await stage.hire("Boris", role="manager")
    boris = await browser("Boris")
    for name in ("Откуда узнали", "Реклама"):
        form = {"of": "lead", "name": name, "kind": "choice", "choices": "Друзья\nКарты"}
        assert (await olga.post("/settings/fields", form)).status == 303
    fields = {row.name: row for row in await stage.shop.sql("select id, name, key from field")}
    where = {name: f"/settings/fields/{row.id}/reports" for name, row in fields.items()}
    report = f"/reports/sources?{WEEK}&by=said"
    assert "/settings/fields?of=lead" in (await olga.get(report)).text

    assert (await boris.post(where["Реклама"], {"chosen": "1"})).status == 403
    for name in ("Реклама", "Откуда узнали"):
        assert (await olga.post(where[name], {"chosen": "1"})).status == 303
    page = (await olga.get("/settings/fields?of=lead")).text
    assert re.findall(r"(\w[\w ]*)</p><p><span[^>]*>отчёты группируют по нему", page) == [
        "Откуда узнали"
    ]
    done = await stage.shop.sql("select what from audit where what like 'field_grouped%'")
    assert len(done) == 2

    sold = await stage.shop.one("select id from lead where title = 'Тормозные диски'")
    key = fields["Откуда узнали"].key
    assert (await olga.post(f"/leads/{sold.id}", {f"field.{key}": "Друзья"})).status == 303
    await as_the_recorder(stage.engine)
    shown = (await olga.get(report)).text
    assert "/settings/fields?of=lead" not in shown
    rows = rows_of(shown)
    assert rows["Друзья"][:2] == ["1", "1"]
    assert rows["Не спрашивали"][0] == "4"
    assert rows["Не спрашивали"][5] == "—"
    assert rows["Расход, который не разделить"][5] == "5 000 ₽"
    assert rows["Итого"][0] == "5"
    for condition, leads in (("said=Друзья", 1), ("without=said", 4)):
        cards = await olga.get(f"/reports/sources/cards?{WEEK}&count=leads&{condition}")
        assert len(leads_in(cards.text)) == leads
        narrowed = await olga.get(f"/reports/sources?{WEEK}&{condition}")
        assert rows_of(narrowed.text)["Итого"][0] == str(leads)

    assert (await olga.post(where["Откуда узнали"], {"chosen": "0"})).status == 303
    await as_the_recorder(stage.engine)
    rows = rows_of((await olga.get(report)).text)
    assert rows["Не спрашивали"][0] == "5"
    assert "Друзья" not in rows


async def as_the_recorder(engine):
    """Whatever a change of the settings has made due."""
    async with engine.begin() as connection:
        await notice_changes(connection, time_zone=ZONE, now=NOON)
        rules = await reckoning.read_rules(connection, time_zone=ZONE)
        while await reckoning.reckon_due(connection, rules, now=NOON):
            pass
