"""Messages → events: written, answered, edited, and the service lines of group chats.

message_new wraps its message since 5.103; message_reply, message_edit and everything older is flat: both are read.
What the community itself wrote ("out") comes back as message_reply. With `admin_author_id` a person wrote it in VK;
without, a program did, perhaps Allo: then `sent_as` carries its `random_id`, by which the router knows its own reply,
also when this echo overtakes the answer to our request.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from connectors.channels.vk import attachments
from connectors.channels.vk.attachments import Item, place_of
from connectors.channels.vk.dialect import Message
from connectors.channels.vk.leniency import as_far_as_it_goes
from connectors.channels.vk.people import (
    GROUP_CHATS_FROM,
    NO_CHAT,
    chat_of,
    external_id,
    moment,
    person,
)
from router.clean_text import clean_line, clean_text
from router.message import (
    Attachment,
    Direction,
    Event,
    InboundMessage,
    MessageEdited,
    MessageKind,
    ReplyTo,
    ServiceEvent,
    SourceKeys,
)

FORWARD_DEPTH: Final = 8
FORWARDED: Final = 100
"""Forwarded messages that are shown, the most VK takes (error 913 beyond)."""

TEXT_LIMIT: Final = 100_000

_ACTIONS: Final = {
    "chat_invite_user": "members_joined",
    "chat_invite_user_by_link": "members_joined",
    "chat_invite_user_by_message_request": "members_joined",
    "chat_kick_user": "member_left",
    "chat_title_update": "chat_renamed",
    "chat_create": "chat_created",
}
"""`action.type`; others keep VK's own name (chat_photo_update, chat_pin_message…)."""


class Reading(NamedTuple):
    """What reading an event needs besides its object."""

    key: str
    type: str
    received_at: datetime
    community: int


class Content(NamedTuple):
    kind: MessageKind
    text: str
    files: tuple[Attachment, ...]
    details: dict[str, Any]


def peer_of(message: Message) -> int | None:
    """The chat. Before 5.80 it was named by `chat_id`, counted from 1, or else by the other person's `user_id`."""
    if message.peer_id:
        return message.peer_id
    if message.chat_id and 0 < message.chat_id < GROUP_CHATS_FROM:
        return GROUP_CHATS_FROM + message.chat_id
    return message.user_id or message.from_id


def written(message: Message, reading: Reading) -> Event:
    peer = peer_of(message)
    chat = chat_of(peer)
    if chat is NO_CHAT:
        return unreadable(reading)
    direction = _direction(message, reading)
    author = message.from_id or message.user_id
    sender = person(author) if direction == "in" else None
    at = moment(message.date, reading.received_at)
    if isinstance(message.action, dict) and isinstance(message.action.get("type"), str):
        name, text, details = _action(message.action)
        return ServiceEvent(
            key=reading.key, chat=chat, at=at, sender=sender, name=name, text=text, details=details
        )
    own_id = external_id(chat.id, message.conversation_message_id, message.id)
    # Without a number nothing else can be about it, but it was said.
    own_id = own_id or f"{chat.id}:u{reading.key}"
    content = content_of(message, place=f"{chat.id}:{message.conversation_message_id or 0}")
    details = content.details | _payload(message.payload)
    if direction == "out" and message.admin_author_id:
        details["admin"] = message.admin_author_id
    started = direction == "in" and details.get("command") == "start"
    return InboundMessage(
        key=reading.key,
        chat=chat,
        at=at,
        sender=sender,
        external_id=own_id,
        kind="service" if started and content.kind == "text" else content.kind,
        direction=direction,
        text=content.text,
        attachments=content.files,
        reply_to=_reply_to(message, chat.id),
        order=max(message.conversation_message_id or message.id or 0, 0),
        source=_source(message) if direction == "in" else None,
        details=details,
        sent_as=_sent_as(message, direction),
    )


def edited(message: Message, reading: Reading) -> Event:
    chat = chat_of(peer_of(message))
    own_id = external_id(chat.id, message.conversation_message_id, message.id)
    if chat is NO_CHAT or not own_id or (message.text is None and message.body is None):
        # Not knowing what it reads now, we must not blank out what it read before.
        return unreadable(reading)
    direction = _direction(message, reading)
    content = content_of(message, place=f"{chat.id}:{message.conversation_message_id or 0}")
    return MessageEdited(
        key=reading.key,
        chat=chat,
        at=moment(message.update_time or message.date, reading.received_at),
        sender=person(message.from_id or message.user_id) if direction == "in" else None,
        external_id=own_id,
        kind=content.kind,
        direction=direction,
        text=content.text,
        attachments=content.files,
        sent_at=moment(message.date, reading.received_at),
        details=content.details,
    )


def unreadable(reading: Reading) -> ServiceEvent:
    """Something of which not even the chat can be read: kept as it came, for a parser mended later."""
    name = clean_line(reading.type, limit=64)
    return ServiceEvent(
        key=reading.key,
        chat=NO_CHAT,
        at=reading.received_at,
        name=name,
        details={"unsupported": name},
    )


