"""Messages → events: written, edited, a shared contact, a service line; ordinary, in a channel or for a business.

A business message is one in a private chat of a person who lets our bot read it (Bot API, BusinessConnection). Its
author is the customer, whose id the chat has, or else the owner, who answered by hand: then its direction is "out".
"""

import re
from datetime import datetime
from typing import Any, Final, NamedTuple

from connectors.channels.telegram.content import Content, content_of, unsupported
from connectors.channels.telegram.dialect import Chat as TheirChat, Message
from connectors.channels.telegram.people import (
    chat_as_author,
    chat_of,
    moment,
    person,
)
from connectors.channels.telegram.salvage import unknown_content
from connectors.connector import Account
from connectors.phone_numbers import phone_key
from router.clean_text import clean_line, clean_text
from router.message import (
    Automatic,
    Chat,
    ContactShared,
    Direction,
    Event,
    InboundMessage,
    MessageEdited,
    ReplyTo,
    Sender,
    ServiceEvent,
    SourceKeys,
)

_START: Final = re.compile(r"/start(?:@(\w{1,64}))?(?:[ \t]+([A-Za-z0-9_-]{1,64}))?\s*")
"""https://core.telegram.org/bots/features#deep-linking: t.me/bot?start=… and, in groups, ?startgroup=…"""

SERVICE: Final = frozenset(
    {
        *("new_chat_photo", "delete_chat_photo", "group_chat_created", "supergroup_chat_created"),
        *("channel_chat_created", "message_auto_delete_timer_changed", "pinned_message"),
        *("successful_payment", "refunded_payment", "users_shared", "chat_shared", "user_shared"),
        *("connected_website", "passport_data", "proximity_alert_triggered", "boost_added"),
        *("chat_background_set", "checklist_tasks_done", "checklist_tasks_added"),
        *("direct_message_price_changed", "paid_message_price_changed", "forum_topic_created"),
        *("forum_topic_edited", "forum_topic_closed", "forum_topic_reopened"),
        *("general_forum_topic_hidden", "general_forum_topic_unhidden", "giveaway_created"),
        *("giveaway_completed", "managed_bot_created", "poll_option_added", "poll_option_deleted"),
        *("suggested_post_approved", "suggested_post_approval_failed", "suggested_post_declined"),
        *("suggested_post_paid", "suggested_post_refunded", "video_chat_scheduled"),
        *("video_chat_started", "video_chat_ended", "video_chat_participants_invited"),
        *("chat_owner_left", "chat_owner_changed", "community_chat_added"),
        *("community_chat_removed", "community_chat_joined", "write_access_allowed"),
    }
)
"""Bot API: "service message: …". Nobody wrote them, so they are lines and not messages."""


class Reading(NamedTuple):
    """What reading an update needs besides the update."""

    key: str
    received_at: datetime
    account: Account
    body: bytes


def external_id(chat: str, number: int) -> str:
    """Message ids are unique within their chat, external ids within the account."""
    return f"{chat}:{number}"


def written(message: Message, kind: str, reading: Reading) -> Event:
    chat = chat_of(message.chat, message.business_connection_id)
    content = content_of(message)
    if content is None:
        service = _service(message, chat, reading)
        if service is not None:
            return service
        what = unknown_content(reading.body, kind)
        if what in SERVICE:
            return _line(
                "unblocked" if what == "write_access_allowed" else what, message, chat, reading
            )
        content = unsupported(what)
    if content.kind == "contact":
        shared = _contact_shared(message, chat, reading)
        if shared is not None:
            return shared
    direction = _direction(message, reading.account)
    source, started = _start(message, reading.account)
    return InboundMessage(
        key=reading.key,
        chat=chat,
        at=moment(message.date, reading.received_at),
        sender=_sender(message, direction),
        external_id=_own_id(message, chat, reading),
        kind="service" if started else content.kind,
        direction=direction,
        text="/start" if started else content.text,
        html="" if started else content.html,
        attachments=content.attachments,
        reply_to=_reply_to(message, chat),
        album=clean_line(message.media_group_id or ""),
        order=message.message_id,
        automatic=_automatic(message, direction),
        source=source,
        details=_details(message, content, direction, started=started),
    )


def edited(message: Message, kind: str, reading: Reading) -> Event:
    chat = chat_of(message.chat, message.business_connection_id)
    content = content_of(message)
    if content is None:
        content = unsupported(unknown_content(reading.body, kind))
    direction = _direction(message, reading.account)
    return MessageEdited(
        key=reading.key,
        chat=chat,
        at=moment(message.edit_date or message.date, reading.received_at),
        sender=_sender(message, direction),
        external_id=_own_id(message, chat, reading),
        kind=content.kind,
        direction=direction,
        text=content.text,
        html=content.html,
        attachments=content.attachments,
        sent_at=moment(message.date, reading.received_at),
        details=_details(message, content, direction, started=False),
    )


def _own_id(message: Message, chat: Chat, reading: Reading) -> str:
    """Bot API: `message_id` may be 0 for a message that has no number yet, or is shown to one person only."""
    if message.message_id:
        return external_id(chat.id, message.message_id)
    if message.ephemeral_message_id is not None:
        return f"{chat.id}:e{message.ephemeral_message_id}"
    return f"{chat.id}:u{reading.key}"


def _direction(message: Message, account: Account) -> Direction:
    author = message.from_user
    if author is None or message.sender_chat is not None:
        return "in"
    if message.business_connection_id and message.chat.type == "private":
        return "in" if author.id == message.chat.id else "out"
    own_id = account["token"].partition(":")[0]
    return "out" if author.is_bot and str(author.id) == own_id else "in"


