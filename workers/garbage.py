"""How often Python looks for garbage in cycles, which it makes little of and looks for a lot."""

import gc
from typing import Final

YOUNG: Final = 20_000
"""Objects made and kept before the young ones are looked through. A batch of events is tens of thousands, which Python's
700 takes for a reason to look at all that lives, again and again: measured, a third of the router's time."""
MIDDLE: Final = 20
OLD: Final = 20


def settle() -> None:
    """Once a process stands: what lives by now lives for ever, and is not looked through again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
