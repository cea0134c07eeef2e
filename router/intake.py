"""The whole inbound story in one function: `receive(world, accepted)`.

It is called for new events only, one after the other, each seeing what the ones before it did. It never waits and
never fails for what an event says; an exception here is a bug, and sends the one event to the dead letters.
"""

from datetime import datetime
from typing import Final, assert_never
from uuid import UUID

from router import (
    assignment,
    attribution,
    calls,
    digests,
    inquiries,
    leads,
    receipts,
    service_events,
)
from router.clean_text import clean_line, clean_text
from router.conversations import (
    about,
    answered_elsewhere,
    begin,
    by_itself,
    changed,
    customer_waits,
    keep_window,
    known_otherwise,
    next_seq,
    take_in,
)
from router.facts import ButtonWasPressed, MediaWanted, MessageReceived, TouchRecorded
from router.identity import conversation_owner, who_is_this
from router.message import (
    Accepted,
    ButtonPressed,
    CallReported,
    ContactShared,
    DeliveryReported,
    Event,
    InboundMessage,
    Key,
    MessageDeleted,
    MessageEdited,
    ReactionChanged,
    ServiceEvent,
    SourceKeys,
)
from router.out_of_hours import say_when_we_open
from router.records import CLOSED, Call, Contact, Conversation, Message, Touch
from router.tracks import Track, called, followed, provider_says
from router.world import World

TEXT_LIMIT = 200_000
"""Code points of one message; a mail may be long, a page must still open."""


def receive(world: World, accepted: Accepted) -> None:
    """What the event means, as changes of the world. Its outcome, unless it is simply stored, is noted."""
    event = accepted.event
    known_otherwise(world, accepted)
    match event:
        case InboundMessage():
            message_came(world, accepted, event)
        case ContactShared():
            contact_was_shared(world, accepted, event)
        case CallReported():
            call_was_reported(world, accepted, event)
        case ServiceEvent():
            service_events.something_happened(world, accepted, event)
        case ButtonPressed():
            button_was_pressed(world, accepted, event)
        case MessageEdited() | MessageDeleted() | ReactionChanged() | DeliveryReported():
            receipts.apply(world, accepted, event)
        case _:
            assert_never(event)


def message_came(world: World, accepted: Accepted, event: InboundMessage) -> None:
    if digests.was_asked_for(world, accepted, event):
        world.note(accepted, "a colleague's digest")
        return
    external_id = event.external_id
    known = world.stored.get((accepted.account, external_id))
    if known is not None and event.fingerprint != known.details.get("fingerprint", ""):
        external_id = second_id(event)
        known = world.stored.get((accepted.account, external_id))
    if known is not None:
        # The platform shows one message through two events (an echo, a replay after a mend): it is there.
        world.note(accepted, "known message")
        return
    author = _author(world, accepted, event)
    conversation = _conversation(
        world,
        accepted,
        author,
        thread=event.thread,
        subject=clean_line(event.subject, limit=255),
    )
    message = _store(
        world,
        accepted,
        conversation,
        author,
        Message(
            id=accepted.id,
            conversation_id=conversation.id,
            seq=next_seq(conversation),
            account_id=accepted.account,
            external_id=external_id,
            direction=event.direction,
            kind=event.kind,
            text=clean_text(event.text, limit=TEXT_LIMIT),
            html=clean_text(event.html, limit=4 * TEXT_LIMIT),
            subject=clean_line(event.subject, limit=255),
            album=event.album,
            automatic=event.automatic,
            details={**event.details, "fingerprint": event.fingerprint}
            if event.fingerprint
            else event.details,
            place=event.order,
            sent_at=event.at,
            received_at=accepted.received_at,
            attachments=tuple((world.new_id(), each) for each in event.attachments),
        ),
    )
    if event.reply_to is not None:
        quoted = world.stored.get((accepted.account, event.reply_to.external_id))
        message.reply_to = quoted.id if quoted else None
        message.quote = clean_text(
            event.reply_to.quote or (quoted.text if quoted else ""), limit=500
        )
    keep_window(conversation, event.window_until)
    if event.direction == "out":
        inquiries.note_response(world, conversation, answer=message.id, by=None, at=event.at)
        answered_elsewhere(conversation, event.at)
    elif event.automatic is None:
        words = "" if event.details.get("command") else message.text
        _customer_spoke(world, accepted, conversation, source=event.source, words=words)
    receipts.settle_waiting(world, accepted.account, external_id)