def _sender(message: Message, direction: Direction) -> Sender | None:
    """Nobody for what goes out: the chat's contact is the customer, and a colleague is no contact."""
    if direction == "out":
        return None
    if message.sender_chat is not None:
        return chat_as_author(message.sender_chat)
    if message.from_user is not None:
        return person(message.from_user)
    # Channel posts are unsigned; a private chat without `from` is its person's.
    return chat_as_author(message.chat)


def _automatic(message: Message, direction: Direction) -> Automatic | None:
    if direction == "out":
        # Bot API: "sent by an implicit action, for example, as an away or a greeting business message".
        return "auto_reply" if message.is_from_offline else None
    by_a_bot = message.from_user is not None and message.from_user.is_bot
    if message.is_automatic_forward or (by_a_bot and message.sender_chat is None):
        return "bulk"
    return None


def _start(message: Message, account: Account) -> tuple[SourceKeys | None, bool]:
    """The deep link's code, and whether the message is the bare command. It may stand in a caption too."""
    words = message.text if message.text is not None else message.caption
    if words is None or not words.startswith("/start"):
        return None, False
    found = _START.fullmatch(words)
    if found is None:
        return None, False
    addressed, code = found.groups()
    ours = account["username"].removeprefix("@")
    if addressed and ours and addressed.lower() != ours.lower():
        return None, False
    return (SourceKeys(code=code) if code else None), message.text is not None


def _reply_to(message: Message, chat: Chat) -> ReplyTo | None:
    replied = message.reply_to_message
    if replied is None:
        return None
    # In a topic, what answers nothing else "answers" the topic's first message.
    if message.is_topic_message and replied.message_id == message.message_thread_id:
        return None
    quote = clean_text(message.quote.text) if message.quote is not None else ""
    return ReplyTo(external_id=external_id(chat.id, replied.message_id), quote=quote)


def _details(
    message: Message, content: Content, direction: Direction, *, started: bool
) -> dict[str, Any]:
    details = dict(content.details or {})
    if started:
        details["command"] = "start"
    if message.business_connection_id:
        details["business_connection"] = clean_line(message.business_connection_id)
    if message.guest_query_id:
        details["guest_query"] = clean_line(message.guest_query_id)
    if message.is_topic_message and message.message_thread_id:
        details["topic"] = message.message_thread_id
    if message.forward_origin is not None:
        details["forwarded_from"] = _origin(message.forward_origin)
    if message.external_reply is not None:
        origin = message.external_reply.get("origin")
        details["replied_elsewhere"] = _origin(origin if isinstance(origin, dict) else {})
        if message.quote is not None:
            details["quote"] = clean_text(message.quote.text)
    if direction == "out" and message.from_user is not None:
        details["author"] = person(message.from_user).name
    elif message.sender_chat is not None and message.author_signature:
        details["signed"] = clean_line(message.author_signature)
    return details


def _origin(origin: dict[str, Any]) -> str:
    """Who wrote what was forwarded, as far as they let it be known: MessageOrigin, of four types."""
    for name in ("sender_user", "sender_chat", "chat"):
        who = origin.get(name)
        if isinstance(who, dict):
            parts = (who.get("title"), who.get("first_name"), who.get("last_name"))
            return clean_line(" ".join(part for part in parts if isinstance(part, str)))
    hidden = origin.get("sender_user_name")
    return clean_line(hidden) if isinstance(hidden, str) else ""


def _contact_shared(message: Message, chat: Chat, reading: Reading) -> Event | None:
    """The card's number proves who the sender is only if Telegram says that the card is their own.

    None when the number is no telephone number: then the card is a message like any other.
    """
    card = message.contact
    if card is None:
        return None
    author = message.from_user
    own = author is not None and message.sender_chat is None and card.user_id == author.id
    key = phone_key(
        card.phone_number,
        region=reading.account.region,
        proof="proved" if own else "claimed",
        how="shared own number" if own else "on a card that was sent",
        international=True,
    )
    direction = _direction(message, reading.account)
    if key is None or direction == "out":
        return None
    return ContactShared(
        key=reading.key,
        chat=chat,
        at=moment(message.date, reading.received_at),
        sender=_sender(message, direction),
        external_id=_own_id(message, chat, reading),
        own=own,
        name=clean_line(f"{card.first_name} {card.last_name or ''}"),
        phones=(key,),
        order=message.message_id,
    )


def _service(message: Message, chat: Chat, reading: Reading) -> Event | None:
    if message.migrate_to_chat_id is not None:
        moved = {"to": str(message.migrate_to_chat_id)}
        return _line("chat_moved", message, chat, reading, details=moved)
    if message.migrate_from_chat_id is not None:
        # The same news from the new chat's side; either alone is enough.
        old = chat_of(
            TheirChat(id=message.migrate_from_chat_id, type="group", title=message.chat.title)
        )
        return _line("chat_moved", message, old, reading, details={"to": chat.id})
    if message.new_chat_title is not None:
        title = clean_line(message.new_chat_title)
        return _line("chat_renamed", message, chat, reading, text=title, details={"title": title})
    if message.new_chat_members is not None:
        names = [person(member).name for member in message.new_chat_members]
        text, details = ", ".join(names), {"members": names}
        return _line("members_joined", message, chat, reading, text=text, details=details)
    if message.left_chat_member is not None:
        name = person(message.left_chat_member).name
        return _line("member_left", message, chat, reading, text=name, details={"members": [name]})
    return None


def _line(
    name: str,
    message: Message,
    chat: Chat,
    reading: Reading,
    *,
    text: str = "",
    details: dict[str, Any] | None = None,
) -> ServiceEvent:
    return ServiceEvent(
        key=reading.key,
        chat=chat,
        at=moment(message.date, reading.received_at),
        sender=_sender(message, _direction(message, reading.account)),
        name=name,
        text=text,
        details=details or {},
    )
