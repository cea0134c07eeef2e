"""What a colleague writes: an answer to the customer, or a note for colleagues."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from router import assignment
from router.clean_text import clean_text
from router.conversations import about, changed, next_seq, take_in, was_answered
from router.facts import MessageQueued, NoteAdded
from router.inquiries import note_response
from router.message import Attachment
from router.records import CLOSED, Conversation, Delivery, Manager, Mention, Message
from router.world import World

TEXT_LIMIT = 100_000
"""Code points; the channel's own limit splits it further."""


def reply(
    world: World,
    conversation: Conversation,
    *,
    by: UUID | None,
    author: str,
    text: str,
    files: Sequence[Attachment] = (),
    reply_to: UUID | None = None,
    quote: str = "",
    idempotency_key: str | None = None,
    details: dict[str, Any] | None = None,
) -> Message:
    """The answer is stored and queued; nobody waits any more. An answer to what is nobody's work takes it."""
    message = world.add(
        Message(
            id=world.new_id(),
            conversation_id=conversation.id,
            seq=next_seq(conversation),
            account_id=conversation.account_id,
            direction="out",
            kind=files[0].kind if files and not text else "text",
            author_user=by,
            author_name=author,
            text=clean_text(text, limit=TEXT_LIMIT),
            reply_to=reply_to,
            quote=quote,
            sent_at=world.now,
            received_at=world.now,
            state="queued",
            idempotency_key=idempotency_key,
            details=details or {},
            attachments=tuple((world.new_id(), each) for each in files),
        )
    )
    take_in(world, conversation, message)
    if by is not None:
        note_response(world, conversation, answer=message.id, by=by, at=world.now)
    was_answered(conversation)
    if conversation.status != "open":
        was_closed = conversation.status in CLOSED
        conversation.status, conversation.snoozed_until, conversation.resolved_at = (
            "open",
            None,
            None,
        )
        if was_closed:
            assignment.put_on(world, conversation)
        changed(world, conversation, "reopened", by=by)
    if by is not None and conversation.manager_id is None:
        _take(world, conversation, by)
    queue(world, conversation, message, by=by)
    return message


def queue(world: World, conversation: Conversation, message: Message, *, by: UUID | None) -> None:
    """The message is to be sent."""
    delivery = world.add(
        Delivery(
            id=world.new_id(),
            message_id=message.id,
            account_id=conversation.account_id,
            conversation_id=conversation.id,
            next_attempt_at=world.now,
            created_at=world.now,
        )
    )
    world.tell(
        MessageQueued(
            id=world.new_id(),
            at=world.now,
            message=message.id,
            seq=message.seq,
            delivery=delivery.id,
            by=by,
            **about(conversation),
        )
    )


def note(
    world: World,
    conversation: Conversation,
    *,
    by: UUID | None,
    author: str,
    text: str,
    idempotency_key: str | None = None,
    mentions: Sequence[UUID] = (),
    named: Sequence[str] = (),
) -> Message:
    """A note: colleagues see it, the customer never does.

    `mentions` are the colleagues it names, `named` how it names them.
    """
    message = world.add(
        Message(
            id=world.new_id(),
            conversation_id=conversation.id,
            seq=next_seq(conversation),
            account_id=conversation.account_id,
            direction="note",
            author_user=by,
            author_name=author,
            text=clean_text(text, limit=TEXT_LIMIT),
            sent_at=world.now,
            received_at=world.now,
            idempotency_key=idempotency_key,
            details={"named": list(named)} if named else {},
        )
    )
    told = tuple(dict.fromkeys(mentions))
    for user in told:
        world.add(
            Mention(
                message_id=message.id,
                user_id=user,
                conversation_id=conversation.id,
                at=world.now,
            )
        )
    world.change(conversation)
    world.tell(
        NoteAdded(
            id=world.new_id(),
            at=world.now,
            message=message.id,
            seq=message.seq,
            mentions=told,
            by=by,
            **about(conversation),
        )
    )
    return message


def _take(world: World, conversation: Conversation, by: UUID) -> None:
    _, managers = world.colleagues()
    manager: Manager | None = managers.get(by)
    if manager is not None:
        assignment.hand_over(
            world,
            conversation,
            manager,
            lead=world.open_leads.get(conversation.contact_id),
            rule="took_it",
            reason=f"{manager.name} answered first",
            by=by,
        )
