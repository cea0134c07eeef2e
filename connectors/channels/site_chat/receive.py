"""What a visitor did, as an event: a message, a reading, a recognition."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from msgspec import Meta, Struct

from connectors.channels.site_chat.files import Ticket
from connectors.channels.site_chat.people import clean_email, clean_phone, phone_fault
from connectors.channels.site_chat.storefront import FILES, TEXT_BYTES, Storefront
from connectors.channels.site_chat.visitors import Visitor
from connectors.channels.site_chat.visits import Page
from connectors.connector import Account
from connectors.errors import TooLarge
from connectors.page_sources import clean_url
from router.clean_text import clean_line, clean_text
from router.message import (
    Chat,
    DeliveryReported,
    InboundMessage,
    Key,
    Sender,
    ServiceEvent,
    SourceKeys,
)
from router.thread import ThreadMessage

LONGEST_LANGUAGE: Final = 35


class Form(Struct, frozen=True, kw_only=True):
    name: Annotated[str, Meta(max_length=200)] = ""
    phone: Annotated[str, Meta(max_length=64)] = ""
    email: Annotated[str, Meta(max_length=254)] = ""
    topic: Annotated[str, Meta(max_length=300)] = ""
    consent: bool = False
    language: Annotated[str, Meta(max_length=LONGEST_LANGUAGE)] = ""
    """Of the widget, and so of the consent."""


class Posted(Struct, frozen=True, kw_only=True):
    """A message as the widget posts it. `website` is a field people do not see and robots fill in."""

    client_msg_id: UUID
    text: str = ""
    files: Annotated[list[str], Meta(max_length=FILES)] = []
    page: Page | None = None
    form: Form | None = None
    language: Annotated[str, Meta(max_length=LONGEST_LANGUAGE)] = ""
    website: str = ""


class Unfit(Exception):
    """The visitor must mend something: `field` and what is wrong with it, in a word the widget has a sentence for."""

    def __init__(self, field: str, fault: str) -> None:
        super().__init__(f"{field}: {fault}")
        self.field = field
        self.fault = fault


def check_form(form: Form, shop: Storefront, account: Account) -> None:
    """Raises Unfit."""
    if form.phone.strip() and not clean_phone(form.phone, region=account.region):
        raise Unfit("phone", phone_fault(form.phone, region=account.region))
    if form.email.strip() and not clean_email(form.email):
        raise Unfit("email", "invalid")
    personal = form.name.strip() or form.phone.strip() or form.email.strip()
    if personal and shop.consent(form.language) and not form.consent:
        raise Unfit("consent", "missing")
    reachable = {"phone", "email"} & set(shop.form_fields)
    if shop.form == "required" and reachable and not (form.phone.strip() or form.email.strip()):
        raise Unfit("phone" if "phone" in reachable else "email", "missing")


def message(
    posted: Posted,
    *,
    account: Account,
    shop: Storefront,
    visitor: Visitor,
    tickets: Sequence[Ticket],
    source: SourceKeys | None,
    now: datetime,
) -> InboundMessage:
    """Raises TooLarge, Unfit."""
    text = clean_text(posted.text).strip()
    if len(text.encode()) > TEXT_BYTES:
        raise TooLarge("a message of the site chat")
    if not text and not tickets:
        raise Unfit("text", "missing")
    key = f"{visitor.id}:{posted.client_msg_id}"
    keys, details = visitor.proved_keys(), _details(posted)
    name = visitor.name
    if posted.form is not None:
        check_form(posted.form, shop, account)
        keys += _claims(posted.form, account, visitor)
        name = name or clean_line(posted.form.name)
        details |= _form(posted.form, shop, now)
    return InboundMessage(
        key=key,
        external_id=key,
        chat=Chat(id=visitor.chat),
        at=now,
        sender=Sender(
            keys=keys, name=name, locale=clean_line(posted.language, limit=LONGEST_LANGUAGE)
        ),
        kind=tickets[0].kind if tickets else "text",
        text=text,
        attachments=tuple(ticket.attachment() for ticket in tickets),
        source=source,
        details=details,
    )


def seen(answer: ThreadMessage, *, visitor: Visitor, read: bool, now: datetime) -> DeliveryReported:
    """The visitor's browser has everything up to `answer`; `read`: and showed it to somebody."""
    state = "read" if read else "delivered"
    return DeliveryReported(
        key=f"{state}:{visitor.id}:{answer.id}",
        chat=Chat(id=visitor.chat),
        at=now,
        external_ids=(external_id(visitor.chat, answer.id),),
        state="read" if read else "delivered",
        up_to=True,
    )


def identified(visitor: Visitor, claims: Sequence[Key], *, now: datetime) -> ServiceEvent:
    """The site told who this is. The same telling again, on the next page, is the same event."""
    keys = visitor.proved_keys() + tuple(claims)
    told = "\n".join(f"{key.kind}:{key.value}:{key.proof}" for key in keys) + f"\n{visitor.name}"
    digest = hashlib.sha256(told.encode()).hexdigest()[:32]
    return ServiceEvent(
        key=f"identified:{visitor.id}:{digest}",
        chat=Chat(id=visitor.chat),
        at=now,
        sender=Sender(keys=keys, name=visitor.name),
        name="identified",
    )


def external_id(chat: str, message_id: UUID) -> str:
    """Of an answer of ours: the database's message is the platform's message."""
    return f"{chat}:{message_id}"


def _claims(form: Form, account: Account, visitor: Visitor) -> tuple[Key, ...]:
    found = []
    if phone := clean_phone(form.phone, region=account.region):
        found.append(("phone", phone, form.phone))
    if email := clean_email(form.email):
        found.append(("email", email, form.email))
    proved = {(key.kind, key.value) for key in visitor.proved_keys()}
    return tuple(
        Key(
            kind=kind,
            value=value,
            proof="claimed",
            display=clean_line(written, limit=254),
            how="typed in the chat's form",
        )
        for kind, value, written in found
        if (kind, value) not in proved
    )


def _details(posted: Posted) -> dict[str, Any]:
    if posted.page is None:
        return {}
    page = {"url": clean_url(posted.page.url), "title": clean_line(posted.page.title, limit=200)}
    return (
        {"page": {name: value for name, value in page.items() if value}}
        if any(page.values())
        else {}
    )


def _form(form: Form, shop: Storefront, now: datetime) -> dict[str, Any]:
    typed = {
        name: clean_line(value, limit=300)
        for name in shop.form_fields
        if (value := getattr(form, name).strip())
    }
    details: dict[str, Any] = {"form": typed} if typed else {}
    if form.consent and shop.consent(form.language):
        details["consent"] = {
            "text": clean_text(shop.consent(form.language), limit=2000),
            "url": shop.privacy_url,
            "at": now.isoformat(),
        }
    return details
