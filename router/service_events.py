"""What happened to a chat or an account, when it is no message: blocked, moved, renamed, identified.

Nobody has to answer it; some of it changes what we know, the rest is a line in the conversation.
"""

from router import attribution
from router.clean_text import clean_line, clean_text
from router.conversations import about, changed, next_seq
from router.facts import MessageReceived, TouchRecorded
from router.identity import who_is_this
from router.message import Accepted, ServiceEvent
from router.records import Conversation, Message
from router.world import World


def something_happened(world: World, accepted: Accepted, event: ServiceEvent) -> None:
    conversation = world.by_chat.get((accepted.account, event.chat.id))
    if conversation is not None and event.chat.kind == "private":
        _note_source(world, accepted, event, conversation)
    match event.name:
        case "typing":
            world.note(accepted, "ignored: typing")
        case "identified":
            _identified(world, accepted, event)
        case _ if conversation is None:
            world.note(accepted, f"ignored: {event.name} in a chat without messages")
        case "blocked" | "unblocked":
            conversation.unreachable = (
                clean_line(event.text or event.name) if event.name == "blocked" else ""
            )
            _line(world, accepted, conversation, event)
            changed(world, conversation, event.name)
        case "chat_moved":
            _move_chat(world, accepted, conversation, event)
        case "chat_renamed":
            contact = world.contact(conversation.contact_id)
            if contact.kind == "group":
                contact.name = clean_line(str(event.details.get("title", "")))
                world.change(contact)
            _line(world, accepted, conversation, event)
        case _:
            _line(world, accepted, conversation, event)


def _note_source(
    world: World, accepted: Accepted, event: ServiceEvent, conversation: Conversation
) -> None:
    """A known person came by a link again, without a word yet."""
    contact = world.contact(conversation.contact_id)
    touches = attribution.touches_of(
        world,
        event.source,
        channel=accepted.channel,
        contact=contact.id,
        event=accepted.id,
        at=event.at,
    )
    for touch in touches:
        world.tell(
            TouchRecorded(id=world.new_id(), at=world.now, touch=touch.id, **about(conversation))
        )


def _identified(world: World, accepted: Accepted, event: ServiceEvent) -> None:
    """The site vouches for its visitor. Nobody is made a contact by that alone."""
    sender = event.sender
    known = sender is not None and any(
        key.proof == "proved" and (key.kind, key.value) in world.identities for key in sender.keys
    )
    if sender is None or not known:
        world.note(accepted, "ignored: identified before any message")
        return
    contact = who_is_this(
        world,
        keys=sender.keys,
        event=accepted.id,
        at=event.at,
        name=sender.name,
        locale=sender.locale,
    )
    conversation = world.by_chat.get((accepted.account, event.chat.id))
    if conversation is not None and conversation.contact_id != contact.id:
        conversation.contact_id = contact.id
        world.change(conversation)


def _move_chat(
    world: World, accepted: Accepted, conversation: Conversation, event: ServiceEvent
) -> None:
    to = str(event.details.get("to", ""))
    if not to or (accepted.account, to) in world.by_chat:
        world.note(accepted, "ignored: the chat has moved already")
        return
    _line(world, accepted, conversation, event)
    del world.by_chat[accepted.account, conversation.chat]
    conversation.chat = to
    world.by_chat[accepted.account, to] = conversation
    changed(world, conversation, "moved")


def _line(
    world: World, accepted: Accepted, conversation: Conversation, event: ServiceEvent
) -> None:
    """A line in the conversation about what happened; nobody has to answer it."""
    message = world.add(
        Message(
            id=accepted.id,
            conversation_id=conversation.id,
            seq=next_seq(conversation),
            account_id=accepted.account,
            direction="system",
            kind="service",
            text=clean_text(event.text, limit=1000),
            details={"event": event.name, **event.details},
            sent_at=event.at,
            received_at=accepted.received_at,
        )
    )
    world.change(conversation)
    world.tell(
        MessageReceived(
            id=world.new_id(),
            at=world.now,
            message=message.id,
            seq=message.seq,
            **about(conversation),
        )
    )
