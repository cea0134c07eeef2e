"""A call is one entry of the conversation, whatever number of reports tell of it, in whatever order."""

from typing import Any, Final

from router.conversations import next_seq
from router.facts import MessageChanged
from router.message import Accepted, CallReported
from router.records import Conversation, Message, StoredMessage
from router.world import World

_RANK: Final = {
    "ringing": 0,
    "talking": 1,
    "transferred": 1,
    "missed": 2,
    "ended": 2,
    "recorded": 3,
}
"""A call goes only forward: a late "ringing" does not make an ended call ring."""


def external_id(event: CallReported) -> str:
    return f"call:{event.call}"


def entry(accepted: Accepted, event: CallReported, conversation: Conversation) -> Message:
    """The call's place in the conversation."""
    return Message(
        id=accepted.id,
        conversation_id=conversation.id,
        seq=next_seq(conversation),
        account_id=accepted.account,
        external_id=external_id(event),
        direction=event.direction,
        kind="call",
        details=_details({}, event),
        sent_at=event.at,
        received_at=accepted.received_at,
    )


def go_on(world: World, known: StoredMessage, event: CallReported) -> None:
    """Another report about a call that is there."""
    details = _details(known.details, event)
    if details == known.details:
        return
    known.details = details
    world.change(known)
    world.tell(
        MessageChanged(
            id=world.new_id(),
            at=world.now,
            message=known.id,
            what="edited",
            conversation=known.conversation_id,
        )
    )


def _details(before: dict[str, Any], event: CallReported) -> dict[str, Any]:
    phase = before.get("phase", "ringing")
    if _RANK[event.phase] >= _RANK[phase]:
        phase = event.phase
    said = {
        "ours": event.ours,
        "theirs": event.theirs,
        "answered_by": event.answered_by,
        "duration": event.duration,
        "recording": event.recording,
    }
    return {**before, **{name: value for name, value in said.items() if value}, "phase": phase}
