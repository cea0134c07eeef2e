"""The SMTP server that mail for Allo is delivered to.

    RCPT    a recipient that is nobody's is refused at once (550); an account takes its own address, `+tag` or not, and the
            account without an address takes whatever is left
    DATA    the mail is understood in a thread, given to the intake, and only then answered with 250: the sender keeps it
            until we have it. Not durable: 451, and the sender comes again. A repeated mail is recognised by its key.

Routing goes by the envelope alone: To may name anybody. Sizes, lines, recipients, connections, the bytes held by all
connections together and the time of silence are bounded. It speaks plain SMTP and checks neither SPF nor DKIM: on the
open Internet it belongs behind a mail server that does, and that writes Authentication-Results.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, cast

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session
from typing_extensions import override

from connectors.channels.email.envelope import in_envelope
from connectors.channels.email.events import Understood, understand
from connectors.channels.email.threading import plain_recipient
from connectors.connector import Account, Incoming, NotDurable, Surroundings
from connectors.email_addresses import normalise

log = structlog.get_logger()

SIZE: Final = 32 * 1024 * 1024
"""Bytes of one mail. Gmail and Yandex send up to 25 and 30 MB."""
CHUNK: Final = 64 * 1024
"""Bytes that the reader of a connection holds before it pauses the sender."""
RECIPIENTS: Final = 100
CONNECTIONS: Final = 100
HELD: Final = 256 * 1024 * 1024
"""Bytes of mails under way on all connections together."""
SILENCE: Final = 120.0
"""Seconds without a command or data, after which a connection is closed."""
STEADY: Final = 16 * 1024
"""Bytes that renew the patience within one mail."""
GRACE: Final = 10.0
"""Seconds that a mail under way has to finish when we stop."""
PARSERS: Final = 2
BIG: Final = 32 * 1024
"""Bytes from which a mail is read in a thread: below, the thread costs more than the reading."""


class CannotListen(OSError):
    """The address is not ours to listen on."""


@dataclass(slots=True)
class _House:
    """What all connections share."""

    surroundings: Surroundings
    parsers: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PARSERS))
    open: set["_Connection"] = field(default_factory=set)
    held: int = 0
    closing: bool = False
    quiet: asyncio.Event = field(default_factory=asyncio.Event)


def accounts_for(surroundings: Surroundings, recipient: str) -> Account | None:
    """Whose mail it is."""
    return _whose(surroundings.accounts.of_kind("email"), recipient)


def _whose(accounts: Sequence[Account], recipient: str) -> Account | None:
    listening = [each for each in accounts if each["mode"] in {"", "smtp"}]
    wanted = {normalise(recipient), normalise(plain_recipient(recipient))} - {""}
    for account in listening:
        if {normalise(each) for each in account["address"].split(",")} & wanted:
            return account
    takers = [each for each in listening if not each["address"].strip()]
    return takers[0] if len(takers) == 1 else None


class _Handler:
    def __init__(self, house: _House) -> None:
        self._house = house

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if len(envelope.rcpt_tos) >= RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        surroundings = self._house.surroundings
        if accounts_for(surroundings, address) is None:
            if _whose(surroundings.resting("email"), address) is not None:
                # Paused. A mail server keeps a mail for days, and bounces one that is refused for good.
                return "450 4.2.1 The mailbox takes nothing at the moment; try again later"
            log.info("mail_recipient_refused")
            return "550 5.1.1 No such mailbox here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        raw = envelope.content
        if not isinstance(raw, bytes):
            return "554 5.6.0 No mail"
        mails: dict[Any, tuple[Account, list[str]]] = {}
        for recipient in envelope.rcpt_tos:
            account = accounts_for(self._house.surroundings, recipient)
            if account is None:
                # Removed since RCPT: let the sender ask again and be told so.
                return "451 4.2.1 The mailbox has just changed; try again"
            mails.setdefault(account.id, (account, []))[1].append(recipient)
        try:
            for account, recipients in mails.values():
                await self._take(raw, account, recipients, envelope.mail_from or "")
        except NotDurable:
            log.warning("mail_not_durable", size=len(raw))
            return "451 4.3.0 Not stored yet; try again later"
        return "250 2.0.0 Stored"

    async def _take(
        self, raw: bytes, account: Account, recipients: Sequence[str], envelope_from: str
    ) -> None:
        """Raises NotDurable."""
        read = partial(
            understand,
            raw,
            account=account,
            received_at=self._house.surroundings.now(),
            recipients=recipients,
            envelope_from=envelope_from,
        )
        understood = await self._read(read, len(raw))
        if understood.event is None:
            log.info("mail_ignored", account=account.slug, reason=understood.ignored, size=len(raw))
            return
        kept = in_envelope(raw, sender=envelope_from, recipients=recipients)
        incoming = Incoming(event=understood.event, raw=kept)
        await self._house.surroundings.intake.accept(account, [incoming])
        log.info("mail_received", account=account.slug, key=understood.event.key, size=len(raw))

    async def _read(self, read: "partial[Understood]", size: int) -> Understood:
        if size < BIG:
            return read()
        async with self._house.parsers:
            return await asyncio.to_thread(read)

    async def handle_exception(self, error: Exception) -> str:
        log.error("smtp_session_failed", exc_info=error)
        return "451 4.3.0 Something went wrong here; try again later"


class _Connection(SMTP):
    """aiosmtpd's server, with bounds on what a connection may make us hold, and counted so that we can stop."""

    line_length_limit = CHUNK

    def __init__(self, house: _House) -> None:
        super().__init__(
            _Handler(house),
            data_size_limit=SIZE,
            enable_SMTPUTF8=True,
            hostname="allo",
            ident="ESMTP",
            timeout=SILENCE,
            loop=asyncio.get_running_loop(),
            command_call_limit={"RCPT": RECIPIENTS * 10, "*": 1000},
        )
        self._house = house
        self._taken = 0
        self._lively = 0
        self._refused = False

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not asyncio's, and yet are what a Transport is.
        transport = cast("asyncio.Transport", transport)
        if len(self._house.open) >= CONNECTIONS or self._house.closing:
            self._refused = True
            transport.write(b"421 4.3.2 Too many connections; try again later\r\n")
            transport.close()
            return
        self._house.open.add(self)
        super().connection_made(transport)

    @override
    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._taken += len(data)
        self._house.held += len(data)
        if self._taken > 2 * SIZE:
            self._hang_up(b"552 5.3.4 Message too big\r\n")
        elif self._house.held > HELD:
            self._hang_up(b"452 4.3.1 Too much mail at once; try again later\r\n")
        else:
            # In the middle of a mail there are no commands: steady data is a sign of life, single bytes are not.
            if self._taken - self._lively >= STEADY:
                self._lively = self._taken
                self._reset_timeout()
            super().data_received(data)

    @override
    def connection_lost(self, error: Exception | None) -> None:
        if self._refused:
            return
        self._let_go()
        super().connection_lost(error)
        self._house.open.discard(self)
        if not self._house.open:
            self._house.quiet.set()

    @override
    async def smtp_DATA(self, arg: str | None) -> None:
        """In place of aiosmtpd's, which reads line by line (20 MB in 1.2 s; so 0.5 s) and refuses a long line."""
        if await self.check_helo_needed():
            return
        if self.envelope is None or not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 RCPT first")
            return
        if arg:
            await self.push("501 5.5.4 DATA takes no argument")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        mail = await self._mail()
        if mail is None:
            status = "552 5.3.4 Message too big"
        else:
            self.envelope.content = self.envelope.original_content = mail
            status = await self._call_handler_hook("DATA")
        self._set_post_data_state()
        await self.push(status)

    async def _mail(self) -> bytes | None:
        """Up to the line of a lone dot, between CR LF and CR LF and nothing else; None: beyond the size."""
        mail = bytearray()
        too_big = False
        while True:
            try:
                mail += await self._reader.readuntil(b".\r\n")
                ended = mail.endswith(b"\r\n.\r\n") or mail == b".\r\n"
            except asyncio.LimitOverrunError as overrun:
                mail += await self._reader.read(overrun.consumed)
                ended = False
            if ended:
                break
            if len(mail) > SIZE:
                too_big = True
            if too_big:
                # The rest is read for the sender to listen to our answer, and only its end is of interest.
                del mail[:-5]
        if too_big:
            return None
        del mail[-3:]
        unstuffed = bytes(mail).replace(b"\r\n.", b"\r\n")
        return unstuffed.removeprefix(b".")

    @override
    def _set_post_data_state(self) -> None:
        self._let_go()
        super()._set_post_data_state()  # type: ignore[no-untyped-call]  # half of aiosmtpd is typed

    @override
    def eof_received(self) -> bool | None:
        return None if self._refused else super().eof_received()

    def _let_go(self) -> None:
        self._house.held -= self._taken
        self._taken = self._lively = 0

    def _hang_up(self, answer: bytes) -> None:
        log.warning("smtp_connection_cut", taken=self._taken, held=self._house.held)
        if isinstance(self.transport, asyncio.Transport):
            self.transport.write(answer)
            self.transport.close()

    def stop(self, *, now: bool) -> None:
        """Closes the connection: at once, or when no mail is under way on it."""
        under_way = self.envelope is not None and bool(self.envelope.rcpt_tos)
        if self.transport is not None and (now or not under_way):
            self.transport.close()


