"""How long leads stay in each stage: the median and the 90th percentile, exact, without sorting a year of stays."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.analytics import ways
from storage.analytics.wishes import Wish, narrowed


def _by_class(wish: Wish, stays: str, values: dict[str, Any]) -> str:
    """SQL of how many stays there are of each class: of everybody's they are kept."""
    if wish.source or wish.is_of_owners:
        return f"select x.stage_id, x.length as kind, count(*) as n {stays} group by 1, 2"
    kept = ways.within("rollup_stay", wish.first, wish.last, values)
    return f"select x.stage_id, x.length as kind, cast(sum(x.n) as bigint) as n from ({kept}) x group by 1, 2"  # noqa: S608  # our own names


async def stage_times(
    connection: AsyncConnection, wish: Wish, way: Sequence[UUID]
) -> dict[UUID, tuple[int | None, int | None]]:
    """Median and 90th percentile of the stays that ended, each a stay that there was, without sorting all of them."""
    values: dict[str, Any] = {"first": wish.first, "last": wish.last}
    # A stage is of one pipeline: the stays need not say of which.
    conditions = narrowed(replace(wish, pipeline=None), values)
    stays = f"""
        from fact_stage x where x.created_on between :first and :last and x.length is not null and {conditions}
    """  # our own names; values are parameters
    counts: dict[UUID, list[tuple[int, int]]] = defaultdict(list)
    for row in await connection.execute(text(_by_class(wish, stays, values)), values):
        # Looked at here: for each of a million stays it would cost more than to count it.
        if row.stage_id in way:
            counts[row.stage_id].append((row.kind, row.n))
    wanted: list[tuple[UUID, int, int, int]] = []
    for stage, own in counts.items():
        own.sort()
        total = sum(n for _, n in own)
        for which, percent in enumerate((50, 90)):
            left = -(-total * percent // 100)
            for kind, n in own:
                if left <= n:
                    wanted.append((stage, which, kind, left))
                    break
                left -= n
    if not wanted:
        return {}
    values |= {
        "stages": [each[0] for each in wanted],
        "kinds": [each[2] for each in wanted],
        "lefts": [each[3] for each in wanted],
        "whiches": [each[1] for each in wanted],
    }
    found: dict[UUID, tuple[int | None, int | None]] = {}
    rows = await connection.execute(
        text(f"""
            with wanted as (
                select * from unnest(cast(:stages as uuid[]), cast(:kinds as int[]), cast(:lefts as int[]),
                                     cast(:whiches as int[])) as given(stage_id, kind, nth, which)
            ), ranked as (
                select x.stage_id, x.length as kind, x.seconds,
                       row_number() over (partition by x.stage_id, x.length order by x.seconds) as nth
                {stays} and (x.stage_id, x.length) in (select stage_id, kind from wanted)
            )
            select w.stage_id, w.which, r.seconds from wanted w
            join ranked r on r.stage_id = w.stage_id and r.kind = w.kind and r.nth = w.nth
        """),  # noqa: S608
        values,
    )
    for row in rows:
        median, p90 = found.get(row.stage_id, (None, None))
        seconds = int(row.seconds)
        found[row.stage_id] = (seconds, p90) if row.which == 0 else (median, seconds)
    return found
