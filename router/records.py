"""The records that decisions read and change: rows of the database as plain objects, changed only through a `World`."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from router.message import Attachment, Automatic, ChatKind, MessageKind, SourceKeys

Status = Literal["open", "waiting", "snoozed", "resolved", "spam"]
Strategy = Literal["round_robin", "least_loaded", "broadcast"]
CLOSED: frozenset[str] = frozenset({"resolved", "spam"})
"""A conversation in these is nobody's work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPolicy:
    """How a connected channel wants its events handled. Minutes are working minutes; None: off."""

    id: UUID
    channel: str
    slug: str
    team_id: UUID | None = None
    lead_policy: str = "no_open_lead"
    region: str = "RU"
    language: str = "ru"
    """Of automatic answers."""
    silence_minutes: int | None = None
    silence_moves: int = 2
    callback_minutes: int = 15
    """Until a missed call is to be called back."""
    sends: bool = True
    """Whether the channel can carry a written answer."""


@dataclass(slots=True, kw_only=True)
class Member:
    user_id: UUID
    is_lead: bool = False
    turn: int = 0
    """Round robin: the lowest is next; grows with every assignment."""


@dataclass(slots=True, kw_only=True)
class Team:
    id: UUID
    name: str
    strategy: Strategy = "round_robin"
    needs_session: bool = False
    hours: dict[str, Any] | None = None
    time_zone: str = "Europe/Moscow"
    holidays: frozenset[str] = frozenset()
    away_text: str = ""
    is_default: bool = False
    members: list[Member] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Manager:
    """A colleague who may be given conversations. `capacity` None: no limit."""

    id: UUID
    name: str
    role: str = "manager"
    presence: Literal["here", "away", "off"] = "here"
    presence_since: datetime | None = None
    seen_at: datetime | None = None
    capacity: int | None = None
    open_conversations: int = 0


@dataclass(slots=True, kw_only=True)
class Contact:
    id: UUID
    name: str = ""
    kind: Literal["person", "group"] = "person"
    manager_id: UUID | None = None
    locale: str = ""
    merged_into: UUID | None = None
    blocked: bool = False
    created_at: datetime


@dataclass(slots=True, kw_only=True)
class Identity:
    id: UUID
    contact_id: UUID
    kind: str
    value: str
    display: str = ""
    proved: bool = True
    shared: bool = False
    how: str = ""
    first_seen: datetime
    last_seen: datetime


@dataclass(slots=True, kw_only=True)
class Claim:
    id: UUID
    contact_id: UUID
    kind: str
    value: str
    display: str = ""
    event_id: UUID
    at: datetime


@dataclass(slots=True, kw_only=True)
class Conversation:
    id: UUID
    account_id: UUID
    chat: str
    chat_kind: ChatKind = "private"
    contact_id: UUID
    identity_id: UUID | None = None
    """The key its person came by: with it the conversation goes, when a merge is undone."""
    status: Status = "open"
    manager_id: UUID | None = None
    team_id: UUID | None = None
    subject: str = ""
    seq: int = 0
    preview: str = ""
    preview_direction: str = "in"
    preview_kind: str = "text"
    first_message_at: datetime
    last_message_at: datetime
    last_inbound_at: datetime | None = None
    waiting_since: datetime | None = None
    silence_due_at: datetime | None = None
    silence_moves: int = 0
    snoozed_until: datetime | None = None
    unread: int = 0
    window_until: datetime | None = None
    """Until when the platform lets us answer freely; None where it has no such rule."""
    unreachable: str = ""
    labels: list[str] = field(default_factory=list)
    created_at: datetime
    resolved_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Message:
    """A message about to be stored; what is stored already comes as a `StoredMessage`."""

    id: UUID
    conversation_id: UUID
    seq: int
    account_id: UUID
    external_id: str | None = None
    direction: Literal["in", "out", "note", "system"] = "in"
    kind: MessageKind = "text"
    author_contact: UUID | None = None
    """Which customer, when it is not the conversation's own (a group, a mail thread)."""
    author_user: UUID | None = None
    author_name: str = ""
    text: str = ""
    html: str = ""
    subject: str = ""
    reply_to: UUID | None = None
    quote: str = ""
    album: str = ""
    automatic: Automatic | None = None
    details: dict[str, Any] = field(default_factory=dict)
    reactions: dict[str, Any] = field(default_factory=dict)
    place: int = 0
    sent_at: datetime
    received_at: datetime
    state: str = ""
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    idempotency_key: str | None = None
    attachments: tuple[tuple[UUID, Attachment], ...] = ()


