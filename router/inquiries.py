"""When somebody turns to us anew: what reports count as an inquiry, and by when it was answered.

An inquiry is a customer's message that begins a conversation, that comes into one which was closed, or that comes a day
after the last they wrote there; and every call. What is said in between belongs to the inquiry it goes on with. It is
decided once, when the message is routed.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from router.records import CLOSED, Conversation, Inquiry, Message, Response
from router.world import World

SILENCE: Final = timedelta(hours=24)


def note_inquiry(world: World, conversation: Conversation, message: Message) -> None:
    """Called before the message becomes part of the conversation. Automatic mail and what only happened are none."""
    if message.direction != "in" or message.automatic is not None or message.kind == "service":
        return
    if conversation.status == "spam" or world.contact(conversation.contact_id).blocked:
        return
    before = conversation.last_inbound_at
    if (
        message.kind == "call"
        or before is None
        or conversation.status in CLOSED
        or message.sent_at - before >= SILENCE
    ):
        world.add(
            Inquiry(
                id=message.id,
                conversation_id=conversation.id,
                kind="call" if message.kind == "call" else "message",
                at=message.sent_at,
            )
        )


def note_response(
    world: World, conversation: Conversation, *, answer: UUID, by: UUID | None, at: datetime
) -> None:
    """Called before the conversation stops to wait. `answer` is the message or the call; `by` None: we do not know who."""
    waited = conversation.waiting_since
    if waited is not None and waited <= at:
        world.add(
            Response(
                id=answer,
                conversation_id=conversation.id,
                user_id=by,
                waited_since=waited,
                at=at,
            )
        )
