"""The words in which colleagues ask for something, shared by whoever asks (pages, API, command line) and whoever does it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

Presence = Literal["here", "away", "off"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """A file for a reply, already in the media store. `size` in bytes."""

    sha256: str
    name: str
    mime: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MacroRun:
    """A macro that was run: the reply it sent, if it sends one. `undone`: it was taken back since."""

    id: UUID
    message: UUID | None
    undone: bool


class NotFound(Exception):
    """There is no such thing."""


class Refused(Exception):
    """The rules do not allow it; the text says why, for the person who asked."""


class StepRefused(Refused):
    """A step of a macro could not be done, and so nothing of it was. `step` 0 is the reply, 1 the first step."""

    def __init__(self, step: int, why: str) -> None:
        super().__init__(why)
        self.step = step


class AnsweredMeanwhile(Exception):
    """A colleague has answered since the author looked: ask whether to send it all the same.

    `seq` is of that answer: sent again as seen, the reply goes. `name` may be "".
    """

    def __init__(self, *, seq: int, name: str, at: datetime, words: str = "") -> None:
        super().__init__(f"answered by {name or 'somebody'} at {at}")
        self.seq = seq
        self.name = name
        self.at = at
        self.words = words
        """The first of what they wrote."""


BulkKind = Literal[
    "assign", "label", "unlabel", "resolve", "reopen", "snooze", "spam", "read", "unread"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkChange:
    """One thing to do to many conversations. "assign" takes a manager or a team, or neither (back into the queue);
    "snooze" takes `until`, None: until the customer writes.
    """

    kind: BulkKind
    manager: UUID | None = None
    team: UUID | None = None
    label: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """`name` is of the person it is with; `reason` is a sentence."""

    conversation: UUID
    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkOutcome:
    """`done` also counts what was so already."""

    done: int
    skipped: tuple[Skipped, ...] = ()
