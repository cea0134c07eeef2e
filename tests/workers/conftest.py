"""The command line in the test's own process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.command_line import Allo, Said
from workers.cli import main


@pytest.fixture
def allo(
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Allo]:
    """allo("user", "list") → what it said; on the test's database and data directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALLO_DATABASE_URL", database_url)
    monkeypatch.setenv("ALLO_DATA_DIR", str(tmp_path / "var"))
    for name in ("ALLO_BROKER_URL", "ALLO_SECRET_KEY", "ALLO_PUBLIC_URL", "ALLO_LANGUAGE"):
        monkeypatch.delenv(name, raising=False)

    def run(*args: str) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(args)
        out, err = capsys.readouterr()
        return Said(int(ended.value.code or 0), out, err)

    yield run
    structlog.reset_defaults()
