"""What travels between processes: the words that both brokers speak.

They are here, below storage and workers alike, because the queue in PostgreSQL is storage's and the port is the
workers'. Nothing here decides anything.
"""

from dataclasses import dataclass
from typing import Final

BROADCAST_LIMIT: Final = 7 * 1024
"""Bytes. PostgreSQL: a NOTIFY payload must be shorter than 8000 bytes; both brokers keep to it."""


class BrokerDown(Exception):
    """The broker cannot be reached or did not confirm: nothing may be taken as published."""


@dataclass(frozen=True, slots=True)
class Death:
    """Why a message lies in the queue of the dead: where it was, what was said of it, after how many deliveries."""

    queue: str
    reason: str
    attempts: int


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """One broker message. `attempt` counts from 1; `tag` belongs to the implementation.

    `death` is there on what comes from the queue of the dead, and nowhere else.
    """

    queue: str
    body: bytes
    attempt: int
    tag: object
    death: Death | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    queue: str
    body: bytes


def checked_broadcast(body: bytes) -> bytes:
    """`body`, when it may be broadcast. An empty one means "catch up" to a listener, so nobody may send it."""
    if not body or len(body) > BROADCAST_LIMIT:
        raise ValueError(f"a broadcast is 1 to {BROADCAST_LIMIT} bytes, not {len(body)}")
    return body
