"""`allo report`: for people a table, for programs CSV, JSON and XLSX."""

import io
from collections.abc import Awaitable, Callable
from pathlib import Path

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
    ],
)
def test_a_wrong_question_is_wrong_usage(allo: Allo, args: list[str]) -> None:
    assert allo("report", *args).status == 2