@dataclass(slots=True, kw_only=True)
class Mention:
    """A colleague whom a note names."""

    message_id: UUID
    user_id: UUID
    conversation_id: UUID
    at: datetime


@dataclass(slots=True, kw_only=True)
class StoredMessage:
    """The part of a stored message that later events may change."""

    id: UUID
    conversation_id: UUID
    seq: int
    account_id: UUID
    external_id: str | None
    direction: str
    kind: MessageKind
    text: str
    html: str
    state: str
    sent_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    reactions: dict[str, Any]
    details: dict[str, Any]
    error: str = ""


@dataclass(slots=True, kw_only=True)
class MessageFile:
    """A file of a message that is stored already, or about to be."""

    id: UUID
    message_id: UUID
    position: int
    file: Attachment


@dataclass(slots=True, kw_only=True)
class Call:
    """A telephone call: what the reports of it add up to (`router.call_reports`).

    `extension` and `user_id`: who of ours talked or, on the way out, called. `answered_at`: by a person; on the way out
    by the customer. `talked` in seconds. `conversation_id` is None until a report names who calls. `asked_by`: the
    colleague who asked for it with a button. `look_at`: when the timer looks whether it is over.
    """

    id: UUID
    account_id: UUID
    key: str
    conversation_id: UUID | None = None
    message_id: UUID | None = None
    direction: Literal["in", "out"] = "in"
    phase: Literal["ringing", "talking", "ended", "missed"] = "ringing"
    ours: str = ""
    theirs: str = ""
    extension: str = ""
    user_id: UUID | None = None
    transferred_to: str = ""
    reason: str = ""
    started_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    talked: float | None = None
    recordings: list[str] = field(default_factory=list)
    initiated: str = ""
    asked_by: UUID | None = None
    said: dict[str, Any] = field(default_factory=dict)
    look_at: datetime | None = None
    created_at: datetime


@dataclass(slots=True, kw_only=True)
class CallLeg:
    """One part of a call: somebody who is rung, or talks. `answered_at`, `talked`: as of this leg."""

    id: UUID
    call_id: UUID
    key: str
    phase: Literal["ringing", "talking", "ended"] = "ringing"
    extension: str = ""
    user_id: UUID | None = None
    transferred_to: str = ""
    reason: str = ""
    started_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    talked: float | None = None
    said: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest:
    """A colleague asked for a call; the platform may tell its name (`id` in hexadecimal) back, or told us its own key."""

    id: UUID
    account_id: UUID
    call_key: str
    conversation_id: UUID | None
    user_id: UUID | None


@dataclass(slots=True, kw_only=True)
class CallEntry:
    """What of a call's entry in the conversation may change: it stands at the moment when the call began."""

    id: UUID
    direction: Literal["in", "out"]
    sent_at: datetime


@dataclass(slots=True, kw_only=True)
class ByItself:
    """What a conversation became without a colleague: it woke, or the customer wrote. For its timeline."""

    id: UUID
    object_id: UUID
    what: str = "conversation_by_itself"
    object_kind: str = "conversation"
    before: Status
    after: Status
    at: datetime


@dataclass(slots=True, kw_only=True)
class StageTask:
    """What entering a stage makes the lead's manager do. `details`: {"stage": its id}."""

    id: UUID
    contact_id: UUID
    lead_id: UUID
    conversation_id: UUID | None = None
    manager_id: UUID | None = None
    kind: str = "todo"
    text: str
    due_at: datetime
    done_at: datetime | None = None
    origin: str = "stage"
    details: dict[str, Any] = field(default_factory=dict)
    created_at: datetime


