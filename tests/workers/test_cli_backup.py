"""A backup brings everything back, or nothing: the database, the files, the secret key."""

import asyncio
import io
import json
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from tests.command_line import NOWHERE, Allo, Said, is_one_line, run_allo

FILE_NAME = "ab" * 32


def _embedded(data: Path, *args: str) -> Said:
    return run_allo(*args, ALLO_DATA_DIR=str(data))


@pytest.fixture(scope="module")
def backed_up(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An installation with a channel and a file, and its backup."""
    folder = tmp_path_factory.mktemp("backed-up")
    data, file = folder / "var", folder / "backup.tar"
    added = _embedded(
        data, "channel", "add", "telegram", "shop", "--set", "token=1:T0PSECRET", "--set", f"api_base={NOWHERE}"
    )  # fmt: skip
    assert added.status == 0, added.err
    media = data / "media" / "ab" / "ab" / FILE_NAME
    media.parent.mkdir(parents=True)
    media.write_bytes(b"a customer's photograph")
    said = _embedded(data, "backup", str(file))
    assert said.status == 0, said.err
    return data, file


def test_a_backup_is_for_its_owner_s_eyes_and_leaves_nothing_behind(
    backed_up: tuple[Path, Path],
) -> None:
    _, file = backed_up
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(each.name for each in file.parent.iterdir()) == ["backup.tar", "var"]
    # Promise of the format: what it is can be read first, and the credentials lie in it sealed.
    with tarfile.open(file) as tar:
        assert [each.name for each in tar][:3] == ["manifest.json", "secret_key", "database.dump"]
    assert b"T0PSECRET" not in file.read_bytes()


def test_a_backup_restored_elsewhere_is_the_same_installation(
    backed_up: tuple[Path, Path], tmp_path: Path
) -> None:
    data, file = backed_up
    there = tmp_path / "var"
    said = _embedded(there, "restore", str(file))
    assert said.status == 0, said.err
    assert (there / "media" / "ab" / "ab" / FILE_NAME).read_bytes() == b"a customer's photograph"
    assert (there / "secret_key").read_text() == (data / "secret_key").read_text()
    before = json.loads(_embedded(data, "channel", "list", "--json").out)
    after = _embedded(there, "channel", "list", "--json")
    assert json.loads(after.out) == before
    assert not after.err, "the credentials open, and the installation is not founded anew"
    assert [each["slug"] for each in before["items"]] == ["mail", "shop", "site"]


def test_restoring_over_something_needs_force(backed_up: tuple[Path, Path], allo: Allo) -> None:
    _, file = backed_up
    assert allo("user", "add", "anna@example.com", "--role", "lead").status == 0
    refused = allo("restore", str(file))
    assert refused.status == 1
    assert is_one_line(refused.err)
    assert "--force" in refused.err
    assert "anna@example.com" in allo("user", "list").out
    forced = allo("restore", "--force", str(file))
    assert forced.status == 0, forced.err
    assert "anna@example.com" not in allo("user", "list").out
    assert "shop" in allo("channel", "list").out


async def test_restoring_under_a_running_allo_is_refused(
    backed_up: tuple[Path, Path], allo: Allo, database_url: str
) -> None:
    _, file = backed_up
    other = await asyncpg.connect(database_url, server_settings={"application_name": "allo serve"})
    refused = await asyncio.to_thread(allo, "restore", "--force", str(file))
    await other.close()
    assert refused.status == 1
    assert "allo serve" in refused.err


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        pytest.param(lambda whole: whole[: len(whole) // 2], "not a whole one", id="cut off"),
        pytest.param(lambda whole: b"nonsense" * 1000, "no tar file", id="something else"),
        pytest.param(lambda whole: b"", "no tar file", id="empty"),
    ],
)
def test_a_spoilt_backup_changes_nothing(
    backed_up: tuple[Path, Path],
    allo: Allo,
    tmp_path: Path,
    spoil: Callable[[bytes], bytes],
    why: str,
) -> None:
    _, file = backed_up
    before = allo("user", "add", "anna@example.com", "--role", "lead")
    assert before.status == 0
    (tmp_path / "spoilt.tar").write_bytes(spoil(file.read_bytes()))
    said = allo("restore", "--force", str(tmp_path / "spoilt.tar"))
    assert said.status == 1
    assert is_one_line(said.err)
    assert why in said.err
    assert "anna@example.com" in allo("user", "list").out


def test_a_backup_that_reaches_out_of_the_folder_is_refused(
    backed_up: tuple[Path, Path], allo: Allo, tmp_path: Path
) -> None:
    _, file = backed_up
    with tarfile.open(file) as good, tarfile.open(tmp_path / "evil.tar", "w") as evil:
        for member in good:
            if member.name.startswith("media/"):
                member.name = "media/../../evil"
            evil.addfile(member, good.extractfile(member) or io.BytesIO())
    said = allo("restore", "--force", str(tmp_path / "evil.tar"))
    assert said.status == 1
    assert "evil" in said.err
    assert not (tmp_path / "evil").exists()


def test_another_key_than_the_backup_s_is_refused_before_anything_is_touched(
    backed_up: tuple[Path, Path], tmp_path: Path
) -> None:
    _, file = backed_up
    there = tmp_path / "var"
    said = run_allo("restore", str(file), ALLO_DATA_DIR=str(there), ALLO_SECRET_KEY="x" * 40)
    assert said.status == 1
    assert is_one_line(said.err)
    assert "ALLO_SECRET_KEY" in said.err
    assert not there.exists()


def test_an_own_server_s_backup_suits_the_embedded_one(allo: Allo, tmp_path: Path) -> None:
    allo("channel", "add", "telegram", "shop", "--set", "token=1:T", "--set", f"api_base={NOWHERE}")
    file = tmp_path / "own.tar"
    assert allo("backup", str(file)).status == 0
    back = _embedded(tmp_path / "embedded", "restore", str(file))
    assert back.status == 0, back.err
    assert "shop" in _embedded(tmp_path / "embedded", "channel", "list").out
