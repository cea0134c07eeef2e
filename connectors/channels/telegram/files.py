"""Files from Telegram: https://core.telegram.org/bots/api#getfile

A `file_id` stays good; the address made from it lives an hour and holds the bot's token, so it is asked for each time
and never kept.
"""

import mimetypes
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
import msgspec

from connectors.channels.telegram.bot_api import call, file_url, read_result
from connectors.connector import Account, Fetched
from connectors.errors import Rejected, SendError, Unreachable

PIECE: Final = 65_536
LIMIT: Final = 2_000_000_000
"""Bytes; api.telegram.org gives 20 MB at most, a Bot API server of one's own 2 GB."""

DEADLINE: Final = aiohttp.ClientTimeout(total=600, connect=15, sock_read=30)


class _File(msgspec.Struct, frozen=True):
    file_path: str = ""
    file_size: int | None = None


async def fetch(account: Account, ref: str, http: aiohttp.ClientSession) -> Fetched:
    """Raises a SendError; so do the chunks while they are read."""
    file = read_result(await call(account, http, "getFile", {"file_id": ref}), _File)
    path = file.file_path
    if not path:
        raise Rejected("Telegram no longer gives this file")
    if path.startswith("/") or ".." in path:
        # A Bot API server in --local mode names a file on its own disk, which is not ours to open.
        raise Rejected("The Bot API server keeps its files to itself; run it without --local")
    name = path.rpartition("/")[2]
    return Fetched(
        chunks=_chunks(account, path, http),
        name=name,
        mime=mimetypes.guess_type(name)[0] or "",
    )


async def _chunks(account: Account, path: str, http: aiohttp.ClientSession) -> AsyncIterator[bytes]:
    size = 0
    try:
        async with http.get(
            file_url(account, path), timeout=DEADLINE, allow_redirects=False
        ) as response:
            if response.status != 200:
                raise _refusal(response.status)
            async for piece in response.content.iter_chunked(PIECE):
                size += len(piece)
                if size > LIMIT:
                    raise Rejected("The file is larger than Telegram's largest")
                yield piece
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        # Without the cause: it names the address, and the address holds the token.
        raise Unreachable(f"The file broke off ({type(error).__name__})") from None


def _refusal(status: int) -> SendError:
    """The address was made a moment ago, so that it is not there means that the file is not."""
    if status == 429 or status >= 500:
        return Unreachable(f"Telegram does not give files now ({status})")
    return Rejected(f"Telegram no longer gives this file ({status})")