@dataclass(slots=True, kw_only=True)
class Callback:
    """The task to call back whom we missed; one open per contact. `details`: {"calls": {call id: when}}."""

    id: UUID
    contact_id: UUID
    lead_id: UUID | None = None
    conversation_id: UUID | None = None
    manager_id: UUID | None = None
    kind: str = "callback"
    text: str
    due_at: datetime
    done_at: datetime | None = None
    origin: str = "missed_call"
    details: dict[str, Any] = field(default_factory=dict)
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """A customer turned to us: `router.inquiries`. `id` is the message's."""

    id: UUID
    conversation_id: UUID
    kind: Literal["message", "call"]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A person answered somebody who waited. `id` is the answering message's or call's."""

    id: UUID
    conversation_id: UUID
    user_id: UUID | None
    waited_since: datetime
    at: datetime


@dataclass(slots=True, kw_only=True)
class Delivery:
    id: UUID
    message_id: UUID
    account_id: UUID
    conversation_id: UUID
    next_attempt_at: datetime
    created_at: datetime


@dataclass(slots=True, kw_only=True)
class Touch:
    """A moment with a known origin; what a source report counts."""

    id: UUID
    contact_id: UUID | None
    visitor_id: UUID | None = None
    event_id: UUID | None = None
    at: datetime
    channel: str
    source: str = ""
    medium: str = ""
    campaign: str = ""
    content: str = ""
    term: str = ""
    click_ids: dict[str, str] = field(default_factory=dict)
    landing: str = ""
    referrer: str = ""
    raw: dict[str, Any] = field(default_factory=dict)

    @property
    def visit(self) -> str:
        """What the browser calls the visit that it was; "": it was none, or nobody knows."""
        return str(self.raw.get("visit", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedLink:
    id: UUID
    code: str
    name: str
    address: str
    utm: dict[str, str]


@dataclass(slots=True, kw_only=True)
class LinkClick:
    """A click on a tracked link, found by its code. `contact_id`: whose it turned out to be."""

    id: UUID
    code: str
    at: datetime
    keys: SourceKeys
    contact_id: UUID | None = None
    link: TrackedLink


@dataclass(slots=True, kw_only=True)
class DigestRecipient:
    """A colleague who gets a digest by a messenger. `address`: their chat; "" until they have opened the bot by `code`."""

    id: UUID
    code: str
    account_id: UUID
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLine:
    """A number of ours that says where who calls it came from. `utm` is empty of one that is lent."""

    number: str
    name: str
    utm: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberLease:
    """A number was shown to a visit; or clicked on, in a link with `utm`."""

    id: UUID
    number: str
    at: datetime
    until: datetime
    keys: SourceKeys
    utm: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Tracks:
    """What the codes and the called numbers of a batch stand for. Numbers are in E.164."""

    links: dict[str, TrackedLink] = field(default_factory=dict)
    """By code, and those of mail by their address, too."""
    clicks: dict[str, LinkClick] = field(default_factory=dict)
    recipients: dict[str, DigestRecipient] = field(default_factory=dict)
    lines: dict[str, CallLine] = field(default_factory=dict)
    leases: dict[str, list[NumberLease]] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Lead:
    id: UUID
    contact_id: UUID
    pipeline_id: UUID
    stage_id: UUID
    title: str = ""
    status: Literal["open", "won", "lost", "merged"] = "open"
    value: int | None = None
    currency: str = "RUB"
    manager_id: UUID | None = None
    account_id: UUID | None = None
    conversation_id: UUID | None = None
    first_touch_id: UUID | None = None
    last_touch_id: UUID | None = None
    first_touch: dict[str, Any] | None = None
    last_touch: dict[str, Any] | None = None
    lost_reason: str = ""
    created_at: datetime
    stage_since: datetime
    closed_at: datetime | None = None
    merged_into: UUID | None = None


@dataclass(slots=True, kw_only=True)
class LeadEvent:
    id: UUID
    lead_id: UUID
    what: str
    before: Any = None
    after: Any = None
    by_user: UUID | None = None
    at: datetime


@dataclass(slots=True, kw_only=True)
class Assignment:
    id: UUID
    conversation_id: UUID
    manager_id: UUID | None
    team_id: UUID | None
    rule: str
    reason: str
    refused: list[dict[str, str]] = field(default_factory=list)
    by_user: UUID | None = None
    at: datetime


@dataclass(slots=True, kw_only=True)
class Merge:
    """Two contacts became one. `moved` names what was the absorbed one's, by table, to be able to give it back."""

    id: UUID
    survivor_id: UUID
    absorbed_id: UUID
    rule: Literal["proved_keys", "suggestion", "by_hand"]
    reason: str
    by_user: UUID | None = None
    at: datetime
    moved: dict[str, list[UUID]] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Suggestion:
    id: UUID
    first_id: UUID
    second_id: UUID
    score: int
    reasons: list[str]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """`task_text`: what entering it makes the lead's manager do within so many working minutes; "": nothing."""

    id: UUID
    name: str
    kind: str
    position: int
    task_text: str = ""
    task_minutes: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    id: UUID
    currency: str
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpTo:
    """Everything of ours in the conversation, up to and including `seq`, is at least `state`."""

    conversation_id: UUID
    seq: int
    state: str
