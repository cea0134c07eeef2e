"""A backup: one tar file with everything an installation needs to be itself again.

    manifest.json     what this is, of which Allo and when; read first, so it stands first
    secret_key        without it the channels' credentials in the dump stay sealed for ever
    database.dump     pg_dump's custom format, compressed
    media/…           customers' files, when they are kept in a folder (a bucket has backups of its own)

The dump is taken before the files are read. Files are named by their content and never change, so that everything the
dump speaks of is in the backup. The key lies in it in the clear: whoever has the file has everything, and an encrypted
key would only move the question to another key. The file is for its owner's eyes (0600), and `allo backup -` writes to
standard output for whoever wants to encrypt it on the way.
"""

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Final

import msgspec

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
KEY: Final = "secret_key"
DUMP: Final = "database.dump"
MEDIA: Final = "media"
MANIFEST_LIMIT: Final = 1 << 16
KEY_LIMIT: Final = 1 << 12


class NotABackup(Exception):
    """The file is not one that `allo backup` wrote, or not whole; the text says how."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    allo: str
    made_at: datetime
    revision: str
    media: bool
    """Whether the files are inside."""


def write_backup(
    to: IO[bytes], *, manifest: Manifest, secret_key: str, dump: Path, media: Path | None
) -> None:
    """Writes the whole file, forward only, so that `to` may be a pipe."""
    with tarfile.open(fileobj=to, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        _add_bytes(tar, MANIFEST, msgspec.json.encode(manifest), manifest.made_at)
        _add_bytes(tar, KEY, secret_key.encode(), manifest.made_at)
        tar.add(dump, DUMP, filter=_nobody_s)
        for file in media.rglob("*") if media else ():
            if file.is_file() and not file.is_symlink():
                tar.add(
                    file, f"{MEDIA}/{file.relative_to(media or file).as_posix()}", filter=_nobody_s
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBackup:
    """A backup that is being read; its parts must be taken in this order: dump, then files."""

    manifest: Manifest
    secret_key: str
    tar: tarfile.TarFile

    def extract_dump(self, to: Path) -> None:
        member = self.tar.next()
        if member is None or member.name != DUMP or not member.isfile():
            raise NotABackup("There is no database in it")
        _copy(self.tar, member, to)

    def extract_media(self, to: Path) -> int:
        """Writes what is not there yet; returns how many files the backup has."""
        count = 0
        while member := self.tar.next():
            name = PurePosixPath(member.name)
            if not member.isfile() or name.parts[0] != MEDIA or ".." in name.parts:
                raise NotABackup(f"It holds something that no backup holds: {member.name!r}")
            place = to.joinpath(*name.parts[1:])
            count += 1
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                aside = place.with_name(f"{place.name}.restoring")
                _copy(self.tar, member, aside)
                aside.replace(place)
        return count


@contextmanager
def read_backup(file: IO[bytes]) -> Iterator[OpenBackup]:
    """Raises NotABackup, also while its parts are taken."""
    try:
        with tarfile.open(fileobj=file, mode="r|") as tar:
            manifest = msgspec.json.decode(_read(tar, MANIFEST, MANIFEST_LIMIT), type=Manifest)
            if manifest.format != FORMAT:
                raise NotABackup(
                    f"It is of format {manifest.format}, written by Allo {manifest.allo}; this Allo reads {FORMAT}"
                )
            key = _read(tar, KEY, KEY_LIMIT).decode("ascii").strip()
            yield OpenBackup(manifest=manifest, secret_key=key, tar=tar)
    except (tarfile.TarError, EOFError) as error:
        raise NotABackup(f"It is no tar file, or not a whole one ({error})") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotABackup(f"It cannot be read ({error})") from error


def _read(tar: tarfile.TarFile, name: str, limit: int) -> bytes:
    member = tar.next()
    content = tar.extractfile(member) if member is not None and member.name == name else None
    if member is None or content is None or member.size > limit:
        raise NotABackup(f"There is no {name} where it should be")
    return content.read()


def _copy(tar: tarfile.TarFile, member: tarfile.TarInfo, to: Path) -> None:
    content = tar.extractfile(member)
    if content is None:
        raise NotABackup(f"{member.name} has no content")
    left = member.size
    with to.open("wb") as out:
        while chunk := content.read(1 << 20):
            out.write(chunk)
            left -= len(chunk)
    if left:
        raise NotABackup(f"It ends in the middle of {member.name}")


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes, made_at: datetime) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(content), 0o600, int(made_at.timestamp())
    tar.addfile(member, io.BytesIO(content))


def _nobody_s(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Whose files they were on this machine means nothing on another."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member
