"""Which conversation a mail belongs to, and the ids by which answers find it.

`external_id` of a mail is its Message-ID, which is what answers name. Message-IDs are reused by bad software and by
attackers, and a mail that merely repeats an id must not be taken for the one already known, while the same mail sent
again must: so what it says and who sent it makes its `fingerprint`, and its event's `key` is made of both. The router
stores the second mail of an id under `id#fingerprint`.

The conversation is named after the root of the thread: the first of References, else In-Reply-To, else the mail itself.
A reply token, `shop+<token>@…` in the recipient, goes before all: it names the answer of ours that was replied to, is
signed with the account's secret, and survives mailers that lose the headers.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from connectors.channels.email.headers import message_ids
from connectors.channels.email.mime import ParsedMail
from connectors.connector import Account
from connectors.email_addresses import domain_of

THREAD: Final = 20
"""Earlier messages named; more are not looked for."""

_COPY = re.compile(r"#[0-9a-f]{10}\Z")
_UNNAMED: Final = "unnamed:"
_TOKEN: Final = re.compile(r"r[a-z2-7]{34}")
_TAG: Final = re.compile(r"[a-z0-9][a-z0-9_-]{1,63}")
"""Behind the plus of an address: a code of a link, or a word that somebody put into an advertisement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a mail belongs."""

    message_id: str
    """As the mail names itself; "" when it does not."""
    external_id: str
    fingerprint: str
    key: str
    """The same for the same mail, and for no other."""
    chat: str
    thread: tuple[str, ...]
    """Earlier messages, nearest first, and last of all the mail itself.

    Never empty, which tells the router that it has a mail thread before it: whoever else writes into one, were it by
    repeating the id it began with, is a guest there and does not become the person who is answered.
    """


def place(mail: ParsedMail, *, account: Account, sender: str, recipients: Iterable[str]) -> Place:
    own = next(iter(message_ids(mail.headers.raw("message-id"), limit=1)), "")
    says = _fingerprint(mail, sender)
    external_id = own or _UNNAMED + says
    answered = message_ids(mail.headers.raw("in-reply-to"), limit=3)
    references = message_ids(mail.headers.raw("references"))
    token = next(filter(None, (_named(account, each) for each in recipients)), "")
    nearest = [token, *answered, *reversed(references)]
    earlier = [each for each in dict.fromkeys(nearest) if each and each != own][:THREAD]
    root = next(iter([*references, *answered]), "")
    if token and token not in references:
        root = token
    return Place(
        message_id=own,
        external_id=external_id,
        fingerprint=says,
        key=f"{own}#{says[:10]}" if own else external_id,
        chat=root or external_id,
        thread=(*earlier, external_id),
    )


def _fingerprint(mail: ParsedMail, sender: str) -> str:
    """The same for the same mail however it was encoded or relayed on its way."""
    digest = hashlib.sha256()
    words = "".join(mail.text.split())
    for each in (sender, mail.headers.text("subject"), words if mail.text else mail.html):
        digest.update(each.encode("utf-8", "replace") + b"\0")
    if not mail.headers.has("message-id"):
        # Nothing else tells two mails of the same words apart.
        digest.update(mail.headers.raw("date") + b"\0")
    for file in mail.files:
        digest.update(hashlib.sha256(file.content or b"").digest())
    return digest.hexdigest()


def plain_id(external_id: str) -> str:
    """The Message-ID in an external id, to be written into References; "" when the mail had none."""
    return "" if external_id.startswith(_UNNAMED) else _COPY.sub("", external_id)


# Mails of ours


def our_message_id(account: Account, message: UUID) -> str:
    """The same at every attempt: `message` is."""
    return f"{message}@{domain_of(our_address(account)) or 'allo.invalid'}"


def is_ours(account: Account, message_id: str) -> bool:
    """Apple Mail too writes a UUID and the sender's domain; but an upper-case one, of version 4."""
    left, _, domain = message_id.partition("@")
    if not re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", left):
        return False
    return domain == (domain_of(our_address(account)) or "allo.invalid")


def our_address(account: Account) -> str:
    """The address that answers come from."""
    for name in ("address", "smtp_user", "imap_user"):
        if "@" in account[name]:
            return account[name].strip()
    return ""


def reply_address(account: Account, message: UUID) -> str:
    """The address with a token that names `message`; the plain one when nothing can be signed or it would not fit."""
    address = our_address(account)
    local, at, domain = address.rpartition("@")
    tagged = f"{local}+{_token(account, message)}"
    if not (at and account.secret and account["reply_tokens"] == "yes") or len(tagged) > 64:
        return address
    return f"{tagged}@{domain}"


def _token(account: Account, message: UUID) -> str:
    signed = message.bytes + _signature(account, message)
    return "r" + base64.b32encode(signed).decode("ascii").rstrip("=").lower()


def _signature(account: Account, message: UUID) -> bytes:
    said = b"email reply" + account.id.bytes + message.bytes
    return hmac.digest(account.secret, said, "sha256")[:5]


def _named(account: Account, recipient: str) -> str:
    """Message-ID of our mail that the recipient's token names; "" when there is none, or it is not signed by us."""
    _, plus, token = recipient.rpartition("@")[0].rpartition("+")
    token = token.lower()
    if not plus or not account.secret or not _TOKEN.fullmatch(token):
        return ""
    signed = base64.b32decode(token[1:].upper() + "=" * (-len(token[1:]) % 8))
    message = UUID(bytes=signed[:16])
    if not hmac.compare_digest(signed[16:], _signature(account, message)):
        return ""
    return our_message_id(account, message)


def arrived_at(account: Account, recipients: Sequence[str]) -> tuple[str, str]:
    """(the code behind the plus of our address, another address of our domain): what a mail was sent to, if it says anything.

    A reply token is no code, and where our own address stands among them the other ones are only copies.
    """
    ours = our_address(account).lower()
    local, _, domain = ours.rpartition("@")
    there = [each.strip().strip("<>").lower() for each in recipients]
    named = [each.rpartition("@") for each in there if domain and each.endswith(f"@{domain}")]
    for name, _, _ in named:
        base, plus, tag = name.partition("+")
        if plus and base == local and _TAG.fullmatch(tag) and not _TOKEN.fullmatch(tag):
            return tag, ""
    if ours in there:
        return "", ""
    return "", next((f"{name}@{where}" for name, _, where in named if "+" not in name), "")


def plain_recipient(recipient: str) -> str:
    """`shop+anything@example.com` → `shop@example.com`."""
    local, at, domain = recipient.rpartition("@")
    return f"{local.partition('+')[0]}{at}{domain}"
