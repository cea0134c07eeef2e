"""How platforms measure that somebody is too fast: by a bucket that fills, or by what the last seconds have seen."""

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Bucket:
    """Holds `burst` at most, as it does at first, and fills at `rate` a second."""

    rate: float
    burst: float
    level: float = -1.0
    at: float = 0.0

    def take(self, now: float) -> float:
        """0 when there was one to take, or else the seconds until there is."""
        if self.level < 0:
            self.level = self.burst
        else:
            self.level = min(self.burst, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level >= 1:
            self.level -= 1
            return 0.0
        return (1 - self.level) / self.rate


@dataclass(slots=True)
class Window:
    """At most `limit` things (None: any number) in any `seconds`.

    Remembers how often it had to say no, and the `most` that one window has seen.
    """

    limit: int | None
    seconds: float
    refused: int = 0
    most: int = 0
    _taken: deque[float] = field(default_factory=deque)

    def take(self, now: float) -> float:
        """0, or the seconds until there is room."""
        while self._taken and now - self._taken[0] >= self.seconds:
            self._taken.popleft()
        if self.limit is not None and len(self._taken) >= self.limit:
            self.refused += 1
            return self._taken[0] + self.seconds - now
        self._taken.append(now)
        self.most = max(self.most, len(self._taken))
        return 0.0
