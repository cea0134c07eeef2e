"""The README, the docs and the Makefile say what is there."""

import re
import subprocess
from pathlib import Path

import click
import pytest

from workers.cli import allo
from workers.settings import Settings, describe

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "deploy").glob("*.md")),
]


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))


def _command(words: list[str]) -> click.Command | None:
    """The command these words name, or None when there is none."""
    command: click.Command = allo
    for word in words:
        if not isinstance(command, click.Group):
            return command
        found = command.get_command(click.Context(command), word)
        if found is None:
            return None
        command = found
    return command


def _written_commands(text: str) -> set[str]:
    """What follows `allo ` in lines of code and in backticks, as far as it is plain words."""
    code = re.findall(r"`([^`\n]+)`", text) + re.findall(r"^ {4}(.+)$", text, re.MULTILINE)
    return {
        " ".join(words.split())
        for line in code
        for words in re.findall(r"(?:^|bin/)allo((?: [a-z]+(?:-[a-z]+)*)+)", line)
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_written_about_is_there(page: Path) -> None:
    for written in _written_commands(page.read_text()):
        words = written.split()
        command = _command(words[:1])
        assert command is not None, written
        if isinstance(command, click.Group) and len(words) > 1:
            assert _command(words[:2]) is not None, written


def test_the_readme_s_commands_are_found_at_all() -> None:
    assert {"user add", "doctor", "backup"} <= {
        " ".join(written.split()[:2]) for written in _written_commands(PAGES[0].read_text())
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_that_is_written_about_is_there(page: Path) -> None:
    for line in re.findall(
        r"(?:^ {4}|`)(?:\.venv/bin/)?allo ([^`\n]+)", page.read_text(), re.MULTILINE
    ):
        words = re.match(r"[a-z ]+", line)
        command = _command(words[0].split()[:2]) if words else None
        if command is None or isinstance(command, click.Group):
            continue
        known = {each for option in command.params for each in option.opts} | {"--help"}
        assert set(re.findall(r"--[a-z-]+", line)) <= known, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_is_written_about_is_there(page: Path) -> None:
    assert (
        set(re.findall(r"(?:^ {4}|`)make ([a-z]+)", page.read_text(), re.MULTILINE)) <= _targets()
    )


def test_make_help_lists_every_target() -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(re.findall(r"^  make ([a-z]+)  +\S", said.stdout, re.MULTILINE)) == _targets()
    assert {"run", "demo", "test", "check", "services", "bench", "help"} <= _targets()


def test_make_alone_is_help() -> None:
    alone = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "make run" in alone.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_is_written_about_is_there(page: Path) -> None:
    named = re.findall(
        r"`((?:connectors|router|storage|workers|inbox|deploy|docs|\.ci)/[\w./-]*)`",
        page.read_text(),
    )
    for path in named:
        assert (ROOT / path).exists(), path


def test_every_setting_is_in_the_docs_as_it_is_in_the_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = re.findall(
        r"^\| `(ALLO_\w+)` \| (?:`(.*)`)? \| (.+) \|$",
        (ROOT / "docs/settings.md").read_text(),
        re.MULTILINE,
    )
    defaults = Settings.model_construct()
    assert rows == [(each.variable, each.default, each.meaning) for each in describe(defaults)]


def test_nothing_else_is_called_a_setting() -> None:
    known = {f"ALLO_{name.upper()}" for name in Settings.model_fields}
    known |= {f"{each}_FILE" for each in known}
    deploy = [each for each in (ROOT / "deploy").iterdir() if each.is_file()]
    for page in [*PAGES, *deploy]:
        written = set(re.findall(r"\bALLO_[A-Z_]+[A-Z]\b", page.read_text()))
        assert written <= known | {"ALLO_REQUIRE_SERVICES"}, page.name


def test_the_locks_name_every_dependency_and_no_host() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    wanted = re.search(r"^dependencies = \[(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    assert wanted is not None
    names = {
        re.split(r"[\[<>=]", each)[0].lower()
        for each in re.findall(r'^  "(.+?)"', wanted[1], re.MULTILINE)
    }
    locks = {
        each: (ROOT / each).read_text() for each in ("requirements.lock", "requirements-dev.lock")
    }
    for name, lock in locks.items():
        locked = dict(re.findall(r"^([\w.-]+)==(\S+)", lock, re.MULTILINE))
        assert names <= locked.keys(), name
        assert "://" not in lock
        assert "--index" not in lock
    runtime = dict(re.findall(r"^([\w.-]+)==(\S+)", locks["requirements.lock"], re.MULTILINE))
    checked = dict(re.findall(r"^([\w.-]+)==(\S+)", locks["requirements-dev.lock"], re.MULTILINE))
    assert runtime.items() <= checked.items(), "what is tested is what runs"
