"""How a sale is shared among the touches that led to it: one answer per model, in millionths and in kopecks.

Facts and vectors: the attribution models of CoMagic's official wording (last, last non-direct, first, linear, time
decay by half every seven days, and three by position). Touches after the conversion and older than the look-back do not
count; equal times are ordered by id. Shares always add up: weights to `WHOLE`, money to the amount (largest remainder),
so that the rows of a report add up to its total under every model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, Protocol
from uuid import UUID

WHOLE: Final = 1_000_000
"""A weight is so many millionths of a conversion."""
LOOK_BACK: Final = timedelta(days=90)
HALF_LIFE: Final = timedelta(days=7)

MODELS: Final = (
    "last",
    "last_non_direct",
    "first",
    "linear",
    "time_decay",
    "position_40_20_40",
    "position_20_60_20",
    "position_10_50_40",
)
"""The default first. Their order is that of the arrays in the table `fact_credit`: add at the end only."""
_POSITIONS: Final = {
    "position_40_20_40": (40, 40),
    "position_20_60_20": (20, 20),
    "position_10_50_40": (10, 40),
}
"""Of the first and the last touch, in percent; those between share the rest equally."""
_FINE: Final = 2**53
"""Weights that are no fractions become whole numbers of this: as exact as a float is."""


class Moment(Protocol):
    """What of a touch the models look at."""

    @property
    def id(self) -> UUID: ...
    @property
    def at(self) -> datetime: ...
    @property
    def source(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Of one conversion: `touches` in order, and for each model their weights, which add up to WHOLE.

    Without any touch that counts, `touches` is empty and the conversion is of unknown origin.
    """

    touches: tuple[int, ...]
    """Places in the sequence that was given."""
    weights: dict[str, tuple[int, ...]]


def shares_of(
    touches: Sequence[Moment], *, at: datetime, look_back: timedelta = LOOK_BACK
) -> Shares:
    """How a conversion at `at` is shared among a contact's touches, which may come in any order."""
    counted = sorted(
        (place for place, touch in enumerate(touches) if at - look_back <= touch.at <= at),
        key=lambda place: (touches[place].at, touches[place].id),
    )
    if not counted:
        return Shares(touches=(), weights={})
    ages = [(at - touches[place].at) / HALF_LIFE for place in counted]
    direct = [touches[place].source == DIRECT for place in counted]
    return Shares(
        touches=tuple(counted),
        weights={model: _weights(model, ages, direct) for model in MODELS},
    )


DIRECT: Final = "direct"
"""The source of a visit that came from nowhere: its address was typed, or kept."""


def split(amount: int, weights: Sequence[int]) -> tuple[int, ...]:
    """`amount` in parts by weight, by largest remainder; of equal remainders the earlier. Weights of no sum give zeros."""
    total = sum(weights)
    if not total:
        return (0,) * len(weights)
    parts = [divmod(abs(amount) * weight, total) for weight in weights]
    left = abs(amount) - sum(part for part, _ in parts)
    by_remainder = sorted(range(len(parts)), key=lambda place: (-parts[place][1], place))
    more = set(by_remainder[:left])
    sign = -1 if amount < 0 else 1
    return tuple(sign * (part + (place in more)) for place, (part, _) in enumerate(parts))


def _weights(model: str, ages: Sequence[float], direct: Sequence[bool]) -> tuple[int, ...]:
    """`ages` in half-lives, oldest first."""
    count = len(ages)
    match model:
        case "last":
            return _one(count, count - 1)
        case "last_non_direct":
            known = [place for place in range(count) if not direct[place]]
            return _one(count, known[-1] if known else count - 1)
        case "first":
            return _one(count, 0)
        case "linear":
            return _linear(count)
        case "time_decay":
            # Relative to the newest: no age, however great, makes all of them nothing.
            return split(WHOLE, [int(_FINE * 2.0 ** (ages[-1] - age)) for age in ages])
        case _:
            return _by_position(count, *_POSITIONS[model])


@lru_cache(maxsize=4096)
def _one(count: int, chosen: int) -> tuple[int, ...]:
    return tuple(WHOLE if place == chosen else 0 for place in range(count))


@lru_cache(maxsize=4096)
def _linear(count: int) -> tuple[int, ...]:
    return split(WHOLE, (1,) * count)


@lru_cache(maxsize=4096)
def _by_position(count: int, first: int, last: int) -> tuple[int, ...]:
    """In percent. One takes all; of two, the weights of first and last are scaled up to the whole."""
    if count == 1:
        return (WHOLE,)
    between = count - 2
    if not between:
        return split(WHOLE, (first, last))
    return split(WHOLE, (first * between, *(100 - first - last,) * between, last * between))
