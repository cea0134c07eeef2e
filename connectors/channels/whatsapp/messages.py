"""Messages → events: written, edited, taken back, reacted to, and what happened to the person's account.

Every item has an id of its own, also an edit, a reaction and a revocation (Meta, messages webhook); it is the event's
key. One without an id is known by its bytes.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from connectors.channels.whatsapp.content import Content, card_name, content_of
from connectors.channels.whatsapp.dialect import Contact, Message, Referral
from connectors.channels.whatsapp.numbers import number_of
from connectors.channels.whatsapp.people import (
    LONGEST_ID,
    Who,
    moment,
    person,
    private_chat,
    who,
)
from connectors.channels.whatsapp.window import WINDOW
from connectors.connector import Account
from connectors.phone_numbers import phone_key
from connectors.written_codes import take_code
from router.clean_text import clean_line, clean_text
from router.message import (
    Chat,
    ContactShared,
    Event,
    InboundMessage,
    MessageDeleted,
    MessageEdited,
    ReactionChanged,
    ReplyTo,
    Sender,
    ServiceEvent,
    SourceKeys,
)

_NUMBER_CHANGES: Final = frozenset(
    {"user_changed_number", "customer_changed_number", "user_changed_user_id"}
)
_REFERRAL_LIMIT: Final = 1000


class Reading(NamedTuple):
    """What reading an item needs besides the item. `place`: which one of its request it is."""

    key: str
    received_at: datetime
    account: Account
    contacts: Sequence[Contact] = ()
    place: int = 0


class Nobody(Exception):
    """The item names no person and no group, so it has no chat to stand in."""


class _Envelope(NamedTuple):
    chat: Chat
    at: datetime
    sender: Sender | None
    id: str


def written(  # noqa: PLR0911  # a table, a case each
    message: Message, reading: Reading
) -> Event:
    """Raises Nobody."""
    author = who(message.from_user_id, message.from_number, reading.contacts)
    envelope = _envelope(message, author, reading)
    match message.type:
        case "reaction" if message.reaction is not None:
            return ReactionChanged(
                key=reading.key,
                chat=envelope.chat,
                at=envelope.at,
                sender=envelope.sender,
                external_id=clean_line(message.reaction.message_id, limit=LONGEST_ID),
                emoji=_emoji(message.reaction.emoji),
            )
        case "revoke" if message.revoke is not None:
            return MessageDeleted(
                key=reading.key,
                chat=envelope.chat,
                at=envelope.at,
                sender=envelope.sender,
                external_ids=(clean_line(message.revoke.original_message_id, limit=LONGEST_ID),),
            )
        case "edit" if message.edit is not None:
            edited = _edited(message, envelope, reading)
            if edited is not None:
                return edited
        case "system":
            return _system(message, author, envelope, reading)
        case "request_welcome":
            return _line("started", envelope, reading)
        case "contacts":
            shared = _card_shared(message, author, envelope, reading)
            if shared is not None:
                return shared
        case _:
            pass
    return _message(message, envelope, reading)


def echoed(message: Message, reading: Reading) -> Event:
    """What a colleague wrote in the business's own WhatsApp app beside the API (Meta, coexistence). Raises Nobody."""
    customer = who(message.to_user_id, message.to, ())
    envelope = _envelope(message, customer, reading)._replace(sender=None)
    if message.type == "revoke" and message.revoke is not None:
        ids = (clean_line(message.revoke.original_message_id, limit=LONGEST_ID),)
        return MessageDeleted(key=reading.key, chat=envelope.chat, at=envelope.at, external_ids=ids)
    if message.type == "edit" and message.edit is not None:
        edited = _edited(message, envelope, reading)
        if edited is not None:
            return msgspec.structs.replace(edited, direction="out")
    content = content_of(message)
    return InboundMessage(
        key=reading.key,
        chat=envelope.chat,
        at=envelope.at,
        external_id=envelope.id,
        kind=content.kind,
        direction="out",
        text=content.text,
        attachments=content.attachments,
        reply_to=_reply_to(message),
        order=reading.place,
        details=_details(message, content),
    )


def _envelope(message: Message, author: Who | None, reading: Reading) -> _Envelope:
    if message.group_id:
        chat = Chat(id=clean_line(message.group_id, limit=LONGEST_ID), kind="group")
    elif author is not None:
        chat = private_chat(author)
    else:
        raise Nobody
    return _Envelope(
        chat=chat,
        at=moment(message.timestamp, reading.received_at),
        sender=person(author) if author is not None else None,
        id=clean_line(message.id, limit=LONGEST_ID) or reading.key,
    )


def _message(message: Message, envelope: _Envelope, reading: Reading) -> InboundMessage:
    content = content_of(message)
    code, text = take_code(content.text) if content.kind == "text" else ("", content.text)
    return InboundMessage(
        key=reading.key,
        chat=envelope.chat,
        at=envelope.at,
        sender=envelope.sender,
        external_id=envelope.id,
        kind=content.kind,
        text=text,
        attachments=content.attachments,
        reply_to=_reply_to(message),
        order=reading.place,
        source=_source(message.referral, code),
        details=_details(message, content, code=code),
        window_until=envelope.at + WINDOW,
    )


