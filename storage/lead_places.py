"""Where a card stands in its column.

Positions are numbers, the higher above; equal ones are told apart by the id, so the order is total whatever happens. A
card that is put between two others takes the middle between theirs. When there is no room left between them, those above
are spread out: first a handful of neighbours, and only when they stand as close as all that, everything above.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

NEIGHBOURS: Final = 100
APART: Final = 1.0
CLOSEST: Final = 1e-5
"""Seconds of 2026 as a double are told apart down to 2.4e-7."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Under `above`; when that is not in the column any more, over `below`; otherwise, and with neither, on top."""

    above: UUID | None = None
    below: UUID | None = None


# Whoever adds leads to the stage refers to it by a foreign key, and is not kept waiting by this lock.
_HOLD = text("select id from stage where id = :stage for no key update")
_AT = text(
    "select position from lead where id = :lead and stage_id = :stage and status = 'open' and id <> :moved"
)
_UNDER = text("""
    select id, position from lead where stage_id = :stage and status = 'open' and id <> :moved
    and (position, id) < (:position, :lead) order by position desc, id desc limit 1
""")
_OVER = text("""
    select id, position from lead where stage_id = :stage and status = 'open' and id <> :moved
    and (position, id) > (:position, :lead) order by position, id limit 1
""")
_ABOVE = text("""
    select id, position from lead where stage_id = :stage and status = 'open' and id <> :moved
    and (position, id) > (:position, :lead) order by position, id limit :most
""")
_LOWEST = text("select min(position) from lead where stage_id = :stage and status = 'open'")
_SPREAD = text("""
    update lead set position = given.position
    from unnest(cast(:ids as uuid[]), cast(:positions as double precision[])) as given(id, position)
    where lead.id = given.id
""")


async def hold_stage(connection: AsyncConnection, stage: UUID) -> None:
    await connection.execute(_HOLD, {"stage": stage})


async def place_for(
    connection: AsyncConnection, moved: UUID, stage: UUID, place: Place
) -> float | None:
    """The position of that place in the (held) stage; None: on top, where whatever enters a stage stands anyway."""
    named = {"stage": stage, "moved": moved}

    async def ask(statement: object, **values: object) -> list[tuple[UUID, float]]:
        rows = await connection.execute(statement, {**named, **values})  # type: ignore[call-overload]  # a text()
        return [(row.id, row.position) for row in rows]

    async def at(lead: UUID | None) -> float | None:
        found = await connection.execute(_AT, {**named, "lead": lead})
        return found.scalar_one_or_none()

    above, below = place.above, place.below
    high, low = await at(above), None
    if high is not None and above is not None:
        following = await ask(_UNDER, position=high, lead=above)
        if not following:
            return high - APART
        below, low = following[0]
    elif below is not None and (low := await at(below)) is not None:
        preceding = await ask(_OVER, position=low, lead=below)
        high = preceding[0][1] if preceding else low + 2 * APART
    if high is None or low is None or below is None:
        return None
    if high - low < CLOSEST:
        high = await _spread(connection, named, low, below)
    return low + (high - low) / 2


async def _spread(
    connection: AsyncConnection, named: dict[str, UUID], low: float, below: UUID
) -> float:
    """Makes room above `below`; the new position of the next card."""
    for most in (NEIGHBOURS, None):
        found = await connection.execute(
            _ABOVE, {**named, "position": low, "lead": below, "most": most}
        )
        rows = list(found)
        if most is not None and len(rows) == most:
            # The last of them stays: it is the ceiling.
            ceiling = rows.pop().position
            step = (ceiling - low) / (len(rows) + 1)
            if step < 2 * CLOSEST:
                continue
        else:
            step = APART
        positions: list[float] = [low + step * (place + 1) for place in range(len(rows))]
        await connection.execute(_SPREAD, {"ids": [row.id for row in rows], "positions": positions})
        # Somebody else may have moved away all that was above.
        return positions[0] if positions else low + APART
    raise AssertionError("without a bound there is always room")
