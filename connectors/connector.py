"""The contract of a channel: data plus functions.

A channel's module ends with `connector = Connector(kind=…, receive=…, send=…)`: registration and static conformance
check at once. Only abilities the channel has are given; the rest stay None. Functions get everything they need as
arguments: no state on import, no database, no broker.

Inward, `receive` is synchronous and pure: it proves the origin of a request and parses it, bytes in, events out.
Outward, every call raises a `connectors.errors.SendError` when it does not succeed.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol
from uuid import UUID

import aiohttp
from aiohttp import web

from connectors.entrance import Entrance
from connectors.message_templates import Template
from router.message import ChatKind, Event, MessageKind, Sender
from router.thread import ThreadMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A connected channel: `fields` are its credentials and settings in the clear, as in `Connector.fields`."""

    id: UUID
    kind: str
    slug: str
    fields: Mapping[str, str] = field(default_factory=dict)
    region: str = "RU"
    language: str = "ru"
    secret: bytes = b""
    """A key of the account's own, derived from the installation's: signs what customers carry back. b"": nothing is signed."""

    def __getitem__(self, name: str) -> str:
        """The field's value; "" when it was never set."""
        return self.fields.get(name, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of an account: `--set name=…`, the settings form and the API show the same list."""

    name: str
    label: str
    secret: bool = False
    required: bool = False
    default: str = ""
    choices: tuple[str, ...] = ()
    help: str = ""
    made_up: bool = False
    """Any long random word will do: Allo thinks of one unless a person has."""
    public: str = ""
    """The choice to propose where platforms can reach us (ALLO_PUBLIC_URL with https)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of connecting, told to somebody who does it for the first time; its `fields` are filled in there.

    `shows` is what they have to take elsewhere: our webhook's address, or `Connector.snippet`. `tries`: with these fields
    the credentials can be tried.
    """

    title: str
    text: str = ""
    link: str = ""
    fields: tuple[str, ...] = ()
    shows: Literal["", "webhook", "snippet"] = ""
    tries: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What the channel can do, with the platform's own limits.

    `text_limit` counts in `text_unit`; None: no limit. `rate` and `chat_rate` are messages per second to the account
    and to one chat, of which `chat_burst` may go at once. `window`: how long after the customer's last message a free reply
    is allowed; each event that opens it says until when (`window_until`), and later only templates are sent.
    `repeat_is_safe`: the platform recognises the same message sent twice, so an unknown outcome may be tried again.
    """

    text_limit: int | None = None
    caption_limit: int | None = None
    text_unit: Literal["utf16", "codepoints"] = "codepoints"
    attachments: bool = False
    attachment_limit: int = 0
    """Bytes of one file."""
    replies: bool = False
    edits: bool = False
    deletes: bool = False
    reactions: bool = False
    typing: bool = False
    buttons: bool = False
    groups: bool = False
    subject: bool = False
    html: bool = False
    reports: frozenset[Literal["delivered", "read"]] = frozenset()
    rate: float | None = None
    chat_rate: float | None = None
    chat_burst: int = 1
    window: timedelta | None = None
    repeat_is_safe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A platform's HTTP request, as far as authenticity and meaning can depend on it.

    `headers` has case-insensitive keys; `path` is what follows the account's slug in the URL.
    """

    method: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
    target: str = ""
    """Path and query exactly as they came over the wire, for platforms that sign the address; "" when unknown."""
    remote: str = ""
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """An event and the bytes it was read from."""

    event: Event
    raw: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the platform is told once the events are durable."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls, as far as we know them. `extension`: of the colleague whose customer it is, when they can take it."""

    name: str = ""
    extension: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enquiry:
    """The platform asks who calls, and routes the call by the answer while the caller waits.

    `phone` in E.164. `answer` gets None when we do not know them, or could not find out in time.
    """

    phone: str
    answer: Callable[[Caller | None], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What a request held. `ignored` names, item by item, what was understood and is of no interest, or was broken.

    `answer` is what the platform is told, unless there is an `enquiry` to answer.
    """

    incoming: tuple[Incoming, ...] = ()
    ignored: tuple[str, ...] = ()
    answer: Answer = Answer()
    enquiry: Enquiry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """What a poll brought, and the cursor to store once it is durable."""

    incoming: tuple[Incoming, ...] = ()
    ignored: tuple[str, ...] = ()
    cursor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingFile:
    """A file to send; `read` gives its bytes."""

    name: str
    mime: str
    size: int
    kind: MessageKind
    read: Callable[[], Awaitable[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A reply on its way out. `id` is the message's own and the same at every attempt: the idempotency key.

    `reply_to` is the platform's id of the message answered; `thread` the platform's ids of the conversation so far,
    oldest first (email References). `to` are the contact's addresses of this channel's kind, when it needs one.
    """

    id: UUID
    chat: str
    chat_kind: ChatKind = "private"
    text: str = ""
    html: str = ""
    subject: str = ""
    files: tuple[OutgoingFile, ...] = ()
    reply_to: str = ""
    thread: tuple[str, ...] = ()
    to: str = ""
    author: str = ""
    signature: str = ""
    """The author's own, for channels whose messages bear one (email). "": none."""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The platform took it: `external_id` as an inbound message's would be, unique per account."""

    external_id: str
    state: Literal["sent", "delivered"] = "sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A file from the platform, in pieces."""

    chunks: AsyncIterator[bytes]
    name: str = ""
    mime: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of `allo channel check`: what was tried, how it went, and what to do about it, in words.

    `field` is the one to be written differently, when it is one.
    """

    level: Literal["ok", "warning", "error"]
    text: str
    field: str = ""


class NotDurable(Exception):
    """The event could not be made durable: tell the platform to come again."""


class Accounts(Protocol):
    """The connected channels, kept fresh in memory."""

    def find(self, slug: str) -> Account | None: ...

    async def look_up(self, slug: str) -> Account | None:
        """As `find`; for one that is not known yet, after a look whether it was connected a moment ago."""

    def of_kind(self, kind: str) -> Sequence[Account]: ...


class Callers(Protocol):
    """Who calls, looked up in what we have ourselves."""

    async def who_calls(self, account: Account, phone: str) -> Caller | None:
        """`phone` in E.164; None: not known. May fail, or take longer than anybody waits: `webhook` does not."""


class Intake(Protocol):
    """Where events go. Returns once they are durable."""

    async def accept(self, account: Account, incoming: Sequence[Incoming]) -> None:
        """Raises NotDurable."""


class Threads(Protocol):
    """What a channel that is its own platform shows its customers: their conversation, by its dense `seq`."""

    async def after(
        self, account: UUID, chat: str, seq: int, *, limit: int = 200
    ) -> Sequence[ThreadMessage]:
        """Messages with a greater `seq`, in its order."""

    async def before(
        self, account: UUID, chat: str, seq: int | None, *, limit: int = 50
    ) -> Sequence[ThreadMessage]:
        """The newest messages with a smaller `seq` (None: of all), in its order."""

    def changes(self, account: UUID, chat: str) -> AbstractAsyncContextManager[AsyncIterator[None]]:
        """Yields whenever something in the chat may be new: a hint, `after` is the truth."""

    async def visitor_seen(
        self, account: UUID, visitor: str, *, source: Mapping[str, Any] | None
    ) -> None:
        """Keeps that the visitor was here, and the touch of the visit when there is one, once per `source["visit"]`."""

    async def last_touch(self, account: UUID, visitor: str) -> Mapping[str, Any] | None:
        """The `source` of the visitor's latest visit."""


class Media(Protocol):
    """Files by the SHA-256 of their content."""

    async def put(self, content: bytes) -> str:
        """Stores it, once; returns the hash in hexadecimal."""

    async def get(self, sha256: str) -> bytes:
        """Raises KeyError."""


def _none_rest(kind: str) -> Sequence[Account]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a channel that brings its own routes or listener may use of the rest of Allo."""

    accounts: Accounts
    intake: Intake
    threads: Threads
    media: Media
    now: Callable[[], datetime]
    secret: bytes
    """32 bytes of the installation, for signing what visitors carry; derive a key of your own from it."""
    public_url: str
    listen: Mapping[str, str]
    """Addresses to listen on, by name: {"smtp": "127.0.0.1:8025"}; "" is off."""
    resting: Callable[[str], Sequence[Account]] = _none_rest
    """Of a kind: connected, and paused or stopped. They take nothing now, and whoever brings something must keep it."""


class Cors(Protocol):
    def __call__(self, account: Account, headers: Mapping[str, str]) -> Mapping[str, str]:
        """What a page's browser is told beside every answer, by the request's headers; empty for a page that may not."""


class Receive(Protocol):
    def __call__(self, account: Account, request: Request) -> Received:
        """Raises a ReceiveError."""


class Reread(Protocol):
    def __call__(self, account: Account, raw: bytes, received_at: datetime) -> Received | None:
        """What came once, as it is read now. Its origin was proved when it came, and is not asked for again.

        None, or a ReceiveError: these bytes cannot be read.
        """


class Poll(Protocol):
    async def __call__(self, account: Account, cursor: str, http: aiohttp.ClientSession) -> Polled:
        """One long poll, at most a minute. Raises a SendError."""


class Watch(Protocol):
    def __call__(
        self, account: Account, cursor: str, http: aiohttp.ClientSession
    ) -> AsyncIterator[Polled]:
        """Holds a connection, and yields what comes over it; at least once a minute, if only to say that it lives.

        It is asked for the next when what it gave is durable and its cursor stored. Raises a SendError when the
        connection cannot be had or is lost; it is then called anew, with the last cursor. An async generator is
        closed when it is no longer wanted; it keeps no TaskGroup and no time-out open over a `yield`, because what
        they cancel is the task that asked.
        """


class Dial(Protocol):
    async def __call__(
        self,
        account: Account,
        *,
        extension: str,
        phone: str,
        initiated: str,
        http: aiohttp.ClientSession,
    ) -> str:
        """Rings the colleague's extension, then the phone (E.164). `initiated` is our name of the call.

        Returns the platform's key of the call, "" when it tells none. Raises a SendError.
        """


class Send(Protocol):
    async def __call__(
        self, account: Account, outgoing: Outgoing, http: aiohttp.ClientSession
    ) -> Sent: ...


class Split(Protocol):
    def __call__(self, outgoing: Outgoing) -> Sequence[Outgoing]:
        """The platform's messages that this reply becomes, in order; each is sent, and counted as sent, by itself."""


class Fetch(Protocol):
    async def __call__(
        self, account: Account, ref: str, http: aiohttp.ClientSession
    ) -> Fetched: ...


class ListTemplates(Protocol):
    async def __call__(self, account: Account, http: aiohttp.ClientSession) -> Sequence[Template]:
        """Those that can be sent now. A reply with one has it in `Outgoing.details["template"]`. Raises a SendError."""


class Acknowledge(Protocol):
    async def __call__(
        self, account: Account, callback: str, http: aiohttp.ClientSession
    ) -> None: ...


class ShowTyping(Protocol):
    async def __call__(
        self, account: Account, chat: str, http: aiohttp.ClientSession, *, message_id: str = ""
    ) -> None:
        """The chat's person sees for some seconds that an answer is written. Raises a SendError.

        `message_id` is the platform's id of their last message, "" when it is not known; for platforms that want it.
        """


class MarkRead(Protocol):
    async def __call__(self, account: Account, chat: str, http: aiohttp.ClientSession) -> None:
        """A colleague has read the chat: its person may see so. Raises a SendError."""


class Describe(Protocol):
    async def __call__(
        self, account: Account, values: Sequence[str], http: aiohttp.ClientSession
    ) -> Mapping[str, Sender]:
        """What the platform calls people, by the values of their keys of the kind `Connector.identity`.

        For platforms whose events carry no names; asked afterwards, at most a hundred at once. Those it does not know
        are left out. Raises a SendError.
        """


class Check(Protocol):
    async def __call__(
        self, account: Account, http: aiohttp.ClientSession, *, webhook_url: str
    ) -> Sequence[Finding]:
        """Tries the credentials for real and says what it found. Never raises a SendError."""


class Connect(Protocol):
    async def __call__(
        self, account: Account, http: aiohttp.ClientSession, *, webhook_url: str
    ) -> Sequence[Finding]:
        """Tells the platform where to send its events (or to stop, for polling). Never raises a SendError."""


class Routes(Protocol):
    def __call__(self, surroundings: Surroundings) -> Sequence[web.RouteDef]: ...


class Listen(Protocol):
    def __call__(self, surroundings: Surroundings) -> AbstractAsyncContextManager[None]:
        """A server of the channel's own, up while the context lasts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """A channel. `hook` is the word in `/hooks/{hook}/{slug}`; several kinds may share one (telephony)."""

    kind: str
    label: str
    icon: str
    """Name in the icon sprite and of the colour token: telegram, vk, whatsapp, email, site, phone, max."""
    identity: str
    """Kind of the key that the platform itself vouches for: "telegram", "email", "visitor"…"""
    fields: tuple[Field, ...]
    capabilities: Capabilities
    hint: str = ""
    """What it takes, in two or three words."""
    steps: tuple[Step, ...] = ()
    """How it is connected; fields that are in none of them can be left as they are."""
    first: str = ""
    """What makes the first event come: somebody who connects it tries it so."""
    address_ends: str = ""
    """The field that the webhook's address ends with; "" when it is only the account's."""
    snippet: Callable[[str, str], str] | None = None
    """By our address and the account's slug: what goes into the pages of a site."""
    try_at: Callable[[str], str] | None = None
    """By the account's slug: a page of ours to try it on."""
    entrance: Entrance | None = None
    """How a tracked link leads in."""
    hook: str = ""
    body_limit: int = 1 << 20
    receive: Receive | None = None
    reread: Reread | None = None
    """Of channels that give the raw bytes along with their events: for `allo reparse`."""
    polls: Callable[[Account], bool] | None = None
    poll: Poll | None = None
    watch: Watch | None = None
    """Instead of `poll`, for channels that hold a connection; `polls` says of which accounts."""
    comes_again: bool = True
    """The platform repeats a webhook that was not answered with 2xx. Where it does not, Allo keeps it by itself."""
    cors: Cors | None = None
    """Of webhooks that pages call from the browser; a preflight is answered with it, too."""
    send: Send | None = None
    dial: Dial | None = None
    split: Split | None = None
    fetch: Fetch | None = None
    templates: ListTemplates | None = None
    acknowledge: Acknowledge | None = None
    show_typing: ShowTyping | None = None
    mark_read: MarkRead | None = None
    describe: Describe | None = None
    check: Check | None = None
    connect: Connect | None = None
    routes: Routes | None = None
    listen: Listen | None = None

    @property
    def secrets(self) -> frozenset[str]:
        return frozenset(each.name for each in self.fields if each.secret)
