"""The PostgreSQL that Allo starts by itself, in a directory of its own.

    lock the directory → stop what a dead Allo left → make the files, once → start → make the database → use → stop

One process runs the server; everything else that works on the same directory is its guest. `allo serve` runs it
(`embedded_server`); a command uses the running one, or runs it for as long as it needs (`shared_postgres`). The lock is
an flock, which dies with its holder, so a kill -9 leaves nothing to clean up by hand.
"""

import asyncio
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal, Never
from urllib.parse import quote

import asyncpg
import msgspec
import structlog

from storage.cluster import CannotStart, Owner, configure, in_words, owner_of, prepare
from storage.postgres_programs import NoPrograms, find_programs
from storage.postmaster import (
    PORT,
    Running,
    ServerDied,
    address,
    running,
    serving,
    stop_left_over,
)

__all__ = [
    "AlreadyRunning",
    "CannotStart",
    "EmbeddedServer",
    "ServerDied",
    "embedded_postgres",
    "embedded_server",
    "running_server_url",
    "shared_postgres",
]

log = structlog.get_logger()

DATABASE: Final = "allo"

RECOVERY_S: Final = 3600.0
"""How long a start may take. Recovery replays half a gigabyte of log at most: seconds, minutes on a poor disk."""

_SOCKET_LIMIT: Final = 100
"""Bytes: sun_path holds 108 on Linux and 104 on macOS."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9_./-]+")
"""A comma or a colon in the path would be read as several hosts, or a port, by the server's setting and the clients."""

_OURS: Final = re.compile(r"/tmp/allo-[a-z0-9_]+")  # noqa: S108  # what mkdtemp makes below

Purpose = Literal["serve", "command"]


class AlreadyRunning(CannotStart):
    """Another process runs the server on this directory."""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who has the lock, written into it."""

    pid: int
    purpose: Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedServer:
    """A running server. `watch` lasts as long as it lives and then raises ServerDied: give it to the supervisor."""

    url: str
    pid: int
    server: Running

    async def watch(self) -> Never:
        await self.server.watch()


@asynccontextmanager
async def embedded_server(
    directory: Path,
    *,
    purpose: Purpose = "serve",
    wait_for_commands: float = 60.0,
    wait_for_guests: float = 5.0,
    start_timeout: float = RECOVERY_S,
    settings: Mapping[str, str] | None = None,
) -> AsyncGenerator[EmbeddedServer]:
    """Runs the server of `directory` while the context lasts. Raises CannotStart, AlreadyRunning among them.

    Enter it in the thread that stays: the server stops when that thread ends. A command that has the directory is waited
    for; guests are given a moment to finish before the server stops. `settings` go over those of `storage.cluster`.
    """
    directory = await asyncio.to_thread(_own_directory, directory)
    async with _locked(directory, purpose=purpose, patience=wait_for_commands):
        try:
            programs = find_programs()
        except NoPrograms as error:
            raise CannotStart(str(error)) from error
        with in_words(directory):
            owner = await asyncio.to_thread(owner_of, directory)
            await stop_left_over(directory / "data")
            data = await asyncio.to_thread(prepare, directory, programs=programs, owner=owner)
            configure(directory, owner=owner, changes=settings or {})
        with _guest_book(directory) as guests, _socket_directory(data, owner) as socket:
            async with running(
                data, programs=programs, socket=socket, owner=owner, start_timeout=start_timeout
            ) as server:
                await _create_database(socket)
                log.info("database_started", pid=server.pid, directory=str(directory))
                yield EmbeddedServer(url=_url(socket), pid=server.pid, server=server)
                # Held until the server has stopped: who comes now starts one of their own afterwards.
                if not await _flock(guests, fcntl.LOCK_EX, patience=wait_for_guests):
                    log.warning("stopped_under_commands", directory=str(directory))
            log.info("database_stopped", pid=server.pid)


@asynccontextmanager
async def embedded_postgres(
    directory: Path, *, settings: Mapping[str, str] | None = None
) -> AsyncGenerator[str]:
    """`embedded_server` for whom the URL is enough."""
    async with embedded_server(directory, settings=settings) as server:
        yield server.url


@asynccontextmanager
async def shared_postgres(directory: Path, *, patience: float = 60.0) -> AsyncGenerator[str]:
    """For a command: the URL of the running server, or of one that runs until the command is done."""
    directory = await asyncio.to_thread(_own_directory, directory)
    async with _guest(directory, patience=patience):
        url = await running_server_url(directory)
        if url:
            yield url
            return
    try:
        async with embedded_server(
            directory, purpose="command", wait_for_commands=0, wait_for_guests=600
        ) as server:
            yield server.url
            return
    except AlreadyRunning:
        # Somebody was quicker, and is still starting it.
        log.info("server_awaited", directory=str(directory))
    async with _guest(directory, patience=patience):
        yield await _until_running(directory, patience=patience)


async def running_server_url(directory: Path) -> str | None:
    """The URL of the server that runs on this very directory and answers."""
    try:
        found = serving(directory / "data")
    except PermissionError:
        raise CannotStart(
            f"{directory / 'data'} belongs to another user: run the command as the one who runs Allo."
        ) from None
    if found is None or not found.ready:
        return None
    try:
        connection = await asyncpg.connect(**address(found.socket), database=DATABASE, timeout=5)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return None
    await connection.close()
    return _url(found.socket)


async def _until_running(directory: Path, *, patience: float) -> str:
    try:
        async with asyncio.timeout(patience):
            while True:
                url = await running_server_url(directory)
                if url:
                    return url
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise CannotStart(
            f"The database in {directory} is being started by {_who(directory)}, and is not ready after "
            f"{patience:.0f} seconds: try again."
        ) from None


def _url(socket: Path) -> str:
    return f"postgresql://postgres@/{DATABASE}?host={quote(str(socket), safe='/')}&port={PORT}"


async def _create_database(socket: Path) -> None:
    connection = await asyncpg.connect(**address(socket), database="postgres", timeout=30)
    try:
        there = await connection.fetchval(
            "select true from pg_database where datname = $1", DATABASE
        )
        if not there:
            await connection.execute(f"create database {DATABASE}")
    finally:
        await connection.close()


def _own_directory(directory: Path) -> Path:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return directory.resolve(strict=True)
    except OSError as error:
        raise CannotStart(f"{directory} cannot be made: {error.strerror}.") from error


@asynccontextmanager
async def _locked(directory: Path, *, purpose: Purpose, patience: float) -> AsyncGenerator[None]:
    """Holds the directory until the end, or until death. Raises AlreadyRunning."""
    with in_words(directory):
        file = (directory / "lock").open("ab", buffering=0)
    with file:
        if not await _flock(
            file, fcntl.LOCK_EX, patience=patience, unless=lambda: _serves(directory)
        ):
            raise AlreadyRunning(
                f"Allo already runs on {directory} ({_who(directory)}): stop it first, or give this one a "
                "directory of its own with ALLO_DATA_DIR."
            )
        with in_words(directory):
            file.truncate(0)
            file.write(msgspec.json.encode(Holder(pid=os.getpid(), purpose=purpose)))
        try:
            yield
        finally:
            file.truncate(0)


async def _flock(
    file: IO[bytes], mode: int, *, patience: float, unless: Callable[[], bool] = lambda: False
) -> bool:
    """Whether the lock was got within `patience`; not waited for when `unless` says that it would be for nothing."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while True:
        try:
            fcntl.flock(file.fileno(), mode | fcntl.LOCK_NB)
        except BlockingIOError:
            if loop.time() >= deadline or unless():
                return False
            await asyncio.sleep(0.05)
        else:
            return True


