"""What Telegram knows: bots, their chats, messages and files; and what people do there.

Every deed of a person becomes an update for the bot, as the Bot API describes it. A chat's id is its person's; groups
have negative ones. Message ids count within the chat.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from sandbox.telegram.limits import Limits, Meter

Json = dict[str, Any]

EXPLICIT_ONLY: Final = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
"""Not sent unless named in allowed_updates (Bot API, getUpdates)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What a bot sent and the person sees. `text` is the caption of files."""

    chat: int
    message_id: int
    method: str
    text: str = ""
    files: tuple[str, ...] = ()
    reply_to: int | None = None
    business: str = ""


@dataclass(slots=True)
class Chat:
    id: int
    about: Json
    person: Json | None = None
    blocked: bool = False
    moved_to: int | None = None
    messages: dict[int, Json] = field(default_factory=dict)
    numbers: Any = field(default_factory=lambda: count(1))


@dataclass(slots=True)
class File:
    path: str
    content: bytes


@dataclass(slots=True)
class Webhook:
    url: str
    secret: str = ""
    max_connections: int = 40
    last_error: str = ""


@dataclass(slots=True)
class Bot:
    """One bot and its side of Telegram. `changed` is called whenever there is something new to deliver."""

    token: str
    username: str
    now: Callable[[], float]
    changed: Callable[[], None]
    limits: Limits = field(default_factory=Limits)
    first_update: int = 870_001
    first_message: int = 1
    """Of every chat. Both go on where an earlier stand-in ended, for a bot that remembers it."""
    webhook: Webhook | None = None
    allowed: frozenset[str] = frozenset()
    pending: list[Json] = field(default_factory=list)
    sent: list[Delivered] = field(default_factory=list)
    edited: list[tuple[int, int, str]] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    actions: list[tuple[int, str]] = field(default_factory=list)
    chats: dict[int, Chat] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    meter: Meter = field(init=False)
    _updates: Any = field(init=False)
    _uniques: Any = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.meter = Meter(self.limits)
        self._updates = count(self.first_update)

    @property
    def me(self) -> Json:
        return {
            "id": int(self.token.partition(":")[0]),
            "is_bot": True,
            "first_name": self.username,
            "username": self.username,
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
        }

    def chat_of(self, user: int, *, name: str = "") -> Chat:
        """The person's private chat with the bot; the first deed in it opens it."""
        chat = self.chats.get(user)
        if chat is None:
            first = name or f"U{user}"
            person = {"id": user, "is_bot": False, "first_name": first, "language_code": "ru"}
            about = {"id": user, "type": "private", "first_name": first}
            chat = self.chats[user] = Chat(user, about, person, numbers=count(self.first_message))
        return chat

    def group(self, number: int, title: str) -> Chat:
        """`number` negative; -100… for a supergroup."""
        kind = "supergroup" if str(number).startswith("-100") else "group"
        chat = Chat(number, {"id": number, "type": kind, "title": title})
        self.chats[number] = chat
        return chat

    # What people do. Each returns the update.

    def writes(self, user: int, text: str, *, name: str = "", **more: Any) -> Json:
        return self.posts(user, {"text": text} | more, name=name)

    def starts(self, user: int, payload: str = "", *, name: str = "") -> Json:
        entity = {"type": "bot_command", "offset": 0, "length": 6}
        return self.writes(user, f"/start {payload}".strip(), name=name, entities=[entity])

    def posts(
        self,
        user: int,
        content: Json,
        *,
        name: str = "",
        chat: Chat | None = None,
        kind: str = "message",
    ) -> Json:
        """Any message: `content` as in the Bot API."""
        private = self.chat_of(user, name=name)
        where = chat or private
        number = next(where.numbers)
        message = {
            "message_id": number,
            "date": int(self.now()),
            "chat": where.about,
            "from": private.person,
        } | content
        where.messages[number] = message
        return self.update(kind, message)

    def sends_photo(self, user: int, content: bytes, *, caption: str = "", **more: Any) -> Json:
        size = {"width": 1280, "height": 960} | self.keep(content, "photos", "jpg")
        small = {"width": 90, "height": 67} | self.keep(content[:100], "photos", "jpg")
        words = {"caption": caption} if caption else {}
        return self.posts(user, {"photo": [small, size]} | words | more)

    def sends_document(self, user: int, content: bytes, *, name: str, mime: str = "") -> Json:
        file = self.keep(content, "documents", name.rpartition(".")[2]) | {"file_name": name}
        return self.posts(user, {"document": file | ({"mime_type": mime} if mime else {})})

    def shares_contact(self, user: int, phone: str, *, owner: int | None = None) -> Json:
        """`owner`: whose card it is, when it is somebody else's."""
        card: Json = {"phone_number": phone, "first_name": "Card"}
        return self.posts(user, {"contact": card | {"user_id": user if owner is None else owner}})

    def edits(self, user: int, number: int, text: str) -> Json:
        chat = self.chats[user]
        chat.messages[number] |= {"text": text, "edit_date": int(self.now())}
        return self.update("edited_message", chat.messages[number])

    def presses(self, user: int, number: int, data: str) -> Json:
        chat = self.chats[user]
        query = {
            "id": f"q{next(self._uniques)}",
            "from": chat.person,
            "message": chat.messages[number],
            "chat_instance": str(-user),
            "data": data,
        }
        return self.update("callback_query", query)

    def reacts(self, user: int, number: int, emoji: str) -> Json:
        chat = self.chats[user]
        reactions = [{"type": "emoji", "emoji": emoji}] if emoji else []
        change = {"chat": chat.about, "message_id": number, "user": chat.person}
        change |= {"date": int(self.now()), "old_reaction": [], "new_reaction": reactions}
        return self.update("message_reaction", change)

    def blocks(self, user: int, *, blocked: bool = True) -> Json:
        chat = self.chat_of(user)
        chat.blocked = blocked
        states = (
            {"status": "member", "user": self.me},
            {"status": "kicked", "user": self.me, "until_date": 0},
        )
        old, new = states if blocked else reversed(states)
        change = {"chat": chat.about, "from": chat.person, "date": int(self.now())}
        return self.update(
            "my_chat_member", change | {"old_chat_member": old, "new_chat_member": new}
        )

    def migrates(self, group: int, to: int) -> tuple[Json, Json]:
        """A group becomes a supergroup: two service messages, and the old id is refused from now on."""
        old = self.chats[group]
        new = self.group(to, old.about["title"])
        old.moved_to = to
        first = self.posts(1, {"migrate_to_chat_id": to}, chat=old)
        return first, self.posts(1, {"migrate_from_chat_id": group}, chat=new)

    def update(self, kind: str, told: Json) -> Json:
        """Queues an update of any kind, unless the bot does not want it."""
        update = {"update_id": next(self._updates), kind: told}
        wanted = kind in self.allowed if self.allowed else kind not in EXPLICIT_ONLY
        if wanted:
            # A copy: later edits must not change what was said.
            self.pending.append({"update_id": update["update_id"], kind: dict(told)})
            self.changed()
        return update

    def keep(self, content: bytes, folder: str, ending: str) -> Json:
        unique = next(self._uniques)
        file_id = f"AgAC{unique}"
        self.files[file_id] = File(f"{folder}/file_{unique}.{ending}", content)
        return {"file_id": file_id, "file_unique_id": f"AQAD{unique}", "file_size": len(content)}

    # What bots did.

    def times(self, text: str, chat: int | None = None) -> int:
        """How often the person sees these words: 1 is what it should be."""
        return sum(1 for each in self.sent if each.text == text and chat in {None, each.chat})
