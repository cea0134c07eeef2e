"""A conversation's own bookkeeping: a message's place, what waits for whom, opening and closing."""

from datetime import datetime
from typing import TypedDict
from uuid import UUID

from router.facts import ConversationChanged
from router.message import Accepted, Chat
from router.records import ByItself, Contact, Conversation, Message, Status
from router.world import World


class About(TypedDict):
    account: UUID | None
    contact: UUID | None
    conversation: UUID | None
    manager: UUID | None
    team: UUID | None


def about(conversation: Conversation) -> About:
    """What every fact about a conversation names."""
    return {
        "account": conversation.account_id,
        "contact": conversation.contact_id,
        "conversation": conversation.id,
        "manager": conversation.manager_id,
        "team": conversation.team_id,
    }


def begin(
    world: World,
    *,
    account: UUID,
    chat: Chat,
    contact: Contact,
    identity: UUID | None,
    at: datetime,
    subject: str = "",
) -> Conversation:
    conversation = world.add(
        Conversation(
            id=world.new_id(),
            account_id=account,
            chat=chat.id,
            chat_kind=chat.kind,
            contact_id=contact.id,
            identity_id=identity,
            subject=subject,
            first_message_at=at,
            last_message_at=at,
            created_at=world.now,
        )
    )
    changed(world, conversation, "opened")
    return conversation


def known_otherwise(world: World, accepted: Accepted) -> None:
    """Where a chat is named after its person (`Chat.of`): the conversation that goes by another of their keys is this one.

    Those that were there before are found when the world is loaded; this sees those begun in the same batch. A
    conversation keeps the name it has, for answers that went to it arrived.
    """
    chat, account, sender = accepted.event.chat, accepted.account, accepted.event.sender
    if not chat.of or (account, chat.id) in world.by_chat:
        return
    names = (
        [chat.id, *(key.value for key in sender.keys if key.kind == chat.of)]
        if sender
        else [chat.id]
    )
    shown = {
        (world.contact(identity.contact_id).id, identity.display)
        for name in names
        if (identity := world.identities.get((chat.of, name))) is not None and identity.display
    }
    for begun in world.all_of(Conversation):
        own = world.identities.get((chat.of, begun.chat))
        if begun.account_id == account and (
            begun.chat in names
            or (own is not None and (world.contact(own.contact_id).id, own.display) in shown)
        ):
            world.by_chat[account, chat.id] = begun
            return


def changed(world: World, conversation: Conversation, what: str, *, by: UUID | None = None) -> None:
    world.change(conversation)
    world.tell(
        ConversationChanged(
            id=world.new_id(), at=world.now, what=what, by=by, **about(conversation)
        )
    )


def by_itself(world: World, conversation: Conversation, *, before: Status) -> None:
    """Its timeline says that nobody did it. That we no longer wait for a customer who has written needs no saying."""
    if before not in {"waiting", conversation.status}:
        world.add(
            ByItself(
                id=world.new_id(),
                object_id=conversation.id,
                before=before,
                after=conversation.status,
                at=world.now,
            )
        )


def next_seq(conversation: Conversation) -> int:
    conversation.seq += 1
    return conversation.seq


def take_in(world: World, conversation: Conversation, message: Message) -> None:
    """The message is now part of the conversation: order, preview, who waits for whom."""
    at = message.sent_at
    conversation.first_message_at = min(conversation.first_message_at, at)
    if at >= conversation.last_message_at:
        conversation.last_message_at = at
        if message.direction in {"in", "out"}:
            conversation.preview = preview(message.text)
            conversation.preview_direction = message.direction
            conversation.preview_kind = (
                message.kind if message.kind != "text" or not message.attachments else "document"
            )
    if message.direction == "in":
        conversation.last_inbound_at = max(conversation.last_inbound_at or at, at)
    world.change(conversation)


def keep_window(conversation: Conversation, until: datetime | None) -> None:
    """Messages come late and in any order: the latest one's window counts."""
    if until is not None and (
        conversation.window_until is None or conversation.window_until < until
    ):
        conversation.window_until = until


def customer_waits(conversation: Conversation, at: datetime) -> None:
    conversation.unread += 1
    if conversation.waiting_since is None or at < conversation.waiting_since:
        conversation.waiting_since = at


def was_answered(conversation: Conversation) -> None:
    """A colleague wrote: nobody waits, nothing is unread, the silence is over."""
    conversation.waiting_since = None
    conversation.silence_due_at = None
    conversation.silence_moves = 0
    conversation.unread = 0


def answered_elsewhere(conversation: Conversation, at: datetime) -> None:
    """A colleague wrote in the platform's own app. Told of it late, we may know what the customer said after that."""
    spoke = conversation.last_inbound_at
    if spoke is None or spoke <= at:
        was_answered(conversation)
    elif conversation.waiting_since is not None and conversation.waiting_since <= at:
        conversation.waiting_since = spoke


def preview(text: str) -> str:
    return " ".join(text[:400].split())[:160]
