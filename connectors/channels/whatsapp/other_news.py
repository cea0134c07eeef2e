"""Webhook fields beside `messages` that say something about a person: another user id, advertising wanted or not."""

from connectors.channels.whatsapp.dialect import ChangedUserId, UserIdUpdate, UserPreference
from connectors.channels.whatsapp.messages import Nobody, Reading
from connectors.channels.whatsapp.people import (
    KIND,
    LONGEST_ID,
    moment,
    person,
    private_chat,
    who,
)
from router.clean_text import clean_line, clean_text
from router.message import Chat, ServiceEvent


def id_changed(update: UserIdUpdate, reading: Reading) -> ServiceEvent:
    """The chat goes on under the person's new user id. Raises Nobody."""
    if isinstance(update.user_id, ChangedUserId):
        before, after = update.user_id.previous, update.user_id.current
    else:
        before, after = update.previous_user_id, update.user_id
    old, new = (
        clean_line(before or update.wa_id or "", limit=LONGEST_ID),
        clean_line(after or "", limit=LONGEST_ID),
    )
    if not old or not new:
        raise Nobody
    return ServiceEvent(
        key=reading.key,
        chat=Chat(id=old, of=KIND),
        at=moment(update.timestamp, reading.received_at),
        name="chat_moved",
        details={"to": new},
    )


def preference_changed(preference: UserPreference, reading: Reading) -> ServiceEvent:
    """On "stop" the person wants no advertising; ordinary answers still reach them. Raises Nobody."""
    customer = who(preference.user_id, preference.wa_id, reading.contacts)
    if customer is None:
        raise Nobody
    stopped = preference.value == "stop"
    return ServiceEvent(
        key=reading.key,
        chat=private_chat(customer),
        at=moment(preference.timestamp, reading.received_at),
        sender=person(customer),
        name="advertising_stopped" if stopped else "advertising_resumed",
        text=clean_text(preference.detail or "", limit=500),
        details={"category": clean_line(preference.category)},
    )
