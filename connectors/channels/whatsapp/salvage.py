"""Items that cannot be read as they should be: what can be saved of them.

A field of another type than documented, bytes that are not quite JSON. Who, where and when are read one by one, and what
fails is left out; the rest is shown as a message of an unknown kind, and the bytes wait for a better parser.
"""

import json
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from connectors.channels.whatsapp.messages import Reading
from connectors.channels.whatsapp.people import LONGEST_ID, moment, person, private_chat, who
from connectors.channels.whatsapp.window import WINDOW
from router.clean_text import clean_line, clean_text
from router.message import Chat, InboundMessage, ServiceEvent

NO_CHAT: Final = Chat(id="", kind="channel")
"""The chat of what names neither a person nor a group."""


class NotJson(ValueError):
    """The bytes are not JSON, however one looks at them."""


def readable_json(raw: bytes) -> Any:
    """As much of JSON as Python can read, its texts fit for storing. Raises NotJson."""
    try:
        return _clean(json.loads(raw.decode("utf-8-sig", errors="replace")))
    except (ValueError, RecursionError) as error:
        raise NotJson("not JSON") from error


def mended(raw: bytes) -> Any:
    """None when there is nothing to be made of it."""
    try:
        return readable_json(raw)
    except NotJson:
        return None


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {clean_text(name): _clean(item) for name, item in value.items()}
    # NaN and Infinity, which Python reads and JSON does not have; numbers no encoder writes.
    if isinstance(value, float) and not -1e308 < value < 1e308:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and not -(1 << 63) <= value < 1 << 63:
        return None
    return value


def unreadable(raw: bytes, received_at: datetime) -> ServiceEvent:
    """Nobody sees it; it is kept, so that `allo reparse` can try again."""
    return ServiceEvent(
        key=f"sha256:{sha256(raw).hexdigest()}", chat=NO_CHAT, at=received_at, name="unreadable"
    )


def rescued(told: dict[str, Any], reading: Reading, *, echo: bool) -> InboundMessage | None:
    """None: an item of no known person, or one that would blank out what it edits."""
    if _text(told.get("type")) in {"edit", "revoke", "reaction", "system"}:
        return None
    user_id, number = ("to_user_id", "to") if echo else ("from_user_id", "from")
    person_ = who(
        _text(told.get(user_id)), _text(told.get(number)), () if echo else reading.contacts
    )
    group = _text(told.get("group_id"))
    if person_ is None and group is None:
        return None
    at = moment(_stamp(told.get("timestamp")), reading.received_at)
    chat = Chat(id=clean_line(group, limit=LONGEST_ID), kind="group") if group else None
    if chat is None and person_ is not None:
        chat = private_chat(person_)
    words = told.get("text")
    body = words.get("body") if isinstance(words, dict) else words
    return InboundMessage(
        key=reading.key,
        chat=chat or NO_CHAT,
        at=at,
        sender=person(person_) if person_ is not None and not echo else None,
        external_id=clean_line(_text(told.get("id")) or reading.key, limit=LONGEST_ID),
        kind="unsupported",
        direction="out" if echo else "in",
        text=clean_text(body) if isinstance(body, str) else "",
        order=reading.place,
        details={"unsupported": clean_line(_text(told.get("type")) or "unknown")},
        window_until=None if echo else at + WINDOW,
    )


def _text(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None


def _stamp(value: Any) -> str | int | None:
    return value if isinstance(value, str | int) and not isinstance(value, bool) else None
