"""The one door to VK's methods: https://dev.vk.com/ru/api/api-requests

vk_api blocks, so every call is made in a thread of the door's own: a VK that hangs must not take the threads in which
names are resolved. All that an account calls goes through one gate, not only its messages: VK allows a community 20
calls a second, and counts uploads, names and read marks as well. The door lives as long as the HTTP client of the
process.
"""

import asyncio
import importlib
import weakref
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import aiohttp

from connectors.channels.vk.refusals import VENDOR
from connectors.connector import Account
from connectors.errors import AccountBroken, OutcomeUnknown, Unreachable

LIBRARY: Final = "connectors.channels.vk.library"

THREADS: Final = 16
"""At 20 calls a second of 0.3 s each, six are under way; the rest is for the slow ones."""

CALL_S: Final = 30.0
UPLOAD_S: Final = 40.0
"""For all the calls of one upload: a reply has 45 s (workers.deliver). The thread ends by its own time-outs."""

PER_SECOND: Final = 16
"""Of VK's 20: it counts when calls arrive, we when they leave."""

GATES: Final = 1000


@dataclass(slots=True)
class _Gate:
    """One account's. Calls pass one after the other, at the same distance: no second ever holds more than allowed."""

    passing: asyncio.Lock = field(default_factory=asyncio.Lock)
    last: float = -1.0

    async def turn(self) -> None:
        clock = asyncio.get_running_loop().time
        async with self.passing:
            # Measured from when the one before really went: a process that was held up must not make up for it.
            await asyncio.sleep(max(0.0, self.last + 1 / PER_SECOND - clock()))
            self.last = clock()


class _Door:
    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="vk")
        self._gates: dict[bytes, _Gate] = {}

    async def turn(self, token: str) -> None:
        """Waits until the account may make one more call."""
        name = sha256(token.encode()).digest()
        if len(self._gates) > GATES:
            self._gates = {
                each: gate for each, gate in self._gates.items() if gate.passing.locked()
            }
        await self._gates.setdefault(name, _Gate()).turn()


_doors: Final[WeakKeyDictionary[aiohttp.ClientSession, _Door]] = WeakKeyDictionary()


def _door(http: aiohttp.ClientSession) -> _Door:
    door = _doors.get(http)
    if door is None:
        door = _doors[http] = _Door()
        weakref.finalize(http, door.threads.shutdown, wait=False)
    return door


def api_base(account: Account) -> str:
    return (account["api_base"] or VENDOR).rstrip("/")


def token_of(account: Account) -> str:
    """Raises AccountBroken for what cannot be one."""
    token = account["access_token"].strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise AccountBroken("The account has no access token of the community")
    return token


async def call(
    account: Account,
    http: aiohttp.ClientSession,
    method: str,
    values: Mapping[str, Any] | None = None,
    *,
    timeout: float = CALL_S,
) -> Any:
    """The method's `response`. Raises a SendError."""
    return await _in_a_thread(account, http, "call", method, dict(values or {}), timeout=timeout)


async def upload(
    account: Account,
    http: aiohttp.ClientSession,
    how: str,
    *,
    peer: int,
    content: bytes,
    name: str,
) -> Any:
    """What VK keeps the file as. `how`: photo, doc, audio_message. Raises a SendError."""
    # Three requests: where to, the file, and that it is to be kept; two of them are methods.
    await _door(http).turn(token_of(account))
    try:
        return await _in_a_thread(
            account, http, "upload", how, peer, content, name, timeout=UPLOAD_S
        )
    except OutcomeUnknown as error:
        raise Unreachable(str(error)) from None


async def _in_a_thread(
    account: Account, http: aiohttp.ClientSession, what: str, *given: Any, timeout: float
) -> Any:
    base, token = api_base(account), token_of(account)
    address = urlsplit(base)
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise Unreachable("The API's address is not a valid one")
    door = _door(http)
    await door.turn(token)
    try:
        async with asyncio.timeout(timeout):
            work = partial(_do, what, base, token, *given)
            return await asyncio.get_running_loop().run_in_executor(door.threads, work)
    except TimeoutError:
        raise OutcomeUnknown("VK: the server did not answer in time") from None


def _do(what: str, base: str, token: str, *given: Any) -> Any:
    """In the thread, the library's import included: a process that only receives never pays for it."""
    return getattr(importlib.import_module(LIBRARY), what)(base, token, *given)
