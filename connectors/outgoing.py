"""The one HTTP client: every call to a platform, or to an address that a customer gave us, goes through here.

`open_http` is the session for the platforms. An account's `api_base` is set by the administrator and may be any
address, a proxy in the next room included. `open_guarded_http` is the session for addresses that customers supply
(outgoing webhooks, pictures in a mail): it connects to public addresses only, whatever the name resolves to and
wherever a redirect leads.

`exchange` asks once and tells apart what a sender must know: the request surely did not go out (`Unreachable`: try
again), or it did and the answer was lost (`OutcomeUnknown`: do not). It never repeats the address in an error,
because platforms like Telegram want their token in it.
"""

import ipaddress
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final

import aiohttp

from connectors.errors import OutcomeUnknown, Unreachable

CONNECTIONS: Final = 100
CONNECTIONS_PER_HOST: Final = 30
"""All accounts of a channel share a host; the platforms' own limits are about 30 messages a second."""

TIMEOUT: Final = aiohttp.ClientTimeout(total=60, connect=15, sock_connect=10)
"""`connect` includes waiting for a free connection; a caller with less time says so itself."""

ANSWER_LIMIT: Final = 16 << 20
"""Bytes of an answer that is read into memory. Telegram's getUpdates is the largest: about 4 MiB."""

_NAT64: Final = (
    ipaddress.ip_network("64:ff9b::/96"),
    ipaddress.ip_network("64:ff9b:1::/48"),
)


class PrivateAddress(OSError):
    """The address leads into a private network; only public ones may be called."""


def is_address(host: str) -> bool:
    """Whether it is an IP address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_public(address: str) -> bool:
    """Whether everybody may be pointed to this IP address; an IPv4 address inside an IPv6 one counts as itself."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and any(ip in net for net in _NAT64):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def _public_socket(info: Any) -> socket.socket:
    # Here and not at name resolution: a literal address is never resolved, and what is connected to is what was checked.
    family, kind, protocol, _, address = info
    if not is_public(address[0]):
        raise PrivateAddress(f"{address[0]} is not a public address")
    return socket.socket(family=family, type=kind, proto=protocol)


@dataclass(slots=True)
class _Attempt:
    """How far a request came; carried by aiohttp's tracing."""

    written: bool = False


async def _headers_sent(
    session: aiohttp.ClientSession,
    context: SimpleNamespace,
    params: aiohttp.TraceRequestHeadersSentParams,
) -> None:
    attempt = context.trace_request_ctx
    if isinstance(attempt, _Attempt):
        attempt.written = True


def _tracing() -> aiohttp.TraceConfig:
    tracing = aiohttp.TraceConfig()
    tracing.on_request_headers_sent.append(_headers_sent)
    return tracing


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        timeout=TIMEOUT,
        trace_configs=[_tracing()],
        headers={"User-Agent": "Allo"},
        cookie_jar=aiohttp.DummyCookieJar(),
    )


@asynccontextmanager
async def open_http() -> AsyncGenerator[aiohttp.ClientSession]:
    """The session for the platforms."""
    connector = aiohttp.TCPConnector(limit=CONNECTIONS, limit_per_host=CONNECTIONS_PER_HOST)
    async with _session(connector) as session:
        yield session


@asynccontextmanager
async def open_guarded_http() -> AsyncGenerator[aiohttp.ClientSession]:
    """The session for addresses that customers supply: public ones only. Refusals arrive as Unreachable."""
    connector = aiohttp.TCPConnector(
        limit=CONNECTIONS, limit_per_host=10, socket_factory=_public_socket
    )
    async with _session(connector) as session:
        yield session


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the other side answered. `headers` has case-insensitive keys."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


async def exchange(
    http: aiohttp.ClientSession,
    method: str,
    url: str,
    *,
    timeout: float = 30,
    limit: int = ANSWER_LIMIT,
    **request: Any,
) -> Reply:
    """One request and its whole answer, whatever the status. `request` is aiohttp's: data, json, headers, params…

    Redirects are not followed: no platform's API redirects, and a token must not travel to where one points.

    Raises Unreachable when the request was surely not taken, OutcomeUnknown when it may have been.
    """
    attempt = _Attempt()
    try:
        async with http.request(
            method,
            url,
            timeout=aiohttp.ClientTimeout(
                total=timeout,
                connect=min(timeout, TIMEOUT.connect or timeout),
                sock_connect=TIMEOUT.sock_connect,
            ),
            allow_redirects=False,
            trace_request_ctx=attempt,
            **request,
        ) as response:
            body = await _read(response, limit)
            return Reply(status=response.status, body=body, headers=response.headers)
    except aiohttp.InvalidURL as error:
        raise Unreachable("The address is not a valid one") from error
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise Unreachable(_in_words(error)) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        if not attempt.written and http.trace_configs:
            raise Unreachable(_in_words(error)) from error
        raise OutcomeUnknown(_in_words(error)) from error


async def tell(
    http: aiohttp.ClientSession,
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str],
    timeout: float,
    hear: int,
) -> Reply:
    """Posts it, and hears the first bytes of what is said to it; redirects are not followed.

    Raises Unreachable and OutcomeUnknown as `exchange` does.
    """
    attempt = _Attempt()
    try:
        async with http.post(
            url,
            data=body,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=TIMEOUT.sock_connect),
            allow_redirects=False,
            trace_request_ctx=attempt,
        ) as response:
            heard = await response.content.read(hear)
            return Reply(status=response.status, body=heard, headers=response.headers)
    except aiohttp.InvalidURL as error:
        raise Unreachable("The address is not a valid one") from error
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise Unreachable(_in_words(error)) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        if not attempt.written and http.trace_configs:
            raise Unreachable(_in_words(error)) from error
        raise OutcomeUnknown(_in_words(error)) from error


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for piece in response.content.iter_any():
        size += len(piece)
        if size > limit:
            response.close()
            raise aiohttp.ClientPayloadError("The answer is too long")
        pieces.append(piece)
    return b"".join(pieces)


_WORDS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (aiohttp.ClientConnectorDNSError, "The server's name could not be resolved"),
    (aiohttp.ClientConnectorCertificateError, "The server's certificate is not trusted"),
    (aiohttp.ClientConnectorError, "The server does not accept connections"),
    (aiohttp.ConnectionTimeoutError, "The server could not be reached in time"),
    (TimeoutError, "The server did not answer in time"),
    (aiohttp.ServerDisconnectedError, "The server closed the connection without an answer"),
    (aiohttp.ClientPayloadError, "The server's answer broke off or is too long"),
)


def _in_words(error: BaseException) -> str:
    """The failure without the address: str() of aiohttp's errors may contain the whole URL."""
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(
        error.os_error, PrivateAddress
    ):
        return "The address leads into a private network"
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words
    return f"The connection failed ({type(error).__name__})"
