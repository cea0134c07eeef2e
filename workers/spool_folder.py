"""A folder of events that wait on this machine's disk: one file each request, whole or not there at all.

    spool/
      {process}/lock                              held (flock) while its process lives; the kernel lets go when it dies
      {process}/{microseconds}-{number}-{account}    SHA-256 of what follows, then events as the broker would get them

A file is written under another name, synced, renamed, and the folder synced: whatever dies between two steps, there is
either nothing or all of it. Who finds a folder whose lock nobody holds takes it over; so nothing waits for a process
that never comes back, and no file has two owners.

Everything here blocks: call it in a thread.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Final, Self
from uuid import UUID

LOCK: Final = "lock"
UNFINISHED: Final = ".unfinished"
DAMAGED: Final = ".damaged"
_DIGEST: Final = hashlib.sha256().digest_size
_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600


class Damaged(Exception):
    """The file is not what was written: the disk lost some of it."""


@dataclass(frozen=True, slots=True, order=True)
class Waiting:
    """A file; the oldest is the least."""

    at: int
    """Microseconds since 1970."""
    number: int
    account: UUID
    path: Path
    size: int

    @property
    def since(self) -> datetime:
        return datetime.fromtimestamp(self.at / 1e6, UTC)


class Folder:
    """One process's, or one that was taken over: ours until `give_back`."""

    def __init__(self, path: Path, lock: int, *, sync: Callable[[int], None] = os.fsync) -> None:
        self.path = path
        self._lock = lock
        self._sync = sync

    @classmethod
    def make(cls, spool: Path, name: str, *, sync: Callable[[int], None] = os.fsync) -> Self:
        """Raises OSError."""
        for attempt in count():
            path = spool / (f"{name}.{attempt}" if attempt else name)
            path.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            # Somebody who takes over what dead processes left may be quicker than we are.
            folder = cls.take_over(path, sync=sync)
            if folder is not None:
                _sync_folder(spool, sync)
                return folder
        raise AssertionError("count() does not end")

    @classmethod
    def take_over(cls, path: Path, *, sync: Callable[[int], None] = os.fsync) -> Self | None:
        """None: somebody holds it, or it is gone."""
        try:
            # Made when it is missing: its process died before it had one.
            lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held it may have removed the folder between our opening and our locking.
            if (path / LOCK).stat().st_ino == os.fstat(lock).st_ino:
                return cls(path, lock, sync=sync)
        except OSError:
            pass
        os.close(lock)
        return None

    def write(self, name: str, content: bytes) -> int:
        """Durable when it returns; how many bytes it takes. Raises OSError."""
        unfinished = self.path / (name + UNFINISHED)
        try:
            file = os.open(
                unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE_MODE
            )
            try:
                left = memoryview(hashlib.sha256(content).digest() + content)
                while left:
                    left = left[os.write(file, left) :]
                self._sync(file)
            finally:
                os.close(file)
            unfinished.rename(self.path / name)
        except OSError:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise
        _sync_folder(self.path, self._sync)
        return _DIGEST + len(content)

    def waiting(self) -> list[Waiting]:
        """The oldest first."""
        return sorted(_waiting(self.path))

    def give_back(self) -> None:
        """Removes the folder when nothing waits in it."""
        with os.scandir(self.path) as entries:
            left = [each.name for each in entries if each.name != LOCK]
        # What was being written when its process died was never answered.
        for name in [each for each in left if each.endswith(UNFINISHED)]:
            (self.path / name).unlink(missing_ok=True)
            left.remove(name)
        if not left:
            (self.path / LOCK).unlink(missing_ok=True)
            with suppress(OSError):
                self.path.rmdir()
        os.close(self._lock)


def folders(spool: Path) -> list[Path]:
    """Of all processes of this machine, living and dead."""
    try:
        with os.scandir(spool) as entries:
            return sorted(Path(each.path) for each in entries if each.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []


def all_waiting(spool: Path) -> list[Waiting]:
    """In whosever folder; the oldest first."""
    return sorted(each for folder in folders(spool) for each in _waiting(folder))


def all_damaged(spool: Path) -> list[Path]:
    return [each for folder in folders(spool) for each in folder.glob(f"*{DAMAGED}")]


def name_of(at: datetime, number: int, account: UUID) -> str:
    return f"{int(at.timestamp() * 1e6):017d}-{number:08d}-{account.hex}"


def read(each: Waiting) -> bytes:
    """Raises Damaged, OSError."""
    content = each.path.read_bytes()
    if hashlib.sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
        raise Damaged(each.path.name)
    return content[_DIGEST:]


def set_aside(each: Waiting) -> None:
    """A damaged file is a person's to look at, and in nobody's way."""
    each.path.rename(each.path.with_name(each.path.name + DAMAGED))


def _waiting(path: Path) -> Iterator[Waiting]:
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                pieces = entry.name.split("-")
                if len(pieces) != 3 or "." in entry.name:
                    continue
                with suppress(OSError, ValueError):  # just removed; or nothing of ours
                    yield Waiting(
                        at=int(pieces[0]),
                        number=int(pieces[1]),
                        account=UUID(hex=pieces[2]),
                        path=Path(entry.path),
                        size=entry.stat(follow_symlinks=False).st_size,
                    )
    except FileNotFoundError:
        return


def _sync_folder(path: Path, sync: Callable[[int], None]) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync(folder)
    finally:
        os.close(folder)
