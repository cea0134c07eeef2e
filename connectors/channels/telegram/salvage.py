"""Updates that cannot be read as they should be: what can be saved of them.

A kind newer than we are, a field of another type than documented, bytes that are not quite JSON. Who, where and when
are read one by one, and whatever fails is left out.
"""

import json
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec

from connectors.channels.telegram.dialect import Chat as TheirChat, User
from connectors.channels.telegram.people import (
    chat_as_author,
    chat_of,
    moment,
    person,
    private_chat,
)
from connectors.errors import Malformed
from router.clean_text import clean_line, clean_text
from router.message import Chat, Event, InboundMessage, Sender, ServiceEvent

T = TypeVar("T")

NO_CHAT: Final = Chat(id="", kind="channel")
"""The chat of an update that names neither a chat nor a person: the bot's own affairs."""

ENVELOPE: Final = frozenset(
    {
        *("message_id", "message_thread_id", "direct_messages_topic", "from", "sender_chat"),
        *("sender_boost_count", "sender_business_bot", "sender_tag", "guest_query_id", "date"),
        *("business_connection_id", "chat", "forward_origin", "is_topic_message", "edit_date"),
        *("is_automatic_forward", "reply_to_message", "external_reply", "quote", "reply_to_story"),
        *("reply_to_checklist_task_id", "reply_to_poll_option_id", "via_bot", "reply_markup"),
        *("guest_bot_caller_user", "guest_bot_caller_chat", "has_protected_content"),
        *("is_from_offline", "is_paid_post", "media_group_id", "author_signature"),
        *("paid_star_count", "link_preview_options", "suggested_post_info", "effect_id"),
        *("show_caption_above_media", "has_media_spoiler", "receiver_user", "caption"),
        *("ephemeral_message_id", "entities", "caption_entities", "forward_date"),
        *("forward_from", "forward_from_chat", "forward_from_message_id"),
        *("forward_sender_name", "forward_signature", "update_id"),
    }
)
"""Fields of a message that say how it came and not what it is."""


def readable_json(body: bytes) -> Any:
    """As much of JSON as Python can read, its texts fit for storing. Raises Malformed."""
    try:
        return _clean(json.loads(body.decode("utf-8-sig", errors="replace")))
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {clean_text(name): _clean(item) for name, item in value.items()}
    # NaN and Infinity, which Python reads and JSON does not have.
    if isinstance(value, float) and not -1e308 < value < 1e308:
        return None
    return value


def unknown_content(body: bytes, kind: str) -> str:
    """The field of a message that says what it is, when it is none that we know: "gift"."""
    message = readable_json(body).get(kind)
    if not isinstance(message, dict):
        return ""
    return next((clean_line(name) for name in message if name not in ENVELOPE), "")


def salvage(kind: str, update: dict[str, Any], *, key: str, received_at: datetime) -> Event:
    told = update.get(kind) if kind else None
    told = told if isinstance(told, dict) else {}
    sender = _sender(told)
    chat = _chat(told, sender)
    date = told.get("edit_date") or told.get("date")
    at = moment(date, received_at) if isinstance(date, int) else received_at
    number = told.get("message_id")
    # An edit that cannot be read must not blank out what it edits.
    written = kind.endswith(("message", "_post")) and not kind.startswith("edited_")
    if written and isinstance(number, int) and abs(number) < 1 << 63 and chat is not NO_CHAT:
        words = told.get("text") or told.get("caption")
        return InboundMessage(
            key=key,
            chat=chat,
            at=at,
            sender=sender,
            external_id=f"{chat.id}:{number or f'u{key}'}",
            kind="unsupported",
            text=words if isinstance(words, str) else "",
            order=number,
            details={"unsupported": clean_line(kind)},
        )
    return ServiceEvent(
        key=key,
        chat=chat,
        at=at,
        sender=sender,
        name=clean_line(kind) or "unsupported",
        details={"unsupported": clean_line(kind)},
    )


def _sender(told: dict[str, Any]) -> Sender | None:
    for name in ("from", "user"):
        user = _as(User, told.get(name))
        if user is not None:
            return person(user)
    actor = _as(TheirChat, told.get("sender_chat") or told.get("actor_chat"))
    return chat_as_author(actor) if actor is not None else None


def _chat(told: dict[str, Any], sender: Sender | None) -> Chat:
    holder = told.get("message")
    holder = holder if isinstance(holder, dict) else told
    chat = _as(TheirChat, holder.get("chat"))
    if chat is not None:
        connection = holder.get("business_connection_id")
        return chat_of(chat, connection if isinstance(connection, str) else None)
    user = _as(User, told.get("from") or told.get("user"))
    return private_chat(user) if user is not None else NO_CHAT


def _as(kind: type[T], value: Any) -> T | None:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None
