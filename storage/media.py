"""Files by the SHA-256 of their content: on disk, or in an S3 bucket.

    file:///var/lib/allo/media                  ab/cd/abcd… under the folder
    s3://bucket/prefix?endpoint=https://…       prefix/ab/cd/abcd… in the bucket

A file is written whole or not at all, and once: the same content again is recognised by its name. What comes in pieces is
set aside until its hash, and so its name, is known; no more than a piece is ever in memory.
"""

import asyncio
import contextlib
import hashlib
import os
import re
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, Final, Protocol
from urllib.parse import parse_qs, unquote, urlsplit
from urllib.request import url2pathname

from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, S3Store

CHUNK: Final = 256 << 10
_NAME: Final = re.compile(r"[0-9a-f]{64}")
_ABANDONED_S: Final = 24 * 3600.0
"""What was set aside this long ago belongs to a process that died over it."""


class TooLarge(Exception):
    """The file is larger than it may be."""


class MediaUnavailable(Exception):
    """The place where files are kept did not take or give one; another time it may."""


class MediaStore:
    """Satisfies `connectors.connector.Media`. Names are hexadecimal; an unknown one, or no name at all, is a KeyError."""

    def __init__(
        self, *, store: LocalStore | S3Store, keeper: "_Keeper", aside: Path | None
    ) -> None:
        self._store = store
        self._keeper = keeper
        self._aside = aside

    async def put(self, content: bytes) -> str:
        """Stores it, once; returns the hash. Raises MediaUnavailable."""

        async def whole() -> AsyncIterator[bytes]:
            yield content

        sha256, _ = await self.put_stream(whole(), limit=len(content))
        return sha256

    async def put_stream(self, chunks: AsyncIterator[bytes], *, limit: int) -> tuple[str, int]:
        """Stores what comes, at most `limit` bytes; returns (hash, size). Raises TooLarge, MediaUnavailable."""
        digest = hashlib.sha256()
        size = 0
        with _set_aside(self._aside) as file:
            # What goes wrong with the source is the source's, and is raised as it is.
            async for piece in _collected(chunks):
                size += len(piece)
                if size > limit:
                    raise TooLarge(f"more than {limit} bytes")
                digest.update(piece)
                with _as_unavailable():
                    await asyncio.to_thread(file.write, piece)
            sha256 = digest.hexdigest()
            with _as_unavailable():
                await self._keeper.keep(file, _path(sha256), size)
        return sha256, size

    async def get(self, sha256: str) -> bytes:
        """Raises KeyError, MediaUnavailable; also when the bytes are no longer those that were stored."""
        pieces = [piece async for piece in self.stream(sha256)]
        content = b"".join(pieces)
        if hashlib.sha256(content).hexdigest() != sha256:
            raise MediaUnavailable(f"{sha256} is damaged: its content is not what was stored")
        return content

    async def stream(
        self, sha256: str, *, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes]:
        """Its bytes from `start` up to, not including, `end`. Raises KeyError, MediaUnavailable."""
        path = _path(sha256)
        size = await self.size(sha256)
        end = size if end is None else min(end, size)
        with _as_unavailable():
            while start < end:
                # One request a piece: a browser that pauses a video holds no connection to the bucket open.
                ahead = min(start + (CHUNK if size <= CHUNK * 16 else CHUNK * 16), end)
                yield bytes(await self._store.get_range_async(path, start=start, end=ahead))
                start = ahead

    async def size(self, sha256: str) -> int:
        """Raises KeyError, MediaUnavailable."""
        path = _path(sha256)
        with _as_unavailable():
            try:
                return (await self._store.head_async(path))["size"]
            except (NotFoundError, FileNotFoundError):
                raise KeyError(sha256) from None

    async def delete(self, sha256: str) -> None:
        """Gone afterwards, also when it was never there. Raises MediaUnavailable."""
        path = _path(sha256)
        with _as_unavailable(), contextlib.suppress(NotFoundError, FileNotFoundError):
            await self._store.delete_async(path)


