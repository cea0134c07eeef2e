"""The PostgreSQL that Allo starts: once for the file, and anew for whoever hurts it."""

import asyncio
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest
from sqlalchemy import text

from storage import embedded
from storage.cluster import why
from storage.embedded import (
    AlreadyRunning,
    CannotStart,
    EmbeddedServer,
    ServerDied,
    embedded_postgres,
    embedded_server,
    running_server_url,
    shared_postgres,
)
from storage.engine import open_engine
from storage.postgres_programs import Programs, find_programs

QUICK = {"fsync": "off"}
"""Most of these tests are not about surviving a power cut."""


@pytest.fixture(scope="module")
async def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a database that was started and stopped once; copied by whoever wants one of their own."""
    directory = tmp_path_factory.mktemp("made")
    async with embedded_postgres(directory, settings=QUICK):
        pass
    return directory


@pytest.fixture(scope="module")
async def running(
    made: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[tuple[Path, EmbeddedServer]]:
    directory = tmp_path_factory.mktemp("running") / "var"
    _run("cp", "-a", made, directory)
    async with embedded_server(directory, settings=QUICK) as server:
        yield directory, server


@pytest.fixture
def directory(made: Path, tmp_path: Path) -> Path:
    """A copy of the database's files."""
    _run("cp", "-a", made, tmp_path / "var")
    return tmp_path / "var"


def _entries(directory: Path) -> list[Path]:
    return list(directory.iterdir())


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


