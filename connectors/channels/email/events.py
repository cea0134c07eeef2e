"""A mail → what Allo understands: a message, a delivery report, or a reason to leave it.

The sender's key says how far From can be believed (see `authentication`). An unproved From gets an identity of its own
kind, `email_unverified`, so that the same From finds the same provisional contact and never touches the proved owner of
the address; the address itself comes along as a claim.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import msgspec
import structlog

from connectors.channels.email import threading
from connectors.channels.email.authentication import Verdict, verdict
from connectors.channels.email.automatic import judge, looped, report
from connectors.channels.email.charsets import decode
from connectors.channels.email.envelope import Envelope, out_of_envelope
from connectors.channels.email.headers import Mailbox, mailboxes
from connectors.channels.email.mime import ParsedMail, read_mail
from connectors.connector import Account, Incoming, Received
from connectors.email_addresses import normalise
from connectors.quoted_text import new_words
from connectors.written_codes import take_code
from router.clean_text import clean_line, clean_text
from router.message import (
    Chat,
    DeliveryReported,
    Event,
    InboundMessage,
    Key,
    MessageKind,
    Sender,
    SourceKeys,
)

log = structlog.get_logger()

FULL_TEXT: Final = 100_000
"""Characters of the unfolded text kept beside the new words."""
ADDRESSES: Final = 50


@dataclass(frozen=True, slots=True)
class Understood:
    event: Event | None
    ignored: str = ""
    """Why there is no event."""


def understand(
    raw: bytes,
    *,
    account: Account,
    received_at: datetime,
    recipients: Sequence[str] = (),
    envelope_from: str | None = None,
    notes: Sequence[str] = (),
    checked: str = "",
) -> Understood:
    """Total: a mail that our own code stumbles over is kept as an unreadable message, with its raw bytes.

    `recipients` and `envelope_from` are the envelope's; "" is the empty sender of bounces, None: not known. `notes`: what
    is already known to be missing. `checked`: what the provider found about the sender (see `Envelope`).
    """
    try:
        mail = read_mail(raw)
        if notes:
            mail = replace(mail, notes=(*notes, *mail.notes))
        envelope = Envelope(envelope_from, tuple(recipients), checked)
        return _understood(mail, account, received_at, envelope)
    except Exception as error:
        log.exception("mail_not_understood", account=account.slug, size=len(raw))
        return Understood(_unreadable(raw, account, received_at, envelope_from, error))


def reread(account: Account, raw: bytes, received_at: datetime) -> Received:
    """A mail that was kept with its envelope."""
    mail, envelope = out_of_envelope(raw)
    understood = understand(
        mail,
        account=account,
        received_at=received_at,
        recipients=envelope.recipients,
        envelope_from=envelope.sender,
        checked=envelope.checked,
    )
    if understood.event is None:
        return Received(ignored=(understood.ignored,))
    return Received(incoming=(Incoming(event=understood.event, raw=raw),))


def _understood(
    mail: ParsedMail,
    account: Account,
    received_at: datetime,
    envelope: Envelope,
) -> Understood:
    returned = report(mail)
    if returned is not None:
        return _reported(mail, returned, account, received_at)
    loop = looped(mail.headers, account=str(account.id))
    if loop:
        return Understood(None, loop)
    author, written_by = _author(mail, account, envelope.sender)
    address = normalise(author.address)
    recipients = [*envelope.recipients, *_addressees(mail)]
    place = threading.place(mail, account=account, sender=address, recipients=recipients)
    judged = judge(mail, sender=author.address, envelope_from=envelope.sender)
    if place.message_id and threading.is_ours(account, place.message_id):
        return Understood(None, "our own mail came back")
    if written_by == "from":
        proof = verdict(
            mail.headers,
            sender=author.address,
            authserv_ids=account["authserv_id"],
            checked=envelope.checked,
        )
        if len(mailboxes(mail.headers.raw("from"))) > 1:
            proof = Verdict(proved=False, how="more than one From")
    else:
        proof = Verdict(proved=False, how=f"read out of {written_by}")
    message = _message(
        mail, account, received_at, author, address, place, judged, proof, envelope.sender
    )
    return Understood(_with_source(message, *threading.arrived_at(account, recipients)))


def _with_source(message: InboundMessage, code: str, alias: str) -> InboundMessage:
    """A link's code in the address or in the subject, where it is not shown; or the address itself."""
    written, subject = take_code(message.subject)
    code = code or written
    if not code and not alias:
        return message
    return msgspec.structs.replace(
        message, subject=subject, source=SourceKeys(code=code, alias="" if code else alias)
    )


