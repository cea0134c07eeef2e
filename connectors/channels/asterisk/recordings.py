"""Recordings, fetched from a web server that shows Asterisk's monitor folder.

The Manager Interface gives no files, and Allo opens none on a disk that an event names: a path that came over the network is
used below the configured address only, without its steps upwards. What Asterisk calls …/monitor/2026/11/21/x.wav is
{recordings_url}2026/11/21/x.wav.
"""

import mimetypes
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import quote

import aiohttp

from connectors.connector import Account, Fetched
from connectors.errors import AccountBroken, Rejected, SendError, Unreachable

PIECE: Final = 65_536
LIMIT: Final = 1_000_000_000
"""Bytes: a WAV of 8 kHz and 16 bits for some seventeen hours."""

EMPTY_WAV: Final = 44
"""Bytes of a header with nothing behind it: nobody spoke (measured)."""

DEADLINE: Final = aiohttp.ClientTimeout(total=600, connect=15, sock_read=30)


async def fetch(account: Account, ref: str, http: aiohttp.ClientSession) -> Fetched:
    """Raises a SendError; so do the chunks while they are read."""
    base = account["recordings_url"]
    if not base.startswith(("https://", "http://")):
        raise Rejected("Set recordings_url: Asterisk itself gives no recordings")
    path = below_monitor(ref)
    name = path.rpartition("/")[2]
    headers = {}
    if account["recordings_user"]:
        headers["Authorization"] = aiohttp.encode_basic_auth(
            account["recordings_user"], account["recordings_password"], encoding="utf-8"
        )
    return Fetched(
        chunks=_chunks(f"{base.rstrip('/')}/{quote(path)}", headers, http),
        name=name,
        mime=mimetypes.guess_type(name)[0] or "audio/x-wav",
    )


def below_monitor(ref: str) -> str:
    """The path below the monitor folder. Raises Rejected for what is none."""
    _, monitor, rest = ref.replace("\\", "/").rpartition("/monitor/")
    path = rest if monitor else ref.rpartition("/")[2]
    steps = path.split("/")
    if any(step in {"", ".", ".."} for step in steps) or "\0" in path:
        raise Rejected("This is not the name of a recording")
    return path


async def _chunks(
    address: str, headers: dict[str, str], http: aiohttp.ClientSession
) -> AsyncIterator[bytes]:
    size = 0
    held = b""
    try:
        async with http.get(
            address, headers=headers, timeout=DEADLINE, allow_redirects=False
        ) as response:
            if response.status != 200:
                raise _refusal(response.status)
            async for piece in response.content.iter_chunked(PIECE):
                size += len(piece)
                if size > LIMIT:
                    raise Rejected("The recording is larger than any Allo keeps (1 GB)")
                # Nothing is given out before it is more than a header.
                if size <= EMPTY_WAV:
                    held += piece
                    continue
                yield held + piece
                held = b""
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise Unreachable(f"The recording broke off ({type(error).__name__})") from None
    if size <= EMPTY_WAV:
        raise Rejected("Nothing was recorded")


def _refusal(status: int) -> SendError:
    if status in {401, 403}:
        return AccountBroken("The recordings' web server does not accept the user and password")
    # Asterisk may be still mixing the file, or a script moving it.
    if status in {404, 429} or status >= 500:
        return Unreachable(f"The recording is not there yet ({status})")
    return Rejected(f"The recordings' web server does not give it ({status})")
