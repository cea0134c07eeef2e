"""What happened, for whoever reacts to it: the live inbox, the deliverer, analytics, outgoing webhooks, rules.

Facts are written to the outbox in the transaction that made them true, and are published after it. A consumer is
idempotent by `id`. They name things by id and carry no texts: whoever needs more reads the record, as it is now.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct


class _Fact(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    id: UUID
    at: datetime
    account: UUID | None = None
    contact: UUID | None = None
    conversation: UUID | None = None
    manager: UUID | None = None
    """Who answers for the conversation (or lead) after this happened."""
    team: UUID | None = None
    by: UUID | None = None
    """The colleague who did it; None: the customer or Allo itself."""


class MessageReceived(_Fact, frozen=True, kw_only=True, tag="message_received"):
    message: UUID
    seq: int
    direction: Literal["in", "out"] = "in"


class MessageQueued(_Fact, frozen=True, kw_only=True, tag="message_queued"):
    """A colleague's reply is stored and waits to be sent."""

    message: UUID
    seq: int
    delivery: UUID


class NoteAdded(_Fact, frozen=True, kw_only=True, tag="note_added"):
    """`mentions` are the colleagues it names."""

    message: UUID
    seq: int
    mentions: tuple[UUID, ...] = ()


class MessageChanged(_Fact, frozen=True, kw_only=True, tag="message_changed"):
    """`what`: edited, deleted, reaction, attachment (a file arrived or failed)."""

    message: UUID
    what: Literal["edited", "deleted", "reaction", "attachment"]


class DeliveryChanged(_Fact, frozen=True, kw_only=True, tag="delivery_changed"):
    message: UUID
    state: str
    reason: str = ""


class MediaWanted(_Fact, frozen=True, kw_only=True, tag="media_wanted"):
    """A message came with files that are still at the platform."""

    message: UUID


class ButtonWasPressed(_Fact, frozen=True, kw_only=True, tag="button_pressed"):
    """The platform waits for an acknowledgement of `callback`."""

    callback: str
    data: str = ""


class ContactCreated(_Fact, frozen=True, kw_only=True, tag="contact_created"):
    pass


class ContactChanged(_Fact, frozen=True, kw_only=True, tag="contact_changed"):
    pass


class ContactsMerged(_Fact, frozen=True, kw_only=True, tag="contacts_merged"):
    """`contact` survives, `absorbed` became a tombstone."""

    absorbed: UUID
    merge: UUID


class ContactsUnmerged(_Fact, frozen=True, kw_only=True, tag="contacts_unmerged"):
    restored: UUID
    merge: UUID


class SuggestionMade(_Fact, frozen=True, kw_only=True, tag="suggestion_made"):
    suggestion: UUID


class ConversationChanged(_Fact, frozen=True, kw_only=True, tag="conversation_changed"):
    """`what`: opened, resolved, reopened, snoozed, spam, read, moved, silence (nobody answered in time)…"""

    what: str


class Assigned(_Fact, frozen=True, kw_only=True, tag="assigned"):
    """`manager` None: back in the team's queue. `reason` is a sentence for people."""

    assignment: UUID
    reason: str


class LeadOpened(_Fact, frozen=True, kw_only=True, tag="lead_opened"):
    lead: UUID


class LeadChanged(_Fact, frozen=True, kw_only=True, tag="lead_changed"):
    """`what`: stage, place (on the board), value, manager, won, lost, merged, reopened, title, fields, note."""

    lead: UUID
    what: str


class TaskChanged(_Fact, frozen=True, kw_only=True, tag="task_changed"):
    """`manager` has to do it. `what`: opened, joined (one more reason for it), changed, done."""

    task: UUID
    what: Literal["opened", "joined", "changed", "done"]


class TouchRecorded(_Fact, frozen=True, kw_only=True, tag="touch_recorded"):
    touch: UUID


class PresenceChanged(_Fact, frozen=True, kw_only=True, tag="presence_changed"):
    """`manager` is here, away or off now: somebody may be able to take what waits."""


class ReplyBegun(_Fact, frozen=True, kw_only=True, tag="reply_begun"):
    """`by` writes an answer in `conversation`. A gesture: broadcast only, never in the outbox, and true for seconds."""


class Looking(_Fact, frozen=True, kw_only=True, tag="looking"):
    """`by` has `conversation` before them. A gesture: broadcast only, never in the outbox, and true for seconds.

    `what`: looks, writes (a reply), left.
    """

    what: Literal["looks", "writes", "left"]


class ChannelChanged(_Fact, frozen=True, kw_only=True, tag="channel_changed"):
    """`account` has been silent for longer than its working hours allow, or is heard of again; or nothing works there
    until a person does something (broken).
    """

    what: Literal["silent", "heard", "broken"]


class NoticeChanged(_Fact, frozen=True, kw_only=True, tag="notice_changed"):
    """`user` has something new under their bell, or has read it elsewhere. For their own pages alone."""

    user: UUID


class LabelsChanged(_Fact, frozen=True, kw_only=True, tag="labels_changed"):
    """Labels are called or coloured otherwise now. Which conversations have which is told of each (`ConversationChanged`)."""


Fact = (
    MessageReceived
    | MessageQueued
    | NoteAdded
    | MessageChanged
    | DeliveryChanged
    | MediaWanted
    | ButtonWasPressed
    | ContactCreated
    | ContactChanged
    | ContactsMerged
    | ContactsUnmerged
    | SuggestionMade
    | ConversationChanged
    | Assigned
    | LeadOpened
    | LeadChanged
    | TaskChanged
    | TouchRecorded
    | PresenceChanged
    | ReplyBegun
    | Looking
    | ChannelChanged
    | NoticeChanged
    | LabelsChanged
)
