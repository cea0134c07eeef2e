"""The machine Allo stands on: Python, the data directory, the disk, the ports, the settings."""

import asyncio
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from workers.doctor.finding import Finding, broken, doubtful, fine
from workers.settings import PREFIX, Address, Settings, parse_address, unknown_variables

LOW_DISK: Final = 1 << 30
"""Bytes: PostgreSQL's log of changes alone may take half of it."""
NO_DISK: Final = 100 << 20
PATIENCE_S: Final = 3.0


async def examine_machine(settings: Settings) -> list[Finding]:
    return [
        _python(),
        *_data_directory(settings.data_dir),
        *_settings(settings),
        await _http(settings),
        await _smtp(settings),
    ]


def _python() -> Finding:
    version = sys.version.split()[0]
    # The running interpreter has passed 3.11's syntax already; a newer one may be ahead of our locks.
    if sys.version_info >= (3, 15):
        return doubtful(
            "python",
            f"Python {version} is newer than what Allo is tested with.",
            "Use 3.11 to 3.14.",
        )
    return fine("python", f"Python {version}")  # fmt: skip


def _data_directory(directory: Path) -> Iterator[Finding]:
    existing = next(
        each for each in (directory.absolute(), *directory.absolute().parents) if each.exists()
    )
    try:
        with tempfile.NamedTemporaryFile(dir=existing, prefix=".allo-doctor-"):
            pass
    except OSError as error:
        yield broken(
            "data directory",
            f"{existing} cannot be written: {error.strerror}.",
            f"Give it to the user Allo runs as (now number {os.geteuid()}), or set ALLO_DATA_DIR to another place.",
        )
        return
    yield fine("data directory", f"{directory.absolute()} can be written.")
    free = shutil.disk_usage(existing).free
    said = f"{free / 1e9:.1f} GB are free on the disk of {existing}."
    if free < NO_DISK:
        yield broken("disk", said, "Free some now: a full disk stops the database.")
    elif free < LOW_DISK:
        yield doubtful("disk", said, "Free some soon: a full disk stops the database.")
    else:
        yield fine("disk", said)


def _settings(settings: Settings) -> Iterator[Finding]:
    if unknown := unknown_variables():
        yield doubtful(
            "settings",
            f"The environment has {', '.join(unknown)}, and there is no such setting.",
            "Correct the name; `allo config` lists the settings.",
        )
    url = urlsplit(settings.public_url)
    if not settings.public_url:
        yield fine(
            "public address",
            f"None is set, so Allo is reached at {settings.base_url} only: channels that call out work, webhooks from "
            "the internet do not.",
        )
    elif url.scheme != "https":
        yield doubtful(
            "public address",
            f"{settings.public_url} is not https.",
            "Telegram and WhatsApp call only https addresses, browsers give notifications and the installed application "
            "only to them, and passwords should not travel in the clear: put a "
            "proxy with a certificate in front, and set ALLO_PUBLIC_URL to its https address.",
        )
    elif url.hostname in {"localhost", "127.0.0.1", "::1"}:
        yield doubtful(
            "public address",
            f"{settings.public_url} means this machine, to everybody who reads it.",
            "Set ALLO_PUBLIC_URL to the name under which the internet reaches Allo.",
        )
    else:
        yield fine("public address", settings.public_url)
    if not settings.embedded and settings.origin_of("secret_key") == "default":
        yield doubtful(
            "secret key",
            "There is no secret key on this machine yet, and the database is shared with others.",
            f"If another machine serves this database, set {PREFIX}SECRET_KEY to the key it uses.",
        )


async def _http(settings: Settings) -> Finding:
    address = settings.http_address
    if _is_free(address):
        return fine("http", f"{address} is free: no `allo serve` is running there.")
    reach = address.from_here()
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S)) as session,
            session.get(f"http://{reach}/readyz") as answer,
        ):
            status = answer.status
    except (aiohttp.ClientError, TimeoutError):
        status = 0
    if status == 200:
        return fine("http", f"`allo serve` answers on {address} and is ready.")
    if status == 503:
        return broken(
            "http",
            f"`allo serve` answers on {address}, and says that it is not ready.",
            f"See what /readyz on {reach} says, and the log.",
        )
    return broken(
        "http",
        f"Something else is listening on {address}.",
        "Stop it, or set ALLO_HTTP to another address.",
    )


async def _smtp(settings: Settings) -> Finding:
    if not settings.smtp_listen:
        return fine("smtp", "Mail by SMTP is off.")
    address = parse_address(settings.smtp_listen)
    if _is_free(address):
        return fine("smtp", f"{address} is free: no `allo serve` is running there.")
    host, port = address.from_here()
    try:
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection(host, port)
            greeting = await reader.readline()
            writer.close()
    except (OSError, TimeoutError):
        greeting = b""
    if greeting.startswith(b"220"):
        return fine("smtp", f"Mail is taken on {address}.")
    return broken(
        "smtp",
        f"Something that is no mail server is listening on {address}.",
        "Stop it, or set ALLO_SMTP_LISTEN to another address.",
    )


def _is_free(address: Address) -> bool:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family) as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((address.host, address.port))
        except OSError:
            return False
    return True
