"""Whom a fact concerns, and how each of them wants to be told.

A notice is about a subject, once: a message is about its conversation, so that a hundred messages are one notice that
becomes news again; what else happened is about itself. So the same facts give the same notices, however often and in
whatever order they are told.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Literal
from uuid import UUID, uuid5

from router.facts import (
    Assigned,
    ChannelChanged,
    DeliveryChanged,
    Fact,
    LeadChanged,
    MessageReceived,
    NoteAdded,
    TaskChanged,
)
from router.working_hours import is_open


@dataclass(frozen=True, slots=True)
class Wish:
    """Where somebody wants to learn of it: in the list under the bell; on the desktop, with a sound; in a closed browser."""

    in_app: bool
    desktop: bool
    push: bool


KINDS: Final[Mapping[str, Wish]] = MappingProxyType(
    {
        "assigned": Wish(True, True, True),
        "message": Wish(True, True, True),
        "unassigned": Wish(False, False, False),
        "mention": Wish(True, True, True),
        "failed": Wish(True, True, False),
        "task": Wish(True, True, True),
        "lead": Wish(True, True, False),
        "waiting": Wish(True, True, False),
        "channel": Wish(True, False, False),
    }
)
"""In the order in which people are asked about them, each as it is until somebody wishes otherwise."""

ABOUT_MESSAGES: Final = frozenset(
    {"assigned", "message", "unassigned", "mention", "failed", "waiting"}
)
"""For those only who may read what customers write."""
MUTED: Final = frozenset({"message", "unassigned", "waiting"})
"""Of a conversation that somebody has muted they hear no more; what a person says to them they do."""

Everyone = Literal["", "team", "admins", "author"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """`user` is told; or, without one, everyone whom `everyone` names (of the team, or the message's author)."""

    kind: str
    subject: UUID
    at: datetime
    user: UUID | None = None
    everyone: Everyone = ""
    seq: int = 0
    """It is news again when this is higher than before."""
    team: UUID | None = None
    message: UUID | None = None
    assignment: UUID | None = None
    conversation: UUID | None = None
    contact: UUID | None = None
    lead: UUID | None = None
    task: UUID | None = None
    account: UUID | None = None
    by: UUID | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """When a team works, as `router.working_hours` has it."""

    hours: Mapping[str, Any] | None
    zone: str
    holidays: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How somebody is told, whatever it is about. `quiet`: never, team (outside the hours of all their teams), own."""

    sound: bool = True
    push_text: bool = False
    quiet: str = "never"
    quiet_from: str = "20:00"
    quiet_to: str = "09:00"
    time_zone: str = ""

    def is_quiet(self, now: datetime, *, teams: Sequence[Hours], zone: str) -> bool:
        """Whether they are left in peace now; `zone` is the installation's, for whoever has named none."""
        if self.quiet == "own":
            # Equal ends would be a shift of a whole day: nobody means to be told nothing at all by that.
            if self.quiet_from == self.quiet_to:
                return False
            every_day = [[self.quiet_from, self.quiet_to]]
            hours = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), every_day)
            return is_open(hours, self.time_zone or zone, frozenset(), now)
        if self.quiet == "team" and teams:
            return not any(is_open(each.hours, each.zone, each.holidays, now) for each in teams)
        return False


def concerned(fact: Fact) -> Iterator[Notice]:
    """Who learns of it. Nobody is told what they did themselves."""
    match fact:
        # The first message comes with the assignment that tells of it.
        case MessageReceived(direction="in", conversation=UUID() as talk, seq=seq) if seq > 1:
            if fact.manager is not None:
                yield _of(fact, "message", talk, seq=seq, user=fact.manager)
            else:
                yield _of(fact, "unassigned", talk, seq=seq, everyone="team", team=fact.team)
        case Assigned(manager=None, assignment=id_):
            yield _of(fact, "unassigned", id_, everyone="team", team=fact.team)
        case NoteAdded():
            for each in fact.mentions:
                if each != fact.by:
                    yield _of(fact, "mention", fact.message, user=each, message=fact.message)
        case DeliveryChanged(state="failed", message=message, reason=reason):
            why = {"reason": reason}
            yield _of(fact, "failed", fact.id, everyone="author", message=message, details=why)
        case ChannelChanged(what="silent" | "broken" as what):
            yield _of(fact, "channel", fact.id, everyone="admins", details={"what": what})
        case _ if fact.manager is not None and fact.manager != fact.by:
            yield from _given(fact, fact.manager)
        case _:
            return


def _given(fact: Fact, manager: UUID) -> Iterator[Notice]:
    """Somebody has to do it now."""
    match fact:
        case Assigned():
            id_ = fact.assignment
            yield _of(fact, "assigned", id_, user=manager, assignment=id_)
        case LeadChanged(what="manager", by=UUID()):
            yield _of(fact, "lead", fact.id, user=manager, lead=fact.lead)
        case TaskChanged(what="opened" | "joined" | "changed"):
            given = {"what": "given"}
            yield _of(fact, "task", fact.task, user=manager, task=fact.task, details=given)
        case _:
            return


def reminder_of(task: UUID, due: datetime) -> UUID:
    """The subject of one reminder of the task: the same moment reminds once."""
    return uuid5(task, due.isoformat())


def wait_of(conversation: UUID, since: datetime) -> UUID:
    """The subject of one broken promise: who writes again after an answer waits anew."""
    return uuid5(conversation, since.isoformat())


def ailment_of(ad_account: UUID, since: datetime) -> UUID:
    """The subject of one time that an advertising account is out of order."""
    return uuid5(ad_account, since.isoformat())


def _of(fact: Fact, kind: str, subject: UUID, **more: Any) -> Notice:
    return Notice(
        kind=kind,
        subject=subject,
        at=fact.at,
        conversation=fact.conversation,
        contact=fact.contact,
        account=fact.account,
        by=fact.by,
        **more,
    )
