"""Files of advertising accounts, as they are downloaded, made by hand, or broken."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from connectors.advertising.currency_rates import read_rates
from connectors.advertising.reading import FORMATS, read_spend
from router.spending import Spending, SpendRow, object_of, spread

NOV = [date(2026, 11, day) for day in range(1, 31)]

DIRECT = (
    '"costs (2026-11-01 - 2026-11-03)"\n'
    "Date\tCampaignId\tCampaignName\tAdId\tCriterion\tClicks\tImpressions\tCost\n"
    "2026-11-01\t12345\tBrakes Москва\t77\tзамена колодок\t37\t1024\t1523450000\n"
    "2026-11-02\t12345\tBrakes Москва\t77\t--\t0\t12\t--\n"
    "Total rows: 2\n"
)
GOOGLE_RU = (
    "Отчет о кампаниях\n"
    '"1 ноября 2026 г. – 7 ноября 2026 г."\n'
    "День,Кампания,Идентификатор кампании,Код валюты,Клики,Показы,Стоимость\n"
    '2026-11-01,Тормоза,991,RUB,37,"1\u00a0024","1\u00a0523,45"\n'
    '2026-11-02,Тормоза,991,RUB,3,20,"99,10"\n'
    'Итого: аккаунт, --, --,RUB,40,"1\u00a0044","1\u00a0622,55"\n'
)
GOOGLE_EN = (
    "Campaign report\n"
    '"November 1, 2026 - November 4, 2026"\n'
    "Campaign,Currency code,Clicks,Impr.,Cost\n"
    'Brakes,USD,8,"1,024","1,000.02"\n'
    'Total: Account,USD,8,"1,024","1,000.02"\n'
)
META = (
    "\ufeffReporting starts,Reporting ends,Campaign name,Campaign ID,Amount spent (RUB),Impressions,Link clicks\n"
    "2026-11-01,2026-11-02,,,300.00,2000,70\n"
    "2026-11-01,2026-11-01,brakes,1200,100.00,1000,30\n"
    "2026-11-02,2026-11-02,brakes,1200,200.00,1000,40\n"
)
VK = (
    '{"items": [{"id": 55, "rows": ['
    '{"date": "2026-11-01", "base": {"shows": 900, "clicks": 11, "goals": 0, "spent": "152.34", "cpm": "1.2"}},'
    '{"date": "2026-11-02", "base": {"shows": 1, "clicks": 0, "spent": "0"}}], "total": {}}], "total": {}}'
)


def amounts(said: Spending) -> list[Decimal]:
    return [row.amount for row in said.rows]


def refusals(said: Spending) -> list[tuple[int, str]]:
    return [(each.line, each.reason) for each in said.problems if each.refused]


def notes(said: Spending) -> list[tuple[int, str]]:
    return [(each.line, each.reason) for each in said.problems if not each.refused]


def read(text: str, encoding: str = "utf-8", **how: object) -> Spending:
    return read_spend(text.encode(encoding), **how)


def test_yandex_direct_counts_in_millionths_and_names_its_days_in_the_title():
    said = read(DIRECT)
    assert said.format == "yandex-direct"
    assert said.covered == (NOV[0], NOV[2])
    assert amounts(said) == [Decimal("1523.45"), 0]
    assert (said.rows[0].level, said.rows[0].object_id) == ("ad", "77")
    assert (said.rows[0].campaign, said.rows[0].campaign_id) == ("Brakes Москва", "12345")
    assert (said.rows[0].term, said.rows[1].term) == ("замена колодок", "")
    assert (said.rows[0].clicks, said.rows[0].impressions) == (37, 1024)
    assert not said.problems


def test_yandex_direct_says_it_when_costs_are_no_millionths():
    plain = DIRECT.replace("1523450000", "1523.45")
    assert amounts(read(plain)) == [Decimal("1523.45"), 0]
    whole = DIRECT.replace("1523450000", "1523")
    assert amounts(read(whole, micros=False))[0] == 1523
    assert amounts(read(whole))[0] == Decimal("0.001523")


def test_google_ads_speaks_the_language_of_whoever_downloads_it():
    said = read(GOOGLE_RU)
    assert said.format == "google-ads"
    assert amounts(said) == [Decimal("1523.45"), Decimal("99.10")]
    assert said.rows[0].impressions == 1024
    assert said.rows[0].currency == "RUB"
    assert said.covered == (NOV[0], NOV[6])


def test_google_ads_without_a_column_of_days_is_for_those_of_its_title():
    (row,) = read(GOOGLE_EN).rows
    assert (row.first_day, row.last_day, row.amount) == (NOV[0], NOV[3], Decimal("1000.02"))
    days = list(spread(row))
    assert [each.amount for each in days] == [*3 * [Decimal("250.00")], Decimal("250.02")]
    assert sum(each.clicks or 0 for each in days) == 8


def test_meta_ads_has_its_currency_in_the_heading_and_its_total_first():
    said = read(META)
    assert said.format == "meta-ads"
    assert amounts(said) == [100, 200]
    assert {row.currency for row in said.rows} == {"RUB"}
    assert [row.clicks for row in said.rows] == [30, 40]


def test_vk_writes_json():
    said = read(VK)
    assert said.format == "vk-ads"
    assert amounts(said) == [Decimal("152.34"), 0]
    assert said.rows[0].object_id == "55"
    assert said.covered == (NOV[0], NOV[1])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_encoding_and_separator_are_found(encoding, separator):
    lines = [
        ["Дата", "Источник", "Кампания", "Расход"],
        ["20.11.2026", "yandex", "Тормоза", '"1 234,56"'],
        ["21.11.2026", "vk", "Масло", '"99,1"'],
    ]
    said = read("\r\n".join(separator.join(line) for line in lines), encoding)
    assert amounts(said) == [Decimal("1234.56"), Decimal("99.1")]
    assert [row.source for row in said.rows] == ["yandex", "vk"]
    assert [row.campaign for row in said.rows] == ["Тормоза", "Масло"]
    assert said.covered == (NOV[19], NOV[20])


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (["1 234,56", "1,5"], ["1234.56", "1.5"]),
        (["1,234.56", "1,234"], ["1234.56", "1234"]),
        (["1.234,56", "1.234"], ["1234.56", "1234"]),
        (["1\u202f234,5 ₽", "10 ₽"], ["1234.5", "10"]),
        (["$1,000.00", "(20.50)"], ["1000", "-20.50"]),
        (["1 234,56", "1,234.56"], ["1234.56", "1234.56"]),
        (["−12", "0"], ["-12", "0"]),
        (["1'234.5", "1 234"], ["1234.5", "1234"]),
    ],
)
def test_amounts_are_read_as_they_are_written(written, meant):
    lines = "".join(f"2026-11-01;{each}\n" for each in written)
    assert amounts(read(f"date;cost\n{lines}")) == list(map(Decimal, meant))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (["03.04.2026"], [(4, 3)]),
        (["03/04/2026", "03/25/2026"], [(3, 4), (3, 25)]),
        (["25/03/2026", "03/04/2026"], [(3, 25), (4, 3)]),
        (["20.11.26", "2026-11-20T00:00:00"], [(11, 20), (11, 20)]),
        (["Nov 5, 2026", "5 нояб. 2026 г.", "5 мая 2026"], [(11, 5), (11, 5), (5, 5)]),
        (["20261105"], [(11, 5)]),
    ],
)
def test_days_are_read_as_they_are_written(written, meant):
    lines = "".join(f"{each};1\n" for each in written)
    said = read(f"date;cost\n{lines}")
    assert [(row.first_day.month, row.first_day.day) for row in said.rows] == meant


def test_every_line_that_cannot_be_read_is_named_with_its_reason():
    said = read(
        "date;campaign;cost;clicks\n"
        "31.02.2026;a;5;1\n"
        "01.11.2026;b;много;1\n"
        "01.11.2026;c;=1+2;1\n"
        "01.11.2026;d;;1\n"
        ";e;5;1\n"
        "01.11.2026;f;-15,50;\n"
        "date;campaign;cost;clicks\n"
        "02.11.2026;=cmd;7;--\n"
    )
    assert amounts(said) == [Decimal("-15.50"), 7]
    assert said.rows[1].campaign == "=cmd"
    assert refusals(said) == [
        (2, "There is no day 31.02.2026."),
        (3, "“много” is not an amount."),
        (4, "“=1+2” is a formula, not a figure."),
        (5, "There is no cost in this line."),
        (6, "There is no day in this line."),
    ]
    assert [line for line, _ in notes(said)] == [8, 7]
    assert said.refused == 5


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\n\n", "empty"),
        (b"PK\x03\x04" + bytes(range(256)), "not a text file"),
        (b"\x00\x01\x02\x03" * 300, "not a text file"),
        (b"name;phone\nAnna;7\n", "no column with the cost"),
        (b"campaign;cost\nA;7\n", "no column with the day"),
        (b'{"items": ', "not complete JSON"),
        (b'{"error": 1}', "not VK's statistics"),
        (b'date;cost\n2026-11-01;"' + b"x" * 200_000, "quotation mark"),
    ],
)
def test_what_is_no_such_file_says_what_it_is(data, why):
    said = read_spend(data)
    assert not said.rows
    assert why in said.problems[0].reason


@pytest.mark.parametrize("line", ["2026-11-01,1234,56", "2026-11-01,1,234.56"])
@pytest.mark.parametrize("tail", ["", ","])
def test_a_figure_that_falls_apart_at_its_comma_is_not_read_as_another(line, tail):
    said = read(f'date,cost{tail}\n2026-11-02,"7,50"\n{line}\n2026-11-03,8,\n')
    assert amounts(said) == [Decimal("7.50"), 8]
    ((number, why),) = refusals(said)
    assert (number, "more cells than headings" in why) == (3, True)
    rates, (problem,) = read_rates(b"day,currency,rate\n2026-11-01,USD,90,5\n2026-11-02,USD,91\n")
    assert ([each.rate for each in rates], problem.line) == ([91], 2)


@pytest.mark.parametrize(
    "after",
    ["", "2026-11-03,7,c\n" * 20, '2026-11-03,7,"c"\n', '2026-11-03,7,"unclosed too\n'],
)
def test_a_quotation_mark_that_is_never_closed_swallows_no_line(after):
    said = read(
        f'date,cost,campaign\n2026-10-31,4,a\n2026-11-01,5,"unclosed\n2026-11-02,6,b\n{after}'
    )
    assert (list(said.rows), said.covered) == ([], None)
    ((number, why),) = refusals(said)
    assert (number, "never closed" in why) == (3, True)


def test_a_cell_of_several_lines_is_read_and_pointed_out():
    said = read(
        'date,cost,campaign\n2026-11-01,5,"Brakes, ""new""\nand oil, too"\n2026-11-02,6,17" wheels\n'
    )
    assert [(row.campaign, row.amount) for row in said.rows] == [
        ('Brakes, "new" and oil, too', 5),
        ('17" wheels', 6),
    ]
    assert [(line, "several lines" in why) for line, why in notes(said)] == [(2, True)]


def test_days_to_come_and_of_another_century_are_mistyped():
    lines = "date;cost\n2026-11-21;1\n2026-11-22;2\n2099-01-01;3\n1999-12-31;4\n"
    said = read(lines, until=NOV[20])
    assert amounts(said) == [1]
    assert said.covered == (NOV[20], NOV[20])
    assert refusals(said) == [
        (3, "2026-11-22 is still to come."),
        (4, "2099-01-01 is still to come."),
        (5, "1999-12-31 is not a day of this century."),
    ]
    assert refusals(read(VK, until=NOV[0])) == [(1, "2026-11-02 is still to come.")]


def test_what_is_refused_is_told_before_what_is_only_pointed_out():
    said = read("date;cost\n" + "2026-11-01;-1\n" * 1500 + "2026-11-02;x\n")
    assert (said.problems[0].line, said.problems[0].refused) == (1502, True)
    assert len(said.problems) == 1000


@pytest.mark.parametrize("nothing", ["--", "—", "n/a", "N/A", "Нет данных"])
def test_nothing_is_nothing_however_it_is_written(nothing):
    said = read(f"date;campaign;cost\n2026-11-01;{nothing};5\n{nothing};a;6\n")
    assert [(row.level, row.campaign) for row in said.rows] == [("account", "")]
    assert refusals(said) == [(3, "There is no day in this line.")]


def test_a_range_is_a_column_for_each_of_its_ends():
    (row,) = read("с;по;расход, руб.\n01.11.2026;03.11.2026;100\n").rows
    assert row.currency == "RUB"
    assert [each.amount for each in spread(row)] == [
        Decimal("33.33"),
        Decimal("33.33"),
        Decimal("33.34"),
    ]


def test_currencies_and_vat_may_differ_from_line_to_line():
    said = read(
        "date,cost,currency,vat\n2026-11-01,5,EUR,yes\n2026-11-01,6,,нет\n2026-11-01,7,ZZZ,\n"
    )
    assert [(row.currency, row.vat_included) for row in said.rows] == [("EUR", True), ("", False)]
    assert refusals(said) == [(4, "“ZZZ” is not a currency.")]


def test_objects_are_told_apart_by_all_that_names_them():
    day = {"first_day": NOV[0], "last_day": NOV[0], "amount": Decimal(1)}
    by_number = SpendRow(**day, level="campaign", object_id="77", object_name="A", campaign_id="77")
    assert object_of(by_number) == "77"
    words = {object_of(SpendRow(**day, campaign="A", term=each)) for each in ("x", "y", "")}
    assert len(words) == 3
    assert len(object_of(SpendRow(**day, campaign="Ы" * 255, term="я" * 255))) == 40


@given(st.binary(max_size=3000), st.sampled_from(FORMATS))
def test_no_bytes_are_too_strange(data, format_):
    read_spend(data, format_=format_)
    read_rates(data)


CELL = st.one_of(
    st.sampled_from(["date", "cost", "2026-11-01", "31.02.2026", "1 234,56", "--", "=1", "Total:"]),
    st.text(max_size=12),
    st.decimals().map(str),
    st.dates().map(str),
)


@given(
    st.lists(st.lists(CELL, max_size=6), max_size=8),
    st.sampled_from(";,\t"),
    st.sampled_from(
        ["date;cost", "Date\tCampaignId\tCost", "Day,Impr.,Cost", "Amount spent (RUB),day"]
    ),
    st.sampled_from(["utf-8", "utf-16"]),
)
def test_no_table_is_too_strange_and_what_is_read_is_sound(rows, separator, head, encoding):
    text = "\n".join([head, *(separator.join(row) for row in rows)])
    said = read_spend(text.encode(encoding, errors="ignore"))
    for row in said.rows:
        assert row.first_day <= row.last_day
        assert row.amount.is_finite()
        assert sum(each.amount for each in spread(row)) == row.amount
        assert "\0" not in row.campaign
        assert len(object_of(row)) <= 200