@asynccontextmanager
async def listen(surroundings: Surroundings) -> AsyncGenerator[None]:
    """Raises CannotListen."""
    address = surroundings.listen.get("smtp", "")
    if not address:
        yield
        return
    # aiosmtpd tells every command, addresses included, at info.
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    house = _House(surroundings=surroundings)
    host, port = _host_and_port(address)
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(lambda: _Connection(house), host or None, port)
    except OSError as error:
        raise CannotListen(
            error.errno,
            f"cannot receive mail on {address}: {error.strerror or error}. "
            "Free the address, or set ALLO_SMTP_LISTEN to another one (empty: no SMTP listener)",
        ) from error
    log.info("smtp_listening", address=address)
    try:
        yield
    finally:
        house.closing = True
        server.close()
        await _see_out(house)
        await server.wait_closed()
        log.info("smtp_stopped")


async def _see_out(house: _House) -> None:
    """Lets mails under way come to their end, for GRACE seconds at most."""
    deadline = asyncio.get_running_loop().time() + GRACE
    while house.open:
        late = asyncio.get_running_loop().time() > deadline
        for connection in list(house.open):
            connection.stop(now=late)
        house.quiet.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(house.quiet.wait(), 0.1)
    # The tasks of the closed connections end on the next turns of the loop.
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def _host_and_port(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not (colon and port.isascii() and port.isdigit()) or int(port) > 65535:
        raise CannotListen(
            None,
            f"ALLO_SMTP_LISTEN is {address!r}; it must be an address and a port, 127.0.0.1:8025",
        )
    return host.strip("[]"), int(port)
