"""One running PostgreSQL server: found, started, waited for, watched, stopped.

*It dies with Allo.* The server asks the kernel (Linux: PR_SET_PDEATHSIG) for SIGINT, its fast and clean shutdown, when the
thread that started it is gone: an Allo killed with -9 leaves no server behind, nor one that a deleted or copied directory
could be confused with. It is set by a launcher between fork and exec, for `preexec_fn` is not safe in a process with
threads. Where there is no such thing (macOS), the next start finds the server by its pid file and stops it. Stopping was
chosen over adopting: an adopted server is nobody's child, so its death goes unnoticed; it keeps the settings, and perhaps
the programs, of the Allo before; and a start takes a quarter of a second.

*It has a session of its own*, because Ctrl+C reaches a whole process group, and Allo drains before its database goes.

*Whose it is.* `postmaster.pid` outlives a killed server, is copied along with the directory, and its number is given to
somebody else after a reboot. So a process is believed to serve a directory only if it works in that very directory.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Never

import asyncpg
import psutil
import structlog

from storage.cluster import CannotStart, Owner, last_words, logged, why
from storage.postgres_programs import Programs

log = structlog.get_logger()

PORT: Final = 5432
"""Only part of the socket's name."""

FAST_STOP_S: Final = 60.0
"""A fast shutdown writes what is in memory: 64 MB, on a slow disk."""

ORPHANS_S: Final = 30.0
"""How long the last children of a killed server are waited for."""

_IN_USE: Final = "pre-existing shared memory block"

_NOT_YET: Final = (
    OSError,
    TimeoutError,
    asyncpg.CannotConnectNowError,
    asyncpg.PostgresConnectionError,
    asyncpg.TooManyConnectionsError,
)

_LAUNCH: Final = """\
import os, sys
try:
    import ctypes
except ImportError:
    ctypes = None
parent, uid, gid, program = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
if uid >= 0:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
os.umask(0o077)
if ctypes and sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 2, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("Allo is gone")
os.execv(program[0], program)
"""
"""Imports first: the interpreter may lie where the server's user cannot look. Then the user; then
prctl(PR_SET_PDEATHSIG, SIGINT), which a change of user would clear; then the server."""


class _StillInUse(CannotStart):
    """Children of a killed server have not left yet."""


class ServerDied(Exception):
    """The database server went away under us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Postmaster:
    """A server as its pid file describes it."""

    pid: int
    started: int
    socket: Path
    ready: bool


def read_pid_file(data: Path) -> Postmaster | None:
    """None when there is none, or it is half-written."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        return Postmaster(
            pid=int(lines[0]),
            started=int(lines[2]),
            socket=Path(lines[4]),
            ready=len(lines) > 7 and lines[7].strip() == "ready",
        )
    except (FileNotFoundError, IndexError, ValueError):
        return None


def serving(data: Path) -> Postmaster | None:
    """The live server of this very directory."""
    told = read_pid_file(data)
    return told if told and _serves(told, data) else None


def _serves(told: Postmaster, data: Path) -> bool:
    try:
        process = psutil.Process(told.pid)
        if process.status() == psutil.STATUS_ZOMBIE or not process.name().startswith("postgres"):
            return False
        # The file is written after the process began; a namesake from after a reboot began later.
        if process.create_time() > told.started + 60:
            return False
        try:
            return data.samefile(process.cwd())
        except psutil.AccessDenied:
            # Root in a container may not look; then the command line has to do.
            command = process.cmdline()
            return "-D" in command and data.samefile(command[command.index("-D") + 1])
    except (psutil.NoSuchProcess, FileNotFoundError, IndexError):
        return False


async def stop_left_over(data: Path) -> None:
    """Stops a server that outlived its Allo, and what a killed one left. The caller holds the directory's lock."""
    told = read_pid_file(data)
    if told is None:
        return
    log.info("left_over_server_found", pid=told.pid)
    if _serves(told, data):
        await _end(told, data)
    for orphan in await asyncio.to_thread(_orphans, data):
        # Children of a dead server leave by themselves; one that is stuck would keep the next server out. Nothing is
        # lost: they have told nobody of what is not in the log.
        with suppress(psutil.NoSuchProcess):
            orphan.kill()
            log.info("orphan_killed", pid=orphan.pid)
    # PostgreSQL refuses to start while a process of that number lives, though it be somebody else's by now, or a zombie
    # that nobody buries. Nobody serves the directory: that was just seen, and shared memory in use still stops it.
    for stale in ("postmaster.pid", f".s.PGSQL.{PORT}.lock", f".s.PGSQL.{PORT}"):
        (data / stale).unlink(missing_ok=True)


def _orphans(data: Path) -> list[psutil.Process]:
    """Server processes that work in the directory; those whose directory we may not see are waited for instead."""

    def works_here(process: psutil.Process) -> bool:
        try:
            return process.name().startswith("postgres") and data.samefile(process.cwd())
        except (psutil.Error, OSError):
            return False

    found = [each for each in psutil.process_iter() if works_here(each)]
    _, stuck = psutil.wait_procs(found, timeout=2)
    return stuck


