"""Answers by SMTP, and what became of them.

no connection, 4xx before the mail itself          surely not sent: again later
5xx                                                never: the server's words go to the manager
login refused                                      the account is broken until a person mends it
the mail is out and no answer came                 unknown; the same bytes and Message-ID go out again, which Gmail
                                                   and most others show once
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
import aiosmtplib
from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPHeloError,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from connectors.channels.email.oauth import access_token, by_token
from connectors.channels.email.outgoing import compose
from connectors.channels.email.threading import our_address, our_message_id
from connectors.connector import Account, Outgoing, Sent
from connectors.email_addresses import domain_of
from connectors.errors import (
    AccountBroken,
    OutcomeUnknown,
    Rejected,
    SendError,
    Throttled,
    Unreachable,
)
from router.clean_text import clean_line

CONNECT: Final = 20.0
COMMAND: Final = 60.0
DATA: Final = 300.0
"""RFC 5321 §4.5.3.2.6 asks for ten minutes after the final dot; after five nobody waits for an answer any more."""
FILES: Final = 25 * 1024 * 1024
"""Bytes of all files: Gmail's limit, and base64 adds a third."""
AGAIN: Final = 60.0

NO_SERVER: Final = (
    "No outgoing mail server is set for this account, so the answer cannot leave. "
    "Set smtp_host (and smtp_user, smtp_password) in the account's settings, then send it again"
)
_TLS: Final = {
    **dict.fromkeys(("tls", "ssl", "implicit", "yes", "true", "on", "1"), "tls"),
    "starttls": "starttls",
    **dict.fromkeys(("none", "no", "false", "off", "0"), "none"),
}
_NOT_THE_MESSAGE: Final = frozenset({421, 450, 451, 452, 454})


async def send(account: Account, outgoing: Outgoing, http: aiohttp.ClientSession) -> Sent:
    if not account["smtp_host"].strip():
        raise Rejected(NO_SERVER)
    if sum(file.size for file in outgoing.files) > FILES:
        raise Rejected(f"The files are larger than {FILES // 1024**2} MB together")
    files = [(file, await file.read()) for file in outgoing.files]
    mail = await asyncio.to_thread(compose, account, outgoing, files)
    async with smtp_session(account, http) as server:
        await _hand_over(server, our_address(account), outgoing.to.strip(), mail)
    return Sent(external_id=our_message_id(account, outgoing.id))


async def _hand_over(server: aiosmtplib.SMTP, ours: str, theirs: str, mail: bytes) -> None:
    options = []
    if server.supports_extension("size"):
        options.append(f"SIZE={len(mail)}")
    if not (ours + theirs).isascii():
        if not server.supports_extension("smtputf8"):
            ours, theirs = _ascii(ours), _ascii(theirs)
        else:
            options.append("SMTPUTF8")
    encoding = "ascii" if (ours + theirs).isascii() else "utf-8"
    try:
        await server.mail(ours, options=options, encoding=encoding, timeout=COMMAND)
        await server.rcpt(theirs, encoding=encoding, timeout=COMMAND)
    except SMTPResponseException as error:
        raise _refused(error) from error
    except (SMTPException, OSError) as error:
        raise Unreachable(f"The mail server hung up: {_said(error)}") from error
    try:
        await server.data(mail, timeout=DATA)
    except SMTPResponseException as error:
        raise _refused(error) from error
    except (SMTPException, OSError) as error:
        # Whether the final dot arrived cannot be known from here.
        raise OutcomeUnknown(
            f"The mail server took the mail and did not confirm it: {_said(error)}"
        ) from error


def _ascii(address: str) -> str:
    local, _, _ = address.rpartition("@")
    if not local.isascii():
        raise Rejected(f"The mail server cannot send to {address}: it knows Latin addresses only")
    return f"{local}@{domain_of(address)}"


