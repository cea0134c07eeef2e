"""How fast a bot may send: about 30 messages a second in all, one a second in a chat after a short burst, twenty a
minute in a group (Bots FAQ, "My bot is hitting limits"). Exceeding them is answered 429 with `retry_after`.
"""

import math
from dataclasses import dataclass, field

from sandbox.rates import Bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """None: no limit."""

    bot_rate: float | None = 30.0
    chat_rate: float | None = 1.0
    chat_burst: float = 5.0
    group_rate: float | None = 20 / 60
    group_burst: float = 20.0


@dataclass(slots=True)
class Meter:
    """Of one bot. Remembers how often it had to say no."""

    limits: Limits
    refused: int = 0
    _all: Bucket | None = None
    _chats: dict[int, Bucket] = field(default_factory=dict)

    def wait(self, chat: int, now: float) -> int:
        """Whole seconds to wait, 0 to go on."""
        seconds = self._chat(chat, now) or self._bot(now)
        if not seconds:
            return 0
        self.refused += 1
        return math.ceil(seconds)

    def _bot(self, now: float) -> float:
        if self.limits.bot_rate is None:
            return 0.0
        if self._all is None:
            self._all = Bucket(self.limits.bot_rate, self.limits.bot_rate)
        return self._all.take(now)

    def _chat(self, chat: int, now: float) -> float:
        group = chat < 0
        rate = self.limits.group_rate if group else self.limits.chat_rate
        if rate is None:
            return 0.0
        burst = self.limits.group_burst if group else self.limits.chat_burst
        return self._chats.setdefault(chat, Bucket(rate, burst)).take(now)