async def _end(told: Postmaster, data: Path) -> None:
    """Politely, then less so: fast, immediate (recovery follows at the next start), kill."""
    ways = ((signal.SIGINT, FAST_STOP_S), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))
    for way, patience in ways:
        try:
            os.kill(told.pid, way)
        except ProcessLookupError:
            return
        except PermissionError:
            raise CannotStart(
                f"A database server of another user (process {told.pid}) still runs in {data}: stop it first."
            ) from None
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while _serves(told, data):  # noqa: ASYNC110  # not our child: nothing tells us
                    await asyncio.sleep(0.02)
                return
        log.warning("server_did_not_stop", pid=told.pid, signal=way.name, after_seconds=patience)
    raise CannotStart(f"The database server (process {told.pid}) in {data} cannot be stopped.")


@asynccontextmanager
async def running(
    data: Path,
    *,
    programs: Programs,
    socket: Path,
    owner: Owner | None,
    start_timeout: float,
) -> AsyncGenerator["Running"]:
    """Starts a server, gives it once it takes connections, stops it. Raises CannotStart."""
    server = await _started(
        data, programs=programs, socket=socket, owner=owner, patience=start_timeout
    )
    try:
        yield server
    finally:
        await server.stop()


async def _started(
    data: Path, *, programs: Programs, socket: Path, owner: Owner | None, patience: float
) -> "Running":
    deadline = asyncio.get_running_loop().time() + ORPHANS_S
    while True:
        server = await _launch(data, programs=programs, socket=socket, owner=owner)
        try:
            await server.wait_until_ready(patience=patience)
        except _StillInUse:
            if asyncio.get_running_loop().time() > deadline:
                raise
        except BaseException:  # rises; a cancelled caller, too, would leave the server to nobody
            await server.stop()
            raise
        else:
            return server
        await asyncio.sleep(0.2)


async def _launch(
    data: Path, *, programs: Programs, socket: Path, owner: Owner | None
) -> "Running":
    before = logged(data.parent)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid())),
        *((str(owner.uid), str(owner.gid)) if owner else ("-1", "-1")),
        *(
            str(programs.path("postgres")),
            "-D",
            str(data),
            "-c",
            f"unix_socket_directories={socket}",
        ),
        env={"PATH": os.defpath, "LC_ALL": "C"},
        cwd="/",
        start_new_session=True,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    return Running(pid=process.pid, data=data, socket=socket, process=process, logged_before=before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server of ours."""

    pid: int
    data: Path
    socket: Path
    process: asyncio.subprocess.Process
    logged_before: Mapping[Path, int]

    async def wait_until_ready(self, *, patience: float) -> None:
        """A crash recovery may take minutes; it is waited for, and said so."""
        said: list[str] = []
        try:
            async with asyncio.timeout(patience), asyncio.TaskGroup() as tasks:
                listening = tasks.create_task(self._listen(said))
                lives = await self._answers(said)
                if lives:
                    # The log file has taken over; nothing more comes this way.
                    listening.cancel()
        except TimeoutError:
            raise CannotStart(
                f"The database in {self.data} did not finish its recovery in {patience:.0f} seconds; "
                f"its last words: {self._logged()[-300:].strip() or 'none'}"
            ) from None
        if not lives:
            heard = "\n".join((*said, self._logged()))
            reason = why(heard, directory=self.data.parent)
            raise _StillInUse(reason) if _IN_USE in heard else CannotStart(reason)

    async def watch(self) -> Never:
        """Lasts as long as the server, and then raises ServerDied."""
        code = await self.process.wait()
        what = f"The database server (process {self.pid}, exit status {code}) went away"
        raise ServerDied(why(self._logged(), directory=self.data.parent, what=what))

    async def stop(self) -> None:
        for way, patience in ((signal.SIGINT, FAST_STOP_S), (signal.SIGQUIT, 10.0)):
            if self.process.returncode is not None:
                return
            with suppress(ProcessLookupError):
                self.process.send_signal(way)
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self.process.wait()
                    return
            log.warning(
                "server_did_not_stop", pid=self.pid, signal=way.name, after_seconds=patience
            )
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()

    async def _listen(self, said: list[str]) -> None:
        """What is said before the log file is open; why a start fails is usually here."""
        pipe = self.process.stderr
        while pipe and (line := await pipe.readline()):
            said.append(line.decode(errors="replace").rstrip())
            del said[:-100]

    async def _answers(self, said: list[str]) -> bool:
        """True once it takes connections, False when it ended, or refuses us, instead."""
        began = reported = asyncio.get_running_loop().time()
        pause = 0.01
        while self.process.returncode is None:
            try:
                connection = await asyncpg.connect(
                    **address(self.socket), database="postgres", timeout=5
                )
            except _NOT_YET:
                now = asyncio.get_running_loop().time()
                if now - reported >= 5:
                    reported = now
                    log.info("database_recovering", pid=self.pid, seconds=round(now - began))
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, 0.25)
            except asyncpg.PostgresError as error:
                said.append(f"FATAL: {error}")
                return False
            else:
                await connection.close()
                return True
        return False

    def _logged(self) -> str:
        return last_words(self.data.parent, since=self.logged_before)


def address(socket: Path) -> dict[str, str | int]:
    """For asyncpg."""
    return {"host": str(socket), "port": PORT, "user": "postgres"}
