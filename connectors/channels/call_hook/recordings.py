"""Recordings, from the address that a report told.

Below `recordings_base` it may be in the next room, with a user and a password; any other address only if it is a public one,
so that nobody who knows the secret can have Allo read what is inside the network it runs in.
"""

import mimetypes
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Final
from urllib.parse import unquote, urlsplit

import aiohttp

from connectors.connector import Account, Fetched
from connectors.errors import AccountBroken, Rejected, SendError, Unreachable
from connectors.outgoing import open_guarded_http
from router.clean_text import clean_line

PIECE: Final = 65_536
LIMIT: Final = 500_000_000
DEADLINE: Final = aiohttp.ClientTimeout(total=600, connect=15, sock_read=30)


async def fetch(account: Account, ref: str, http: aiohttp.ClientSession) -> Fetched:
    """Raises a SendError; so do the chunks while they are read."""
    try:
        path = urlsplit(ref).path
    except ValueError:
        path = ""
    if not ref.startswith(("https://", "http://")) or not path:
        raise Rejected("This is not the address of a recording")
    name = clean_line(unquote(path.rpartition("/")[2]), limit=128)
    own = _below(ref, account["recordings_base"])
    headers = {}
    if own and account["recordings_user"]:
        headers["Authorization"] = aiohttp.encode_basic_auth(
            account["recordings_user"], account["recordings_password"], encoding="utf-8"
        )
    session: AbstractAsyncContextManager[aiohttp.ClientSession] = (
        nullcontext(http) if own else open_guarded_http()
    )
    return Fetched(
        chunks=_chunks(ref, headers, session),
        name=name,
        mime=mimetypes.guess_type(name)[0] or "",
    )


def _below(address: str, base: str) -> bool:
    """The same place, and a path under it; steps upwards are none."""
    if not base:
        return False
    asked, allowed = urlsplit(address), urlsplit(base)
    steps = unquote(asked.path).replace("\\", "/").split("/")
    return (
        (asked.scheme, asked.netloc) == (allowed.scheme, allowed.netloc)
        and asked.path.startswith(allowed.path.rstrip("/") + "/")
        and ".." not in steps
    )


async def _chunks(
    address: str,
    headers: dict[str, str],
    session: AbstractAsyncContextManager[aiohttp.ClientSession],
) -> AsyncIterator[bytes]:
    size = 0
    try:
        async with (
            session as http,
            http.get(address, headers=headers, timeout=DEADLINE, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise _refusal(response.status)
            async for piece in response.content.iter_chunked(PIECE):
                size += len(piece)
                if size > LIMIT:
                    raise Rejected("The recording is larger than any Allo keeps (500 MB)")
                yield piece
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        # Without the cause: an address may hold a key.
        raise Unreachable(f"The recording could not be fetched ({type(error).__name__})") from None


def _refusal(status: int) -> SendError:
    if status in {401, 403}:
        return AccountBroken("The recordings' server does not accept the user and password")
    # Exchanges tell of a recording while it is still being written.
    if status in {404, 429} or status >= 500:
        return Unreachable(f"The recording is not there yet ({status})")
    return Rejected(f"The recordings' server does not give it ({status})")
