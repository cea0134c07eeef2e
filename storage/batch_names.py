"""What a batch of events names: chats, keys, messages, calls. Nothing is read here; `storage.world_loading` asks for it."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from router import receipts
from router.intake import second_id
from router.message import (
    Accepted,
    CallReported,
    ContactShared,
    DeliveryReported,
    Event,
    InboundMessage,
    Key,
    MessageDeleted,
    MessageEdited,
    ReactionChanged,
)
from router.world import World


class BatchNames:
    """What a batch of events names."""

    def __init__(self, batch: Sequence[Accepted]) -> None:
        self.chats: set[tuple[UUID, str]] = set()
        self.keys: set[tuple[str, str]] = set()
        self.messages: set[tuple[UUID, str]] = set()
        self.visitors: set[UUID] = set()
        self.about: list[tuple[UUID, str, str, str]] = []
        self.calls: set[tuple[UUID, str]] = set()
        self.initiated: set[str] = set()
        self.arriving: set[tuple[UUID, str]] = set()
        self.together: list[tuple[Key, ...]] = []
        self.sources: list[tuple[tuple[UUID, str], tuple[Key, ...]]] = []
        self.names: dict[tuple[UUID, str], tuple[str, set[str]]] = {}
        """Of chats that are named after their person: the kind of key, and the names the events give."""
        self.own: set[UUID] = set()
        for accepted in batch:
            account, event = accepted.account, accepted.event
            self._chat(account, event)
            self._whose(accepted.channel, event)
            match event:
                case InboundMessage():
                    self._message(account, event)
                case ContactShared():
                    self.arriving.add((account, event.external_id))
                    self._keys(event.phones)
                case CallReported():
                    self.calls.add((account, event.call))
                    self.initiated.add(event.initiated)
                    self._source(account, event)
                case MessageEdited() | MessageDeleted() | ReactionChanged() | DeliveryReported():
                    for each in receipts.targets(event):
                        self.messages.add((account, each))
                        self.about.append((account, event.chat.id, each, ""))
                    self.own |= receipts.own_ids(event)
                case _:
                    pass
        self.messages |= self.arriving

    def _message(self, account: UUID, event: InboundMessage) -> None:
        self.arriving |= {(account, each) for each in (event.external_id, second_id(event))}
        self.messages.update((account, each) for each in event.thread)
        if event.reply_to is not None:
            self.messages.add((account, event.reply_to.external_id))
        self._source(account, event)
        if event.direction == "out":
            self.about.append((account, event.chat.id, event.external_id, event.sent_as))

    def with_sources(self, world: World) -> set[UUID]:
        """The contacts whose touches matter now: those of events that carry a source."""
        found = set()
        for chat, keys in self.sources:
            conversation = world.by_chat.get(chat)
            if conversation is not None:
                found.add(conversation.contact_id)
            for key in keys:
                identity = world.identities.get((key.kind, key.value))
                if identity is not None:
                    found.add(identity.contact_id)
        return found

    def _whose(self, channel: str, event: Event) -> None:
        if event.sender is not None:
            self._keys(event.sender.keys)
            extra = event.phones if isinstance(event, ContactShared) else ()
            if len(event.sender.keys) + len(extra) > 1:
                self.together.append((*event.sender.keys, *extra))
        if (
            event.chat.kind != "private"
            or event.sender is None
            or getattr(event, "direction", "in") == "out"
        ):
            self.keys.add((f"{channel}_chat", event.chat.id))

    def _source(self, account: UUID, event: InboundMessage | CallReported) -> None:
        if event.source is not None:
            self.sources.append(
                ((account, event.chat.id), event.sender.keys if event.sender is not None else ())
            )

    def _chat(self, account: UUID, event: Event) -> None:
        chat = event.chat
        self.chats.add((account, chat.id))
        if not chat.of:
            return
        _, names = self.names.setdefault((account, chat.id), (chat.of, {chat.id}))
        if event.sender is not None:
            names.update(key.value for key in event.sender.keys if key.kind == chat.of)

    def _keys(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self.keys.add((key.kind, key.value))
            if key.kind == "visitor":
                self.visitors.add(UUID(key.value))
