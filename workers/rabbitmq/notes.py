"""What we and RabbitMQ write on a message's envelope: attempts so far, and how it died."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from router.transit import Death

ATTEMPTS: Final = "allo-attempts"
DIED_IN: Final = "allo-died-in"
REASON: Final = "allo-reason"
DIED_AFTER: Final = "allo-died-after"

REASON_LIMIT: Final = 2000
"""Characters. All headers of a message must fit one AMQP frame (128 KB)."""


@dataclass(frozen=True, slots=True)
class Notes:
    attempts: int = 0
    death: Death | None = None

    def as_headers(self) -> dict[str, Any] | None:
        headers: dict[str, Any] = {}
        if self.attempts:
            headers[ATTEMPTS] = self.attempts
        if self.death:
            headers[DIED_IN] = self.death.queue
            headers[REASON] = self.death.reason[:REASON_LIMIT]
            headers[DIED_AFTER] = self.death.attempts
        return headers or None


def attempt(headers: Mapping[str, Any]) -> int:
    """Which delivery this is, from 1: those before our retries, plus the returns the quorum queue counted since."""
    return number(headers, ATTEMPTS) + number(headers, "x-delivery-count") + 1


def death(headers: Mapping[str, Any], *, attempts: int, prefix: str) -> Death | None:
    """How a message got among the dead: buried by us, or by the broker, which gives up after `attempts` deliveries.

    RabbitMQ: "x-death" lists the dead-letterings, the newest first.
    """
    if DIED_IN in headers:
        return Death(
            queue=str(headers[DIED_IN]),
            reason=str(headers.get(REASON, "")),
            attempts=number(headers, DIED_AFTER),
        )
    lettered = headers.get("x-death")
    if not isinstance(lettered, list) or not lettered:
        return None
    newest = lettered[0]
    return Death(
        queue=str(newest.get("queue", "")).removeprefix(prefix),
        reason=f"{newest.get('reason', 'unknown')}: its consumers went away without settling it",
        attempts=number(headers, ATTEMPTS) + attempts,
    )


def number(headers: Mapping[str, Any], name: str) -> int:
    value = headers.get(name)
    return value if isinstance(value, int) else 0
