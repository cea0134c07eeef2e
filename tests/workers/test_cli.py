"""The command line as people and programs use it: against a database of its own, and in a process of its own."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.api_tokens import Token, find_token
from storage.dead_letters import NewLetter, keep_letter
from storage.embedded import embedded_server
from storage.engine import open_engine
from tests.command_line import NOWHERE, Allo, is_one_line, run_allo
from tests.conftest import NOON
from workers.cli import COMMANDS, main
from workers.topology import INBOUND

InDatabase = Callable[[Callable[[AsyncConnection], Awaitable[object]]], object]


@pytest.fixture
def in_database(database_url: str) -> InDatabase:
    """Runs a story on a connection to the test's database."""

    async def whole(story: Callable[[AsyncConnection], Awaitable[object]]) -> object:
        engine = open_engine(database_url, pool_size=1)
        try:
            async with engine.begin() as connection:
                return await story(connection)
        finally:
            await engine.dispose()

    return lambda story: asyncio.run(whole(story))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"Usage: allo {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(["nonsense"], id="no such command"),
        pytest.param(["serve", "--nonsense"], id="no such option"),
        pytest.param(["channel", "add", "telegram"], id="an argument is missing"),
        pytest.param(["user", "add", "a@example.com", "--role", "king"], id="no such role"),
        pytest.param(["token", "create", "--name", "x"], id="an option is missing"),
        pytest.param(["dead", "replay"], id="neither letters nor all"),
        pytest.param(["dead", "show", "seven"], id="not an id"),
        pytest.param(["channel", "add", "telegram", "x", "--set", "token"], id="no value"),
    ],
)
def test_wrong_usage_is_status_2(args: list[str], allo: Allo) -> None:
    said = allo(*args)
    assert (said.status, said.out) == (2, "")
    assert "Error: " in said.err


