"""How often a community may call: 20 methods in any second (dev.vk.com, Getting started). More is answered error 6."""

from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """None: no limit."""

    rate: int | None = 20


@dataclass(slots=True)
class Meter:
    """Of one community. Remembers how many calls one second has seen, and how often it had to say no."""

    limits: Limits
    refused: int = 0
    most: int = 0
    _calls: deque[float] = field(default_factory=deque)

    def allows(self, now: float) -> bool:
        while self._calls and self._calls[0] <= now - 1:
            self._calls.popleft()
        if self.limits.rate is not None and len(self._calls) >= self.limits.rate:
            self.refused += 1
            return False
        self._calls.append(now)
        self.most = max(self.most, len(self._calls))
        return True
