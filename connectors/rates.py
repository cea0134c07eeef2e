"""How often a visitor or an address may do a thing, and how long to wait when it was too often.

The generic cell rate algorithm (ITU-T I.371): one number per key, exact waiting times, nothing that runs by itself.
Counted in this process: with several of them behind a balancer a limit is that many times larger, which still bounds.
"""

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

MOST_KEYS: Final = 50_000
"""A flood of addresses forgets the oldest instead of filling the memory."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` in `seconds` on average, `burst` at once."""

    count: float
    seconds: float
    burst: int


class Rates:
    def __init__(self) -> None:
        self._due: OrderedDict[tuple[str, str], float] = OrderedDict()

    def peek(self, what: str, who: str, rate: Rate, *, now: float) -> float:
        """As `take`, and nothing is counted."""
        interval = rate.seconds / rate.count
        wait = max(self._due.get((what, who), now), now) - now - interval * (rate.burst - 1)
        # Less than a rounding of the clock is no reason to send somebody away.
        return wait if wait > 1e-6 else 0

    def take(self, what: str, who: str, rate: Rate, *, now: float) -> float:
        """0 when it may be done, and it is counted; else the seconds to wait."""
        if wait := self.peek(what, who, rate, now=now):
            return wait
        due = max(self._due.get((what, who), now), now)
        self._due[what, who] = due + rate.seconds / rate.count
        self._due.move_to_end((what, who))
        if len(self._due) > MOST_KEYS:
            self._due.popitem(last=False)
        return 0


def network(remote: str) -> str:
    """What one subscriber holds: an IPv4 address, or an IPv6 /64."""
    try:
        address = ip_address(remote)
    except ValueError:
        return remote
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return address.exploded[:19]
    return remote
