"""The embedded server's files: made once, owned by whoever may run a server, told how to behave.

    directory/            what `storage.embedded` is given
      lock                held by the process that runs the server
      guests              held, shared, by commands that use it
      postgres.conf       optional: the administrator's own settings, read last
      data/               PostgreSQL's, with its socket and log/

PostgreSQL refuses to run as root. As root, Allo therefore runs it as another user: the one who owns the data already, or
else a system user made for it. As anybody else, Allo runs it as itself.
"""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from storage.postgres_programs import MAJOR, Programs

log = structlog.get_logger()

SYSTEM_USER: Final = "allo_postgres"

_LOCALES: Final = ("C.UTF-8", "en_US.UTF-8", "UTF-8")
"""For LC_CTYPE, the first that the system has. Folding is PostgreSQL's own (builtin C.UTF-8), yet pg_trgm asks the
system what a letter is, and in the locale C no Cyrillic one is: trigrams would be empty and searches find nothing."""

SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    # Sized for a shop's office machine; untouched pages cost nothing.
    "shared_buffers": "64MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "512MB",
    "huge_pages": "off",
    "jit": "off",
    # Fewer standing processes: no I/O workers, no launcher of a replication that nobody has.
    "io_method": "sync",
    "max_logical_replication_workers": "0",
    "max_worker_processes": "4",
    "max_parallel_workers": "2",
    "max_parallel_workers_per_gather": "1",
    "autovacuum": "on",
    "autovacuum_max_workers": "2",
    "autovacuum_naptime": "30s",
    # Promise 1 rests on these three.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # Not minimal, so that pg_basebackup and log shipping are there for who wants them.
    "wal_level": "replica",
    "max_wal_senders": "2",
    "wal_compression": "pglz",
    # Bounds the disk and the time a crash recovery takes.
    "max_wal_size": "512MB",
    "min_wal_size": "64MB",
    "checkpoint_timeout": "10min",
    "random_page_cost": "1.1",
    "max_locks_per_transaction": "128",
    "client_connection_check_interval": "10s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    # One file a weekday, each overwritten a week later. Terse and without statements: those hold customers' words.
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgres-%a.log",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
    "log_line_prefix": "%m [%p] %a ",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
}


class CannotStart(Exception):
    """The embedded database does not start; the text says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who runs the server, and whose the files are."""

    uid: int
    gid: int


def owner_of(directory: Path) -> Owner | None:
    """Whom to run the server as; None: ourselves. Call as root only from a place that may make a user."""
    if os.geteuid() != 0:
        return None
    data = directory / "data"
    if data.exists() and (uid := data.stat().st_uid) != 0:
        # Made by an ordinary user, who will want to start it again: nothing changes hands.
        with suppress(KeyError):
            return Owner(uid=uid, gid=pwd.getpwuid(uid).pw_gid)
    entry = _system_user()
    return Owner(uid=entry.pw_uid, gid=entry.pw_gid)


def prepare(directory: Path, *, programs: Programs, owner: Owner | None) -> Path:
    """Makes the data directory if there is none; returns it. Raises CannotStart.

    A new one is made aside and renamed when it is whole, so that a full disk or a kill leaves nothing half-made behind.
    """
    data = directory / "data"
    if owner:
        _let_through(data, owner)
        _let_through(programs.path("postgres"), owner)
        _let_read(programs.root)
    for left_over in directory.glob("new-*"):
        shutil.rmtree(left_over, ignore_errors=True)
    if not data.exists():
        _create(directory, programs=programs, owner=owner)
    _check_readable(data, owner)
    return data


def configure(directory: Path, *, owner: Owner | None, changes: Mapping[str, str]) -> None:
    """Writes the server's settings; `changes` go over ours, the administrator's own file over both."""
    lines = ["# Written by Allo at every start: your own settings belong into ../postgres.conf."]
    lines += [f"{name} = {quoted(value)}" for name, value in {**SETTINGS, **changes}.items()]
    lines.append("include_if_exists = '../postgres.conf'")
    path = directory / "data" / "postgresql.conf"
    body = "\n".join(lines) + "\n"
    if path.read_text() == body:
        return
    fresh = path.with_suffix(".new")
    fresh.write_text(body)
    fresh.chmod(0o600)
    if owner:
        os.chown(fresh, owner.uid, owner.gid)
    fresh.replace(path)


def quoted(value: str) -> str:
    """As postgresql.conf quotes."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def why(said: str, *, directory: Path, what: str = "PostgreSQL did not start") -> str:
    """What the server's last words mean for whoever started it; `what` happened, if they mean nothing special."""
    free = shutil.disk_usage(directory).free
    # A full disk often cannot even keep the message that it is full; 16 MB is a segment of the log.
    if "No space left on device" in said or free < 16 << 20:
        return (
            f"The disk that holds {directory} is full ({free >> 20} MB free): "
            "free some space and start Allo again; nothing that was acknowledged is lost."
        )
    if "does not exist" in said and "effective user ID" in said:
        return (
            f"The user with the number {os.geteuid()}, as whom Allo runs, has no name on this machine, and PostgreSQL "
            "asks for one: add it to /etc/passwd, or set ALLO_DATABASE_URL to a server of your own."
        )
    if "Permission denied" in said or "Operation not permitted" in said:
        return (
            f"{directory} is not this user's to use ({_gravest(said)}): run the command as the user who runs Allo, "
            "or hand the directory over with chown -R."
        )
    if "shared memory" in said and "could not" in said:
        return f"The system gave PostgreSQL no shared memory: {_gravest(said)}"
    return f"{what} in {directory}: {_gravest(said) or 'it said nothing.'}"


