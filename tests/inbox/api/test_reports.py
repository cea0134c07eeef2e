"""The reports in the API: the same figures as on the page, for programs."""

import pytest

from tests.builders import START
from tests.inbox.api.client import ApiClient
from tests.inbox.report_shop import a_week_of_sales

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
    nowhere = (await api("GET", "/reports/sources", params={**WEEK, "campaign": "—"})).body
    assert nowhere["total"]["values"]["leads"] == 1


@pytest.mark.parametrize(
    "wrong", [{"by": "moon"}, {"from": "yesterday"}, {"model": "best"}, {"manager": "Anna"}]
)
async def test_what_a_report_does_not_know_is_said(api: ApiClient, wrong: dict[str, str]) -> None:
    assert (await api("GET", "/reports/sources", params=wrong)).status == 400


@pytest.mark.parametrize("name", ["sources", "summary", "funnel", "managers", "calls"])
async def test_every_report_answers_when_there_is_nothing(api: ApiClient, name: str) -> None:
    report = (await api("GET", f"/reports/{name}", params=WEEK)).body
    assert report["report"] == name
    assert report["columns"]