def _message(  # noqa: PLR0917  # the pieces of one story, all needed at once
    mail: ParsedMail,
    account: Account,
    received_at: datetime,
    author: Mailbox,
    address: str,
    place: threading.Place,
    judged: Any,
    proof: Verdict,
    envelope_from: str | None,
) -> InboundMessage:
    reply = new_words(mail.text)
    # A machine's mail has no conversation under it; what looks like a quote is its content.
    words = mail.text.strip() if judged.automatic else reply.words
    details: dict[str, Any] = {
        "message_id": place.message_id,
        "to": [each.address for each in mailboxes(mail.headers.raw("to"))[:ADDRESSES]],
        "cc": [each.address for each in mailboxes(mail.headers.raw("cc"))[:ADDRESSES]],
        "from": mail.headers.text("from", limit=500),
        "reply_to": next((each.address for each in mailboxes(mail.headers.raw("reply-to"))), ""),
        "date": _date(mail),
        "envelope_from": clean_text(envelope_from or "", limit=320),
        "authentication": proof.how,
        "automatic_because": judged.because,
        "full_text": mail.text.strip()[:FULL_TEXT] if words != mail.text.strip() else "",
        "notes": list(mail.notes),
    }
    has_words = bool(words.strip())
    return InboundMessage(
        key=place.key,
        external_id=place.external_id,
        fingerprint=place.fingerprint,
        chat=Chat(id=place.chat, title=mail.headers.text("subject", limit=200)),
        at=received_at,
        sender=_sender(author, address, place, proof),
        lane=address or place.chat,
        kind=_kind(mail, has_words=has_words),
        subject=mail.headers.text("subject", limit=500),
        text=words,
        html=mail.html,
        attachments=mail.files,
        thread=place.thread,
        automatic=judged.automatic,
        details={name: value for name, value in details.items() if value},
    )


def _kind(mail: ParsedMail, *, has_words: bool) -> MessageKind:
    if has_words or not mail.files:
        return "text"
    return mail.files[0].kind


def _sender(author: Mailbox, address: str, place: threading.Place, proof: Verdict) -> Sender:
    name = author.name or author.address
    if not address:
        # Nobody to find again: a contact of this mail's own.
        nobody = Key(kind="email_unverified", value=place.key, how="no sender's address")
        return Sender(keys=(nobody,), name=name)
    written = author.address if author.address != address else ""
    if proof.proved:
        proved = Key(kind="email", value=address, display=written, how=proof.how)
        return Sender(keys=(proved,), name=name)
    return Sender(
        keys=(
            Key(kind="email_unverified", value=address, display=written, how=proof.how),
            Key(kind="email", value=address, proof="claimed", display=written, how=proof.how),
        ),
        name=name,
    )


def _author(mail: ParsedMail, account: Account, envelope_from: str | None) -> tuple[Mailbox, str]:
    """Whose words these are, and which field says so.

    From; but a contact form on the business's own site writes from the business's own address and puts the visitor into
    Reply-To (or X-Original-Sender): then the visitor it is.
    """
    ours = normalise(threading.our_address(account))
    found: list[tuple[Mailbox, str]] = []
    for field in ("from", "reply-to", "x-original-sender", "sender", "return-path"):
        boxes = mailboxes(mail.headers.raw(field))
        found += [(each, field) for each in boxes if normalise(each.address)][:1]
    first = found[0] if found else None
    if first and first[1] == "from" and ours and normalise(first[0].address) == ours:
        visitor = (each for each in found if each[1] in {"reply-to", "x-original-sender"})
        first = next((each for each in visitor if normalise(each[0].address) != ours), first)
    if first:
        return first
    if envelope_from and normalise(envelope_from):
        return Mailbox("", clean_text(envelope_from)), "the envelope"
    unusable = next(iter(mailboxes(mail.headers.raw("from"))), Mailbox("", ""))
    return Mailbox(unusable.name or clean_line(unusable.address), ""), "no field"


def _addressees(mail: ParsedMail) -> list[str]:
    """Where a reply token may stand when the envelope did not keep it."""
    fields = (
        "x-gm-original-to",
        "delivered-to",
        "x-original-to",
        "envelope-to",
        "resent-to",
        "to",
        "cc",
    )
    return [
        each.address for field in fields for each in mailboxes(mail.headers.raw(field))[:ADDRESSES]
    ]


def _date(mail: ParsedMail) -> str:
    """The Date field, to be shown; never what messages are ordered by."""
    written = decode(mail.headers.raw("date")[:100])
    moment = None
    with suppress(ValueError, TypeError, IndexError, OverflowError):
        moment = parsedate_to_datetime(written)
    if moment is None:
        return ""
    with suppress(ValueError, OverflowError):
        aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return aware.isoformat()
    return ""


def _reported(
    mail: ParsedMail, returned: Any, account: Account, received_at: datetime
) -> Understood:
    if not returned.message_ids:
        return Understood(None, f"a report ({returned.state}) that names no message")
    if returned.state in {"delayed", "other"}:
        return Understood(None, f"a report: {returned.state}; {returned.reason}".strip("; "))
    place = threading.place(mail, account=account, sender="", recipients=())
    return Understood(
        DeliveryReported(
            key=f"report:{place.key}",
            chat=Chat(id=returned.message_ids[0]),
            at=received_at,
            external_ids=returned.message_ids,
            state=returned.state,
            reason=returned.reason,
        )
    )


def _unreadable(
    raw: bytes,
    account: Account,
    received_at: datetime,
    envelope_from: str | None,
    error: Exception,
) -> InboundMessage:
    empty = read_mail(b"")
    whole = hashlib.sha256(raw).hexdigest()
    place = threading.place(empty, account=account, sender=whole, recipients=())
    author = Mailbox("", envelope_from or "")
    address = normalise(author.address)
    return InboundMessage(
        key=place.key,
        external_id=place.external_id,
        fingerprint=place.fingerprint,
        chat=Chat(id=place.external_id),
        at=received_at,
        sender=_sender(author, address, place, Verdict(proved=False, how="unreadable mail")),
        lane=address or place.chat,
        kind="unsupported",
        details={"unreadable": type(error).__name__},
    )