async def _ask(url: str, question: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def _tell(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _gone(pid: int) -> None:
    async def gone() -> bool:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    await _until(gone)


async def _until(condition: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.01)


async def test_an_empty_directory_becomes_a_database_that_keeps_what_it_is_told(
    tmp_path: Path,
) -> None:
    async with embedded_postgres(tmp_path / "not" / "yet" / "there") as url:
        await _tell(url, "create table kept as select 42 as answer")

    async with embedded_postgres(tmp_path / "not" / "yet" / "there") as url:
        assert await _ask(url, "select answer from kept") == 42


async def test_russian_words_fold_stem_and_are_found_by_trigram(
    running: tuple[Path, EmbeddedServer],
) -> None:
    url = running[1].url
    await _tell(
        url,
        "create extension if not exists pg_trgm; create extension if not exists unaccent",
    )
    assert await _ask(url, "select lower('ЖУК')") == "жук"
    assert await _ask(url, "select 'Иванов' ilike '%ИВАН%'") is True
    assert await _ask(url, "select to_tsvector('russian', 'Колодки')::text") == "'колодк':1"
    assert await _ask(url, "select unaccent('Ёж')") == "Еж"
    # In the locale C a Cyrillic letter is no letter, and a name has no trigrams.
    assert await _ask(url, "select cardinality(show_trgm('Жук'))") == 4
    assert await _ask(url, "show server_encoding") == "UTF8"


async def test_the_server_listens_on_a_socket_only_its_user_reaches(
    running: tuple[Path, EmbeddedServer],
) -> None:
    directory, server = running
    socket = directory / "data" / ".s.PGSQL.5432"
    assert socket.is_socket()
    assert stat.S_IMODE((directory / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE(socket.stat().st_mode) == 0o700
    assert await _ask(server.url, "show listen_addresses") == ""
    listening = [
        each
        for process in [psutil.Process(server.pid)]
        for each in process.net_connections(kind="inet")
    ]
    assert listening == []


async def test_what_acknowledged_work_rests_on_is_switched_on(directory: Path) -> None:
    async with embedded_postgres(directory) as url:
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert await _ask(url, f"show {setting}") == "on", setting


async def test_the_engine_connects_by_the_same_url(running: tuple[Path, EmbeddedServer]) -> None:
    engine = open_engine(running[1].url)
    async with engine.connect() as connection:
        assert (await connection.execute(text("select 1"))).scalar_one() == 1
    await engine.dispose()
    await asyncio.sleep(0)


async def test_a_second_allo_on_the_directory_is_refused_and_told_who_has_it(
    running: tuple[Path, EmbeddedServer],
) -> None:
    with pytest.raises(AlreadyRunning, match=rf"process {os.getpid()}\)") as refused:
        async with embedded_postgres(running[0]):
            pass
    assert "\n" not in str(refused.value)
    assert await _ask(running[1].url, "select 1") == 1


async def test_a_command_finds_the_running_server(running: tuple[Path, EmbeddedServer]) -> None:
    assert await running_server_url(running[0]) == running[1].url
    async with shared_postgres(running[0]) as url:
        assert await _ask(url, "select 1") == 1
    assert await running_server_url(running[0]) == running[1].url


async def test_a_command_alone_runs_the_server_for_itself(directory: Path) -> None:
    assert await running_server_url(directory) is None
    async with shared_postgres(directory) as url:
        assert await _ask(url, "select 1") == 1
        assert await running_server_url(directory) == url
    assert await running_server_url(directory) is None


async def test_of_two_commands_at_once_the_first_to_finish_leaves_the_other_its_server(
    directory: Path,
) -> None:
    both_in = asyncio.Barrier(2)

    async def command(pause: float) -> object:
        async with shared_postgres(directory) as url:
            await both_in.wait()
            await asyncio.sleep(pause)
            return await _ask(url, "select 1")

    async with asyncio.timeout(30), asyncio.TaskGroup() as commands:
        answers = [commands.create_task(command(pause)) for pause in (0.0, 0.3)]
    assert [each.result() for each in answers] == [1, 1]
    assert await running_server_url(directory) is None


async def test_a_command_that_comes_while_the_server_stops_starts_one_of_its_own(
    directory: Path,
) -> None:
    """Time and again: the moments in between are short."""

    async def command() -> None:
        async with shared_postgres(directory) as url:
            assert await _ask(url, "select 1") == 1

    async with asyncio.timeout(60):
        for _ in range(5):
            async with asyncio.TaskGroup() as commands:
                for _ in range(4):
                    commands.create_task(command())


async def test_serving_waits_for_a_command_that_has_the_directory(directory: Path) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def command() -> None:
        async with shared_postgres(directory):
            entered.set()
            await leave.wait()

    async def serve() -> None:
        async with embedded_postgres(directory) as url:
            assert await _ask(url, "select 1") == 1

    async with asyncio.timeout(30), asyncio.TaskGroup() as processes:
        processes.create_task(command())
        await entered.wait()
        serving = processes.create_task(serve())
        await asyncio.sleep(0.1)
        assert not serving.done()
        leave.set()


_ALLO = """\
import asyncio, sys
from pathlib import Path
import asyncpg
from storage.embedded import embedded_server

async def serve():
    async with embedded_server(Path(sys.argv[1])) as server:
        connection = await asyncpg.connect(server.url)
        await connection.execute("create table if not exists kept (number int primary key)")
        print("server", server.pid, flush=True)
        while True:
            print(await connection.fetchval(
                "insert into kept select coalesce(max(number), 0) + 1 from kept returning number"
            ), flush=True)

asyncio.run(serve())
"""
"""Writes a row at a time, and says which are committed."""


@contextmanager
def _another_allo(directory: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Another process that serves the directory, and its server's number."""
    with subprocess.Popen(
        [sys.executable, "-c", _ALLO, str(directory)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            for line in process.stdout:
                if line.startswith("server "):
                    yield process, int(line.split()[1])
                    break
            else:
                pytest.fail("the other Allo did not start")
        finally:
            process.kill()


def _killed_at_work(allo: subprocess.Popen[str], *, after: int) -> int:
    """Kills it when it has committed so many rows; the last one it told of."""
    assert allo.stdout
    said = [int(allo.stdout.readline()) for _ in range(after)]
    allo.kill()
    rest = allo.stdout.read().splitlines(keepends=True)
    return [*said, *(int(line) for line in rest if line.endswith("\n"))][-1]


async def test_an_allo_killed_outright_takes_its_server_along_and_loses_nothing(
    directory: Path,
) -> None:
    with _another_allo(directory) as (allo, server):
        assert psutil.Process(server).name() == "postgres"
        told = _killed_at_work(allo, after=20)
        if sys.platform == "linux":
            await _gone(server)
    async with embedded_postgres(directory) as url:
        assert await _ask(url, "select count(*) from kept") in {told, told + 1}


async def test_the_next_allo_need_not_wait_for_the_death_of_the_last_ones_server(
    directory: Path,
) -> None:
    with _another_allo(directory) as (allo, _):
        told = _killed_at_work(allo, after=20)
        async with embedded_postgres(directory) as url:
            assert await _ask(url, "select count(*) from kept") in {told, told + 1}


async def test_allo_and_its_server_killed_at_work_time_and_again_lose_nothing(
    directory: Path,
) -> None:
    for after in (1, 40):
        with _another_allo(directory) as (allo, server):
            os.kill(server, signal.SIGSTOP)
            allo.kill()
            allo.wait()
            os.kill(server, signal.SIGKILL)
        with _another_allo(directory) as (allo, server):
            told = _killed_at_work(allo, after=after)
            os.kill(server, signal.SIGKILL)
        async with embedded_postgres(directory) as url:
            assert await _ask(url, "select count(*) = max(number) from kept") is True
            assert await _ask(url, "select max(number) from kept") in {told, told + 1}


async def test_a_child_of_a_killed_server_that_is_stuck_does_not_keep_the_next_one_out(
    directory: Path,
) -> None:
    with _another_allo(directory) as (allo, server):
        child = psutil.Process(server).children()[0]
        child.suspend()
        os.kill(server, signal.SIGKILL)
        allo.kill()
        allo.wait()
        assert child.is_running()
        async with embedded_postgres(directory) as url:
            assert await _ask(url, "select count(*) = coalesce(max(number), 0) from kept") is True
        assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


async def test_ctrl_c_in_the_terminal_does_not_reach_the_server(
    running: tuple[Path, EmbeddedServer],
) -> None:
    assert os.getsid(running[1].pid) != os.getsid(0)


async def test_a_server_that_outlived_its_allo_is_stopped_and_started_anew(directory: Path) -> None:
    async with embedded_postgres(directory):
        pass
    with _a_server_without_an_allo(directory / "data") as left_over:
        await _until(lambda: running_server_url(directory))

        async with embedded_server(directory) as server:
            assert server.pid != left_over.pid
            assert await _ask(server.url, "select 1") == 1
        assert left_over.wait(10) == 0


@contextmanager
def _a_server_without_an_allo(data: Path) -> Iterator[subprocess.Popen[bytes]]:
    owner = data.stat().st_uid if os.geteuid() == 0 else None
    with subprocess.Popen(
        [find_programs().path("postgres"), "-D", data, "-c", f"unix_socket_directories={data}"],
        user=owner,
        group=data.stat().st_gid if owner else None,
        extra_groups=[] if owner else None,
        cwd="/",
        stderr=subprocess.DEVNULL,
    ) as process:
        yield process
        process.kill()


async def test_the_death_of_the_server_is_noticed_and_survived(directory: Path) -> None:
    async with embedded_server(directory) as server:
        await _tell(server.url, "create table kept as select 42 as answer")
        os.kill(server.pid, signal.SIGKILL)
        with pytest.raises(ServerDied, match=f"process {server.pid}"):
            async with asyncio.timeout(10):
                await server.watch()
        assert await running_server_url(directory) is None

    async with embedded_postgres(directory) as url:
        assert await _ask(url, "select answer from kept") == 42


async def test_a_copied_directory_is_not_taken_for_the_one_that_is_served(
    running: tuple[Path, EmbeddedServer], directory: Path
) -> None:
    original = running[0] / "data" / "postmaster.pid"
    shutil.copy2(original, directory / "data" / "postmaster.pid")

    assert await running_server_url(directory) is None
    async with embedded_server(directory) as server:
        assert server.url != running[1].url
        assert Path(str(await _ask(server.url, "show data_directory"))) == directory / "data"
    assert await _ask(running[1].url, "select 1") == 1


async def test_a_pid_file_from_before_a_reboot_names_nobody(directory: Path) -> None:
    """The number is somebody else's now: PostgreSQL itself would refuse to start."""
    (directory / "data" / "postmaster.pid").write_text(
        f"{os.getpid()}\n{directory / 'data'}\n1700000000\n5432\n{directory / 'data'}\n\n  1 2\nready\n"
    )
    async with embedded_postgres(directory) as url:
        assert await _ask(url, "select 1") == 1


async def test_a_beginning_that_was_cut_off_is_thrown_away(tmp_path: Path) -> None:
    (tmp_path / "new-1").mkdir()
    (tmp_path / "new-1" / "half").write_text("")
    async with embedded_postgres(tmp_path) as url:
        assert await _ask(url, "select 1") == 1
    assert not (tmp_path / "new-1").exists()


async def test_the_database_of_another_major_version_is_left_alone(directory: Path) -> None:
    (directory / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(CannotStart, match=r"PostgreSQL 17.*allo backup"):
        async with embedded_postgres(directory):
            pass


async def test_somebody_elses_files_are_not_taken_for_a_database(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "diary.txt").write_text("dear diary")
    with pytest.raises(CannotStart, match="holds no database"):
        async with embedded_postgres(tmp_path):
            pass
    assert (tmp_path / "data" / "diary.txt").read_text() == "dear diary"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("long" * 30, id="longer than a socket's path may be"),
        pytest.param("данные", id="Cyrillic"),
        pytest.param("a,b: 'c' d%20", id="punctuation"),
    ],
)
async def test_a_directory_may_have_any_name(made: Path, tmp_path: Path, name: str) -> None:
    _run("cp", "-a", made, tmp_path / name)
    async with embedded_server(tmp_path / name) as server:
        assert await _ask(server.url, "select 1") == 1
        assert await running_server_url(tmp_path / name) == server.url
        socket = server.server.socket
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
    assert not (socket / ".s.PGSQL.5432").exists()


async def test_a_private_socket_directory_of_a_killed_allo_is_cleared_away(
    made: Path, tmp_path: Path
) -> None:
    _run("cp", "-a", made, tmp_path / "данные")
    with _another_allo(tmp_path / "данные") as (allo, server):
        private = Path((tmp_path / "данные" / "socket").read_text())
        os.kill(server, signal.SIGKILL)
        allo.kill()
    assert _entries(private)
    async with embedded_postgres(tmp_path / "данные"):
        pass
    with pytest.raises(FileNotFoundError):
        _entries(private)


async def test_the_administrators_own_settings_come_last(directory: Path) -> None:
    (directory / "postgres.conf").write_text("work_mem = '13MB'\n")
    async with embedded_postgres(directory, settings={"work_mem": "7MB"}) as url:
        assert await _ask(url, "show work_mem") == "13MB"


async def test_a_setting_that_postgres_refuses_is_named(directory: Path) -> None:
    (directory / "postgres.conf").write_text("work_memory = '13MB'\n")
    with pytest.raises(CannotStart, match="work_memory"):
        async with embedded_postgres(directory):
            pass


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 30 MB: a cluster does not fit."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=30m", "none", place], capture_output=True, check=False
    )
    if mounted.returncode:
        # Reason: only root may mount a small disk to fill, and the suite must run as a plain user, too.
        pytest.skip("this user may not mount a file system")
    yield place
    subprocess.run(["umount", place], check=True)


async def test_a_full_disk_is_called_one_and_nothing_half_made_stays(small_disk: Path) -> None:
    with pytest.raises(CannotStart, match=r"The disk that holds .* is full"):
        async with embedded_postgres(small_disk / "var"):
            pass
    assert not (small_disk / "var" / "data").exists()


async def test_a_disk_that_filled_up_between_two_starts_is_called_full(
    made: Path, small_disk: Path
) -> None:
    _run("mount", "-o", "remount,size=100m", small_disk)
    _run("cp", "-a", made, small_disk / "var")
    # Not even the pid file fits.
    filler = small_disk / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(small_disk).free))
    with pytest.raises(CannotStart, match=r"The disk that holds .* is full"):
        async with embedded_postgres(small_disk / "var"):
            pass
    filler.unlink()
    async with embedded_postgres(small_disk / "var") as url:
        assert await _ask(url, "select 1") == 1


def test_a_full_disk_is_recognised_by_the_servers_words(tmp_path: Path) -> None:
    said = 'FATAL:  could not write lock file "postmaster.pid": No space left on device'
    assert "is full" in why(said, directory=tmp_path)
    assert "is full" not in why("FATAL:  something else", directory=tmp_path)


@pytest.fixture
def hears_interrupts() -> Iterator[None]:
    """What a shell starts in the background ignores SIGINT, and so does what that starts, but for those that see to it
    themselves, as PostgreSQL does: a stand-in for it would be waited for until it is asked in another way."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("hears_interrupts")
async def test_a_recovery_without_end_is_given_up_in_words(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `postgres` that starts and never answers."""
    (tmp_path / "bin").mkdir()
    never = tmp_path / "bin" / "postgres"
    never.write_text("#!/bin/sh\nexec sleep 60\n")
    never.chmod(0o755)
    monkeypatch.setattr(embedded, "find_programs", lambda: Programs(root=tmp_path))

    with pytest.raises(CannotStart, match="did not finish its recovery in 0 seconds"):
        async with embedded_server(directory, start_timeout=0.3):
            pass


async def test_the_owner_of_the_files_runs_the_server_when_allo_is_root(directory: Path) -> None:
    """A checkout of an ordinary user, started once with sudo, stays that user's."""
    if os.geteuid() != 0:
        owner = pwd.getpwuid(os.geteuid())
    else:
        owner = pwd.getpwnam("nobody")
        _run("chown", "-R", f"{owner.pw_uid}:{owner.pw_gid}", directory)

    async with embedded_server(directory) as server:
        assert psutil.Process(server.pid).uids().effective == owner.pw_uid
    assert {path.stat().st_uid for path in (directory / "data").rglob("*")} == {owner.pw_uid}
