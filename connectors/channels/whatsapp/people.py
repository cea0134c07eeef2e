"""Who wrote, and in which chat: a user id, a number, or both.

Since 2026 a person may have a username and hide the number; then only the business-scoped user id ("BR.1349…") comes
(Meta, business-scoped-user-ids). So the user id is preferred as the chat's name and as the first key, the number is
beside it, and neither is required. A person has one chat with a number of ours, whichever of the two an event names;
`Chat.of` says so, and the router finds the conversation by the other.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from connectors.channels.whatsapp.dialect import Contact
from connectors.channels.whatsapp.numbers import number_of
from connectors.phone_numbers import identifies_a_person
from router.clean_text import clean_line
from router.message import Chat, Key, Sender

KIND: Final = "whatsapp"
LONGEST_ID: Final = 255
_USER_ID: Final = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
_MILLISECONDS_FROM: Final = 1_000_000_000_000


class Who(NamedTuple):
    """`wa_id`: the number in digits. At least one of the two ids is there."""

    user_id: str
    wa_id: str
    name: str = ""
    username: str = ""

    @property
    def id(self) -> str:
        return self.user_id or self.wa_id


def is_user_id(chat: str) -> bool:
    return _USER_ID.fullmatch(chat) is not None


def who(user_id: str | None, wa_id: str | None, contacts: Sequence[Contact]) -> Who | None:
    """The author, with what the contacts say of them; None when there is nothing to know them by.

    Contacts and messages are not aligned, so a contact is looked for by its ids. A single one is the author's whatever its
    ids: the forms of a number differ (Brazil's ninth digit), and one of the ids may be missing on either side.
    """
    user_id, wa_id = _id(user_id), _id(wa_id)
    contact = next((each for each in contacts if _is(each, user_id, wa_id)), None)
    if contact is None and len(contacts) == 1:
        contact = contacts[0]
    if contact is not None:
        user_id = user_id or _id(contact.user_id)
        wa_id = wa_id or _id(contact.wa_id)
    if not user_id and not wa_id:
        return None
    profile = contact.profile if contact is not None else None
    return Who(
        user_id=user_id,
        wa_id=wa_id,
        name=clean_line((profile.name if profile else None) or ""),
        username=clean_line((profile.username if profile else None) or "", limit=64),
    )


def _id(given: str | None) -> str:
    return clean_line(given or "", limit=LONGEST_ID)


def _is(contact: Contact, user_id: str, wa_id: str) -> bool:
    return bool(user_id and contact.user_id == user_id) or bool(wa_id and contact.wa_id == wa_id)


def person(author: Who) -> Sender:
    """WhatsApp vouches for both ids, and the number is the person's own: they got a code on it."""
    number = number_of(author.wa_id) if author.wa_id else None
    # The number ties the two ids together for good; a username would, once it hides the number, undo that.
    display = number or ""
    keys = [
        Key(kind=KIND, value=each, display=display if display != each else "", how=how)
        for each, how in (
            (author.user_id, "WhatsApp user id"),
            (author.wa_id, "WhatsApp number"),
        )
        if each
    ]
    if number is not None and identifies_a_person(number):
        keys.append(Key(kind="phone", value=number, how="WhatsApp number"))
    return Sender(keys=tuple(keys), name=author.name, username=author.username)


def private_chat(author: Who) -> Chat:
    return Chat(id=author.id, of=KIND)


def moment(given: str | int | None, received_at: datetime) -> datetime:
    """Unix seconds, as text or as a number, never later than now; milliseconds are recognised, nonsense counts as now."""
    try:
        seconds: float = int(given) if given is not None else 0
        if seconds >= _MILLISECONDS_FROM:
            seconds /= 1000
        return (
            min(datetime.fromtimestamp(seconds, UTC), received_at) if seconds > 0 else received_at
        )
    except (OverflowError, ValueError, OSError):
        return received_at
