"""How fast a number may send: 80 messages a second in all (130429), and to one person one in 6 seconds, of which 45 may be
borrowed from the time to come (131056). Meta, throughput and pair rate limits.
"""

from dataclasses import dataclass, field

from sandbox.rates import Bucket


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
            self._all = Bucket(rate, rate)
        return 130429 if self._all.take(now) else 0

    def _pair(self, person: str, now: float) -> int:
        rate, burst = self.limits.pair_rate, self.limits.pair_burst
        if rate is None:
            return 0
        bucket = self._pairs.setdefault(person, Bucket(rate, burst))
        return 131056 if bucket.take(now) else 0
