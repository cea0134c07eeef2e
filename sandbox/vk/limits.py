"""How often a community may call: 20 methods in any second (dev.vk.com, Getting started). More is answered error 6."""

from dataclasses import dataclass

from sandbox.rates import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """None: no limit."""

    rate: int | None = 20

    def meter(self) -> Window:
        """For one community."""
        return Window(self.rate, 1.0)
