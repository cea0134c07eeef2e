"""What people do besides writing → events: they allow messages, press, react, read, join.

Their fields differ, their shape is flat. Most carry no time, so they happened when they came.
"""

from typing import Final

import msgspec

from connectors.channels.vk.dialect import Notice
from connectors.channels.vk.messages import Reading
from connectors.channels.vk.people import (
    NO_CHAT,
    chat_of,
    external_id,
    person,
)
from router.clean_text import clean_line, clean_text
from router.message import (
    ButtonPressed,
    DeliveryReported,
    Event,
    ReactionChanged,
    ServiceEvent,
    SourceKeys,
)

REACTIONS: Final = {
    1: "❤", 2: "🔥", 3: "😂", 4: "👍", 5: "💩", 6: "❓", 7: "😭", 8: "😡", 9: "👎", 10: "👌",
    11: "😃", 12: "🤔", 13: "🙏", 14: "😘", 15: "😍", 16: "🎉",
}  # fmt: skip
"""`reaction_id` as VK's own programs show it; the documentation has only the range 1 to 64. Others are shown as ❔."""

LINES: Final = {
    "message_allow": "unblocked",
    "message_deny": "blocked",
    "group_join": "group_joined",
    "group_leave": "group_left",
    "user_block": "blacklisted",
    "user_unblock": "unblacklisted",
}
"""VK: people may be put on the community's blacklist by a colleague; `blocked` is what they decide themselves."""


def read_notice(notice: Notice, reading: Reading) -> Event | str:
    """The event, or why it is of no interest."""
    match reading.type:
        case "message_event":
            return _pressed(notice, reading)
        case "message_reaction_event":
            return _reacted(notice, reading)
        case "message_read":
            return _was_read(notice, reading)
        case _:
            return _line(notice, reading)


def _line(notice: Notice, reading: Reading) -> Event:
    chat = chat_of(notice.user_id)
    details: dict[str, str] = {}
    if notice.join_type:
        details["join_type"] = clean_line(notice.join_type, limit=64)
    if reading.type == "group_leave":
        details["how"] = "left" if notice.self else "removed"
    # The page that asked for the permission names itself so (VK API: messages.allowMessagesFromGroup, key).
    key = clean_line(notice.key or "", limit=255)
    return ServiceEvent(
        key=reading.key,
        chat=chat,
        at=reading.received_at,
        sender=person(notice.user_id) if chat is not NO_CHAT else None,
        name=LINES[reading.type],
        text=clean_text(notice.comment or "", limit=500),
        details=dict(details),
        source=SourceKeys(referral={"key": key}) if key else None,
    )


def _pressed(notice: Notice, reading: Reading) -> Event | str:
    """Two ids: the envelope's, and the callback's own in the object, which wants an answer within a minute."""
    peer = notice.peer_id or notice.user_id
    chat = chat_of(peer)
    if chat is NO_CHAT:
        return "message_event: names no chat"
    payload = notice.payload
    data = payload if isinstance(payload, str) else _as_json(payload)
    callback = clean_line(notice.event_id or "", limit=128)
    return ButtonPressed(
        key=reading.key,
        chat=chat,
        at=reading.received_at,
        sender=person(notice.user_id),
        data=clean_text(data, limit=1000),
        callback=f"{notice.user_id or 0}:{peer}:{callback}" if callback else "",
        external_id=external_id(chat.id, notice.conversation_message_id),
    )


def _as_json(payload: object) -> str:
    return "" if payload is None else msgspec.json.encode(payload).decode()


def _reacted(notice: Notice, reading: Reading) -> Event | str:
    peer = notice.peer_id or notice.reacted_id
    chat = chat_of(peer)
    number = notice.cmid or notice.conversation_message_id
    if chat is NO_CHAT or not number:
        return "message_reaction_event: names no message"
    if notice.reacted_id == -reading.community:
        return "message_reaction_event: the community's own"
    # VK API: without `reaction_id` the reaction was taken back.
    emoji = (REACTIONS.get(notice.reaction_id, "❔"),) if notice.reaction_id else ()
    return ReactionChanged(
        key=reading.key,
        chat=chat,
        at=reading.received_at,
        sender=person(notice.reacted_id),
        external_id=external_id(chat.id, number),
        emoji=emoji,
    )


def _was_read(notice: Notice, reading: Reading) -> Event | str:
    """Everything up to that message, by whoever is not us."""
    chat = chat_of(notice.peer_id or notice.from_id)
    message = external_id(chat.id, notice.conversation_message_id, notice.read_message_id)
    if chat is NO_CHAT or not message:
        return "message_read: names no message"
    if notice.from_id == -reading.community:
        return "message_read: by the community itself"
    return DeliveryReported(
        key=reading.key,
        chat=chat,
        at=reading.received_at,
        sender=person(notice.from_id),
        external_ids=(message,),
        state="read",
        up_to=True,
    )