def second_id(event: InboundMessage) -> str:
    """What a message is stored as whose id another one has already."""
    return (
        f"{event.external_id}#{event.fingerprint[:10]}" if event.fingerprint else event.external_id
    )


def contact_was_shared(world: World, accepted: Accepted, event: ContactShared) -> None:
    if (accepted.account, event.external_id) in world.stored:
        world.note(accepted, "known message")
        return
    shared = event.phones if event.own else ()
    author = _author(world, accepted, event, extra=shared)
    conversation = _conversation(world, accepted, author)
    numbers = ", ".join(key.display or key.value for key in event.phones)
    _store(
        world,
        accepted,
        conversation,
        author,
        Message(
            id=accepted.id,
            conversation_id=conversation.id,
            seq=next_seq(conversation),
            account_id=accepted.account,
            external_id=event.external_id,
            kind="contact",
            text=clean_text(f"{event.name} {numbers}".strip(), limit=1000),
            details={
                "own": event.own,
                "name": event.name,
                "phones": [key.value for key in event.phones],
            },
            place=event.order,
            sent_at=event.at,
            received_at=accepted.received_at,
        ),
    )
    keep_window(conversation, event.window_until)
    _customer_spoke(world, accepted, conversation, source=None, words="")
    receipts.settle_waiting(world, accepted.account, event.external_id)


def call_was_reported(world: World, accepted: Accepted, event: CallReported) -> None:
    before = calls.Before(world.calls.get((accepted.account, event.call)))
    call, new = calls.heard(world, accepted, event)
    entered = call.conversation_id is None
    if not (new or entered):
        return
    if call.conversation_id is not None:
        conversation = world.conversations[call.conversation_id]
        source = _source_of(world, call, event)
        if source is not None:
            _note_source(world, accepted, call, conversation, source)
    else:
        if not calls.says_where(world, accepted, event):
            return  # of whom nobody knows who it is: another report says it, or the timer gives up waiting
        author = _author(world, accepted, event)
        is_new = (accepted.account, event.chat.id) not in world.by_chat
        conversation = _conversation(world, accepted, author)
        _store(world, accepted, conversation, author, calls.entry(accepted, call, conversation))
        if call.direction == "in":
            source = _source_of(world, call, event)
            _customer_called(world, accepted, call, conversation, source=source)
        elif is_new:
            calls.we_began(world, call, conversation)
    calls.draw_conclusions(world, call, conversation, before=before, entered=entered)
    calls.save_changes(world, call)


_TRUST: Final = {"": 0, "hint": 1, "number": 2, "provider": 3}
"""Who says where a caller came from: the exchange in passing, the number that was called, the exchange that saw the visit."""


def _source_of(world: World, call: Call, event: CallReported) -> SourceKeys | Track | None:
    """What is said of it with this report, unless somebody more trusted (or the same one) has said it before."""
    (told,) = call.said.get("touched", [""])
    before = _TRUST.get(told, _TRUST["provider"])
    says: dict[str, SourceKeys | Track] = {}
    if call.direction == "in" and (number := called(world, call.ours, at=call.started_at)):
        says["number"] = number
    if event.source is not None:
        says["provider" if provider_says(event.source) else "hint"] = event.source
    who = max(says, key=_TRUST.__getitem__, default="")
    if _TRUST[who] <= before:
        return None
    call.said["touched"] = [who]
    return says[who]


