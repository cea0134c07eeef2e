"""What we and a platform said to each other, for the person who wonders why nothing arrives.

Not the messages (those are kept elsewhere): refused requests, failed calls, what `connect` arranged, a conflict with
another program. Secrets are struck out here, so that no writer has to remember. A sink writes it; storage has one.
Somebody who sends forged requests all day must not fill the disk: what repeats is noted once in a while, with a count.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol
from uuid import UUID

from connectors.connector import Account, Connector

STRUCK_OUT: Final = "•••"
REPEATS_AFTER: Final = timedelta(minutes=1)
DETAIL_LIMIT: Final = 2000
_REMEMBERED: Final = 4096

Level = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line. `direction` is "in" for what the platform said to us; `what` a few stable words, `detail` the rest."""

    account: UUID
    at: datetime
    direction: Literal["in", "out"]
    what: str
    level: Level = "info"
    detail: str = ""


class Sink(Protocol):
    def write(self, entry: Entry) -> None:
        """Takes the entry and returns at once; it may be lost when the process dies."""


def strike_out(text: str, secrets: Iterable[str]) -> str:
    """`text` with every secret replaced, the longest first, so that one inside another leaves no rest."""
    for secret in sorted({each for each in secrets if len(each) >= 4}, key=len, reverse=True):
        text = text.replace(secret, STRUCK_OUT)
    return text


def secrets_of(account: Account, connector: Connector) -> tuple[str, ...]:
    return tuple(account[name] for name in sorted(connector.secrets) if account[name])


@dataclass(slots=True)
class ChannelLog:
    """Strikes out and thins out, then hands on to the sink."""

    sink: Sink
    now: Callable[[], datetime]
    _seen: dict[tuple[UUID, str, str], tuple[datetime, int]] = field(default_factory=dict)

    def note(
        self,
        account: Account,
        connector: Connector,
        what: str,
        *,
        direction: Literal["in", "out"] = "out",
        level: Level = "info",
        detail: str = "",
    ) -> None:
        now = self.now()
        detail = strike_out(detail, secrets_of(account, connector))[:DETAIL_LIMIT]
        key = (account.id, what, detail)
        written, held_back = self._seen.get(key, (None, 0))
        if written is not None and now - written < REPEATS_AFTER:
            self._seen[key] = (written, held_back + 1)
            return
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
        self._seen[key] = (now, 0)
        if held_back:
            detail = f"{detail} (and {held_back} more since {written:%H:%M:%S})".strip()
        self.sink.write(
            Entry(
                account=account.id,
                at=now,
                direction=direction,
                what=what,
                level=level,
                detail=detail,
            )
        )
