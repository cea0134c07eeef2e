"""Files by their hash: the same promises on disk and in a bucket."""

import asyncio
import hashlib
import os
import stat
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from unittest.mock import patch
from urllib.parse import quote

import aiohttp
import pytest

from connectors.connector import Media
from storage.media import CHUNK, MediaStore, MediaUnavailable, TooLarge, open_media


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A stand-in for S3 on loopback, with a bucket; its endpoint."""
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415  # heavy
        DomainDispatcherApplication,
        create_backend_app,
    )
    from werkzeug.serving import make_server  # noqa: PLC0415

    server = make_server(
        "127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=["disk", "bucket"])
async def media(request: pytest.FixtureRequest, tmp_path: Path) -> MediaStore:
    if request.param == "disk":
        return open_media((tmp_path / "файлы media").as_uri())
    endpoint = request.getfixturevalue("bucket")
    async with aiohttp.ClientSession() as http:
        response = await http.put(f"{endpoint}/allo-files")
        assert response.status in {200, 409}
    return open_media(
        f"s3://key:{quote('sec/ret', safe='')}@allo-files/{tmp_path.name}?endpoint={quote(endpoint)}"
    )


async def _pieces(content: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def _read(media: MediaStore, sha256: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([piece async for piece in media.stream(sha256, start=start, end=end)])


def test_it_is_what_the_connectors_ask_for(tmp_path: Path) -> None:
    media: Media = open_media(tmp_path.as_uri())
    assert callable(media.put)


async def test_what_was_put_is_got_by_its_hash(media: MediaStore) -> None:
    content = os.urandom(1000)
    sha256 = await media.put(content)
    assert sha256 == hashlib.sha256(content).hexdigest()
    assert await media.get(sha256) == content
    assert await media.size(sha256) == 1000


async def test_an_empty_file_is_a_file(media: MediaStore) -> None:
    sha256 = await media.put(b"")
    assert await media.get(sha256) == b""
    assert await media.size(sha256) == 0


async def test_a_file_in_pieces_is_the_same_file(media: MediaStore) -> None:
    content = os.urandom(CHUNK * 3 + 17)
    assert await media.put_stream(_pieces(content, 10_000), limit=1 << 20) == (
        await media.put(content),
        len(content),
    )
    assert await _read(media, hashlib.sha256(content).hexdigest()) == content


async def test_a_large_file_survives_both_ways(media: MediaStore) -> None:
    """Larger than a part of a multipart upload, and than a piece of a download."""
    content = os.urandom(12 << 20)
    sha256, size = await media.put_stream(_pieces(content, 1 << 20), limit=20 << 20)
    assert size == len(content)
    assert await media.get(sha256) == content


@pytest.mark.parametrize(
    ("start", "end"), [(0, 10), (990, None), (500, 5000), (1000, None), (20, 20)]
)
async def test_a_player_asks_for_a_part(media: MediaStore, start: int, end: int | None) -> None:
    content = os.urandom(1000)
    sha256 = await media.put(content)
    assert await _read(media, sha256, start, end) == content[start:end]


async def test_a_file_too_large_is_refused_before_it_is_all_here(media: MediaStore) -> None:
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += CHUNK
            yield bytes(CHUNK)

    with pytest.raises(TooLarge):
        await media.put_stream(endless(), limit=CHUNK * 2)
    assert given <= CHUNK * 4


async def test_a_source_that_breaks_off_leaves_nothing_behind(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(CHUNK)
        raise ConnectionError("the platform hung up")

    media = open_media(tmp_path.as_uri())
    with pytest.raises(ConnectionError, match="hung up"):
        await media.put_stream(broken(), limit=1 << 20)
    assert _files(tmp_path) == []


def _files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


async def test_a_full_disk_is_unavailable_and_leaves_nothing_behind(tmp_path: Path) -> None:
    media = open_media(tmp_path.as_uri())
    full = OSError(28, "No space left on device")
    with patch("os.fsync", side_effect=full), pytest.raises(MediaUnavailable, match="No space"):
        await media.put(b"photo")
    assert _files(tmp_path) == []


async def test_the_same_file_twice_at_once_is_one(media: MediaStore) -> None:
    content = os.urandom(100_000)
    async with asyncio.TaskGroup() as writers:
        writing = [writers.create_task(media.put(content)) for _ in range(5)]
    assert len({each.result() for each in writing}) == 1
    assert await media.get(writing[0].result()) == content


@pytest.mark.parametrize(
    "name", ["0" * 64, "", "../../etc/passwd", "A" * 64, "0" * 63 + "/", "0" * 64 + "\n"]
)
async def test_what_is_not_there_or_is_no_name_is_a_key_error(media: MediaStore, name: str) -> None:
    with pytest.raises(KeyError):
        await media.get(name)
    with pytest.raises(KeyError):
        await media.size(name)


async def test_deleting_is_for_good_and_may_be_repeated(media: MediaStore) -> None:
    sha256 = await media.put(b"photo")
    await media.delete(sha256)
    await media.delete(sha256)
    with pytest.raises(KeyError):
        await media.get(sha256)
    assert await media.put(b"photo") == sha256
    assert await media.get(sha256) == b"photo"


async def test_on_disk_files_are_spread_and_nobody_elses_to_read(tmp_path: Path) -> None:
    sha256 = await open_media((tmp_path / "media").as_uri()).put(b"photo")
    path = tmp_path / "media" / sha256[:2] / sha256[2:4] / sha256
    assert path.read_bytes() == b"photo"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "media").stat().st_mode) == 0o700


async def test_on_disk_the_content_is_durable_before_its_name(tmp_path: Path) -> None:
    order: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(handle: int) -> None:
        order.append("directory" if stat.S_ISDIR(os.fstat(handle).st_mode) else "content")
        fsync(handle)

    def noted_replace(path: Path, target: Path) -> Path:
        order.append("name")
        return replace(path, target)

    media = open_media(tmp_path.as_uri())
    with patch("os.fsync", noted_fsync), patch.object(Path, "replace", noted_replace):
        await media.put(b"photo")
    assert order[0] == "content"
    assert order[-2:] == ["name", "directory"]


async def test_on_disk_a_torn_file_is_noticed_and_mended_by_the_next_writing(
    tmp_path: Path,
) -> None:
    media = open_media(tmp_path.as_uri())
    sha256 = await media.put(b"photo")
    path = tmp_path / sha256[:2] / sha256[2:4] / sha256
    path.write_bytes(b"pho")
    with pytest.raises(MediaUnavailable, match="damaged"):
        await media.get(sha256)

    await media.put(b"photo")

    assert await media.get(sha256) == b"photo"


async def test_on_disk_what_a_dead_process_set_aside_is_swept_away(tmp_path: Path) -> None:
    open_media(tmp_path.as_uri())
    old, fresh = tmp_path / ".incoming" / "old", tmp_path / ".incoming" / "fresh"
    old.write_bytes(b"")
    fresh.write_bytes(b"")
    os.utime(old, (1, 1))
    open_media(tmp_path.as_uri())
    assert not old.exists()
    assert fresh.exists()


async def test_a_bucket_out_of_reach_is_unavailable_and_not_a_lost_file() -> None:
    media = open_media("s3://key:secret@allo-files?endpoint=http://127.0.0.1:9", retries=0)
    with pytest.raises(MediaUnavailable) as failed:
        await media.get("0" * 64)
    assert "secret" not in str(failed.value)


def test_another_place_than_a_folder_or_a_bucket_is_refused() -> None:
    with pytest.raises(ValueError, match="file:// or s3://"):
        open_media("ftp://example.com")