def _customer_called(
    world: World,
    accepted: Accepted,
    call: Call,
    conversation: Conversation,
    *,
    source: SourceKeys | Track | None,
) -> None:
    contact = world.contact(conversation.contact_id)
    manager, newcomer = conversation.manager_id, contact.manager_id is None
    _customer_spoke(world, accepted, conversation, source=source, words="")
    if conversation.manager_id is not None and conversation.manager_id != manager:
        calls.given_by(call, conversation, newcomer=newcomer)


def _note_source(
    world: World,
    accepted: Accepted,
    call: Call,
    conversation: Conversation,
    source: SourceKeys | Track,
) -> None:
    """A call may say at its end only where the caller came from, who had come from there before it began."""
    touch = _touch(world, accepted, conversation, source, at=call.started_at)
    lead = world.open_leads.get(world.contact(conversation.contact_id).id)
    if lead is not None and touch is not None and attribution.take_snapshot(world, lead):
        world.change(lead)


def button_was_pressed(world: World, accepted: Accepted, event: ButtonPressed) -> None:
    author = _author(world, accepted, event)
    conversation = _conversation(world, accepted, author)
    _store(
        world,
        accepted,
        conversation,
        author,
        Message(
            id=accepted.id,
            conversation_id=conversation.id,
            seq=next_seq(conversation),
            account_id=accepted.account,
            kind="service",
            text=clean_text(event.label or event.data, limit=1000),
            details={"button": event.data},
            sent_at=event.at,
            received_at=accepted.received_at,
        ),
    )
    _customer_spoke(world, accepted, conversation, source=None, words="")
    if event.callback:
        world.tell(
            ButtonWasPressed(
                id=world.new_id(),
                at=world.now,
                callback=event.callback,
                data=event.data,
                **about(conversation),
            )
        )


# The steps of the story that events share.


def _author(
    world: World, accepted: Accepted, event: Event, *, extra: tuple[Key, ...] = ()
) -> Contact | None:
    """Who did it; None when the platform does not say, or when it was a colleague."""
    conversation = world.by_chat.get((accepted.account, event.chat.id))
    if isinstance(event, InboundMessage) and event.direction == "out":
        return None
    sender = event.sender
    if sender is None:
        fallback = conversation_owner(conversation)
        return world.contact(fallback) if fallback else None
    return who_is_this(
        world,
        keys=(*sender.keys, *extra),
        event=accepted.id,
        at=event.at,
        name=sender.name or sender.username,
        locale=sender.locale,
        fallback=conversation_owner(conversation),
    )


def _conversation(
    world: World,
    accepted: Accepted,
    author: Contact | None,
    *,
    thread: tuple[str, ...] = (),
    subject: str = "",
) -> Conversation:
    """The conversation the event belongs to, found by its chat, by what it answers, or begun."""
    chat = accepted.event.chat
    found = world.by_chat.get((accepted.account, chat.id))
    if found is None:
        for reference in thread:
            conversation_id = world.by_thread.get((accepted.account, reference))
            if conversation_id is not None:
                return world.conversations[conversation_id]
    if found is not None:
        # In a private chat the person is whoever the platform says now; a mail thread keeps whom it began with.
        if (
            author is not None
            and not thread
            and chat.kind == "private"
            and found.contact_id != author.id
        ):
            found.contact_id = author.id
            found.identity_id = _came_by(world, accepted)
            world.change(found)
        return found
    came_by = _came_by(world, accepted)
    if chat.kind != "private" or author is None:
        key = Key(kind=f"{accepted.channel}_chat", value=chat.id)
        author = who_is_this(
            world,
            keys=(key,),
            event=accepted.id,
            at=accepted.event.at,
            name=chat.title,
            kind="person" if chat.kind == "private" else "group",
        )
        identity = world.identities.get((key.kind, key.value))
        came_by = identity.id if identity is not None else None
    conversation = begin(
        world,
        account=accepted.account,
        chat=chat,
        contact=author,
        identity=came_by,
        at=accepted.event.at,
        subject=subject,
    )
    for reference in thread:
        # A later mail of the same batch may name only this one's references.
        world.by_thread.setdefault((accepted.account, reference), conversation.id)
    return conversation


