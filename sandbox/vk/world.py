"""What VK knows: communities, their chats, messages and files; and what people do there.

Every deed becomes an event of the community, as dev.vk.com describes it. A private chat's peer is its person; group
chats begin at 2000000001. A message has a number of the community's own, and one within its chat.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from hashlib import sha1
from itertools import count
from typing import Any, Final

from sandbox.rates import Window
from sandbox.vk.limits import Limits

Json = dict[str, Any]

VERSION: Final = "5.199"
CHATS: Final = 2_000_000_000
KEPT: Final = 1000
"""Events that Long Poll remembers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What a community sent and the person sees. `files` as attachments name them."""

    peer: int
    number: int
    text: str = ""
    files: tuple[str, ...] = ()
    random_id: int = 0
    reply_to: int | None = None


@dataclass(slots=True)
class Chat:
    peer: int
    allowed: bool = False
    """Whether the community may write: the person wrote to it, or allowed it."""
    blacklisted: bool = False
    messages: dict[int, Json] = field(default_factory=dict)
    numbers: Any = field(default_factory=lambda: count(1))


@dataclass(slots=True)
class File:
    name: str
    content: bytes
    mime: str
    restricted: bool = False
    """Answered with a page in HTML."""
    expired: bool = False


@dataclass(slots=True)
class Server:
    """A callback server of the community. `status` in VK's words: unconfigured, failed, wait, ok."""

    id: int
    url: str
    title: str = ""
    secret: str = ""
    status: str = "unconfigured"
    events: set[str] = field(default_factory=set)
    version: str = VERSION
    waiting: list[tuple[Json, int]] = field(default_factory=list)
    """Events not yet taken, and how often each was refused."""
    errors: int = 0
    attempts: int = 0


