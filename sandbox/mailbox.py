"""A mail server to send to, which keeps what it gets and can be told to misbehave; and people who write mails.

async with Mailbox() as mailbox:            # mailbox.host, mailbox.port
    mailbox.next(Fault(at="data", answer="451 4.7.1 greylisted"))
    …
    mail = await mailbox.arrived()

await write_mail("127.0.0.1:8025", a_mail(sender="Пётр <petr@example.org>", subject="…", text="…"))
"""

import asyncio
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import parseaddr
from types import TracebackType
from typing import Any, Final, Literal, Self

import aiosmtplib
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from typing_extensions import override


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What to do to the next client that gets as far as `at`.

    `answer` is a reply line ("550 5.1.1 …"); None: the connection is dropped there. `kept`: the mail is recorded all the
    same, as a server does that loses the connection before its 250.
    """

    at: Literal["connect", "mail", "rcpt", "data"]
    answer: str | None = None
    kept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    sender: str
    recipients: tuple[str, ...]
    content: bytes


class Mailbox:
    """The server, on a free port of the loopback."""

    def __init__(self, *, user: str = "", password: str = "") -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self.mails: list[Received] = []
        self.nobody: set[str] = set()
        """Addresses of nobody: mail to them is refused."""
        self._user, self._password = user, password
        self._faults: deque[Fault] = deque()
        self._news = asyncio.Condition()
        self._open: set[_Session] = set()
        self._empty = asyncio.Event()
        self._server: asyncio.Server | None = None

    def next(self, *faults: Fault) -> None:
        """These happen, in this order, each once."""
        self._faults.extend(faults)

    async def arrived(self, *, count: int = 1, within: float = 10.0) -> Received:
        """The latest mail, once there are `count`."""
        async with asyncio.timeout(within), self._news:
            await self._news.wait_for(lambda: len(self.mails) >= count)
        return self.mails[-1]

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Session(self), self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is None:
            return
        self._server.close()
        for each in list(self._open):
            each.drop()
        await self._server.wait_closed()
        if self._open:
            await self._empty.wait()
        # Their tasks end on the next turn of the loop.
        await asyncio.sleep(0)

    # What the sessions ask

    def fault(self, at: str) -> Fault | None:
        if self._faults and self._faults[0].at == at:
            return self._faults.popleft()
        return None

    def knows(self, user: bytes, password: bytes) -> bool:
        return (user.decode(), password.decode()) == (self._user, self._password)

    @property
    def wants_login(self) -> bool:
        return bool(self._user)

    async def keep(self, envelope: Envelope) -> None:
        content = envelope.content
        async with self._news:
            self.mails.append(
                Received(
                    sender=envelope.mail_from or "",
                    recipients=tuple(envelope.rcpt_tos),
                    content=content if isinstance(content, bytes) else b"",
                )
            )
            self._news.notify_all()

    def opened(self, session: "_Session") -> None:
        self._open.add(session)
        self._empty.clear()

    def closed(self, session: "_Session") -> None:
        self._open.discard(session)
        if not self._open:
            self._empty.set()


class _Handler:
    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_MAIL(  # noqa: N802  # aiosmtpd's name
        self, server: "_Session", session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        refused = server.trouble("mail")
        if refused:
            return refused
        if self._mailbox.wants_login and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: "_Session", session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        refused = server.trouble("rcpt")
        if refused:
            return refused
        if address in self._mailbox.nobody:
            return f"550 5.1.1 <{address}>: Recipient address rejected: User unknown"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802  # aiosmtpd's name
        self, server: "_Session", session: Session, envelope: Envelope
    ) -> str:
        fault = self._mailbox.fault("data")
        if fault is None or fault.kept:
            await self._mailbox.keep(envelope)
        if fault is None:
            return "250 2.0.0 Taken"
        if fault.answer is None:
            server.drop()
        return fault.answer or "421 4.4.2 Gone"


class _Session(SMTP):
    def __init__(self, mailbox: Mailbox) -> None:
        def authenticate(
            server: Any, session: Any, envelope: Any, mechanism: str, data: Any
        ) -> AuthResult:
            good = isinstance(data, LoginPassword) and mailbox.knows(data.login, data.password)
            return AuthResult(success=good, handled=False)

        super().__init__(
            _Handler(mailbox),
            enable_SMTPUTF8=True,
            hostname="mailbox.sandbox",
            authenticator=authenticate if mailbox.wants_login else None,
            # Whoever must sign in is told so at MAIL: the library warns about asking for it without TLS.
            auth_require_tls=False,
            loop=asyncio.get_running_loop(),
        )
        self._mailbox = mailbox

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._mailbox.opened(self)
        super().connection_made(transport)
        fault = self._mailbox.fault("connect")
        if fault is not None:
            if fault.answer and isinstance(transport, asyncio.Transport):
                transport.write(f"{fault.answer}\r\n".encode())
            transport.close()

    @override
    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._mailbox.closed(self)

    def trouble(self, at: str) -> str:
        """The refusal for this moment; "" when there is none."""
        fault = self._mailbox.fault(at)
        if fault is None:
            return ""
        if fault.answer is None:
            self.drop()
        return fault.answer or "421 4.4.2 Gone"

    def drop(self) -> None:
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()


# People who write


def a_mail(
    *,
    sender: str,
    text: str,
    to: str = "shop@example.com",
    subject: str = "",
    message_id: str = "",
    in_reply_to: str = "",
    references: Sequence[str] = (),
    files: Sequence[tuple[str, str, bytes]] = (),
    headers: Sequence[tuple[str, str]] = (),
) -> bytes:
    """A mail as a tidy client writes it; `files` are (name, mime, content)."""
    mail = EmailMessage(policy=SMTP_POLICY)
    mail["From"], mail["To"] = sender, to
    if subject:
        mail["Subject"] = subject
    if message_id:
        mail["Message-ID"] = f"<{message_id}>"
    if in_reply_to:
        mail["In-Reply-To"] = f"<{in_reply_to}>"
    if references:
        mail["References"] = " ".join(f"<{each}>" for each in references)
    for name, value in headers:
        mail[name] = value
    mail.set_content(text)
    for name, mime, content in files:
        maintype, _, subtype = mime.partition("/")
        mail.add_attachment(content, maintype=maintype, subtype=subtype, filename=name)
    return mail.as_bytes()


async def write_mail(
    listener: str, mail: bytes, *, sender: str = "", recipients: Sequence[str] = ()
) -> str:
    """Delivers it to the listener as a mail server would; returns its answer. Raises aiosmtplib's errors."""
    host, _, port = listener.rpartition(":")
    fields = dict(
        line.split(b": ", 1)
        for line in mail.split(b"\r\n\r\n", 1)[0].split(b"\r\n")
        if b": " in line
    )
    envelope_from = sender or parseaddr(fields.get(b"From", b"").decode("ascii", "replace"))[1]
    to = list(recipients) or [parseaddr(fields.get(b"To", b"").decode("ascii", "replace"))[1]]
    client = aiosmtplib.SMTP(
        hostname=host, port=int(port), start_tls=False, timeout=30, local_hostname="sandbox"
    )
    async with client:
        refused, answer = await client.sendmail(envelope_from, to, mail)
    return "; ".join(f"{each}: {said.code}" for each, said in refused.items()) or answer