def _came_by(world: World, accepted: Accepted) -> UUID | None:
    """The identity of the channel's own key of whoever did it."""
    sender = accepted.event.sender
    key = sender.keys[0] if sender is not None and sender.keys else None
    identity = world.identities.get((key.kind, key.value)) if key is not None else None
    return identity.id if identity is not None else None


def _store(
    world: World,
    accepted: Accepted,
    conversation: Conversation,
    author: Contact | None,
    message: Message,
) -> Message:
    if author is not None and author.id != conversation.contact_id:
        # In a private chat the author is whoever the conversation is with, also after a merge.
        message.author_contact = author.id
    sender = accepted.event.sender
    message.author_name = clean_line(sender.name or sender.username) if sender is not None else ""
    world.add(message)
    inquiries.note_inquiry(world, conversation, message)
    if message.external_id is not None:
        world.by_thread[message.account_id, message.external_id] = conversation.id
        receipts.remember(world, message)
    take_in(world, conversation, message)
    world.tell(
        MessageReceived(
            id=world.new_id(),
            at=world.now,
            message=message.id,
            seq=message.seq,
            direction="out" if message.direction == "out" else "in",
            **about(conversation),
        )
    )
    if any(each.ref and not each.sha256 for _, each in message.attachments):
        world.tell(
            MediaWanted(id=world.new_id(), at=world.now, message=message.id, **about(conversation))
        )
    return message


def _customer_spoke(
    world: World,
    accepted: Accepted,
    conversation: Conversation,
    *,
    source: SourceKeys | Track | None,
    words: str,
) -> None:
    """Somebody waits for an answer now: reopen, note the source, open the lead, find who answers."""
    event = accepted.event
    contact = world.contact(conversation.contact_id)
    touch = _touch(world, accepted, conversation, source, at=event.at)
    if conversation.status == "spam" or contact.blocked:
        return
    before = conversation.status
    reopened = before != "open"
    was_closed = conversation.status in CLOSED
    if reopened:
        conversation.status = "open"
        conversation.snoozed_until = conversation.resolved_at = None
    conversation.unreachable = ""
    first_to_wait = conversation.waiting_since is None
    customer_waits(conversation, event.at)
    private = conversation.chat_kind == "private"
    lead = world.open_leads.get(contact.id) if private else None
    # Who answers comes before the card, so that a new card has its manager from the first moment.
    if was_closed or (conversation.manager_id is None and conversation.team_id is None):
        assignment.assign(world, conversation, contact=contact, lead=lead)
        say_when_we_open(world, conversation, contact=contact, event=event)
    if private:
        lead = leads.open_or_continue(
            world,
            policy=world.policy(accepted.account),
            contact=contact,
            conversation=conversation,
            at=event.at,
            words=words,
        )
        if lead is not None and touch is not None and attribution.take_snapshot(world, lead):
            world.change(lead)
        if lead is not None and lead.manager_id is None and conversation.manager_id is not None:
            leads.give(world, lead, conversation.manager_id)
    if (first_to_wait or reopened) and conversation.silence_due_at is None:
        assignment.watch_silence(world, conversation)
    if reopened:
        by_itself(world, conversation, before=before)
        changed(world, conversation, "reopened")


def _touch(
    world: World,
    accepted: Accepted,
    conversation: Conversation,
    source: SourceKeys | Track | None,
    *,
    at: datetime,
) -> Touch | None:
    """The moments with a known origin that the event tells of; the last of them."""
    if source is None:
        return None
    contact = world.contact(conversation.contact_id).id
    if isinstance(source, SourceKeys):
        source = followed(world, source, contact=contact, channel=accepted.channel)
    touches = attribution.record(
        world, source, channel=accepted.channel, contact=contact, event=accepted.id, at=at
    )
    for touch in touches:
        world.tell(
            TouchRecorded(id=world.new_id(), at=world.now, touch=touch.id, **about(conversation))
        )
    return touches[-1] if touches else None
