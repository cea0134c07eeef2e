"""The part of the records that a batch of events may touch, in memory, with its changes.

`storage.world` loads it with a handful of set-based queries and saves what changed with a handful of statements, in
one transaction. In between, plain synchronous Python decides. Whoever changes a record tells the world by `change`,
whoever makes one adds it by `add`; what happened is said by `tell`, in the words of `router.facts`.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from router.facts import Fact
from router.ids import new_id
from router.message import Accepted
from router.records import (
    AccountPolicy,
    Call,
    Callback,
    CallLeg,
    CallRequest,
    Contact,
    Conversation,
    Identity,
    Lead,
    Manager,
    Pipeline,
    StoredMessage,
    Team,
    Touch,
    Tracks,
    UpTo,
)

R = TypeVar("R")


class NeedsColleagues(Exception):
    """An assignment must be decided, and teams and managers were not loaded (and locked): load again with them."""


class World:
    """See the module. Attributes up to `pipeline` are what was loaded; the rest is what changed."""

    def __init__(self, *, now: datetime) -> None:
        self.now = now
        self.accounts: dict[UUID, AccountPolicy] = {}
        self.teams: dict[UUID, Team] | None = None
        self.managers: dict[UUID, Manager] | None = None
        self.identities: dict[tuple[str, str], Identity] = {}
        self.shared_keys: set[tuple[str, str]] = set()
        self.claimants: dict[tuple[str, str], set[UUID]] = {}
        self.contacts: dict[UUID, Contact] = {}
        self.never_merge: set[frozenset[UUID]] = set()
        self.ask_before_merge = False
        self.conversations: dict[UUID, Conversation] = {}
        self.by_chat: dict[tuple[UUID, str], Conversation] = {}
        self.same_chat: dict[tuple[UUID, str], UUID] = {}
        """Chats under another name of their person (`Chat.of`)."""
        self.unanswered: dict[UUID, StoredMessage] = {}
        """Replies whose sending had no answer, by our own name for them."""
        self.by_thread: dict[tuple[UUID, str], UUID] = {}
        self.open_leads: dict[UUID, Lead] = {}
        self.last_closed: dict[UUID, datetime] = {}
        self.touches: dict[UUID, list[Touch]] = defaultdict(list)
        self.visitor_touches: dict[UUID, list[Touch]] = defaultdict(list)
        self.tracks = Tracks()
        self.stored: dict[tuple[UUID, str], StoredMessage] = {}
        self.waiting: dict[tuple[UUID, str], list[Accepted]] = {}
        self.told_away: set[UUID] = set()
        """Contacts who have lately been told that nobody is there."""
        self.calls: dict[tuple[UUID, str], Call] = {}
        self.legs: dict[UUID, dict[str, CallLeg]] = defaultdict(dict)
        self.call_requests: list[CallRequest] = []
        self.callbacks: dict[UUID, Callback] = {}
        """Open ones, by contact; of contacts that calls are about."""
        self.talked_at: dict[UUID, datetime] = {}  # to a contact by telephone, the last time
        self.extensions: dict[str, UUID] = {}
        self.pipeline: Pipeline | None = None

        self.new: dict[type, list[Any]] = defaultdict(list)
        self.changed: dict[type, dict[UUID, Any]] = defaultdict(dict)
        self.facts: list[Fact] = []
        self.outcomes: dict[tuple[UUID, str], str] = {}
        self.became: dict[tuple[UUID, str], UUID] = {}
        """The call that an event is part of."""
        self.to_wait: list[tuple[str, Accepted]] = []
        self.settled: set[tuple[UUID, str]] = set()
        self.ended_assignments: set[UUID] = set()
        self.turns: dict[tuple[UUID, UUID], int] = {}
        self.read_up_to: list[UpTo] = []
        self.failures_moved: set[UUID] = set()
        """Conversations of which a reply has failed, or has not failed after all."""
        self.linked_visitors: dict[UUID, UUID] = {}
        self._new_ids: set[int] = set()

    # Ids are made here, so that a test can see that one event makes one record.
    new_id = staticmethod(new_id)

    def add(self, record: R) -> R:
        """A record that is not in the database yet."""
        self.new[type(record)].append(record)
        self._new_ids.add(id(record))
        match record:
            case Contact():
                self.contacts[record.id] = record
            case Identity() if record.proved and not record.shared:
                self.identities[record.kind, record.value] = record
            case Conversation():
                self.conversations[record.id] = record
                self.by_chat[record.account_id, record.chat] = record
            case Lead() if record.status == "open":
                self.open_leads[record.contact_id] = record
            case Touch() if record.contact_id is not None:
                self.touches[record.contact_id].append(record)
            case Call():
                self.calls[record.account_id, record.key] = record
            case CallLeg():
                self.legs[record.call_id][record.key] = record
            case Callback():
                self.callbacks[record.contact_id] = record
            case _:
                pass
        return record

    def change(self, record: Any) -> None:
        """The record was changed and must be saved; a new one is saved anyway."""
        if id(record) not in self._new_ids:
            self.changed[type(record)][record.id] = record

    def note(self, accepted: Accepted, outcome: str) -> None:
        """What became of the event, when it was not simply stored."""
        self.outcomes[accepted.account, accepted.event.key] = outcome

    def tell(self, fact: Fact) -> None:
        self.facts.append(fact)

    # What was loaded, seen through merges and through what the batch itself did.

    def contact(self, contact_id: UUID) -> Contact:
        """The contact, or the one it was merged into."""
        found = self.contacts[contact_id]
        return self.contacts[found.merged_into] if found.merged_into is not None else found

    def policy(self, account_id: UUID) -> AccountPolicy:
        return self.accounts[account_id]

    def colleagues(self) -> tuple[dict[UUID, Team], dict[UUID, Manager]]:
        """Raises NeedsColleagues."""
        if self.teams is None or self.managers is None:
            raise NeedsColleagues
        return self.teams, self.managers

    def load_contacts(self, contacts: Iterable[Contact]) -> None:
        for contact in contacts:
            self.contacts[contact.id] = contact

    def load_conversations(self, conversations: Iterable[Conversation]) -> None:
        for conversation in conversations:
            self.conversations[conversation.id] = conversation
            self.by_chat[conversation.account_id, conversation.chat] = conversation
        for named, conversation_id in self.same_chat.items():
            if conversation_id in self.conversations:
                self.by_chat.setdefault(named, self.conversations[conversation_id])

    def all_of(self, kind: type[R]) -> list[R]:
        """New records of a kind, in the order they were made."""
        return self.new[kind]
