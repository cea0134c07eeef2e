"""A recording's file: from the platform's own hosts only, in pieces, or an error that says whether it may come yet.

Exchanges tell of a recording before there is one, and answer so in many ways: an empty body, a page of words, 404. All
of them mean "not yet"; the worker that asks gives up after its last attempt.
"""

import mimetypes
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from typing import Any, Final
from urllib.parse import SplitResult, urljoin, urlsplit

import aiohttp

from connectors.connector import Fetched
from connectors.errors import AccountBroken, Rejected, SendError, Throttled, Unreachable

PIECE: Final = 65_536
LIMIT: Final = 500_000_000
"""Bytes: a day of telephone quality."""

DEADLINE: Final = aiohttp.ClientTimeout(total=600, connect=15, sock_read=30)
REDIRECTS: Final = 3
NOT_YET: Final = "The recording is not ready yet"


def recording(
    http: aiohttp.ClientSession,
    url: str,
    *,
    domains: Collection[str],
    api_base: str,
    method: str = "GET",
    form: Mapping[str, str] | None = None,
    judge: Callable[[int], SendError | None] = lambda status: None,
) -> Fetched:
    """`domains` are the vendor's own; the server of `api_base` may be any. Raises Rejected for an address elsewhere.

    `judge` says what a status means where the vendor means something else by it than everybody.
    The chunks raise a SendError. A form goes to the first address only, never to where it redirects.
    """
    pinned(url, domains=domains, api_base=api_base)
    name = urlsplit(url).path.rpartition("/")[2]
    mime = mimetypes.guess_type(name)[0] or ""
    return Fetched(
        chunks=_chunks(
            http, url, domains=domains, api_base=api_base, method=method, form=form, judge=judge
        ),
        name=name if mime else "",
        mime=mime,
    )


def pinned(url: str, *, domains: Collection[str], api_base: str) -> None:
    """Raises Rejected unless the address is the vendor's by https, or on the server of `api_base`."""
    try:
        address, base = urlsplit(url), urlsplit(api_base)
        own = _origin(address) == _origin(base)
        host = address.hostname or ""
        vendors = address.scheme == "https" and address.port in {None, 443}
    except ValueError:
        raise Rejected("The recording's address is not one") from None
    if address.username or address.password:
        raise Rejected("The recording's address is not one")
    if own or (vendors and any(host == each or host.endswith(f".{each}") for each in domains)):
        return
    raise Rejected(f"The recording is said to be at {host or 'no host'}, which is not the vendor's")


def _joined(url: str, where: str) -> str:
    try:
        return urljoin(url, where)
    except ValueError:
        raise Rejected("The recording's address is not one") from None


def _origin(address: SplitResult) -> tuple[str, str | None, int | None]:
    port = address.port or {"http": 80, "https": 443}.get(address.scheme)
    return address.scheme, address.hostname, port


async def _chunks(
    http: aiohttp.ClientSession,
    url: str,
    *,
    domains: Collection[str],
    api_base: str,
    method: str,
    form: Mapping[str, str] | None,
    judge: Callable[[int], SendError | None],
) -> AsyncIterator[bytes]:
    size = 0
    request: dict[str, Any] = {"data": form} if form is not None else {}
    try:
        for _ in range(REDIRECTS + 1):
            async with http.request(
                method, url, timeout=DEADLINE, allow_redirects=False, **request
            ) as response:
                if response.status in {301, 302, 303, 307, 308}:
                    url = _joined(url, response.headers.get("Location", ""))
                    pinned(url, domains=domains, api_base=api_base)
                    method, request = "GET", {}
                    continue
                if not _is_file(response):
                    raise judge(response.status) or refusal(response.status, response.headers)
                async for piece in response.content.iter_chunked(PIECE):
                    size += len(piece)
                    if size > LIMIT:
                        raise Rejected("The recording is longer than any call")
                    yield piece
                break
        else:
            raise Rejected("The recording's address leads round and round")
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        # Without the cause: it names the address, which is enough to hear the call.
        raise Unreachable(f"The recording broke off ({type(error).__name__})") from None
    if not size:
        raise Unreachable(NOT_YET)


def _is_file(response: aiohttp.ClientResponse) -> bool:
    """A page of words is none, nor is an answer in JSON."""
    words = response.content_type.startswith(("text/", "application/json"))
    return response.status == 200 and not words


def refusal(status: int, headers: Mapping[str, str]) -> SendError:
    """What an answer without a recording means."""
    asked = headers.get("Retry-After", "")
    if status == 429:
        return Throttled(retry_after=float(asked) if asked.isdecimal() else 60)
    if status == 401:
        return AccountBroken("The platform does not accept the credentials for recordings")
    if status in {403, 410}:
        return Rejected(f"The platform no longer gives this recording ({status})")
    if status >= 500:
        return Unreachable(f"The platform does not give recordings now ({status})")
    return Unreachable(NOT_YET)
