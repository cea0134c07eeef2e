"""Whose message it is, and in which chat: Telegram's users and chats in Allo's words.

The key is the numeric id, which never changes; an @username can be given up and taken by somebody else, so it is only
shown. A message written as a chat (an anonymous administrator, a channel) carries a dummy user in `from`
(GroupAnonymousBot 1087968824, Telegram 777000); then the chat is who wrote.
"""

from datetime import UTC, datetime
from typing import Final

from connectors.channels.telegram import dialect
from connectors.channels.telegram.dialect import User
from connectors.errors import Rejected
from router.clean_text import clean_line
from router.message import Chat, ChatKind, Key, Sender

_KINDS: Final[dict[str, ChatKind]] = {"private": "private", "channel": "channel"}
"""Groups and supergroups, with or without topics, are groups."""


def person(user: User) -> Sender:
    username = clean_line(user.username or "", limit=64)
    return Sender(
        keys=(
            Key(
                kind="telegram",
                value=str(user.id),
                display=f"@{username}" if username else "",
                how="Telegram user id",
            ),
        ),
        name=clean_line(f"{user.first_name} {user.last_name or ''}"),
        username=username,
        locale=clean_line(user.language_code or "", limit=35),
    )


def chat_as_author(chat: dialect.Chat) -> Sender:
    username = clean_line(chat.username or "", limit=64)
    return Sender(
        keys=(
            Key(
                kind="telegram",
                value=str(chat.id),
                display=f"@{username}" if username else "",
                how="writes as a chat",
            ),
        ),
        name=chat_name(chat),
        username=username,
    )


def chat_name(chat: dialect.Chat) -> str:
    return clean_line(chat.title or f"{chat.first_name or ''} {chat.last_name or ''}")


def chat_id(chat: int, connection: str | None = None) -> str:
    """The conversation's id. A chat that a business account lets us answer in (`connection`) has the customer's id,
    and so has the customer's chat with the bot itself, with message ids of its own: they must not be mixed up.
    """
    return f"{chat}@{connection}" if connection else str(chat)


def chat_of(chat: dialect.Chat, connection: str | None = None) -> Chat:
    kind = _KINDS.get(chat.type, "group")
    # A private chat is named after its person, who may change the name; the contact knows it.
    title = "" if kind == "private" else chat_name(chat)
    return Chat(id=chat_id(chat.id, connection), kind=kind, title=title)


def private_chat(user: User) -> Chat:
    """Bot API: the id of a private chat is the id of its user."""
    return Chat(id=str(user.id))


def moment(seconds: int, received_at: datetime) -> datetime:
    """Unix seconds, never later than now; 0 and nonsense count as now."""
    if seconds <= 0:
        return received_at
    try:
        return min(datetime.fromtimestamp(seconds, UTC), received_at)
    except (OverflowError, ValueError, OSError):
        return received_at


def split_chat_id(chat: str) -> tuple[int, str]:
    """`chat_id` undone: Telegram's id of the chat, and the business connection or "". Raises Rejected."""
    number, _, connection = chat.partition("@")
    try:
        return int(number), connection
    except ValueError:
        raise Rejected(f"{number!r} is not a chat of Telegram") from None