def open_media(url: str, *, retries: int = 3) -> MediaStore:
    """`url` as in the module's docstring; credentials of a bucket from the URL's user and password, or the AWS variables."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        root = Path(url2pathname(parts.path))
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside = root / ".incoming"
        aside.mkdir(exist_ok=True, mode=0o700)
        _sweep(aside)
        return MediaStore(store=LocalStore(root), keeper=_OnDisk(root), aside=aside)
    if parts.scheme == "s3":
        store = _bucket(url, retries)
        return MediaStore(store=store, keeper=_InBucket(store), aside=None)
    raise ValueError(f"Files are kept under file:// or s3://, not {parts.scheme}://")


class _Keeper(Protocol):
    async def keep(self, file: IO[bytes], path: str, size: int) -> None:
        """Makes what was set aside durable under its name, unless it is there."""


class _OnDisk:
    """Our own writing: LocalStore renames without fsync, and a name that outlives its content would never be written again."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def keep(self, file: IO[bytes], path: str, size: int) -> None:
        await asyncio.to_thread(self._keep, file, self._root / path, size)

    def _keep(self, file: IO[bytes], path: Path, size: int) -> None:
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_size == size:
                return
        os.fsync(file.fileno())
        for directory in (path.parent.parent, path.parent):
            if not directory.exists():
                directory.mkdir(exist_ok=True, mode=0o700)
                _sync(directory.parent)
        # Replacing is harmless: whatever two writers put there is the same.
        Path(file.name).replace(path)
        _sync(path.parent)


class _InBucket:
    """A bucket takes a file whole or not at all; asked first, because uploading costs more than asking."""

    def __init__(self, store: S3Store) -> None:
        self._store = store

    async def keep(self, file: IO[bytes], path: str, size: int) -> None:
        with contextlib.suppress(NotFoundError, FileNotFoundError):
            if (await self._store.head_async(path))["size"] == size:
                return
        await asyncio.to_thread(file.seek, 0)
        await self._store.put_async(path, file)


@contextlib.contextmanager
def _set_aside(directory: Path | None) -> Generator[IO[bytes]]:
    """A file of nobody else's, gone afterwards unless it was moved to its name."""
    with _as_unavailable():
        file = tempfile.NamedTemporaryFile(  # noqa: SIM115  # closed below; its making may fail for want of space
            dir=directory, prefix="allo-", delete=False, buffering=0
        )
    try:
        yield file
    finally:
        file.close()
        Path(file.name).unlink(missing_ok=True)


@contextlib.contextmanager
def _as_unavailable() -> Generator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        # The library's messages go on with a debug print of the whole request.
        raise MediaUnavailable(str(error).splitlines()[0][:300]) from error


async def _collected(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in pieces worth a thread's while."""
    waiting = bytearray()
    async for chunk in chunks:
        waiting += chunk
        if len(waiting) >= CHUNK:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)


def _bucket(url: str, retries: int) -> S3Store:
    parts = urlsplit(url)
    asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    endpoint = asked.get("endpoint", "")
    options: dict[str, Any] = {"region": asked.get("region", "us-east-1")}
    if endpoint:
        options["endpoint"] = endpoint
    if parts.username and parts.password:
        options["access_key_id"] = unquote(parts.username)
        options["secret_access_key"] = unquote(parts.password)
    return S3Store(
        parts.netloc.rpartition("@")[2],
        prefix=parts.path.strip("/") or None,
        client_options={
            "allow_http": endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=5),
            "timeout": timedelta(seconds=60),
        },
        retry_config={"max_retries": retries, "retry_timeout": timedelta(seconds=30)},
        **options,
    )


def _path(sha256: str) -> str:
    """Of a name from outside, too: nothing but a hash becomes a path."""
    if not _NAME.fullmatch(sha256):
        raise KeyError(sha256)
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


def _sweep(aside: Path) -> None:
    for path in aside.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - _ABANDONED_S:
                path.unlink()


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