@dataclass(frozen=True, slots=True)
class Letter:
    """What somebody writes first, and what they answer."""

    sender: str
    subject: str
    text: str
    answer: str


LETTERS: Final = (
    Letter(
        "Пётр Кузнецов <petr.kuznetsov@example.org>",
        "Замена колодок",
        "Здравствуйте!\n\nСколько стоит замена передних колодок на Skoda Octavia 2019 года?\nКогда можно подъехать?\n\n-- \nПётр Кузнецов",
        "Спасибо, в четверг после обеда подойдёт.",
    ),
    Letter(
        "Мария Сидорова <m.sidorova@example.net>",
        "Счёт на шины",
        "Добрый день, выставьте, пожалуйста, счёт на четыре зимние шины 205/55 R16.\nРеквизиты во вложении.\n\nОтправлено из мобильной Яндекс Почты",
        "Счёт получили, оплатим сегодня.",
    ),
    Letter(
        '"ООО Вектор, закупки" <zakaz@vektor.example>',
        "Запрос цен",
        "Коллеги, прошу прислать прайс на масла и фильтры для парка из 12 «ГАЗелей».\n\nС уважением,\nотдел закупок",
        "Цены устраивают. Какие сроки поставки?",
    ),
    Letter(
        "Anna Schmidt <anna.schmidt@example.de>",
        "Air conditioning service",
        "Hello,\n\ndo you service air conditioning on imported cars? Mine is a 2021 VW Tiguan.\n\nSent from my iPhone",
        "Great, I will come on Monday at ten.",
    ),
    Letter(
        "Иван <ivan-ya@yandex.ru>",
        "Отзыв",
        "Были у вас вчера, мастер Сергей всё сделал быстро и аккуратно. Спасибо!",
        "Обязательно приеду ещё.",
    ),
)


def a_letter(*, chooser: random.Random, number: int, to: str) -> bytes:
    """One of LETTERS; `number` makes it another mail each time."""
    letter = chooser.choice(LETTERS)
    return a_mail(
        sender=letter.sender,
        to=to,
        subject=letter.subject,
        text=letter.text,
        message_id=f"letter-{number}-{chooser.getrandbits(64):x}@{letter.sender.rpartition('@')[2].strip('>')}",
    )


def an_answer(received: Received, *, text: str, number: int) -> bytes:
    """What the customer writes back to a mail of ours, quoting it as Yandex does."""
    head, _, body = received.content.partition(b"\r\n\r\n")
    fields = {
        name.lower(): value
        for name, _, value in (
            line.partition(": ")
            for line in head.decode("utf-8", "replace").replace("\r\n ", " ").split("\r\n")
        )
    }
    ours = fields.get("message-id", "").strip("<> ")
    quoted = "\n".join(f"> {line}" for line in ("Здравствуйте!", f"({len(body)} байт)"))
    return a_mail(
        sender=received.recipients[0],
        to=fields.get("reply-to") or fields.get("from", ""),
        subject=fields.get("subject", ""),
        text=f'{text}\n\n21.11.2026, 12:03, "Магазин" <{received.sender}>:\n{quoted}\n',
        message_id=f"answer-{number}@{received.recipients[0].rpartition('@')[2]}",
        in_reply_to=ours,
        references=[*(each.strip("<>") for each in fields.get("references", "").split()), ours],
    )
