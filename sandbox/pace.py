"""How fast things happen in the demo: one after the other, briskly at first, and then at a pace one can follow."""

import asyncio
from random import Random
from typing import Final

BRISK_FOR_S: Final = 45.0
"""Somebody who has just started it wants to see that it lives."""
BRISK_S: Final = (0.8, 1.8)
CALM_S: Final = (2.0, 4.5)


class Pace:
    """`turn()` returns when the next thing may happen. Whoever asked first goes first."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._lock = asyncio.Lock()
        self._began: float | None = None
        self._next = 0.0

    async def turn(self) -> None:
        loop = asyncio.get_running_loop()
        async with self._lock:
            if self._began is None:
                self._began = loop.time()
            await asyncio.sleep(max(0.0, self._next - loop.time()))
            brisk = loop.time() - self._began < BRISK_FOR_S
            self._next = loop.time() + self._random.uniform(*(BRISK_S if brisk else CALM_S))

    async def moment(self, low: float, high: float) -> None:
        """Somebody reads, thinks, types."""
        await asyncio.sleep(self._random.uniform(low, high))
