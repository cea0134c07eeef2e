"""`allo report`: for people a table, for programs CSV, JSON and XLSX."""

import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.engine import open_engine
from tests.command_line import Allo
from tests.conftest import NOON
from tests.inbox.report_shop import a_week_of_sales

InDatabase = Callable[[Callable[[AsyncConnection], Awaitable[object]]], object]
WEEK = ("--from", "2026-11-15", "--to", "2026-11-21")


@pytest.fixture
async def sold(database_url: str) -> None:
    engine = open_engine(database_url, pool_size=1)
    try:
        await a_week_of_sales(engine, now=NOON)
    finally:
        await engine.dispose()


def test_a_report_is_a_table_a_file_and_json(sold: None, allo: Allo, tmp_path: Path) -> None:
    said = allo("report", "sources", *WEEK)
    assert said.status == 0, said.err
    assert "Яндекс Директ" in said.out
    assert "Model: Last touch" in said.err

    told = allo("report", "sources", *WEEK, "--format", "json", "--by", "campaign").json
    rows = {row["key"]: row["values"] for row in told["rows"]}  # type: ignore[attr-defined]  # a list
    assert rows["brakes"]["revenue"] == 3_000_000

    file = tmp_path / "report.xlsx"
    assert allo("report", "sources", *WEEK, "--format", "xlsx", "--output", str(file)).status == 0
    page = openpyxl.load_workbook(io.BytesIO(file.read_bytes())).worksheets[0]
    assert {row[0].value for row in page.iter_rows()} >= {"Яндекс Директ", "Total"}

    sheet = tmp_path / "report.csv"
    allo("report", "sources", *WEEK, "--format", "csv", "--language", "ru", "--output", str(sheet))
    assert sheet.read_bytes().startswith("\ufeffИсточник;".encode())


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(["moon"], id="no such report"),
        pytest.param(["sources", "--by", "moon"], id="no such grouping"),
        pytest.param(["sources", "--from", "yesterday"], id="no day"),
        pytest.param(["calls", "--only", "source=x"], id="not narrowed by that"),
        pytest.param(["sources", "--from", "0001-01-01"], id="no day of a business"),
        pytest.param(["sources", "--only", "manager="], id="narrowed to nothing"),
    ],
)
def test_a_wrong_question_is_wrong_usage(allo: Allo, args: list[str]) -> None:
    assert allo("report", *args).status == 2


@pytest.mark.parametrize(
    ("args", "said"),
    [
        pytest.param(["sources", "--only", "manager=abc"], "manager=abc", id="nobody"),
        pytest.param(["funnel", "--model", "first"], "model=first", id="a model of another report"),
        pytest.param(["calls", "--only", "hour=25"], "hour=25", id="no hour"),
        pytest.param(
            ["summary", "--only", "without=campaign"], "without=campaign", id="not without"
        ),
        pytest.param(["sources", "--only", "source=nonexist"], "Яндекс Директ", id="no source"),
        pytest.param(["sources", "--only", "channel=fax"], "telegram", id="no channel"),
    ],
)
def test_what_is_not_understood_is_refused_and_named(
    sold: None, allo: Allo, args: list[str], said: str
) -> None:
    refused = allo("report", *args)
    assert refused.status == 2
    assert not refused.out
    assert said in refused.err


def test_a_source_is_narrowed_to_by_its_name_or_its_key(sold: None, allo: Allo) -> None:
    def told(*args: str) -> Any:
        answer = allo("report", "sources", *WEEK, "--format", "json", *args)
        assert answer.status == 0, answer.err
        return answer.json

    keys = {row["name"]: row["key"] for row in told()["rows"]}
    for called, leads in (
        ("source=Яндекс Директ", 3),
        (f"source={keys['Яндекс Директ']}", 3),
        (f"source={keys['Unknown']}", 1),
        ("without=campaign", 1),
    ):
        assert told("--only", called)["total"]["values"]["leads"] == leads, called


def test_by_event_date_what_is_open_has_a_dash(sold: None, allo: Allo) -> None:
    told = allo("report", "sources", *WEEK, "--format", "json", "--basis", "event").json
    assert told["total"]["values"]["open"] is None  # type: ignore[index]  # a dict
