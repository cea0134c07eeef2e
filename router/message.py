"""The words of Allo: what a customer's platform can tell us, in one schema for every channel.

A connector turns what a platform said into these; the broker carries them (`router.wire`); the router decides what
they mean (`router.intake`). Each event has a `key`, which the platform keeps stable over redeliveries and which is
unique per account, and a `chat`, the platform's own id of the conversation it belongs to.

    Event = InboundMessage | MessageEdited | MessageDeleted | ReactionChanged | ButtonPressed
          | DeliveryReported | CallReported | ContactShared | ServiceEvent

Times are aware and in UTC. Texts are free of NUL and lone surrogates (`router.clean_text`). Ids of the platform are
strings, however the platform writes them.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct, field

Moment = Annotated[datetime, Meta(tz=True)]
"""One without a zone does not decode: it would be compared with those that have one, and only some of the time."""

Proof = Literal["proved", "claimed"]
"""proved: the platform or a cryptographic check vouches for it. claimed: somebody typed it."""

ChatKind = Literal["private", "group", "channel"]
Direction = Literal["in", "out"]

MessageKind = Literal[
    "text",
    "image",
    "video",
    "audio",
    "voice",
    "video_note",
    "animation",
    "document",
    "sticker",
    "location",
    "contact",
    "poll",
    "call",
    "form",
    "service",
    "unsupported",
]

DeliveryState = Literal["queued", "sending", "sent", "delivered", "read", "failed", "unknown"]

Automatic = Literal["auto_reply", "bounce", "bulk"]
"""A message no person wrote: filed, never answered by a machine, opens no lead."""


class Key(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Something that may identify a person: `kind` telegram, phone, email, visitor, external…

    `value` is normalised (E.164, lower-cased address, the platform's id); `display` is what was written, when it
    differs; `how` says in a few words how we know ("shared own number", "DMARC passed").
    """

    kind: str
    value: str
    proof: Proof = "proved"
    display: str = ""
    how: str = ""


