"""Files from VK: at addresses that came with the message, open to everybody who knows them, and good for some time.

Nobody says for how long (https://dev.vk.com/ru/reference/objects/attachments-message), so one that is refused is asked
for once more: the message is looked up by its number, and the file in the same place of it has a fresh address. The
address came in an event; it is called only where everybody may be pointed to, or at the account's own API address.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import aiohttp

from connectors.channels.vk.dialect import Message
from connectors.channels.vk.leniency import as_far_as_it_goes
from connectors.channels.vk.messages import content_of
from connectors.channels.vk.method_calls import api_base, call
from connectors.connector import Account, Fetched
from connectors.errors import Rejected, Unreachable
from connectors.outgoing import open_guarded_http

PIECE: Final = 65_536
LIMIT: Final = 200_000_000
"""Bytes: VK's largest document."""

REDIRECTS: Final = 5
DEADLINE: Final = aiohttp.ClientTimeout(total=200, connect=15, sock_read=30)


class _Place(NamedTuple):
    peer: str
    number: int
    position: int
    address: str


class _Gone(Rejected):
    """The address is no longer good."""


async def fetch(account: Account, ref: str, http: aiohttp.ClientSession) -> Fetched:
    """Raises a SendError; so do the chunks while they are read."""
    return Fetched(chunks=_chunks(account, _place(ref), http))


def _place(ref: str) -> _Place:
    where, _, address = ref.partition(" ")
    peer, _, rest = where.partition(":")
    number, _, position = rest.partition(":")
    if not address or not number.isdecimal() or not position.isdecimal():
        raise Rejected("That is no file of VK's")
    return _Place(peer, int(number), int(position), address)


async def _chunks(
    account: Account, place: _Place, http: aiohttp.ClientSession
) -> AsyncIterator[bytes]:
    try:
        async for piece in _download(account, place.address, http):
            yield piece
    except _Gone:
        # Raised before the first piece.
        fresh = await _fresh_address(account, place, http)
        async for piece in _download(account, fresh, http):
            yield piece


async def _download(
    account: Account, address: str, http: aiohttp.ClientSession
) -> AsyncIterator[bytes]:
    size = 0
    async with AsyncExitStack() as stack:
        session = http
        if not _is_the_accounts_own(account, address):
            session = await stack.enter_async_context(open_guarded_http())
        try:
            async with session.get(
                address,
                timeout=DEADLINE,
                max_redirects=REDIRECTS,
                allow_redirects=session is not http,
            ) as response:
                _judge(response)
                async for piece in response.content.iter_chunked(PIECE):
                    size += len(piece)
                    if size > LIMIT:
                        raise Rejected("The file is larger than VK's largest")
                    yield piece
        except aiohttp.InvalidURL:
            raise Rejected("VK's address of the file is not a valid one") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # Without the cause: whoever knows the address can read the file.
            raise Unreachable(f"VK: the file broke off ({type(error).__name__})") from None


def _is_the_accounts_own(account: Account, address: str) -> bool:
    try:
        return urlsplit(address)[:2] == urlsplit(api_base(account))[:2]
    except ValueError:
        return False


def _judge(response: aiohttp.ClientResponse) -> None:
    """A file that may not be had is answered with a page of VK's, in HTML and with status 200."""
    if response.status == 429 or response.status >= 500:
        raise Unreachable(f"VK does not give files now ({response.status})")
    if response.status != 200:
        raise _Gone(f"VK no longer gives this file ({response.status})")
    if response.content_type == "text/html" and "attachment" not in response.headers.get(
        "Content-Disposition", ""
    ):
        raise _Gone("VK gives a page instead of this file")


async def _fresh_address(account: Account, place: _Place, http: aiohttp.ClientSession) -> str:
    """https://dev.vk.com/ru/method/messages.getByConversationMessageId"""
    if not place.number:
        raise Rejected("VK no longer gives this file")
    values: dict[str, Any] = {
        "peer_id": place.peer,
        "conversation_message_ids": place.number,
    }
    answer = await call(account, http, "messages.getByConversationMessageId", values)
    items = answer.get("items") if isinstance(answer, dict) else None
    message = as_far_as_it_goes(Message, items[0] if isinstance(items, list) and items else None)
    files = content_of(message, place=f"{place.peer}:{place.number}").files
    if place.position >= len(files):
        raise Rejected("VK no longer gives this file")
    return files[place.position].ref.partition(" ")[2]
