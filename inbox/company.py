"""Who else is at a conversation right now: what colleagues' pages say of themselves, kept in memory for seconds.

    a page's heartbeat ──▶ /conversations/{id}/looking ──▶ gesture, broadcast to every process ──▶ Company.hear ──▶ a hint

Nothing is stored, and nobody has to take leave: who is not heard of again is forgotten. A process that has just begun
knows of everybody after one heartbeat.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from router.facts import Looking

LOOKS_FOR: Final = timedelta(seconds=50)
"""Twice the heartbeat of `presence.js`, and a little for the way."""
WRITES_FOR: Final = timedelta(seconds=6)
"""Twice as long as a writing page waits before it says so again."""
SAID_EVERY: Final = timedelta(seconds=2)
"""Of one page's claims that change nothing, not more are passed on; three seconds is what an honest one keeps."""
MOST: Final = 20_000
"""Pairs of a person and a conversation remembered; beyond, whoever was heard of longest ago is forgotten."""


@dataclass(slots=True)
class _Seen:
    looks_until: datetime
    writes_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    user: UUID
    writes: bool
    for_seconds: float
    """After which this is no longer so, unless it is said again."""


class Company:
    def __init__(self) -> None:
        self._seen: dict[tuple[UUID, UUID], _Seen] = {}
        self._said: dict[tuple[UUID, UUID], tuple[str, datetime]] = {}

    def hear(self, looking: Looking) -> bool:
        """Whether there is something to tell: somebody came, began to write, stopped or left."""
        if looking.conversation is None or looking.by is None:
            return False
        pair, at = (looking.conversation, looking.by), looking.at
        before = self._seen.pop(pair, None)
        looked = before is not None and before.looks_until > at
        wrote = before is not None and before.writes_until > at
        if looking.what == "left":
            return looked
        writes = looking.what == "writes"
        self._seen[pair] = _Seen(at + LOOKS_FOR, at + WRITES_FOR if writes else at)
        while len(self._seen) > MOST:
            del self._seen[next(iter(self._seen))]
        return not looked or wrote != writes

    def stopped_writing(self, conversation: UUID, user: UUID, *, now: datetime) -> bool:
        """Their answer is there: they write no more."""
        seen = self._seen.get((conversation, user))
        if seen is None or seen.writes_until <= now:
            return False
        seen.writes_until = now
        return True

    def at(self, conversation: UUID, *, now: datetime, but: UUID) -> list[Present]:
        """Those who look at it, in the order in which they were heard of."""
        return [
            Present(
                user=user,
                writes=seen.writes_until > now,
                for_seconds=(
                    (seen.writes_until if seen.writes_until > now else seen.looks_until) - now
                ).total_seconds(),
            )
            for (where, user), seen in self._seen.items()
            if where == conversation and user != but and seen.looks_until > now
        ]

    def is_worth_saying(self, conversation: UUID, user: UUID, what: str, *, now: datetime) -> bool:
        """The limit of one person's claims about one conversation, in the process that takes them."""
        before = self._said.pop((conversation, user), None)
        worth = before is None or before[0] != what or now - before[1] >= SAID_EVERY
        self._said[conversation, user] = (what, now) if worth or before is None else before
        while len(self._said) > MOST:
            del self._said[next(iter(self._said))]
        return worth
