"""Stays in a stage, in classes of their length: eight to each doubling.

A percentile is found by counting classes and then reading the stays of one, instead of sorting all of them.
"""

from math import log2
from typing import Final

FINENESS: Final = 8


def length_class(seconds: int) -> int:
    """The longer, the higher."""
    return int(log2(max(0, seconds) + 1) * FINENESS)
