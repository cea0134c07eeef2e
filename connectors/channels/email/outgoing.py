"""An answer → the bytes of a mail, the same at every attempt.

Everything in it comes from the answer itself: the Message-ID and the boundaries from its id, the date from the moment that
is in its id (UUIDv7). So a second attempt repeats the mail instead of making another.
"""

import html as entities
import mimetypes
import re
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final
from uuid import UUID

from connectors.channels.email.automatic import OUR_HEADER
from connectors.channels.email.filenames import file_name
from connectors.channels.email.threading import (
    our_address,
    our_message_id,
    plain_id,
    reply_address,
)
from connectors.connector import Account, Outgoing, OutgoingFile
from connectors.email_addresses import domain_of, normalise
from connectors.errors import Rejected
from router.clean_text import clean_line, clean_text

REFERENCES: Final = 10
"""The newest that are named, after the first."""

_REPLY = re.compile(r"\s*(?:re|aw|sv|ha|отв|ответ)(?:\[\d+\])?\s*:", re.IGNORECASE)
_ID = re.compile(r"[!-;=?-~]{1,900}")
_POLICY: Final = SMTP.clone(max_line_length=78)


def compose(account: Account, outgoing: Outgoing, files: list[tuple[OutgoingFile, bytes]]) -> bytes:
    """Raises Rejected: there is nobody to send it to, or from."""
    ours, theirs = our_address(account), outgoing.to.strip()
    if not normalise(ours):
        raise Rejected("The account has no address to send from: set `address` in its settings")
    if not normalise(theirs):
        raise Rejected("The contact has no email address to answer to")
    latin = (ours + theirs).isascii()
    mail = EmailMessage(policy=_POLICY if latin else _POLICY.clone(utf8=True))
    mail["Date"] = format_datetime(_moment(outgoing.id))
    mail["From"] = _mailbox(ours, outgoing.author)
    mail["To"] = _mailbox(theirs, "")
    answers_go_to = reply_address(account, outgoing.id)
    if answers_go_to != ours:
        mail["Reply-To"] = _mailbox(answers_go_to, outgoing.author)
    thread = _thread(outgoing)
    mail["Subject"] = _subject(outgoing.subject, answers=bool(thread))
    mail[OUR_HEADER] = str(account.id)
    if outgoing.details.get("automatic"):
        mail["Auto-Submitted"] = "auto-replied"
        mail["X-Auto-Response-Suppress"] = "All"
    text, html = _signed(outgoing)
    mail.set_content(text or " ", charset="utf-8", cte="quoted-printable")
    mail.add_alternative(
        html,
        subtype="html",
        charset="utf-8",
        cte="quoted-printable",
    )
    for file, content in files:
        _attach(mail, file, content)
    _fix_boundaries(mail, outgoing.id)
    return _ids(our_message_id(account, outgoing.id), thread, _answered(outgoing)) + mail.as_bytes()


def _ids(own: str, thread: list[str], answered: str) -> bytes:
    """The fields that hold ids, folded by us: the library encodes an id that is longer than its line, and so breaks it."""
    lines = [f"Message-ID: <{own}>"]
    if thread:
        lines.append(f"In-Reply-To: <{answered or thread[-1]}>")
        lines.append("References: " + "\r\n ".join(f"<{each}>" for each in thread))
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def _moment(message: UUID) -> datetime:
    """When the answer was written: the first 48 bits of a UUIDv7 are milliseconds since 1970 (RFC 9562)."""
    if message.version == 7:
        return datetime.fromtimestamp((message.int >> 80) // 1000, UTC)
    return datetime.fromtimestamp(0, UTC)


def _mailbox(address: str, name: str) -> Address | str:
    local, _, domain = address.rpartition("@")
    ascii_domain = domain_of(address)
    name = clean_line(name)
    try:
        return Address(display_name=name, username=local, domain=ascii_domain or domain)
    except (ValueError, IndexError) as error:
        raise Rejected(f"{address} is not an address that mail can be sent to") from error


def _subject(subject: str, *, answers: bool) -> str:
    subject = clean_line(subject, limit=300)
    if not answers or _REPLY.match(subject):
        return subject
    return f"Re: {subject}".strip()


def _thread(outgoing: Outgoing) -> list[str]:
    """References: the first message of the thread, which the chat is named after, and the last ones, oldest first.

    RFC 5322 lets the middle go. An answer that nothing was written before begins a thread of its own.
    """
    if not outgoing.thread and not outgoing.reply_to:
        return []
    ids = [plain_id(each) for each in (outgoing.chat, *outgoing.thread)]
    answered = _answered(outgoing)
    if answered:
        ids = [*(each for each in ids if each != answered), answered]
    ids = list(dict.fromkeys(each for each in ids if _ID.fullmatch(each)))
    return ids if len(ids) <= REFERENCES + 1 else [ids[0], *ids[-REFERENCES:]]


def _answered(outgoing: Outgoing) -> str:
    answered = plain_id(outgoing.reply_to)
    return answered if _ID.fullmatch(answered) else ""


def _signed(outgoing: Outgoing) -> tuple[str, str]:
    """Text and HTML with the author's signature below: "-- " is by what programs know it, and fold it away.

    It is the signature of now: a second attempt after it was changed repeats the Message-ID with other bytes.
    """
    signature = clean_text(outgoing.signature).strip()
    html = outgoing.html or _as_html(outgoing.text)
    if not signature:
        return outgoing.text, html
    shown = f'<div class="signature">-- <br>\n{_broken(signature)}</div>'
    before, end, after = html.rpartition("</body>")
    html = f"{before}{shown}{end}{after}" if end else f"{html}{shown}"
    return f"{outgoing.text.rstrip()}\n\n-- \n{signature}\n", html


def _as_html(text: str) -> str:
    paragraphs = text.split("\n\n")
    shown = "".join(f"<p>{_broken(each.strip())}</p>" for each in paragraphs if each.strip())
    return f"<!DOCTYPE html><html><body>{shown}</body></html>\n"


def _broken(text: str) -> str:
    """Escaped, its lines kept."""
    return entities.escape(text, quote=False).replace("\n", "<br>\n")


def _attach(mail: EmailMessage, file: OutgoingFile, content: bytes) -> None:
    name = file_name(file.name, file.mime)
    guessed = file.mime or mimetypes.types_map.get("." + name.rpartition(".")[2].lower(), "")
    maintype, _, subtype = guessed.partition("/")
    if not re.fullmatch(r"[\w!#$&^.+-]{1,100}/[\w!#$&^.+-]{1,100}", guessed) or maintype in {
        "multipart",
        "message",
    }:
        maintype, subtype = "application", "octet-stream"
    mail.add_attachment(content, maintype=maintype, subtype=subtype, filename=name)


def _fix_boundaries(mail: EmailMessage, message: UUID) -> None:
    for number, part in enumerate(each for each in mail.walk() if each.is_multipart()):
        part.set_boundary(f"=_{message.hex}_{number}")
