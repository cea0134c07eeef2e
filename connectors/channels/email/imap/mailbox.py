"""One folder on an IMAP server, read only (EXAMINE, BODY.PEEK): the blocking calls, each bounded in time and size.

To be used by one thread; `cut` alone may be called from another. Everything that goes wrong comes out as a `SendError`:

no connection, no answer, TLS           Unreachable
the server is full or asks for patience  Throttled (RFC 5530: UNAVAILABLE, INUSE, LIMIT, and what Gmail says instead)
login refused, folder unknown            AccountBroken: asked again and again, providers lock the mailbox

What providers do that the standard does not say:

| | |
|---|---|
| Yandex | takes XOAUTH2 and does not list it among its capabilities, so it is not looked for there |
| Gmail | wants to know who asks (ID); shows one mail in several folders, of which one is read here |
| Yandex, Mail.ru | app passwords end with the main password: AUTHENTICATIONFAILED stops the account at once |
| Exchange and others | refuse to give single mails: those are asked for one by one, and named when they stay refused |
"""

import re
import socket
import ssl
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from connectors.channels.email.imap.cursor import Cursor
from connectors.connector import Account
from connectors.errors import AccountBroken, SendError, Throttled, Unreachable
from router.clean_text import clean_line

CONNECT: Final = 15.0
ANSWER: Final = 30.0
"""Seconds of silence in the middle of a command, after which the connection is dead."""
MAILS: Final = 50
BYTES: Final = 4 * 1024 * 1024
"""Of one batch; a larger mail is a batch of its own."""
SIZE: Final = 50 * 1024 * 1024
"""Bytes of one mail. Gmail takes mails up to 50 MB, Mail.ru up to 70."""
CUT: Final = 1024 * 1024
"""What is read of a mail beyond `SIZE`: its words come before its files."""
SPAN: Final = 20_000
"""UIDs that one search covers, so that its answer is a line of some 200 KB however full the box is; imaplib takes 1 MB."""
AGAIN: Final = 120.0

