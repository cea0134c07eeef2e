import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from workers.secret_key import kept_secret_key
from workers.settings import (
    ROLES,
    Settings,
    WrongSetting,
    describe,
    load_settings,
    parse_address,
    unknown_variables,
    without_password,
)


@pytest.fixture(autouse=True)
def _an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"ALLO_{name.upper()}", raising=False)


def test_without_any_setting_there_is_a_working_installation() -> None:
    settings = load_settings()
    assert settings.data_dir == Path("var")
    assert (settings.http, settings.smtp_listen) == ("127.0.0.1:8080", "127.0.0.1:8025")
    assert settings.embedded
    assert settings.roles == ROLES
    assert settings.base_url == "http://127.0.0.1:8080"
    assert settings.media_location.endswith("/var/media")


def test_the_environment_beats_the_file_and_the_file_beats_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("allo.env").write_text("ALLO_LOG=json\nALLO_LANGUAGE=en\n")
    monkeypatch.setenv("ALLO_LOG", "text")
    settings = load_settings()
    assert (settings.log, settings.language, settings.time_zone) == ("text", "en", "Europe/Moscow")
    origins = {each.name: each.origin for each in describe(settings)}
    assert origins["log"] == "environment"
    assert origins["language"] == "allo.env"
    assert origins["time_zone"] == "default"


def test_a_misspelt_name_in_the_file_is_refused() -> None:
    Path("allo.env").write_text("ALLO_DATABSE_URL=postgresql://localhost/allo\n")
    with pytest.raises(WrongSetting, match="ALLO_DATABSE_URL"):
        load_settings()


def test_a_misspelt_variable_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLO_DATABSE_URL", "postgresql://localhost/allo")
    assert unknown_variables() == ["ALLO_DATABSE_URL"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        pytest.param("HTTP", "8080", "HOST:PORT", id="no host"),
        pytest.param("HTTP", "127.0.0.1:99999", "HOST:PORT", id="no such port"),
        pytest.param(
            "DATABASE_URL", "mysql://localhost/allo", "postgresql://", id="other database"
        ),
        pytest.param("BROKER_URL", "redis://localhost", "amqp://", id="other broker"),
        pytest.param("PUBLIC_URL", "shop.example.com", "https://", id="no scheme"),
        pytest.param("TIME_ZONE", "Moscow", "no time zone 'Moscow'", id="no such zone"),
        pytest.param("CURRENCY", "rubles", "ISO 4217", id="no currency"),
        pytest.param("SECRET_KEY", "short", "at least 32", id="short key"),
        pytest.param("ROLES", "router,cook", "'connectors', 'router'", id="no such role"),
        pytest.param("LOG", "xml", "'text' or 'json'", id="no such form"),
    ],
)
def test_a_wrong_value_is_answered_by_a_sentence_that_names_the_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    load_settings()
    monkeypatch.setenv(f"ALLO_{name}", value)
    with pytest.raises(WrongSetting) as refused:
        load_settings()
    assert str(refused.value).startswith(f"ALLO_{name}")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_refused_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLO_DATABASE_URL", "mysql://allo:hunter2@localhost/allo")
    with pytest.raises(WrongSetting) as refused:
        load_settings()
    assert "hunter2" not in str(refused.value)


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "database"
    file.write_text("postgresql://allo:hunter2@db/allo\n")
    monkeypatch.setenv("ALLO_DATABASE_URL_FILE", str(file))
    settings = load_settings()
    assert settings.database_url == "postgresql://allo:hunter2@db/allo"
    assert {each.name: each.origin for each in describe(settings)}["database_url"] == "file"


def test_a_secret_s_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLO_SECRET_KEY_FILE", "nowhere")
    with pytest.raises(WrongSetting, match="ALLO_SECRET_KEY_FILE names nowhere"):
        load_settings()


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "k" * 40
    monkeypatch.setenv("ALLO_SECRET_KEY", key)
    monkeypatch.setenv("ALLO_DATABASE_URL", "postgresql://allo:hunter2@db/allo")
    monkeypatch.setenv("ALLO_BROKER_URL", "amqp://guest:hunter3@mq/")
    settings = load_settings()
    shown = repr(describe(settings)) + repr(settings)
    assert "postgresql://allo:***@db/allo" in shown
    assert key not in shown
    assert "hunter" not in shown


def test_every_setting_has_a_meaning() -> None:
    assert all(each.meaning.endswith(".") for each in describe(load_settings()))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        (":80", ("0.0.0.0", 80)),
        ("[::1]:80", ("::1", 80)),
        ("localhost:80", ("localhost", 80)),
    ],
)
def test_addresses(written: str, read: tuple[str, int]) -> None:
    assert parse_address(written) == read
    assert parse_address(str(parse_address(written))) == read


@pytest.mark.parametrize("off", ["off", "OFF", "none"])
def test_smtp_can_be_off(monkeypatch: pytest.MonkeyPatch, off: str) -> None:
    monkeypatch.setenv("ALLO_SMTP_LISTEN", off)
    assert not load_settings().smtp_listen


def test_a_wildcard_is_reached_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLO_HTTP", ":8080")
    assert load_settings().base_url == "http://127.0.0.1:8080"
    monkeypatch.setenv("ALLO_PUBLIC_URL", "https://allo.example.com/")
    assert load_settings().base_url == "https://allo.example.com"


def test_roles_are_put_in_the_order_of_the_journey(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLO_ROLES", "inbox, connectors")
    assert load_settings().roles == ("connectors", "inbox")


def test_the_secret_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    first = kept_secret_key(tmp_path / "var")
    file = tmp_path / "var" / "secret_key"
    assert kept_secret_key(tmp_path / "var") == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(first) >= 32


def test_processes_that_start_together_have_one_secret_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: kept_secret_key(tmp_path / "var"), range(32)))
    assert len(keys) == 1
    assert [each.name for each in (tmp_path / "var").iterdir()] == ["secret_key"]


def test_a_secret_key_that_was_cut_short_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("")
    with pytest.raises(WrongSetting, match="allo backup"):
        _ = load_settings(data_dir=tmp_path).secret
    assert (tmp_path / "secret_key").read_text() == ""


def test_the_same_key_gives_the_same_secret_of_32_bytes(tmp_path: Path) -> None:
    made = load_settings(data_dir=tmp_path)
    given = load_settings(secret_key=(tmp_path / "secret_key").read_text() if made.secret else "")
    assert given.secret == made.secret
    assert len(given.secret) == 32


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:p@h:5432/d?x=y", "postgresql://u:***@h:5432/d?x=y"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("amqp://u:p%40x@h/%2f", "amqp://u:***@h/%2f"),
    ],
)
def test_passwords_are_struck_out_of_urls(url: str, shown: str) -> None:
    assert without_password(url) == shown
