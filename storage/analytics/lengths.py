"""Lengths of time in classes, eight to each doubling: how a percentile of a million of them is found without sorting any.

The classes are counted; the one in which the percentile lies is known then, and how many of its values come before it; only
the values of that class are looked at. So it is exact: a length that there was, not exceeded by so many percent of all.
"""

from bisect import bisect_right
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

FINENESS: Final = 8
BOUNDS: Final = tuple(sorted({round(2 ** (n / FINENESS)) for n in range(31 * FINENESS)}))
"""Seconds with which a class begins. The first, 0, is what lies below; the last is all from 62 years on."""
_LONGEST: Final = 2**63 - 1
PERCENTS: Final = (50, 90)

K = TypeVar("K", bound=Hashable)


def length_class(seconds: int) -> int:
    """The longer, the higher. As `width_bucket(seconds, BOUNDS)` has it in SQL."""
    return bisect_right(BOUNDS, seconds)


def limits(kind: int) -> tuple[int, int]:
    """The shortest and the longest of a class."""
    return (
        BOUNDS[kind - 1] if kind else 0,
        BOUNDS[kind] - 1 if kind < len(BOUNDS) else _LONGEST,
    )


@dataclass(frozen=True, slots=True)
class Place(Generic[K]):
    """Where a percentile of `key` lies: the `nth` shortest, from 1, of its lengths of the class `kind`."""

    key: K
    percent: int
    kind: int
    nth: int


def places(counts: Mapping[K, Mapping[int, int]]) -> list[Place[K]]:
    """Of the PERCENTS; `counts` are by key and class. Who has none is left out."""
    found = []
    for key, kinds in counts.items():
        total = sum(kinds.values())
        for percent in PERCENTS:
            left = -(-total * percent // 100)
            for kind, n in sorted(kinds.items()):
                if left <= n:
                    found.append(Place(key, percent, kind, left))
                    break
                left -= n
    return found
