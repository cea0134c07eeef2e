"""Files from WhatsApp: https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media

A message names a file by its id, which is good for days; the address asked for by it lives five minutes and wants the
token again. So the address is asked for when the file is fetched, and never kept.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from msgspec import Struct

from connectors.channels.whatsapp.graph_api import base_url, call, headers_of, own_number
from connectors.connector import Account, Fetched
from connectors.errors import Rejected, SendError, Unreachable

PIECE: Final = 65_536
LIMIT: Final = 110_000_000
"""Bytes; Meta's largest file is a document of 100 MB."""

DEADLINE: Final = aiohttp.ClientTimeout(total=600, connect=15, sock_read=30)
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")


class _Media(Struct, frozen=True):
    url: str = ""
    mime_type: str = ""
    sha256: str = ""


async def fetch(account: Account, ref: str, http: aiohttp.ClientSession) -> Fetched:
    """Raises a SendError; so do the chunks while they are read."""
    if _ID.fullmatch(ref) is None:
        raise Rejected("This is not the id of a file at WhatsApp")
    # The number's id makes Meta give only what was sent to this number.
    media = await call(
        account, http, "GET", ref, _Media, params={"phone_number_id": own_number(account)}
    )
    _refuse_what_would_show_the_token(account, media.url)
    return Fetched(
        chunks=_chunks(account, media, http), mime=media.mime_type.partition(";")[0].strip()
    )


def _refuse_what_would_show_the_token(account: Account, url: str) -> None:
    """Only over the wire that the API itself is called by: https, unless `api_base` is a stand-in without it."""
    scheme = urlsplit(url).scheme
    if not url:
        raise Rejected("WhatsApp no longer gives this file")
    if scheme != "https" and not (scheme == "http" and base_url(account).startswith("http://")):
        raise Rejected("WhatsApp named an address for the file that is not safe to call")


async def _chunks(
    account: Account, media: _Media, http: aiohttp.ClientSession
) -> AsyncIterator[bytes]:
    digest, size = hashlib.sha256(), 0
    try:
        async with http.get(
            media.url, headers=headers_of(account), timeout=DEADLINE, allow_redirects=False
        ) as response:
            if response.status != 200:
                raise _refusal(response.status)
            async for piece in response.content.iter_chunked(PIECE):
                size += len(piece)
                if size > LIMIT:
                    raise Rejected("The file is larger than WhatsApp's largest")
                digest.update(piece)
                yield piece
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Unreachable(f"The file broke off ({type(error).__name__})") from None
    expected = _digest(media.sha256)
    if expected is not None and expected != digest.digest():
        raise Unreachable("The file came damaged: its SHA-256 is another")


def _digest(told: str) -> bytes | None:
    """In hexadecimal here and in Base64 in the webhook, say the examples; None when it is neither."""
    try:
        if len(told) == 64:
            return bytes.fromhex(told)
        decoded = base64.b64decode(told, validate=True)
    except (ValueError, binascii.Error):
        return None
    return decoded if len(decoded) == 32 else None


def _refusal(status: int) -> SendError:
    """The address was made a moment ago; 401, 403 and 404 mean that it is over all the same: it is asked for again."""
    if status in {401, 403, 404, 429} or status >= 500:
        return Unreachable(f"WhatsApp does not give the file now ({status})")
    return Rejected(f"WhatsApp no longer gives this file ({status})")