def _refused(error: SMTPResponseException) -> SendError:
    words = f"{error.code} {clean_line(error.message, limit=400)}"
    if isinstance(error, SMTPAuthenticationError) or error.code in {530, 535, 534}:
        return AccountBroken(f"The mail server refuses our login: {words}")
    if 400 <= error.code < 500:
        if error.code in _NOT_THE_MESSAGE:
            whose = isinstance(error, SMTPRecipientRefused)
            return Throttled(
                f"The mail server asks to come later: {words}",
                retry_after=AGAIN,
                scope="chat" if whose else "account",
            )
        return Unreachable(f"The mail server cannot take it now: {words}")
    return Rejected(f"The mail server refused it: {words}")


@asynccontextmanager
async def smtp_session(
    account: Account, http: aiohttp.ClientSession
) -> AsyncGenerator[aiosmtplib.SMTP]:
    """Connected and signed in. Raises a SendError."""
    server = _server(account)
    token = await access_token(account, http) if _by_token(account) else ""
    try:
        try:
            await asyncio.wait_for(_connect(server, account, token), CONNECT + COMMAND)
        except SMTPAuthenticationError as error:
            raise _refused(error) from error
        except SMTPResponseException as error:
            raise _refused(error) if error.code < 500 else AccountBroken(_said(error)) from error
        except ssl.SSLError as error:
            raise Unreachable(f"TLS with the mail server failed: {error.reason}") from error
        except (SMTPException, OSError, TimeoutError) as error:
            raise Unreachable(f"The mail server cannot be reached: {_said(error)}") from error
        yield server
    finally:
        await _leave(server)


def _server(account: Account) -> aiosmtplib.SMTP:
    tls = _tls(account)
    default = {"tls": 465, "starttls": 587, "none": 25}[tls]
    port = account["smtp_port"].strip()
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise AccountBroken(f"smtp_port is {port!r}; it must be a number such as {default}")
    return aiosmtplib.SMTP(
        hostname=account["smtp_host"].strip(),
        port=int(port) if port else default,
        use_tls=tls == "tls",
        start_tls=tls == "starttls",
        timeout=CONNECT,
        # Without a name of its own the library asks the DNS, and waits.
        local_hostname=domain_of(our_address(account)) or "localhost",
    )


def _tls(account: Account) -> str:
    """As set; else by the port; in the clear only to this very machine."""
    chosen = _TLS.get(account["smtp_tls"].strip().lower(), "")
    if chosen:
        return chosen
    if account["smtp_port"].strip() == "465":
        return "tls"
    host = account["smtp_host"].strip().lower()
    if host in {"localhost", "::1"} or host.startswith("127."):
        return "none"
    return "starttls"


def _by_token(account: Account) -> bool:
    """A password that is set for sending alone goes before a token."""
    return by_token(account) and not account["smtp_password"]


async def _connect(server: aiosmtplib.SMTP, account: Account, token: str) -> None:
    await server.connect()
    if server.is_ehlo_or_helo_needed:
        try:
            await server.ehlo(timeout=COMMAND)
        except SMTPHeloError:
            await server.helo(timeout=COMMAND)
    if token:
        # Not asked whether the server lists it: Yandex's takes it unlisted.
        user = account["smtp_user"].strip() or our_address(account)
        await server.auth_xoauth2(user, token, timeout=COMMAND)
    elif account["smtp_user"]:
        await server.login(account["smtp_user"], account["smtp_password"], timeout=COMMAND)


async def _leave(server: aiosmtplib.SMTP) -> None:
    try:
        if server.is_connected:
            await server.quit(timeout=5.0)
    except (SMTPException, OSError, TimeoutError):
        # The mail is settled; a server that does not say goodbye changes nothing.
        pass
    finally:
        server.close()


def _said(error: BaseException) -> str:
    if isinstance(error, SMTPResponseException):
        return f"{error.code} {clean_line(error.message, limit=400)}"
    if isinstance(error, (SMTPTimeoutError, TimeoutError)):
        return "no answer in time"
    if isinstance(error, SMTPServerDisconnected):
        return "the connection was lost"
    return clean_line(str(error), limit=400) or type(error).__name__