def test_a_wrong_setting_is_one_line_and_status_1(
    allo: Allo, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert allo("config").status == 0
    monkeypatch.setenv("ALLO_HTTP", "here")
    said = allo("config")
    assert (said.status, said.out) == (1, "")
    assert is_one_line(said.err)
    assert "ALLO_HTTP" in said.err


def test_a_database_that_is_not_there_is_one_line_and_status_1(
    allo: Allo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLO_DATABASE_URL", "postgresql://postgres@127.0.0.1:9/allo")
    said = allo("user", "list")
    assert said.status == 1
    assert is_one_line(said.err)
    assert "ALLO_DATABASE_URL" in said.err


def test_config_shows_every_setting_and_no_secret(
    allo: Allo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLO_BROKER_URL", "amqp://guest:hunter2@127.0.0.1/")
    said = allo("config")
    assert re.search(r"ALLO_LANGUAGE +ru +default +Language", said.out)
    assert re.search(r"ALLO_BROKER_URL +amqp://guest:\*\*\*@127.0.0.1/ +environment", said.out)
    assert "hunter2" not in said.out + allo("config", "--json").out


def test_a_role_alone_needs_a_database_that_others_reach(
    allo: Allo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALLO_DATABASE_URL")
    said = allo("serve", "--role", "router")
    assert said.status == 2
    assert "ALLO_DATABASE_URL" in said.err


def test_migrate_says_that_there_was_nothing_to_do(allo: Allo) -> None:
    assert "up to date" in allo("migrate").out


# Colleagues and tokens


def test_the_first_command_on_a_new_installation_tells_the_administrator_once(allo: Allo) -> None:
    first, second = allo("user", "list", "--json"), allo("user", "list", "--json")
    assert "one-time password" in first.err
    assert not second.err
    assert json.loads(first.out) == json.loads(second.out)


def test_a_colleague_is_added_listed_and_disabled(
    allo: Allo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("correct horse battery\n")
    with (tmp_path / "password").open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        said = allo(
            "user", "add", "anna@example.com", "--role", "manager", "--name", "Анна", "--password-stdin"
        )  # fmt: skip
    assert said.status == 0
    assert "horse" not in said.out + said.err
    assert re.search(r"anna@example.com +Анна +manager +all +here", allo("user", "list").out)
    assert allo("user", "change", "anna@example.com", "--sees", "own").status == 0
    assert re.search(r"anna@example.com +Анна +manager +own +here", allo("user", "list").out)
    assert allo("user", "disable", "anna@example.com").status == 0
    assert re.search(r"anna@example.com .*disabled", allo("user", "list").out)
    assert allo("user", "enable", "anna@example.com").status == 0


def test_without_a_password_a_one_time_one_is_shown(allo: Allo) -> None:
    said = allo("user", "add", "anna@example.com", "--role", "lead", "--json")
    assert len(str(said.json["password"])) >= 12


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["add", "admin@localhost", "--role", "lead"], "already"),
        (["add", "nobody", "--role", "lead"], "not an email address"),
        (["disable", "nobody@example.com"], "no colleague"),
        (["disable", "admin@localhost"], "only administrator"),
    ],
)
def test_what_cannot_be_done_to_a_colleague_isis_one_line(
    allo: Allo, args: list[str], why: str
) -> None:
    allo("user", "list")
    said = allo("user", *args)
    assert said.status == 1
    assert is_one_line(said.err)
    assert why in said.err


def test_a_short_password_is_refused(
    allo: Allo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("short\n")
    with (tmp_path / "password").open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        said = allo("user", "add", "anna@example.com", "--role", "lead", "--password-stdin")
    assert said.status == 1
    assert "at least" in said.err


def test_a_token_is_shown_once_and_works(allo: Allo, in_database: InDatabase) -> None:
    said = allo("token", "create", "--name", "acceptance", "--scope", "write", "--json")
    token = str(said.json["token"])
    found = in_database(lambda connection: find_token(connection, token, now=NOON))
    assert isinstance(found, Token)
    assert found.scopes == {"read", "write"}


# Channels


def test_a_channel_is_saved_also_when_its_platform_cannot_be_reached(allo: Allo) -> None:
    said = allo(
        "channel", "add", "telegram", "shop", "--set", "token=123456:TEST", "--set", f"api_base={NOWHERE}"
    )  # fmt: skip
    assert said.status == 0
    assert "Saved: shop" in said.out
    assert "does not work yet" in said.out
    check = allo("channel", "check", "shop")
    assert check.status == 1
    assert is_one_line(check.err)


def test_a_channel_s_secrets_are_never_shown(allo: Allo) -> None:
    allo("channel", "add", "telegram", "shop", "--set", "token=1:T0PSECRET", "--set", f"api_base={NOWHERE}")  # fmt: skip
    shown = allo("channel", "show", "shop").out + allo("channel", "show", "shop", "--json").out
    assert NOWHERE in shown
    assert "T0PSECRET" not in shown + allo("channel", "list", "--json").out


def test_a_secret_may_come_from_a_file(allo: Allo, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("123456:TEST\n")
    said = allo(
        "channel", "add", "telegram", "shop",
        "--set-from", f"token={tmp_path / 'token'}", "--set", f"api_base={NOWHERE}",
    )  # fmt: skip
    assert said.status == 0


def test_a_channel_is_paused_resumed_changed_and_removed(allo: Allo) -> None:
    allo("channel", "add", "telegram", "shop", "--set", "token=1:T", "--set", f"api_base={NOWHERE}")

    def state() -> object:
        return allo("channel", "show", "shop", "--json").json["state"]

    assert state() == "active"
    assert allo("channel", "pause", "shop").status == 0
    assert state() == "paused"
    assert allo("channel", "resume", "shop").status == 0
    assert state() == "active"
    assert (
        allo("channel", "set", "shop", "--set", "language=en", "--set", "mode=webhook").status == 0
    )
    changed = allo("channel", "show", "shop", "--json").json
    assert changed["language"] == "en"
    assert changed["fields"] == {
        "token": "***",
        "webhook_secret": "***",  # thought of when it was added
        "api_base": NOWHERE,
        "mode": "webhook",
    }
    assert allo("channel", "remove", "shop").status == 0
    assert allo("channel", "show", "shop").status == 1


@pytest.mark.parametrize(
    ("args", "why"),
    [
        pytest.param(["telegramm", "x"], "no channel of the kind", id="kind"),
        pytest.param(["telegram", "x"], "needs token", id="required"),
        pytest.param(["telegram", "x", "--set", "tokn=1"], "has no tokn", id="misspelt"),
        pytest.param(["telegram", "x", "--set", "token=1", "--set", "mode=x"], "mode is one of", id="choice"),
        pytest.param(["telegram", "x", "--set", "token=1", "--set", "region=Russia"], "two letters", id="region"),
        pytest.param(["telegram", "x", "--set", "token=1", "--set", "lead_policy=often"], "after:DAYS", id="policy"),
        pytest.param(["telegram", "x", "--set", "token=1", "--set", "team=Night"], "no team Night", id="team"),
        pytest.param(["telegram", "Shop!", "--set", "token=1"], "cannot be an account's name", id="slug"),
        pytest.param(["site_chat", "site"], "already", id="taken"),
    ],
)  # fmt: skip
def test_a_channel_that_cannot_be_is_refused_in_one_line_and_not_saved(
    allo: Allo, args: list[str], why: str
) -> None:
    before = allo("channel", "list", "--json").json
    said = allo("channel", "add", *args)
    assert said.status == 1
    assert is_one_line(said.err)
    assert why in said.err
    assert allo("channel", "list", "--json").json == before


# Dead letters


def _bury(in_database: InDatabase, *, queue: str = INBOUND[0]) -> str:
    new = NewLetter(stage="route", queue=queue, body=b'{"text": "x"}', reason="no such thing")
    return str(in_database(lambda connection: keep_letter(connection, new, now=NOON)))


def _queued(in_database: InDatabase) -> list[str]:
    async def story(connection: AsyncConnection) -> list[str]:
        found = await connection.execute(text("select queue from queue_message order by id"))
        return list(found.scalars())

    queues = in_database(story)
    assert isinstance(queues, list)
    return queues


def test_dead_letters_are_listed_shown_and_put_back(allo: Allo, in_database: InDatabase) -> None:
    letter = _bury(in_database)
    assert "no such thing" in allo("dead", "list").out
    assert '{"text": "x"}' in allo("dead", "show", letter).out
    assert allo("dead", "replay", letter).status == 0
    assert _queued(in_database) == [INBOUND[0]]
    again = allo("dead", "replay", letter)
    assert again.status == 1
    assert is_one_line(again.err)
    assert len(_queued(in_database)) == 1


def test_all_dead_letters_are_put_back_but_those_that_came_from_no_queue(
    allo: Allo, in_database: InDatabase
) -> None:
    for _ in range(3):
        _bury(in_database)
    stray = _bury(in_database, queue="")
    assert allo("dead", "replay", "--all").out == "Put back: 3.\n"
    assert len(_queued(in_database)) == 3
    assert "nowhere to go back" in allo("dead", "replay", stray).err
    assert allo("dead", "drop", stray).status == 0
    assert allo("dead", "list").out == "There are no dead letters.\n"


# The doctor


def test_the_doctor_finds_a_healthy_installation_in_order(allo: Allo) -> None:
    allo("user", "list")
    said = allo("doctor", "--json")
    broken = [each for each in json.loads(said.out)["findings"] if each["level"] == "error"]
    # Whatever else runs on this machine may hold the default ports.
    assert [each for each in broken if each["about"] not in {"http", "smtp"}] == []


def test_the_doctor_names_what_is_broken_with_what_to_do(
    allo: Allo, monkeypatch: pytest.MonkeyPatch
) -> None:
    allo("channel", "add", "telegram", "shop", "--set", "token=1:T", "--set", f"api_base={NOWHERE}")
    monkeypatch.setenv("ALLO_SECRET_KEY", "another key than before, of 32 characters")
    monkeypatch.setenv("ALLO_BROKER_URL", "amqp://guest:guest@127.0.0.1:9/")
    monkeypatch.setenv("ALLO_PUBLIC_URL", "http://shop.example.com")
    monkeypatch.setenv("ALLO_DATABSE_URL", "misspelt")
    said = allo("doctor", "--quiet")
    assert said.status == 1
    for about in ("settings", "public address", "broker", "channel shop", "backup"):
        assert re.search(rf"^(warning|BROKEN) +{about}: .*\n +→ .+", said.out, re.MULTILINE), about


def test_the_doctor_reports_a_database_that_is_not_there(
    allo: Allo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLO_DATABASE_URL", "postgresql://postgres@127.0.0.1:9/allo")
    said = allo("doctor")
    assert said.status == 1
    assert re.search(r"^BROKEN +database: ", said.out, re.MULTILINE)


# In processes of their own


def test_version_does_not_wake_the_whole_of_allo() -> None:
    said = run_allo("version", "--json")
    assert json.loads(said.out)["allo"]
    listed = subprocess.run(
        [sys.executable, "-c", "import sys, workers.cli; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"sqlalchemy", "aiohttp", "asyncpg"} & set(listed.stdout.split())


async def test_commands_work_beside_a_running_database_and_without_one(tmp_path: Path) -> None:
    environment = {"ALLO_DATA_DIR": str(tmp_path)}
    alone = run_allo("token", "create", "--name", "a", "--scope", "read", "--json", **environment)
    assert alone.status == 0, alone.err
    assert json.loads(alone.out)["token"]
    async with embedded_server(tmp_path / "postgres"):
        beside = run_allo("user", "list", "--json", **environment)
    assert beside.status == 0, beside.err
    assert [each["email"] for each in json.loads(beside.out)["items"]] == ["admin@localhost"]
