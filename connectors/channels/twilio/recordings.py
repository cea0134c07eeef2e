"""Recordings. https://www.twilio.com/docs/voice/api/recording#fetch-a-recording-media-file

Asked for by the recording's sid at the account's own address, never at an address that came with a callback.
"""

import re
from collections.abc import AsyncIterator
from typing import Final

import aiohttp

from connectors.channels.twilio import rest
from connectors.connector import Account, Fetched
from connectors.errors import AccountBroken, Rejected, SendError, Unreachable

PIECE: Final = 65_536
LIMIT: Final = 500_000_000
"""Bytes: more than a day of MP3 at 32 kbit/s."""

DEADLINE: Final = aiohttp.ClientTimeout(total=600, connect=15, sock_read=30)
_SID: Final = re.compile(r"RE[0-9a-zA-Z]{1,64}")


async def fetch(account: Account, ref: str, http: aiohttp.ClientSession) -> Fetched:
    """Raises a SendError; so do the chunks while they are read."""
    if _SID.fullmatch(ref) is None:
        raise Rejected("This is not a recording of Twilio's")
    address = rest.url(account, f"/Recordings/{ref}.mp3")
    return Fetched(
        chunks=_chunks(address, rest.credentials(account), http),
        name=f"{ref}.mp3",
        mime="audio/mpeg",
    )


async def _chunks(
    address: str, headers: dict[str, str], http: aiohttp.ClientSession
) -> AsyncIterator[bytes]:
    size = 0
    try:
        # With external storage Twilio redirects to it; aiohttp takes the credentials to no other host.
        async with http.get(
            address, headers=headers, timeout=DEADLINE, max_redirects=3
        ) as response:
            if response.status != 200:
                raise _refusal(response.status)
            async for piece in response.content.iter_chunked(PIECE):
                size += len(piece)
                if size > LIMIT:
                    raise Rejected("The recording is larger than any Allo keeps (500 MB)")
                yield piece
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        # Without the cause: it names the address, and where it redirects to may be signed.
        raise Unreachable(f"The recording broke off ({type(error).__name__})") from None


def _refusal(status: int) -> SendError:
    if status in {401, 403}:
        return AccountBroken("Twilio does not accept the account SID and token")
    if status == 429 or status >= 500:
        return Unreachable(f"Twilio does not give recordings now ({status})")
    return Rejected(f"Twilio no longer has this recording ({status})")