@dataclass(slots=True)
class Community:
    """`changed` is called whenever there is something new to deliver."""

    number: int
    token: str
    now: Callable[[], float]
    changed: Callable[[], None]
    limits: Limits = field(default_factory=Limits)
    base: Callable[[], str] = str
    name: str = "Магазин"
    first: int = 1
    """Where events, messages and files are counted from: a community has a past that the other side may know."""
    confirmation: str = ""
    permissions: tuple[str, ...] = ("messages", "manage", "photos", "docs")
    people: dict[int, Json] = field(default_factory=dict)
    chats: dict[int, Chat] = field(default_factory=dict)
    servers: dict[int, Server] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    kept: dict[str, File] = field(default_factory=dict)
    """What was uploaded, by the names under which messages attach it."""
    uploaded: dict[str, File] = field(default_factory=dict)
    """What was uploaded and not saved yet."""
    sent: list[Delivered] = field(default_factory=list)
    sent_as: dict[int, Json] = field(default_factory=dict)
    """What a random_id became: the same again is not sent again."""
    pressed: dict[str, bool] = field(default_factory=dict)
    """Callback buttons by event_id, and whether they were answered."""
    actions: list[tuple[int, str]] = field(default_factory=list)
    polled: set[str] = field(default_factory=set)
    """Types of events that Long Poll brings."""
    polling: bool = False
    log: list[Json] = field(default_factory=list)
    forgotten: int = 0
    """Events that Long Poll knew once."""
    key: str = "key1"
    lost: set[str] = field(default_factory=set)
    """Keys of which nothing is known any more."""
    meter: Window = field(init=False)
    _events: Any = field(init=False)
    _ids: Any = field(init=False)
    _objects: Any = field(init=False)
    _servers: Any = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.meter = self.limits.meter()
        self._events = count(self.first)
        self._ids, self._objects = count(1200 + self.first), count(456 + self.first)
        self.confirmation = self.confirmation or sha1(self.token.encode()).hexdigest()[:8]  # noqa: S324  # a code

    def person(self, user: int, name: str = "") -> Json:
        first, _, last = (name or f"Имя{user} Фамилия").partition(" ")
        if user not in self.people or name:
            self.people[user] = {"id": user, "first_name": first, "last_name": last,
                                 "screen_name": f"id{user}", "can_access_closed": True, "is_closed": False}  # fmt: skip
        return self.people[user]

    def chat_of(self, peer: int) -> Chat:
        if peer not in self.chats:
            self.chats[peer] = Chat(peer, numbers=count(self.first))
        return self.chats[peer]

    # What people do. Each returns the event.

    def writes(
        self, user: int, text: str = "", *, peer: int | None = None, name: str = "", **content: Any
    ) -> Json:
        """Any message: `content` as in a message's object (attachments, ref, payload, geo…)."""
        self.person(user, name)
        chat = self.chat_of(peer or user)
        chat.allowed = True
        message = self.message(chat, user, text, out=0, **content)
        client = {"button_actions": ["text", "callback"], "keyboard": True, "inline_keyboard": True,
                  "carousel": True, "lang_id": 0}  # fmt: skip
        return self.tells("message_new", {"message": message, "client_info": client})

    def sends_photo(self, user: int, content: bytes, *, text: str = "", **more: Any) -> Json:
        address = self.keep(content, "photo.jpg", "image/jpeg")
        small = {"type": "s", "width": 75, "height": 56, "url": address + "?size=s"}
        large = {"type": "w", "width": 2560, "height": 1920, "url": address}
        photo = {"id": self.object_id(), "owner_id": user, "album_id": -3, "date": int(self.now()), "text": "",
                 "has_tags": False, "access_key": "ak", "sizes": [small, large]}  # fmt: skip
        return self.writes(user, text, attachments=[{"type": "photo", "photo": photo}], **more)

    def sends_document(self, user: int, content: bytes, *, name: str, **more: Any) -> Json:
        ending = name.rpartition(".")[2]
        doc = {"id": next(self._objects), "owner_id": user, "title": name, "size": len(content), "ext": ending, "date": int(self.now()),
               "type": 1, "url": self.keep(content, name, "application/octet-stream")}  # fmt: skip
        return self.writes(user, "", attachments=[{"type": "doc", "doc": doc}], **more)

    def sends_voice(self, user: int, content: bytes) -> Json:
        address = self.keep(content, "a.ogg", "audio/ogg")
        voice = {"id": self.object_id(), "owner_id": user, "duration": 5, "waveform": [0, 3], "access_key": "ak",
                 "link_ogg": address, "link_mp3": address}  # fmt: skip
        return self.writes(user, "", attachments=[{"type": "audio_message", "audio_message": voice}])  # fmt: skip

    def edits(self, user: int, number: int, text: str) -> Json:
        message = self.chats[user].messages[number]
        message |= {"text": text, "update_time": int(self.now())}
        return self.tells("message_edit", message)

    def reacts(self, user: int, number: int, reaction: int | None) -> Json:
        told = {"reacted_id": user, "peer_id": user, "cmid": number}
        return self.tells("message_reaction_event", told | ({"reaction_id": reaction} if reaction else {}))  # fmt: skip

    def presses(self, user: int, number: int, payload: Json) -> Json:
        event = f"b{next(self._events)}"
        self.pressed[event] = False
        told = {"user_id": user, "peer_id": user, "event_id": event, "payload": payload}
        return self.tells("message_event", told | {"conversation_message_id": number})

    def allows(self, user: int, *, key: str = "") -> Json:
        self.person(user)
        self.chat_of(user).allowed = True
        return self.tells("message_allow", {"user_id": user, "key": key})

    def denies(self, user: int) -> Json:
        self.chat_of(user).allowed = False
        return self.tells("message_deny", {"user_id": user})

    def reads(self, user: int) -> Json:
        """Everything the community wrote."""
        number, message = max(self.chats[user].messages.items())
        told = {"from_id": user, "peer_id": user, "read_message_id": message["id"]}
        return self.tells("message_read", told | {"conversation_message_id": number})

    def joins(self, user: int) -> Json:
        return self.tells("group_join", {"user_id": user, "join_type": "join"})

    def answers_in_vk(self, user: int, text: str, *, admin: int = 42) -> Json:
        """A colleague, in VK's own window."""
        told = {"admin_author_id": admin, "random_id": 7_000_000 + admin}
        return self.says(self.chat_of(user), text, **told)

    # What the community does.

    def says(self, chat: Chat, text: str, **content: Any) -> Json:
        """Shows the message; returns its event."""
        message = self.message(chat, -self.number, text, out=1, **content)
        return self.tells("message_reply", message)

    def message(self, chat: Chat, author: int, text: str, *, out: int, **content: Any) -> Json:
        number = next(chat.numbers)
        own = 0 if chat.peer > CHATS else next(self._ids)
        message = {"id": own, "conversation_message_id": number, "date": int(self.now()), "peer_id": chat.peer,
                   "from_id": author, "out": out, "version": 10000000 + number, "text": text, "attachments": [],
                   "fwd_messages": [], "important": False, "is_hidden": False, "random_id": 0}  # fmt: skip
        chat.messages[number] = message | content
        return chat.messages[number]

    def tells(self, kind: str, told: Json) -> Json:
        """Queues an event of any kind, for those that want it."""
        event_id = sha1(f"{self.number}:{next(self._events)}".encode()).hexdigest()  # noqa: S324  # a name
        # A copy: later edits must not change what was said.
        event = {"group_id": self.number, "type": kind, "event_id": event_id, "v": VERSION, "object": deepcopy(told)}  # fmt: skip
        if kind in self.polled:
            self.log.append(event)
            if len(self.log) > KEPT:
                self.forget(len(self.log) - KEPT)
        for server in self.servers.values():
            if kind in server.events and server.status == "ok":
                own = event | ({"secret": server.secret} if server.secret else {})
                server.waiting.append((own, 0))
        self.changed()
        return event

    # Long Poll's troubles.

    def forget(self, events: int) -> None:
        """Failed 1 for those who ask from before."""
        self.log = self.log[events:]
        self.forgotten += events

    def expire_key(self) -> None:
        """Failed 2."""
        self.key = f"key{next(self._events)}"
        self.changed()

    def lose_place(self) -> None:
        """Failed 3: what has not been fetched yet is not told any more."""
        self.lost.add(self.key)
        self.forget(len(self.log))
        self.expire_key()

    def keep(self, content: bytes, name: str, mime: str) -> str:
        """The file's address."""
        key = sha1(f"{self.number}:{next(self._objects)}".encode()).hexdigest()  # noqa: S324  # a name
        self.files[key] = File(name, content, mime)
        return f"{self.base()}/files/{self.number}/{key}"

    def object_id(self) -> int:
        return int(next(self._objects))

    def add_server(self, url: str, title: str, secret: str) -> Server:
        server = Server(next(self._servers), url, title, secret)
        self.servers[server.id] = server
        return server

    # What communities did.

    def times(self, text: str, peer: int | None = None) -> int:
        """How often the person sees these words: 1 is what it should be."""
        return sum(1 for each in self.sent if each.text == text and peer in {None, each.peer})