class Sender(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who did it, as the platform describes them. The first key is the channel's own."""

    keys: tuple[Key, ...]
    name: str = ""
    username: str = ""
    locale: str = ""


class Chat(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The platform's conversation: `id` is unique within the account.

    `of`: the chat is named after its person, by a key of this kind, and a person has one chat per account. Platforms that
    know a person by several ids (WhatsApp: user id and number) name the same chat by any of them; the conversation is then
    found through the person's other keys of the kind.
    """

    id: str
    kind: ChatKind = "private"
    title: str = ""
    of: str = ""


class Attachment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file that came with a message.

    Either `ref` (the platform's reference, fetched later by the media worker), or `content` (the bytes came with the
    event; the gateway moves them to the media store before publishing and puts their `sha256` here), never neither.
    `size` in bytes, `duration` in seconds, `cid` the Content-ID an HTML mail refers to.
    """

    kind: MessageKind = "document"
    ref: str = ""
    content: bytes | None = None
    sha256: str = ""
    name: str = ""
    mime: str = ""
    size: int | None = None
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    cid: str = ""


class SourceKeys(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the event says about the advertising that brought the person, raw; `router.attribution` makes a touch of it.

    `code` is a deep-link or tracked-link code, `alias` the address that was written to, when it is another than the
    account's own; `utm` and `click_ids` are keyed without prefix ("source", "gclid");
    `referral` is what the platform itself attaches (VK ref, WhatsApp referral, invite link), keys as the platform's.
    """

    code: str = ""
    utm: dict[str, str] = field(default_factory=dict)
    click_ids: dict[str, str] = field(default_factory=dict)
    landing: str = ""
    referrer: str = ""
    referral: dict[str, str] = field(default_factory=dict)
    visited_at: Moment | None = None
    alias: str = ""
    visit: str = ""
    """The browser's own name of the visit, by which it is known wherever it is told of."""
    earlier: "tuple[SourceKeys, ...]" = ()
    """Visits before this moment, as the site's script remembers them, oldest first."""


class ReplyTo(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The message this one answers, by the platform's id in the same chat, with the words quoted if there are any."""

    external_id: str
    quote: str = ""


class _Event(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    key: str
    chat: Chat
    at: Moment
    sender: Sender | None = None
    lane: str = ""
    """What order is kept by, when it is not the chat (email: the sender's address)."""

    @property
    def order_by(self) -> str:
        return self.lane or self.chat.id


class InboundMessage(_Event, frozen=True, kw_only=True, tag="message"):
    """A message as the platform shows it. `direction` is "out" when a colleague wrote it in the platform's own app.

    `external_id` is unique per account (a channel whose ids are per chat joins both: "chat:message"). `order` is the
    platform's own order among messages of one second. `thread` names earlier messages of the same conversation,
    nearest first (email References); it finds the conversation when the chat id does not. `album` groups what was
    sent as one. `window_until`: how long the platform lets us answer this freely, where it has such a rule
    (`Capabilities.window`). `fingerprint` tells what was said and by whom, in hexadecimal, where ids are reused by bad software and
    by attackers (email): the same id with another fingerprint is another message. `details` keeps what has no field of its own (location, poll, vcard, forwarded_from), JSON values.
    """

    external_id: str
    fingerprint: str = ""
    kind: MessageKind = "text"
    direction: Direction = "in"
    text: str = ""
    html: str = ""
    subject: str = ""
    attachments: tuple[Attachment, ...] = ()
    reply_to: ReplyTo | None = None
    thread: tuple[str, ...] = ()
    album: str = ""
    order: int = 0
    automatic: Automatic | None = None
    source: SourceKeys | None = None
    details: dict[str, Any] = field(default_factory=dict)
    sent_as: str = ""
    """Of what went out: the number it was sent under (`router.ids.sending_number`), where the platform repeats it.
    By it a reply of ours is known, also when its echo overtakes the platform's answer to us.
    """
    window_until: Moment | None = None


class MessageEdited(_Event, frozen=True, kw_only=True, tag="edit"):
    """The message `external_id` now reads so. Carries the whole message, so that an edit of one never seen can stand for it."""

    external_id: str
    kind: MessageKind = "text"
    direction: Direction = "in"
    text: str = ""
    html: str = ""
    attachments: tuple[Attachment, ...] = ()
    sent_at: Moment | None = None
    details: dict[str, Any] = field(default_factory=dict)


class MessageDeleted(_Event, frozen=True, kw_only=True, tag="deletion"):
    external_ids: tuple[str, ...]


class ReactionChanged(_Event, frozen=True, kw_only=True, tag="reaction"):
    """The person's reactions to a message are now these; none means taken back."""

    external_id: str
    emoji: tuple[str, ...] = ()


class ButtonPressed(_Event, frozen=True, kw_only=True, tag="button"):
    """A button under a message of ours. `callback` is what the platform wants acknowledged; `data` is forgeable."""

    data: str
    label: str = ""
    callback: str = ""
    external_id: str = ""


class DeliveryReported(_Event, frozen=True, kw_only=True, tag="delivery"):
    """What became of messages of ours: `external_ids` by the platform's id, or all up to them when `up_to`.

    States only move forward (sent, delivered, read); `failed` carries the platform's words in `reason`. `own`: what we
    called the message when we sent it (`Outgoing.id`), where the platform tells it back; it finds the message whose
    sending had no answer, and which has no id of the platform therefore.
    """

    external_ids: tuple[str, ...]
    state: Literal["sent", "delivered", "read", "failed"]
    up_to: bool = False
    reason: str = ""
    own: str = ""


class CallReported(_Event, frozen=True, kw_only=True, tag="call"):
    """One report about a call (`call`) or one leg of it; reports may come twice and in any order.

    `phase` says what a person would: "talking" only once a person has answered, never for a menu, a queue or a
    voice mail; "missed" only of a call whose platform says so itself; what merely "ended" was missed when nobody of
    ours had talked. `leg` "" is the call as a whole, whose end is the end; a leg's is not. `extension` is who of ours
    rings or talks on this leg, by the number inside the exchange, `answered_by` who answered, in the same way.
    `ours` is the line that was called, or called from, `theirs` the other side's number. `duration` in seconds of
    conversation; `recording` is the platform's reference of the file; `reason` the platform's own word for the end;
    `initiated` what we called the call when we asked for it (click-to-call), where the platform tells it back.

    A report that names nobody (no `sender`, `theirs` "") joins its call by the key `call`, whatever its chat; when no report
    of a call names anybody, the caller's number was withheld.
    """

    call: str
    leg: str = ""
    direction: Direction = "in"
    phase: Literal["ringing", "talking", "ended", "missed", "transferred", "recorded"]
    ours: str = ""
    theirs: str = ""
    answered_by: str = ""
    duration: float | None = None
    recording: str = ""
    source: SourceKeys | None = None
    extension: str = ""
    transferred_to: str = ""
    started_at: Moment | None = None
    answered_at: Moment | None = None
    ended_at: Moment | None = None
    reason: str = ""
    initiated: str = ""


class ContactShared(_Event, frozen=True, kw_only=True, tag="contact"):
    """A card with phone numbers. `own`: the platform says that it is the sender's own number, which proves it."""

    external_id: str
    own: bool
    name: str = ""
    phones: tuple[Key, ...] = ()
    order: int = 0
    window_until: Moment | None = None


class ServiceEvent(_Event, frozen=True, kw_only=True, tag="service"):
    """Something happened to the chat or the account.

    Names with a meaning for the router: `blocked` and `unblocked` (the person stopped or allowed our messages),
    `chat_moved` (details: {"to": new chat id}), `chat_renamed` (details: {"title"}), `started` (opened the chat without a
    word), `identified` (the sender's keys are now known), `typing`. Any other is kept and shown as a line.
    """

    name: str
    text: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    source: SourceKeys | None = None


Event = (
    InboundMessage
    | MessageEdited
    | MessageDeleted
    | ReactionChanged
    | ButtonPressed
    | DeliveryReported
    | CallReported
    | ContactShared
    | ServiceEvent
)


class Accepted(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event that proved its origin, as it travels from the edge to the router.

    `id` is given at the edge and follows the event through every log line. `raw` is what the platform sent, for a
    parser mended later; when it is long, the gateway keeps it in the media store and puts its SHA-256 in `raw_ref`.
    """

    id: UUID
    account: UUID
    channel: str
    received_at: Moment
    event: Event
    raw: bytes | None = None
    raw_ref: str = ""
