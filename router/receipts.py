"""What later events do to messages that are stored: edits, deletions, reactions, delivery states.

They may come before their message (another queue of the platform, our own commit of a reply not yet done): then they
wait, stored, and are applied when the message comes (`settle_waiting`). States only move forward.
"""

from datetime import UTC, datetime
from typing import Final, Literal, assert_never
from uuid import UUID

from router.clean_text import clean_text
from router.conversations import About, about
from router.facts import DeliveryChanged, MessageChanged
from router.message import (
    Accepted,
    DeliveryReported,
    Event,
    MessageDeleted,
    MessageEdited,
    ReactionChanged,
)
from router.records import Conversation, Message, StoredMessage, UpTo
from router.world import World

RANK: Final = {"queued": 0, "sending": 1, "unknown": 2, "sent": 3, "delivered": 4, "read": 5}
"""How far a reply has come. "failed" lies between sent and delivered: final, unless the platform reports that it arrived after all."""

_NOT_SENT: Final = {"failed", "unknown"}

Receipt = MessageEdited | MessageDeleted | ReactionChanged | DeliveryReported


def apply(world: World, accepted: Accepted, event: Receipt) -> None:
    for external_id in targets(event):
        message = world.stored.get((accepted.account, external_id)) or _unanswered(
            world, accepted, event, external_id
        )
        if message is None:
            world.to_wait.append((external_id, accepted))
            world.to_wait += [(each, accepted) for each in _by_own(event)]
            world.outcomes[accepted.account, event.key] = "waiting for its message"
        else:
            _apply(world, message, accepted, event)


def apply_late(world: World, accepted: Accepted, external_id: str) -> bool:
    """What had waited for a message happens to it, if it is there."""
    event = accepted.event
    if not isinstance(event, Receipt):
        return False
    message = world.stored.get((accepted.account, external_id))
    if message is None and external_id in _by_own(event):
        message = _unanswered(world, accepted, event, targets(event)[0])
    if message is None:
        return False
    _apply(world, message, accepted, event)
    return True


def own_ids(event: Receipt) -> set[UUID]:
    """What we called the message, where the platform tells it back: one, or none."""
    if not isinstance(event, DeliveryReported) or not event.own:
        return set()
    try:
        return {UUID(event.own)}
    except ValueError:
        return set()


def _by_own(event: Receipt) -> list[str]:
    return [waits_for_own(own) for own in own_ids(event)]


def waits_for_own(own: UUID) -> str:
    """In the place of the platform's id, what waits until the answer to our request is given up."""
    return f"own:{own}"


def _unanswered(
    world: World, accepted: Accepted, event: Receipt, external_id: str
) -> StoredMessage | None:
    """A reply whose sending had no answer has arrived after all, and this is its id."""
    found = (world.unanswered.get(own) for own in own_ids(event))
    message = next((each for each in found if each is not None), None)
    if message is None or message.account_id != accepted.account:
        return None
    if message.external_id is None:
        message.external_id = external_id
    return message


def targets_of(event: Event) -> tuple[str, ...]:
    return targets(event) if isinstance(event, Receipt) else ()


def targets(event: Receipt) -> tuple[str, ...]:
    """The platform's ids of the messages it is about."""
    match event:
        case MessageEdited() | ReactionChanged():
            return (event.external_id,)
        case MessageDeleted() | DeliveryReported():
            return event.external_ids
        case _:
            assert_never(event)


def settle_waiting(world: World, account: UUID, external_id: str) -> None:
    """The message is here: what waited for it happens now, in the order in which it happened."""
    for accepted in sorted(
        world.waiting.pop((account, external_id), ()),
        key=lambda each: each.event.at,
    ):
        message = world.stored[accepted.account, external_id]
        if isinstance(accepted.event, Receipt):
            _apply(world, message, accepted, accepted.event)
            world.settled |= {(account, each) for each in _by_own(accepted.event)}
        world.settled.add((account, external_id))
        world.outcomes[accepted.account, accepted.event.key] = "stored"
    # And what waits since earlier in this very batch.
    for waiting in [each for each in world.to_wait if each[0] == external_id]:
        _, accepted = waiting
        if accepted.account != account:
            continue
        world.to_wait.remove(waiting)
        if isinstance(accepted.event, Receipt):
            for each in _by_own(accepted.event):
                world.to_wait.remove((each, accepted))
        if not any(each is accepted for _, each in world.to_wait):
            world.outcomes.pop((accepted.account, accepted.event.key), None)
        if isinstance(accepted.event, Receipt):
            _apply(world, world.stored[accepted.account, external_id], accepted, accepted.event)


