"""A connection to the Manager Interface: opened, proved, asked, listened to. Nothing waits without an end.

The secret never travels: Asterisk gives a challenge, and gets the MD5 of challenge and secret. That is what the interface has;
over networks that are not yours, set `tls`.
"""

import asyncio
import hashlib
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from typing import Final

from connectors.channels.asterisk.framing import Framer, Message, frame
from connectors.connector import Account
from connectors.errors import AccountBroken, OutcomeUnknown, Rejected, SendError, Unreachable
from router.clean_text import clean_line

CONNECT_WITHIN: Final = 10.0
ANSWER_WITHIN: Final = 15.0
PIECE: Final = 65_536
WAITING: Final = 20_000
"""Events kept while an answer is awaited; a busy exchange has some hundreds a second."""

BANNER: Final = b"Asterisk Call Manager"


class Session:
    """Asked by one task at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._framer = Framer()
        self._waiting: deque[Message] = deque()
        self._numbers: Iterator[int] = count(1)

    @property
    def dropped(self) -> int:
        return self._framer.dropped

    async def greeted(self) -> None:
        """Raises Unreachable when it is no Asterisk that answers."""
        try:
            async with asyncio.timeout(CONNECT_WITHIN):
                banner = await self._reader.readuntil(b"\n")
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            banner = b""
        if not banner.startswith(BANNER):
            raise Unreachable("What answers there is not Asterisk's Manager Interface")

    async def log_in(self, username: str, secret: str) -> None:
        """Raises AccountBroken, Unreachable."""
        challenge = (await self.ask({"Action": "Challenge", "AuthType": "MD5"}))["Challenge"]
        if not challenge:
            raise AccountBroken("Asterisk offers no MD5 challenge; allow it for this user")
        key = hashlib.md5(f"{challenge}{secret}".encode(), usedforsecurity=False).hexdigest()
        answer = await self.ask(
            {
                "Action": "Login",
                "AuthType": "MD5",
                "Username": username,
                "Key": key,
                # Events are asked for once we are ready for them.
                "Events": "off",
            }
        )
        if answer.response != "Success":
            raise AccountBroken(
                f"Asterisk does not accept the manager user and secret: {said(answer)}"
            )

    async def ask(self, action: Mapping[str, str]) -> Message:
        """The action's response; events that come before it wait. Raises Unreachable, OutcomeUnknown."""
        number = action.get("ActionID") or f"allo-{next(self._numbers)}"
        await self.tell({**action, "ActionID": number})
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                found = None
                while found is None:
                    for message in await self._read():
                        # OriginateResponse is an event with a Response and our ActionID.
                        if message.response and not message.event and message["ActionID"] == number:
                            found = message
                        else:
                            self._keep(message)
                return found
        except TimeoutError:
            raise OutcomeUnknown("Asterisk did not answer in time") from None

    async def tell(self, action: Mapping[str, str]) -> None:
        """Raises Unreachable, Rejected."""
        try:
            self._writer.write(frame(action))
            async with asyncio.timeout(ANSWER_WITHIN):
                await self._writer.drain()
        except ValueError as error:
            raise Rejected(str(error)) from None
        except (OSError, TimeoutError) as error:
            raise Unreachable("The connection to Asterisk was lost") from error

    async def next(self, seconds: float) -> tuple[Message, ...]:
        """What came, at once or within so many seconds; nothing when nothing did. Raises Unreachable."""
        if not self._waiting:
            try:
                async with asyncio.timeout(seconds):
                    for message in await self._read():
                        self._keep(message)
            except TimeoutError:
                return ()
        found = tuple(self._waiting)
        self._waiting.clear()
        return found

    async def _read(self) -> list[Message]:
        try:
            data = await self._reader.read(PIECE)
        except OSError as error:
            raise Unreachable("The connection to Asterisk was lost") from error
        if not data:
            raise Unreachable("Asterisk closed the connection")
        return self._framer.feed(data)

    def _keep(self, message: Message) -> None:
        if len(self._waiting) >= WAITING:
            raise Unreachable("Asterisk tells more than can be taken in")
        self._waiting.append(message)

    async def close(self) -> None:
        self._writer.close()
        try:
            async with asyncio.timeout(1):
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            self._writer.transport.abort()


async def open_session(account: Account) -> Session:
    """Connected and logged in; the caller closes it. Raises a SendError."""
    port = account["port"] or "5038"
    if not (port.isascii() and port.isdecimal() and 0 < int(port[:6]) < 65_536):
        raise AccountBroken("The manager port is no number")
    if not account["host"] or not account["secret"]:
        raise AccountBroken("Asterisk's address, or the manager's secret, is not set")
    try:
        async with asyncio.timeout(CONNECT_WITHIN):
            reader, writer = await asyncio.open_connection(
                account["host"],
                int(port),
                ssl=ssl.create_default_context() if account["tls"] == "yes" else None,
            )
    except ssl.SSLError as error:
        raise Unreachable("Asterisk's certificate is not trusted, or it speaks no TLS") from error
    except (OSError, TimeoutError, UnicodeError) as error:
        raise Unreachable(f"Asterisk does not accept connections at port {port}") from error
    session = Session(reader, writer)
    try:
        await session.greeted()
        await session.log_in(account["username"], account["secret"])
    except BaseException as error:
        await session.close()
        if isinstance(error, OutcomeUnknown):
            # Nothing was to be done yet.
            raise Unreachable(str(error)) from None
        raise
    return session


@asynccontextmanager
async def a_session(account: Account) -> AsyncGenerator[Session]:
    """For one errand. Raises a SendError."""
    session = await open_session(account)
    try:
        yield session
    finally:
        await session.close()


def said(message: Message) -> str:
    return clean_line(message["Message"], limit=200) or "no reason given"


def refusal(message: Message) -> SendError:
    words = said(message)
    if "permission" in words.lower():
        return AccountBroken(
            f"The manager user may not do this: {words} (see manager.conf, write=)"
        )
    return Rejected(f"Asterisk: {words}")