def _reply_to(message: Message) -> ReplyTo | None:
    answered = message.context.id if message.context is not None else None
    return ReplyTo(external_id=clean_line(answered, limit=LONGEST_ID)) if answered else None


def _details(message: Message, content: Content, *, code: str = "") -> dict[str, Any]:
    details = dict(content.details or {})
    context, referral = message.context, message.referral
    if context is not None:
        if context.forwarded or context.frequently_forwarded:
            details["forwarded"] = True
        product = context.referred_product
        if product is not None and product.product_retailer_id:
            details["product"] = clean_line(product.product_retailer_id)
    if referral is not None:
        shown = (
            ("headline", referral.headline),
            ("body", referral.body),
            ("url", referral.source_url),
        )
        details["advertisement"] = {
            name: clean_line(word, limit=500) for name, word in shown if word
        }
    if code:
        details["code"] = code
    return details


def _source(referral: Referral | None, code: str) -> SourceKeys | None:
    """The click on an advertisement, which comes with the first message after it only, and the link's code."""
    if referral is None:
        return SourceKeys(code=code) if code else None
    told = {
        name: clean_text(value, limit=_REFERRAL_LIMIT)
        for name in Referral.__struct_fields__
        if (value := getattr(referral, name))
    }
    clid = told.pop("ctwa_clid", "")
    return SourceKeys(code=code, click_ids={"ctwa_clid": clid} if clid else {}, referral=told)


def _emoji(given: str | None) -> tuple[str, ...]:
    emoji = clean_line(given or "", limit=16)
    return (emoji,) if emoji else ()


def _edited(message: Message, envelope: _Envelope, reading: Reading) -> MessageEdited | None:
    """None when what it was changed to cannot be read: it must not blank out the message."""
    if message.edit is None or message.edit.message is None or not message.edit.original_message_id:
        return None
    try:
        inner = msgspec.convert(message.edit.message, Message)
    except msgspec.ValidationError:
        return None
    content = content_of(inner)
    if content.kind == "unsupported":
        return None
    return MessageEdited(
        key=reading.key,
        chat=envelope.chat,
        at=envelope.at,
        sender=envelope.sender,
        external_id=clean_line(message.edit.original_message_id, limit=LONGEST_ID),
        kind=content.kind,
        text=content.text,
        attachments=content.attachments,
        details=content.details or {},
    )


def _card_shared(
    message: Message, author: Who | None, envelope: _Envelope, reading: Reading
) -> Event | None:
    """One person's card with a telephone number. None: several, or no number that is one, or an advertisement's click,
    which a shared contact has no place for; then it is a message.
    """
    cards = message.contacts or ()
    if len(cards) != 1 or message.referral is not None or envelope.chat.kind != "private":
        return None
    (card,) = cards
    own = author is not None and any(
        each.wa_id and each.wa_id == author.wa_id for each in card.phones or ()
    )
    keys = (
        phone_key(
            number_of(each.wa_id or "") or each.phone or "",
            region=reading.account.region,
            proof="proved"
            if own and author is not None and each.wa_id == author.wa_id
            else "claimed",
            how="on a card that was sent",
            international=True,
        )
        for each in card.phones or ()
    )
    phones = tuple(key for key in keys if key is not None)
    if not phones:
        return None
    return ContactShared(
        key=reading.key,
        chat=envelope.chat,
        at=envelope.at,
        sender=envelope.sender,
        external_id=envelope.id,
        own=own,
        name=card_name(card),
        phones=phones,
        order=reading.place,
        window_until=envelope.at + WINDOW,
    )


def _system(
    message: Message, author: Who | None, envelope: _Envelope, reading: Reading
) -> ServiceEvent:
    """A new number or user id moves the chat; the rest (`customer_identity_changed`…) is a line in it.

    In `from` stands the old number, or in `customer` (older versions); the user id beside it may be the old or the new one.
    """
    told = message.system
    name = clean_line(told.type if told is not None else "", limit=64)
    text = clean_text((told.body if told is not None else "") or "", limit=1000)
    to = (told.user_id or told.wa_id or told.new_wa_id or "") if told is not None else ""
    if name not in _NUMBER_CHANGES or not to or envelope.chat.kind != "private":
        return _line(name or "system", envelope, reading, text=text)
    old = envelope.chat.id
    if told is not None and (old == to or not message.from_user_id):
        old = told.customer or message.from_number or old
    moved = envelope._replace(
        chat=Chat(id=clean_line(old, limit=LONGEST_ID), of=envelope.chat.of), sender=None
    )
    return _line(
        "chat_moved", moved, reading, text=text, details={"to": clean_line(to, limit=LONGEST_ID)}
    )


def _line(
    name: str,
    envelope: _Envelope,
    reading: Reading,
    *,
    text: str = "",
    details: dict[str, Any] | None = None,
) -> ServiceEvent:
    return ServiceEvent(
        key=reading.key,
        chat=envelope.chat,
        at=envelope.at,
        sender=envelope.sender,
        name=name,
        text=text,
        details=details or {},
    )
