"""The reports in the API: the same figures as on the page, for programs."""

from datetime import timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import msgspec
import pytest
from sqlalchemy import text

from inbox.api.reports import ENDPOINTS
from inbox.reports.catalogue import REPORTS
from tests.builders import START
from tests.inbox.api.client import ApiClient
from tests.inbox.report_shop import a_week_of_sales, open_report_shop

WEEK = {"from": "2026-11-15", "to": "2026-11-21"}


async def test_sources_with_their_total_and_the_time_before(api: ApiClient) -> None:
    await a_week_of_sales(api.engine, now=START)

    report = (await api("GET", "/reports/sources", params=WEEK)).body

    rows = {row["name"]: row for row in report["rows"]}
    yandex = rows["Яндекс Директ"]
    assert yandex["values"]["leads"] == 3
    assert yandex["values"]["revenue"] == 3_000_000
    assert yandex["values"]["romi"] == 5
    assert yandex["previous"]["leads"] == 1
    assert rows["vk / cpc"]["key"] == "vk / cpc"
    assert report["currency"] == "RUB"
    assert (report["previous_from"], report["previous_to"]) == ("2026-11-08", "2026-11-14")
    for name in ("inquiries", "leads", "qualified", "won", "lost", "revenue", "spend"):
        assert sum(row["values"][name] for row in rows.values()) == report["total"]["values"][name]


async def test_a_key_narrows_and_a_model_shares(api: ApiClient) -> None:
    await a_week_of_sales(api.engine, now=START)
    asked = {**WEEK, "by": "campaign", "model": "linear", "source": "vk / cpc"}

    report = (await api("GET", "/reports/sources", params=asked)).body

    assert [(row["key"], row["values"]["leads"]) for row in report["rows"]] == [("=cmd", 0.5)]
    nowhere = (
        await api("GET", "/reports/sources", params={**WEEK, "without": "campaign,term"})
    ).body
    assert nowhere["total"]["values"]["leads"] == 1
    dash = (await api("GET", "/reports/sources", params={**WEEK, "campaign": "—"})).body
    assert dash["total"]["values"]["leads"] == 0


@pytest.mark.parametrize(
    "wrong", [{"by": "moon"}, {"from": "yesterday"}, {"model": "best"}, {"manager": "Anna"}]
)
async def test_what_a_report_does_not_know_is_said(api: ApiClient, wrong: dict[str, str]) -> None:
    assert (await api("GET", "/reports/sources", params=wrong)).status == 400


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("sources", {"foo": "1"}),
        ("sources", {"mdl": "first"}),
        ("funnel", {"model": "last"}),
        ("funnel", {"campaign": "brakes"}),
        ("summary", {"without": "campaign"}),
        ("calls", {"weekday": "7"}),
        ("sources", {"from": "0001-01-01"}),
        ("calls", {"to": "9999-12-31"}),
    ],
)
async def test_a_parameter_that_is_not_understood_is_named(
    api: ApiClient, path: str, wrong: dict[str, str]
) -> None:
    answer = await api("GET", f"/reports/{path}", params=wrong)
    assert answer.status == 400
    assert f"query.{next(iter(wrong))}" in answer.body["detail"]
    assert answer.body["errors"]


async def test_more_than_ten_years_are_said_to_be_cut(api: ApiClient) -> None:
    days = {"from": "2010-01-01", "to": "2026-11-21"}
    report = (await api("GET", "/reports/summary", params={**days, "by": "month"})).body
    assert report["from"] == "2016-11-13"
    assert "ten years" in report["notes"][0]


async def test_by_event_date_what_is_open_cannot_be_told(api: ApiClient) -> None:
    await a_week_of_sales(api.engine, now=START)
    by_event = (await api("GET", "/reports/sources", params={**WEEK, "basis": "event"})).body
    assert {row["values"]["open"] for row in by_event["rows"]} == {None}
    assert by_event["total"]["values"]["open"] is None
    formulas = {each["name"]: each["formula"] for each in by_event["columns"]}
    assert "÷ leads created in it" in formulas["conversion"]
    assert "÷ leads created in it" in formulas["qualified_share"]


def test_the_api_asks_all_that_a_report_understands() -> None:
    shapes = {each.path.removeprefix("/reports/"): each.query for each in ENDPOINTS}
    assert shapes.keys() == REPORTS.keys()
    for name, shape in shapes.items():
        spec = REPORTS[name][0]
        known = {each.encode_name: each.type for each in msgspec.structs.fields(shape)}
        assert set(spec.filters) <= known.keys(), name
        assert {"basis", "model"} & known.keys() == (
            {"basis", "model"} if spec.models and spec.bases else set()
        )
        if len(spec.groupings) > 1:
            assert get_args(known["by"]) == spec.groupings


async def test_phrases_and_hours_are_asked_for_as_on_the_page(api: ApiClient) -> None:
    await a_week_of_sales(api.engine, now=START)
    phrases = (await api("GET", "/reports/sources", params={**WEEK, "by": "source_term"})).body
    assert "Яндекс Директ" in {row["name"] for row in phrases["rows"]}
    async with api.engine.begin() as connection:
        account = (await connection.execute(text("select id from account"))).scalar_one()
        shop = await open_report_shop(connection, now=START, account=account)
        await shop.lead()
        await shop.call(hours_ago=30)
        await shop.reckon()
    at = (START - timedelta(hours=30)).astimezone(ZoneInfo("Europe/Moscow"))
    there = {"weekday": str(at.weekday()), "hour": str(at.hour)}
    for asked, calls in ((there, 1), ({**there, "hour": str((at.hour + 1) % 24)}, 0)):
        found = (await api("GET", "/reports/calls", params={**WEEK, **asked})).body
        assert found["total"]["values"]["incoming"] == calls


@pytest.mark.parametrize("name", ["sources", "summary", "funnel", "managers", "calls"])
async def test_every_report_answers_when_there_is_nothing(api: ApiClient, name: str) -> None:
    report = (await api("GET", f"/reports/{name}", params=WEEK)).body
    assert report["report"] == name
    assert report["columns"]
