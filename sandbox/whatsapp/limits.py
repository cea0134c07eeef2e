"""How fast a number may send: 80 messages a second in all (130429), and to one person one in 6 seconds, of which 45 may be
borrowed from the time to come (131056). Meta, throughput and pair rate limits.
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Bucket:
    """Holds `burst` at most and fills at `rate` a second."""

    rate: float
    burst: float
    level: float
    at: float

    def take(self, now: float) -> bool:
        self.level = min(self.burst, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """None: no limit."""

    number_rate: float | None = 80.0
    pair_rate: float | None = 1 / 6
    pair_burst: float = 45.0


@dataclass(slots=True)
class Meter:
    """Of one number. Remembers how often it had to say no."""

    limits: Limits
    refused: int = 0
    _all: Bucket | None = None
    _pairs: dict[str, Bucket] = field(default_factory=dict)

    def refusal(self, person: str, now: float) -> int:
        """0 to go on, or else the error's code."""
        code = self._pair(person, now) or self._number(now)
        self.refused += bool(code)
        return code

    def _number(self, now: float) -> int:
        rate = self.limits.number_rate
        if rate is None:
            return 0
        if self._all is None:
            self._all = Bucket(rate, rate, rate, now)
        return 0 if self._all.take(now) else 130429

    def _pair(self, person: str, now: float) -> int:
        rate, burst = self.limits.pair_rate, self.limits.pair_burst
        if rate is None:
            return 0
        bucket = self._pairs.setdefault(person, Bucket(rate, burst, burst, now))
        return 0 if bucket.take(now) else 131056