def content_of(message: Message, *, place: str) -> Content:
    """Words and files, those of forwarded messages behind the message's own. `place`: for the files' references."""
    items = list(attachments.read(message.attachments))
    lines = [clean_text(message.text or message.body or "", limit=TEXT_LIMIT)]
    lines += [item.words for item in items]
    forwarded = list(_forwarded(message, FORWARD_DEPTH))[:FORWARDED]
    for each in forwarded:
        theirs = list(attachments.read(each.attachments))
        items += theirs
        words = [clean_text(each.text or each.body or "", limit=TEXT_LIMIT)]
        words += [item.words for item in theirs]
        lines.append("\n".join(f"> {line}" for part in words if part for line in part.split("\n")))
    details = _details(items, forwarded)
    where = place_of(message.geo)
    text = clean_text("\n".join(line for line in lines if line), limit=TEXT_LIMIT)
    files = tuple(_placed(items, place))
    kind = _kind(items, files, text, where)
    if where is not None:
        details |= where
        text = text or str(where.get("title", ""))
    if message.is_cropped:
        # VK API: the event holds only a part; the rest is read in VK.
        details["cropped"] = True
    if kind == "unsupported":
        details.setdefault("unsupported", "message")
    return Content(kind, text, files, details)


def _placed(items: list[Item], place: str) -> Iterator[Attachment]:
    """With references by which `files` finds them again when their addresses have expired."""
    files = (item.file for item in items if item.file is not None)
    for number, file in enumerate(files):
        if number == attachments.MOST:
            return
        address = clean_line(file.ref, limit=4096).replace(" ", "%20")
        yield replace(file, ref=f"{place}:{number} {address}")


def _kind(
    items: list[Item], files: tuple[Attachment, ...], text: str, where: dict[str, Any] | None
) -> MessageKind:
    if files:
        return files[0].kind
    if where is not None:
        return "location"
    named = next((item.kind for item in items if item.kind in {"poll", "call", "video"}), None)
    if named is not None:
        return named
    return "text" if text else "unsupported"


def _details(items: list[Item], forwarded: list[Message]) -> dict[str, Any]:
    details: dict[str, Any] = {}
    for item in items:
        for name, value in (item.details or {}).items():
            details.setdefault(name, value)
    if forwarded:
        authors = (each.from_id or each.user_id for each in forwarded)
        details["forwarded_from"] = ", ".join(
            dict.fromkeys(_page_of(author) for author in authors if author)
        )
    return details


def _page_of(author: int) -> str:
    return f"vk.com/id{author}" if author > 0 else f"vk.com/club{-author}"


def _forwarded(message: Message, depth: int) -> Iterator[Message]:
    for told in message.fwd_messages or ():
        each = quoted(told)
        if each is None:
            continue
        yield each
        if depth > 1:
            yield from _forwarded(each, depth - 1)


def quoted(told: Any) -> Message | None:
    """A message within a message."""
    if not isinstance(told, dict):
        return None
    try:
        return msgspec.convert(told, Message)
    except (msgspec.ValidationError, RecursionError):
        return as_far_as_it_goes(Message, told)


def _direction(message: Message, reading: Reading) -> Direction:
    own = message.from_id is not None and message.from_id == -reading.community
    return "out" if message.out or own else "in"


def _sent_as(message: Message, direction: Direction) -> str:
    """VK API: random_id "is saved along with the message and available in its history"."""
    if direction == "in" or message.admin_author_id or not message.random_id:
        return ""
    return str(message.random_id)


def _reply_to(message: Message, chat: str) -> ReplyTo | None:
    answered = quoted(message.reply_message)
    if answered is None:
        return None
    own_id = external_id(chat, answered.conversation_message_id, answered.id)
    quote = clean_text(answered.text or answered.body or "", limit=500)
    return ReplyTo(external_id=own_id, quote=quote) if own_id else None


def _source(message: Message) -> SourceKeys | None:
    """vk.me/community?ref=…&ref_source=…: in the first message after the link was followed (VK API: Message.ref).

    `ref` is whatever the link's author wrote, so it is also the code of a link of ours.
    """
    named = (("ref", message.ref), ("ref_source", message.ref_source))
    referral = {name: clean_line(value, limit=255) for name, value in named if value}
    referral = {name: value for name, value in referral.items() if value}
    return SourceKeys(code=referral.get("ref", ""), referral=referral) if referral else None


def _payload(payload: Any) -> dict[str, Any]:
    """What a pressed text button carried: JSON in a text, at most 1000 characters. Forgeable, like all that people send."""
    if isinstance(payload, str):
        told = clean_text(payload, limit=1000)
        try:
            value = msgspec.json.decode(told)
        except (ValueError, RecursionError):
            value = None
    elif isinstance(payload, dict):
        value, told = payload, clean_text(msgspec.json.encode(payload).decode(), limit=1000)
    else:
        return {}
    if not told:
        return {}
    details: dict[str, Any] = {"payload": told}
    # The button "Start" of a community: https://dev.vk.com/ru/api/bots/development/keyboard
    if isinstance(value, dict) and value.get("command") == "start":
        details["command"] = "start"
    return details


def _action(action: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """(name, text, details) of what happened in a group chat."""
    told = clean_line(str(action["type"]), limit=64)
    name = _ACTIONS.get(told, told or "action")
    details: dict[str, Any] = {}
    text = ""
    member = action.get("member_id")
    if isinstance(member, int) and member:
        text = _page_of(member)
        details["members"] = [text]
    if name == "chat_renamed":
        title = action.get("text")
        text = clean_line(title) if isinstance(title, str) else ""
        details = {"title": text}
    elif isinstance(action.get("message"), str):
        text = clean_text(action["message"], limit=500)
    return name, text, details