def _gravest(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    settings = [
        line for line in lines if "configuration parameter" in line or "invalid value" in line
    ]
    grave = [line for line in lines if "PANIC:" in line or "FATAL:" in line or "error:" in line]
    return (settings or grave or lines or [""])[-1]


@contextmanager
def in_words(directory: Path) -> Generator[None]:
    """What the system refuses to do with the directory, said as CannotStart."""
    try:
        yield
    except OSError as error:
        raise CannotStart(
            why(f"error: {error}", directory=directory, what="The database cannot be started")
        ) from error


def logged(directory: Path) -> dict[Path, int]:
    """How long each of the server's log files is: where `last_words` of a later moment begin."""
    return {path: path.stat().st_size for path in (directory / "data" / "log").glob("*.log")}


def last_words(directory: Path, *, since: Mapping[Path, int], limit: int = 4096) -> str:
    """What the log files have gained, its end."""
    gained = []
    for path, size in sorted(logged(directory).items()):
        # A weekday's file that came round again was emptied first.
        began = since.get(path, 0) if since.get(path, 0) <= size else 0
        with path.open("rb") as file:
            file.seek(max(began, size - limit))
            gained.append(file.read().decode(errors="replace"))
    return "".join(gained)


def _create(directory: Path, *, programs: Programs, owner: Owner | None) -> None:
    fresh = directory / f"new-{os.getpid()}"
    said = ""
    for locale in _LOCALES:
        fresh.mkdir(mode=0o700)
        if owner:
            os.chown(fresh, owner.uid, owner.gid)
        done = subprocess.run(  # noqa: S603  # our own program
            [
                programs.path("initdb"),
                f"--pgdata={fresh}",
                "--username=postgres",
                # Whoever reaches the socket may come in; the directory it lies in lets only the owner through.
                "--auth=trust",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                f"--lc-ctype={locale}",
            ],
            user=owner.uid if owner else None,
            group=owner.gid if owner else None,
            extra_groups=[] if owner else None,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=600,
            check=False,
        )
        if done.returncode == 0:
            fresh.rename(directory / "data")
            _sync(directory)
            log.info("database_created", directory=str(directory), locale=locale)
            return
        said = done.stderr
        reason = why(said, directory=directory)
        shutil.rmtree(fresh, ignore_errors=True)
        if "invalid locale name" not in said:
            raise CannotStart(reason)
    raise CannotStart(why(said, directory=directory))


def _check_readable(data: Path, owner: Owner | None) -> None:
    try:
        major = (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise CannotStart(
            f"{data} is there and holds no database: move it away, and Allo makes a new one."
        ) from None
    except PermissionError:
        raise CannotStart(
            f"{data} belongs to another user ({data.parent.owner()} made {data.parent}): start Allo as that user, or "
            "as root, or hand the directory over with chown -R."
        ) from None
    if major != MAJOR:
        raise CannotStart(
            f"The database in {data} was written by PostgreSQL {major}, and this Allo brings {MAJOR}: make a backup "
            "with the Allo that wrote it (`allo backup`) and restore it here (`allo restore`)."
        )
    if owner and data.stat().st_uid != owner.uid:
        for path in (data, *data.rglob("*")):
            os.chown(path, owner.uid, owner.gid, follow_symlinks=False)
        log.info("database_files_handed_over", directory=str(data), uid=owner.uid)


def _system_user() -> pwd.struct_passwd:
    ways = (
        ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"],
        ["adduser", "-S", "-D", "-H", "-s", "/sbin/nologin"],  # busybox
    )
    for way in ways:
        with suppress(KeyError):
            return pwd.getpwnam(SYSTEM_USER)
        with suppress(FileNotFoundError):
            # Whether it worked is asked of the user list: another Allo may have been quicker.
            subprocess.run([*way, SYSTEM_USER], capture_output=True, timeout=30, check=False)  # noqa: S603
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise CannotStart(
            f"PostgreSQL does not run as root, and the user {SYSTEM_USER} could not be made to run it: start Allo as an "
            "ordinary user, or set ALLO_DATABASE_URL to a server of your own."
        ) from None


def _let_through(path: Path, owner: Owner) -> None:
    """Lets the server's user pass, and only pass, through the directories above `path`: a clone under /root."""
    for parent in _ancestors(path):
        status = parent.stat()
        if status.st_uid == owner.uid:
            enough = status.st_mode & stat.S_IXUSR
        elif status.st_gid == owner.gid:
            enough = status.st_mode & stat.S_IXGRP
        else:
            enough = status.st_mode & stat.S_IXOTH
        if enough:
            continue
        try:
            parent.chmod(stat.S_IMODE(status.st_mode) | stat.S_IXOTH)
        except OSError as error:
            raise CannotStart(
                f"The database server, which does not run as root, cannot pass through {parent}: "
                f"allow it (chmod o+x), or put the data elsewhere with ALLO_DATA_DIR. ({error.strerror})"
            ) from error
        log.warning("directory_opened_for_passing", directory=str(parent), mode="o+x")


def _let_read(root: Path) -> None:
    """An installation made under a strict umask is closed to the server's user."""
    if (root / "bin" / "postgres").stat().st_mode & stat.S_IXOTH:
        return
    for path in (root, *root.rglob("*")):
        mode = path.stat().st_mode
        pass_too = stat.S_IXOTH if mode & stat.S_IXUSR else 0
        path.chmod(stat.S_IMODE(mode) | stat.S_IROTH | pass_too)


def _ancestors(path: Path) -> Iterator[Path]:
    yield from reversed(path.resolve().parents)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