_LATER = re.compile(
    r"\[(?:UNAVAILABLE|INUSE|LIMIT|THROTTLED|SERVERBUG)\]|too many|try again|temporar|rate limit|exceeded",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    uid: int
    raw: bytes
    arrived: datetime
    """INTERNALDATE: by the server's clock. 1970 when it tells none, as the standard says it must."""
    size: int

    @property
    def cut(self) -> bool:
        return len(self.raw) < self.size and self.size > SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """`asked`: UIDs up to which nothing else is new. `refused`: those that the server does not give, with its words."""

    mails: tuple[Mail, ...]
    asked: tuple[int, ...]
    refused: tuple[tuple[int, str], ...] = ()


@dataclass(slots=True, kw_only=True)
class SignIn:
    """`token` instead of the password: XOAUTH2."""

    user: str
    password: str = ""
    token: str = ""


@dataclass(slots=True)
class Mailbox:
    host: str
    port: int
    tls: str
    folder: str
    since: date | None = None
    """Mail that arrived before is left alone."""
    asking: tuple[int, ...] = ()
    """The mails whose content is being asked for, and was when the connection was lost."""
    validity: int = 0
    exists: int = 0
    _client: Any = None
    _cut: bool = False
    _next: int = 0
    """UIDs from here on did not exist when the folder was opened."""
    _searched: int = 0
    """Searched up to here, exclusive."""
    _waiting: list[int] = field(default_factory=list)

    def open(self, sign_in: SignIn) -> None:
        with _told():
            self._connect()
            self._log_in(sign_in)
            if self._client.has_capability("ID"):
                with suppress(IMAPClientError):
                    self._client.id_({"name": "Allo"})
            self._examine()

    def _connect(self) -> None:
        context = None if self.tls == "none" else ssl.create_default_context()
        client = IMAPClient(
            self.host,
            self.port,
            ssl=self.tls == "tls",
            ssl_context=context if self.tls == "tls" else None,
            timeout=SocketTimeout(CONNECT, ANSWER),
        )
        client.normalise_times = False
        self._client = client
        if self._cut:
            self.cut()
        if self.tls == "starttls":
            if not client.has_capability("STARTTLS"):
                raise AccountBroken("The mail server has no STARTTLS: set imap_tls to tls")
            client.starttls(context)

    def _log_in(self, sign_in: SignIn) -> None:
        client = self._client
        try:
            if sign_in.token:
                client.sasl_login("XOAUTH2", _xoauth2(sign_in))
            elif sign_in.password.isascii() and sign_in.user.isascii():
                client.login(sign_in.user, sign_in.password)
            else:
                # LOGIN takes ASCII alone.
                client.plain_login(sign_in.user, sign_in.password)
        except LoginError as error:
            # The library calls a connection that was lost meanwhile a refused login.
            if isinstance(error.__context__, IMAPClientAbortError):
                raise error.__context__ from None
            words = _words(error)
            if _LATER.search(words):
                raise Throttled(
                    f"The mail server asks to come later: {words}", retry_after=AGAIN
                ) from error
            raise AccountBroken(f"The mail server refuses our login: {words}") from error

    def _examine(self) -> None:
        try:
            opened = self._client.select_folder(self.folder, readonly=True)
        except IMAPClientAbortError:
            raise
        except IMAPClientError as error:
            words = _words(error)
            if _LATER.search(words):
                raise Unreachable(f"The folder cannot be read now: {words}") from error
            names = ", ".join(self.folders()[:20])
            raise AccountBroken(
                f"The folder {self.folder} cannot be opened ({words}); there are: {names}"
            ) from error
        self.validity = int(opened.get(b"UIDVALIDITY", 0))
        self.exists = int(opened.get(b"EXISTS", 0))
        self._next = int(opened.get(b"UIDNEXT", 0))
        if not self._next:
            status = self._client.folder_status(self.folder, ["UIDNEXT"])
            self._next = int(status.get(b"UIDNEXT", 1))

    def folders(self) -> list[str]:
        with _told():
            return [str(name) for _, _, name in self._client.list_folders()]

    @property
    def idles(self) -> bool:
        return bool(self._client.has_capability("IDLE"))

    def next(self, cursor: Cursor, *, limit: int = MAILS) -> Batch | None:
        """The next mails, `limit` at most, in the order of their UIDs; None: there are no more now."""
        with _told():
            while not self._waiting:
                if self._searched >= self._next:
                    self._waiting = self._search(cursor, cursor.lowest, None)
                    if not self._waiting:
                        return None
                    break
                low = max(cursor.lowest, self._searched)
                if not self._searched and not cursor.uid and self.exists:
                    # A box may begin anywhere among four thousand million UIDs.
                    low = max(low, self._first())
                self._searched = low + SPAN
                if low < self._next:
                    self._waiting = self._search(cursor, low, self._searched - 1)
            return self._fetch(limit)

    def gives_another_than(self, uid: int, number: int) -> bool:
        """Whether the server gives the `number`th of the mails around this one; False: there is none."""
        with _told():
            around: list[Any] = [b"UID", b"%d:%d" % (max(1, uid - SPAN // 2), uid + SPAN // 2)]
            found = sorted(
                (each for each in set(self._client.search(around, None)) if each != uid),
                key=lambda each: abs(each - uid),
            )
            if number >= len(found):
                return False
            self.asking = (uid,)
            self._client.fetch([found[number]], ["RFC822.SIZE", "BODY.PEEK[]<0.1>"])
            self.asking = ()
            return True

    def _first(self) -> int:
        self._client.use_uid = False
        try:
            found = self._client.fetch([1], ["UID"])
        finally:
            self._client.use_uid = True
        return min((int(each.get(b"UID", 1)) for each in found.values()), default=1)

    def _search(self, cursor: Cursor, low: int, high: int | None) -> list[int]:
        criteria: list[Any] = [b"UID", b"%d:%b" % (low, b"*" if high is None else b"%d" % high)]
        if self.since is not None:
            criteria += [b"SINCE", self.since]
        found = sorted(set(self._client.search(criteria, None)))
        return [uid for uid in found if cursor.wants(uid)]

    def _fetch(self, limit: int) -> Batch:
        uids = self._waiting[:limit]
        self.asking = tuple(uids)
        sizes = {
            uid: int(data.get(b"RFC822.SIZE", 0))
            for uid, data in self._client.fetch(uids, ["RFC822.SIZE"]).items()
        }
        asked: list[int] = []
        total = 0
        for uid in uids:
            total += sizes.get(uid, 0)
            if asked and total > BYTES:
                break
            asked.append(uid)
        del self._waiting[: len(asked)]
        large = [uid for uid in asked if sizes.get(uid, 0) > SIZE]
        mails: list[Mail] = []
        refused: list[tuple[int, str]] = []
        for some in ([uid for uid in asked if uid not in large], large):
            part = "BODY.PEEK[]" if some is not large else f"BODY.PEEK[]<0.{CUT}>"
            try:
                mails += self._bodies(some, part, sizes)
            except IMAPClientAbortError:
                raise
            except IMAPClientError:
                more, bad = self._one_by_one(some, part, sizes)
                mails += more
                refused += bad
        self.asking = ()
        return Batch(
            mails=tuple(sorted(mails, key=lambda each: each.uid)),
            asked=tuple(asked),
            refused=tuple(refused),
        )

    def _one_by_one(
        self, uids: Sequence[int], part: str, sizes: dict[int, int]
    ) -> tuple[list[Mail], list[tuple[int, str]]]:
        mails: list[Mail] = []
        refused: list[tuple[int, str]] = []
        for uid in uids:
            try:
                mails += self._bodies([uid], part, sizes)
            except IMAPClientAbortError:
                raise
            except IMAPClientError as error:
                refused.append((uid, _words(error)))
        return mails, refused

    def _bodies(self, uids: Sequence[int], part: str, sizes: dict[int, int]) -> list[Mail]:
        if not uids:
            return []
        found = self._client.fetch(uids, [part, "INTERNALDATE"])
        mails: list[Mail] = []
        for uid, data in found.items():
            raw = next((data[key] for key in (b"BODY[]", b"BODY[]<0>") if key in data), None)
            if raw is None:
                # Removed between the two commands, or a change of its flags that came unasked.
                continue
            mails.append(
                Mail(
                    uid=uid,
                    raw=bytes(raw),
                    arrived=_aware(data.get(b"INTERNALDATE")),
                    size=sizes.get(uid, len(raw)),
                )
            )
        return mails

    def newest_heads(self, count: int) -> list[bytes]:
        """The header blocks of the last mails, at most 64 KB of each."""
        with _told():
            if not self.exists:
                return []
            self._client.use_uid = False
            try:
                wanted = list(range(max(1, self.exists - count + 1), self.exists + 1))
                found = self._client.fetch(wanted, ["BODY.PEEK[HEADER]<0.65536>"])
            finally:
                self._client.use_uid = True
            return [
                bytes(value)
                for data in found.values()
                for key, value in data.items()
                if key.startswith(b"BODY[HEADER]") and value
            ]

    def idle(self, seconds: float) -> None:
        """Returns when the server says something, at the latest after `seconds`."""
        with _told():
            self._client.idle()
            self._client.idle_check(timeout=seconds)
            self._client.idle_done()

    def noop(self) -> None:
        """A server tells of new mail in its answers; and one that is gone does not answer."""
        with _told():
            self._client.noop()

    def leave(self) -> None:
        """Says good-bye, as far as there is anybody to hear it."""
        if self._client is None:
            return
        with suppress(IMAPClientError, OSError, ValueError):
            if not self._cut:
                self._client.logout()
        # The library leaves the socket open when nobody answers.
        with suppress(OSError):
            self._client.shutdown()

    def cut(self) -> None:
        """Ends whatever the thread waits for."""
        self._cut = True
        if self._client is not None:
            with suppress(OSError, AttributeError):
                # Not the TLS layer's own, which the other thread is in the middle of.
                socket.socket.shutdown(self._client.socket(), socket.SHUT_RDWR)


def a_mailbox(account: Account) -> Mailbox:
    """Raises AccountBroken when the account's settings cannot be used."""
    host = account["imap_host"].strip()
    if not host:
        raise AccountBroken("No mail server to read from is set: set imap_host")
    tls = account["imap_tls"].strip().lower() or "tls"
    if tls not in {"tls", "starttls", "none"}:
        raise AccountBroken(f"imap_tls is {tls!r}; it must be tls, starttls or none")
    port = account["imap_port"].strip() or ("993" if tls == "tls" else "143")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise AccountBroken(f"imap_port is {port!r}; it must be a number such as 993")
    since = account["imap_since"].strip()
    try:
        day = date.fromisoformat(since) if since else None
    except ValueError as error:
        raise AccountBroken(
            f"imap_since is {since!r}; it must be a day such as 2026-01-31"
        ) from error
    folder = account["imap_folder"].strip() or "INBOX"
    return Mailbox(host, int(port), tls, folder, since=day)


@contextmanager
def _told() -> Generator[None]:
    """Whatever the library and the network raise, as a SendError."""
    try:
        yield
    except SendError:
        raise
    except IMAPClientAbortError as error:
        raise Unreachable(
            f"The connection with the mail server was lost: {_words(error)}"
        ) from error
    except IMAPClientError as error:
        raise Unreachable(f"The mail server cannot do it now: {_words(error)}") from error
    except ssl.SSLError as error:
        raise Unreachable(f"TLS with the mail server failed: {error.reason or error}") from error
    except TimeoutError as error:
        raise Unreachable("The mail server did not answer in time") from error
    except (OSError, ValueError) as error:
        # ValueError: the socket was closed under the library, or an answer was no base64.
        raise Unreachable(f"The mail server cannot be reached: {_words(error)}") from error


def _xoauth2(sign_in: SignIn) -> Any:
    """The token first; when it is refused, the server explains itself and is answered with an empty line."""
    answers = [f"user={sign_in.user}\x01auth=Bearer {sign_in.token}\x01\x01"]

    def answer(challenge: bytes) -> str | bytes:
        return answers.pop() if answers else b""

    return answer


def _words(error: BaseException) -> str:
    said = str(error)
    # imaplib passes on the repr() of what the server wrote.
    found = re.search(r"b'(.*)'|b\"(.*)\"", said)
    if found:
        said = found[1] or found[2] or said
    return clean_line(said, limit=300) or type(error).__name__


def _aware(moment: Any) -> datetime:
    if not isinstance(moment, datetime):
        return datetime.fromtimestamp(0, UTC)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
