"""Whose event it is, and in which chat: VK's ids in Allo's words.

The key is the numeric id, the same person in every community; a screen name can be given up and taken by somebody
else. Events carry no names: `names` asks for them later. A message's number counts within its chat, so that an
external id is "chat:number"; very old versions have only a number of the community's own, written "chat:id7".
"""

from datetime import UTC, datetime
from typing import Final

from connectors.connector import Account
from connectors.errors import Rejected
from router.message import Chat, Key, Sender

GROUP_CHATS_FROM: Final = 2_000_000_000
LARGEST_ID: Final = 1 << 53

NO_CHAT: Final = Chat(id="", kind="channel")
"""The chat of an event that names neither a chat nor a person."""

LANGUAGES: Final = {0: "ru", 1: "uk", 2: "be", 3: "en", 4: "es", 5: "fi", 6: "de", 7: "it"}
"""`client_info.lang_id` (VK API: messages.send)."""


def is_id(number: int | None) -> bool:
    return number is not None and number != 0 and abs(number) < LARGEST_ID


def chat_of(peer: int | None) -> Chat:
    if peer is None or not is_id(peer):
        return NO_CHAT
    return Chat(id=str(peer), kind="group" if peer >= GROUP_CHATS_FROM else "private")


def person(number: int | None, *, name: str = "", username: str = "") -> Sender | None:
    if number is None or not is_id(number):
        return None
    how = "VK user id" if number > 0 else "writes as a community"
    return Sender(keys=(Key(kind="vk", value=str(number), how=how),), name=name, username=username)


def external_id(peer: int | str, number: int | None, own_number: int | None = None) -> str:
    """Nothing ("") when the message has neither number."""
    if number:
        return f"{peer}:{number}"
    return f"{peer}:id{own_number}" if own_number else ""


def moment(seconds: int | None, received_at: datetime) -> datetime:
    """Unix seconds, never later than now; 0 and nonsense count as now."""
    if seconds is None or seconds <= 0:
        return received_at
    try:
        return min(datetime.fromtimestamp(seconds, UTC), received_at)
    except (OverflowError, ValueError, OSError):
        return received_at


def community_of(account: Account) -> int:
    """The community's number, 0 when the field holds none."""
    try:
        number = int(account["group_id"].strip().removeprefix("-").removeprefix("club"))
    except ValueError:
        return 0
    return number if 0 < number < LARGEST_ID else 0


def peer_of(chat: str) -> int:
    """Raises Rejected."""
    try:
        return int(chat)
    except ValueError:
        raise Rejected(f"{chat!r} is not a chat of VK") from None
