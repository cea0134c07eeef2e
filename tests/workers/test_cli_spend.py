"""`allo spend …`: what advertising cost, out of files."""

from pathlib import Path

import pytest

from tests.bad_spend_files import BAD
from tests.command_line import Allo, is_one_line

FILE = "date;campaign;cost\n01.11.2026;Тормоза;100,50\n02.11.2026;Тормоза;много\n03.11.2026;Тормоза;200\n"


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "spend.csv"
    path.write_text(FILE, encoding="cp1251")
    return str(path)


def test_a_file_is_tried_then_imported_then_recognised(allo: Allo, file: str) -> None:
    new = (
        "--account",
        "Листовки",
        "--source",
        "leaflet",
        "--medium",
        "offline",
        "--currency",
        "RUB",
    )
    tried = allo("spend", "import", file, *new, "--dry-run", "--json")
    assert tried.status == 0, tried.err
    assert tried.json["written"] == 2
    assert tried.json["totals"] == {"RUB": "300.50"}
    assert tried.json["problems"] == [
        {"line": 3, "reason": "“много” is not an amount.", "refused": True}
    ]
    assert allo("spend", "accounts", "--json").json == {"items": []}

    kept_out = allo("spend", "import", file, *new)
    assert (kept_out.status, is_one_line(kept_out.err)) == (1, True)
    assert "line 3: “много” is not an amount." in kept_out.err
    assert "--skip-bad-lines" in kept_out.err
    assert allo("spend", "accounts", "--json").json == {"items": []}
    done = allo("spend", "import", file, *new, "--skip-bad-lines")
    assert done.status == 0, done.err
    assert "2 rows written, 300.50 RUB" in done.out
    assert "line 3: “много” is not an amount." in done.err
    # The only account there is needs no name.
    again = allo("spend", "import", file, "--skip-bad-lines", "--json")
    assert again.json["unchanged"] is True
    (account,) = allo("spend", "accounts", "--json").json["items"]
    assert (account["name"], account["source"], account["medium"]) == (
        "Листовки",
        "leaflet",
        "offline",
    )


def test_of_bad_files_every_line_is_named_and_the_rest_is_written_when_asked(
    allo: Allo, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.csv"
    for _, content, problems, written in BAD:
        bad.write_bytes(content)
        new = ("--account", "A", "--source", "a", "--currency", "RUB", "--json")
        if any(refused for *_, refused in problems):
            kept_out = allo("spend", "import", str(bad), *new)
            assert kept_out.status == 1
            for line, reason, _ in problems:
                assert f"line {line}: {reason}" in kept_out.err
        done = allo("spend", "import", str(bad), *new, "--skip-bad-lines").json
        assert done["written"] == len(written)
        assert [
            (each["line"], each["reason"], each["refused"]) for each in done["problems"]
        ] == problems


def test_what_cannot_be_imported_is_one_line_and_status_1(
    allo: Allo, file: str, tmp_path: Path
) -> None:
    for args, why in (
        ((file, "--skip-bad-lines"), "no advertising account yet"),
        ((file, "--skip-bad-lines", "--account", "Nobody"), "with its source"),
    ):
        said = allo("spend", "import", *args)
        assert (said.status, is_one_line(said.err)) == (1, True), said.err
        assert why in said.err
    empty = tmp_path / "empty.csv"
    empty.touch()
    said = allo("spend", "import", str(empty))
    assert said.status == 1
    assert "The file is empty." in said.err
    empty.write_text("date;cost\n2099-01-01;1\n2026-11-01;x\n")
    said = allo("spend", "import", str(empty), "--skip-bad-lines")
    assert (said.status, is_one_line(said.err)) == (1, True)
    assert "line 2: 2099-01-01 is still to come." in said.err
    assert "line 3: “x” is not an amount." in said.err


@pytest.mark.parametrize(
    "args",
    [
        ("import",),
        ("import", "/nowhere.csv"),
        ("import", __file__, "--format", "xls"),
        ("import", __file__, "--currency", "ZZ"),
    ],
)
def test_wrong_usage_is_status_2(allo: Allo, args: tuple[str, ...]) -> None:
    assert allo("spend", *args).status == 2


def test_rates_come_from_a_file_and_count_what_waited(allo: Allo, tmp_path: Path) -> None:
    spent = tmp_path / "usd.csv"
    spent.write_text("date;cost\n2026-11-03;10\n")
    new = ("--account", "A", "--source", "a", "--currency", "USD", "--json")
    assert allo("spend", "import", str(spent), *new, "--dry-run").json["uncounted"] == 1
    assert allo("spend", "import", str(spent), *new).json["uncounted"] == 1
    rates = tmp_path / "rates.csv"
    rates.write_text(
        "дата;валюта;курс\n01.11.2026;USD;90,5\n02.11.2026;USD;много\n01.11.2026;RUB;1\n"
    )
    said = allo("spend", "rates", str(rates))
    assert (said.status, said.out) == (0, "1 rates written, 1 lines not read.\n")
    assert "line 3: “много” is not an amount." in said.err
    again = spent.with_name("again.csv")
    again.write_text("date;cost\n2026-11-03;11\n")
    assert allo("spend", "import", str(again), "--json").json["uncounted"] == 0
    assert allo("spend", "rates", str(spent)).status == 1