def _serves(directory: Path) -> bool:
    """Whether the holder stays; a command is done in a moment."""
    holder = _holder(directory)
    return holder is not None and holder.purpose == "serve"


def _holder(directory: Path) -> Holder | None:
    """None while it is being written."""
    try:
        return msgspec.json.decode((directory / "lock").read_bytes(), type=Holder)
    except (OSError, msgspec.DecodeError):
        return None


def _who(directory: Path) -> str:
    holder = _holder(directory)
    return f"process {holder.pid}" if holder else "a process that is just starting or stopping"


@contextmanager
def _guest_book(directory: Path) -> Generator[IO[bytes]]:
    with in_words(directory):
        file = (directory / "guests").open("ab", buffering=0)
    with file:
        yield file


@asynccontextmanager
async def _guest(directory: Path, *, patience: float) -> AsyncGenerator[None]:
    """Tells whoever runs the server that it is in use."""
    with _guest_book(directory) as book:
        if not await _flock(book, fcntl.LOCK_SH, patience=patience):
            raise CannotStart(
                f"The database in {directory} is being stopped by {_who(directory)}: try again."
            )
        yield


@contextmanager
def _socket_directory(data: Path, owner: Owner | None) -> Generator[Path]:
    """The data directory itself; a private one of a shorter name where a socket's path would be too long."""
    if len(os.fsencode(data / f".s.PGSQL.{PORT}")) <= _SOCKET_LIMIT and _PLAIN.fullmatch(str(data)):
        yield data
        return
    # Of a new name each time: a foreseeable one in /tmp could be waiting for us. Kept, so that the next start can clean
    # up behind one that was killed.
    book = data.parent / "socket"
    if book.is_file() and _OURS.fullmatch(left := book.read_text()):
        shutil.rmtree(left, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix="allo-", dir="/tmp"))  # mode 0700, random
    book.write_text(str(made))
    try:
        if owner:
            os.chown(made, owner.uid, owner.gid)
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
