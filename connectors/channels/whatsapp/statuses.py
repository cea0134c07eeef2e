"""Statuses → what became of a message of ours. https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/status

They come in any order, also before the answer to the request that sent the message; the router keeps them until the
message is there, and moves its state only forward. `delivered` may be left out, `read` comes only where the person
allows it, and `played` says of a voice message that it was heard, which is more than read.
"""

from typing import Final, Literal

from connectors.channels.whatsapp.dialect import Error, Status
from connectors.channels.whatsapp.messages import Reading
from connectors.channels.whatsapp.people import KIND, LONGEST_ID, moment
from connectors.channels.whatsapp.refusals import words_of
from router.clean_text import clean_line
from router.message import Chat, DeliveryReported

State = Literal["sent", "delivered", "read", "failed"]

_STATES: Final[dict[str, State]] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "read",
    "failed": "failed",
}


class OfNoInterest(Exception):
    """A status that changes nothing; the text is why, a name and what the platform said."""


def reported(status: Status, reading: Reading) -> DeliveryReported:
    """Raises OfNoInterest."""
    state = _STATES.get(status.status)
    if state is None:
        known = status.status in {"deleted", "warning"}
        raise OfNoInterest(
            f"{'legacy' if known else 'unknown'} status: {clean_line(status.status)}"
        )
    if not status.id:
        raise OfNoInterest("status without a message: no id")
    group = status.recipient_type == "group"
    recipient = status.recipient_id if group else status.recipient_user_id or status.recipient_id
    error = status.errors[0] if status.errors else Error()
    return DeliveryReported(
        key=reading.key,
        chat=Chat(
            id=clean_line(recipient or "", limit=LONGEST_ID),
            kind="group" if group else "private",
            of="" if group else KIND,
        ),
        at=moment(status.timestamp, reading.received_at),
        external_ids=(clean_line(status.id, limit=LONGEST_ID),),
        state=state,
        reason=words_of(error) if state == "failed" else "",
        own=clean_line(status.biz_opaque_callback_data or "", limit=64),
    )


def key_of(status: Status) -> str:
    """A message has one report of each kind, in a group one from each person."""
    person = status.recipient_participant_user_id or status.recipient_participant_id or ""
    return clean_line(
        ":".join(part for part in (status.id, status.status, person) if part), limit=600
    )