def remember(world: World, message: Message) -> None:
    """Later events of the batch may be about a message of the batch itself."""
    assert message.external_id is not None  # noqa: S101  # only messages of a platform are remembered
    world.stored[message.account_id, message.external_id] = StoredMessage(
        id=message.id,
        conversation_id=message.conversation_id,
        seq=message.seq,
        account_id=message.account_id,
        external_id=message.external_id,
        direction=message.direction,
        kind=message.kind,
        text=message.text,
        html=message.html,
        state=message.state,
        sent_at=message.sent_at,
        edited_at=message.edited_at,
        deleted_at=message.deleted_at,
        reactions=message.reactions,
        details=message.details,
    )


def _apply(world: World, message: StoredMessage, accepted: Accepted, event: Receipt) -> None:
    match event:
        case MessageEdited():
            _edit(world, message, event)
        case MessageDeleted():
            if message.deleted_at is None:
                message.deleted_at = event.at
                _changed(world, message, "deleted")
        case ReactionChanged():
            _react(world, message, event)
        case DeliveryReported():
            report(world, message, event.state, reason=event.reason)
            if event.up_to:
                world.read_up_to.append(
                    UpTo(
                        conversation_id=message.conversation_id, seq=message.seq, state=event.state
                    )
                )
        case _:
            assert_never(event)


def _edit(world: World, message: StoredMessage, event: MessageEdited) -> None:
    seen = message.details.get("edit_seen", "")
    if (message.edited_at is not None and message.edited_at > event.at) or seen > _instant(
        event.at
    ):
        return
    text, html = clean_text(event.text, limit=200_000), clean_text(event.html, limit=800_000)
    if (text, html) == (message.text, message.html):
        # Platforms report edits that change nothing we keep (a link preview that loaded); but a change taken back looks
        # the same when it overtakes the change, which must then not come after it.
        message.details = {**message.details, "edit_seen": _instant(event.at)}
        world.change(message)
        return
    if message.kind == "text" or event.text:
        message.details = {
            **message.details,
            "before_edit": message.details.get("before_edit", message.text),
        }
    message.text, message.html, message.edited_at = text, html, event.at
    _changed(world, message, "edited")


def _instant(at: datetime) -> str:
    """As text that sorts as the moments do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _react(world: World, message: StoredMessage, event: ReactionChanged) -> None:
    who = event.sender.keys[0].value if event.sender is not None else ""
    seen = message.reactions.get(who)
    if seen is not None and seen["at"] > _instant(event.at):
        return
    message.reactions = {
        **message.reactions,
        who: {"emoji": list(event.emoji), "at": _instant(event.at)},
    }
    _changed(world, message, "reaction")


def report(world: World, message: StoredMessage, state: str, *, reason: str = "") -> None:
    """Moves a reply's state forward; a state it has passed changes nothing."""
    if state == "failed":
        if message.state == "failed" or RANK.get(message.state, 0) >= RANK["delivered"]:
            return
    elif RANK.get(state, 0) <= RANK.get("sent" if message.state == "failed" else message.state, -1):
        return
    if {state, message.state} & _NOT_SENT:
        world.failures_moved.add(message.conversation_id)
    message.state, message.error = state, clean_text(reason, limit=500)
    world.change(message)
    conversation = world.conversations.get(message.conversation_id)
    world.tell(
        DeliveryChanged(
            id=world.new_id(),
            at=world.now,
            message=message.id,
            state=state,
            reason=message.error,
            **_place(conversation, message),
        )
    )


def _changed(
    world: World, message: StoredMessage, what: Literal["edited", "deleted", "reaction"]
) -> None:
    world.change(message)
    conversation = world.conversations.get(message.conversation_id)
    world.tell(
        MessageChanged(
            id=world.new_id(),
            at=world.now,
            message=message.id,
            what=what,
            **_place(conversation, message),
        )
    )


def _place(conversation: Conversation | None, message: StoredMessage) -> About:
    if conversation is not None:
        return about(conversation)
    return {
        "account": message.account_id,
        "contact": None,
        "conversation": message.conversation_id,
        "manager": None,
        "team": None,
    }
