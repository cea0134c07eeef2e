"""`allo backup` and `allo restore`."""

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from importlib.metadata import version as version_of
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit
from urllib.request import url2pathname

import click
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.backups import is_empty, note_backup, others_connected, server_version
from storage.engine import known_revisions, migrate, schema_revision, transaction
from workers import secret_key
from workers.backup_file import FORMAT, Manifest, OpenBackup, read_backup, write_backup
from workers.cli.failures import Failed
from workers.cli.installation import installation, reached
from workers.dump import dump_database, restore_database
from workers.settings import Settings, load_settings


@click.command()
@click.argument("file")
def backup(*, file: str) -> None:
    """Write everything into FILE: the database, the customers' files, the secret key. "-" is standard output.

    Whoever has the file can read everything, the channels' credentials too: keep it as you keep those.
    """
    asyncio.run(_backup(load_settings(), file))


async def _backup(settings: Settings, file: str) -> None:
    async with installation(settings) as here:
        engine = here.engine
        there, _ = await reached(schema_revision(engine))
        if there is None:
            raise Failed("There is nothing to back up yet: the database is empty.")
        made_at = here.now()
        media = _media_folder(settings)
        manifest = Manifest(
            format=FORMAT,
            allo=version_of("allo"),
            made_at=made_at,
            revision=there,
            media=media is not None,
        )
        key = settings.require_secret_key()
        with tempfile.TemporaryDirectory(dir=_beside(file), prefix=".allo-backup-") as folder:
            dump = Path(folder) / "database.dump"
            async with engine.connect() as connection:
                server = await server_version(connection)
            await dump_database(here.url, dump, server=server, embedded=settings.embedded)

            def write(out: IO[bytes]) -> None:
                write_backup(out, manifest=manifest, secret_key=key, dump=dump, media=media)

            if file == "-":
                await asyncio.to_thread(write, sys.stdout.buffer)
                size = dump.stat().st_size
            else:
                size = await asyncio.to_thread(_write_whole, Path(file), write)
        async with transaction(engine) as connection:
            await note_backup(connection, at=made_at, size=size)
    files = "" if media else f" The files in {settings.media_location} are not in it."
    click.echo(f"Backed up: {_megabytes(size)}.{files}", err=file == "-")


@click.command()
@click.argument("file")
@click.option("--force", is_flag=True, help="Replace what is there already.")
def restore(*, file: str, force: bool) -> None:
    """Bring back what `allo backup` wrote into FILE; "-" is standard input. Stop `allo serve` first."""
    asyncio.run(_restore(load_settings(), file, force=force))


async def _restore(settings: Settings, file: str, *, force: bool) -> None:
    with ExitStack() as stack:
        source = (
            sys.stdin.buffer if file == "-" else stack.enter_context(Path(file).open("rb"))  # noqa: ASYNC230  # a command of its own; nothing waits
        )
        opened = stack.enter_context(read_backup(source))
        _check_fits(settings, opened)
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        async with installation(settings) as here:
            engine = here.engine
            await _check_free(engine, force=force)
            folder = Path(
                stack.enter_context(
                    tempfile.TemporaryDirectory(dir=settings.data_dir, prefix=".allo-restore-")
                )
            )
            dump = folder / "database.dump"
            await asyncio.to_thread(opened.extract_dump, dump)
            async with engine.connect() as connection:
                server = await server_version(connection)
            await engine.dispose()
            await restore_database(here.url, dump, server=server, embedded=settings.embedded)
            await migrate(engine)
        media, files = _media_folder(settings), 0
        if media and opened.manifest.media:
            files = await asyncio.to_thread(opened.extract_media, media)
        if not settings.secret_key:
            secret_key.put_back(settings.data_dir, opened.secret_key)
    click.echo(
        f"Restored what Allo {opened.manifest.allo} backed up on {opened.manifest.made_at:%Y-%m-%d %H:%M} UTC, "
        f"{files} files with it."
    )


def _check_fits(settings: Settings, opened: OpenBackup) -> None:
    if settings.secret_key and settings.secret_key != opened.secret_key:
        raise Failed(
            "ALLO_SECRET_KEY is not the key this backup was made with, so the channels' credentials in it could not be "
            "opened. Set it to the backup's (its member secret_key: tar -xOf FILE secret_key), or unset it."
        )
    if opened.manifest.revision not in known_revisions():
        raise Failed(
            f"This backup is of a newer Allo ({opened.manifest.allo}) than this one ({version_of('allo')}): update first."
        )


async def _check_free(engine: AsyncEngine, *, force: bool) -> None:
    async with engine.connect() as connection:
        empty = await reached(is_empty(connection))
        others = await others_connected(connection)
    if others:
        raise Failed(
            f"Something is working on this database ({', '.join(others)}): stop it before restoring."
        )
    if not empty and not force:
        raise Failed(
            "This installation is not empty, and restoring replaces everything in it. Back it up, then repeat with --force."
        )


def _media_folder(settings: Settings) -> Path | None:
    """None: not in a folder."""
    parts = urlsplit(settings.media_location)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else None


def _beside(file: str) -> Path | None:
    """Where the dump waits: there is room where the backup itself goes."""
    return None if file == "-" else Path(file).absolute().parent


def _write_whole(file: Path, write: Callable[[IO[bytes]], None]) -> int:
    """Complete or not there at all, and for its owner's eyes; returns its size."""
    aside = file.with_name(f"{file.name}.unfinished")
    try:
        with open(aside, "wb", opener=_for_owner_only) as out:  # Path.open takes no opener
            write(out)
            out.flush()
            os.fsync(out.fileno())
        aside.replace(file)
    finally:
        aside.unlink(missing_ok=True)
    return file.stat().st_size


def _for_owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB"
