"""How long leads stay in each stage: the median and the 90th percentile of the stays that ended."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.analytics import ways
from storage.analytics.lengths import PERCENTS, places
from storage.analytics.wishes import Wish, narrowed


async def stage_times(
    connection: AsyncConnection, wish: Wish, way: Sequence[UUID]
) -> dict[UUID, tuple[int | None, int | None]]:
    """Median and 90th percentile by stage, each a stay that there was (`lengths`)."""
    values: dict[str, Any] = {"first": wish.first, "last": wish.last}
    # A stage is of one pipeline: the stays need not say of which.
    conditions = narrowed(replace(wish, pipeline=None), values)
    stays = f"""
        from fact_stage x where x.created_on between :first and :last and x.length is not null and {conditions}
    """  # our own names; values are parameters
    counts: dict[UUID, dict[int, int]] = defaultdict(dict)
    for row in await connection.execute(text(_by_class(wish, stays, values)), values):
        # Looked at here: for each of a million stays it would cost more than to count it.
        if row.stage_id in way:
            counts[row.stage_id][row.kind] = row.n
    wanted = places(counts)
    if not wanted:
        return {}
    values |= {
        "stages": [place.key for place in wanted],
        "kinds": [place.kind for place in wanted],
        "nths": [place.nth for place in wanted],
        "percents": [place.percent for place in wanted],
    }
    rows = await connection.execute(
        text(f"""
            with wanted as (
                select * from unnest(cast(:stages as uuid[]), cast(:kinds as int[]), cast(:nths as int[]),
                                     cast(:percents as int[])) as given(stage_id, kind, nth, percent)
            )
            select w.stage_id, w.percent, r.seconds from wanted w, lateral (
                select x.seconds {stays} and x.stage_id = w.stage_id and x.length = w.kind
                order by x.seconds offset w.nth - 1 limit 1
            ) r
        """),  # noqa: S608
        values,
    )
    found = {(row.stage_id, row.percent): int(row.seconds) for row in rows}
    median, p90 = PERCENTS
    return {stage: (found.get((stage, median)), found.get((stage, p90))) for stage in counts}


def _by_class(wish: Wish, stays: str, values: dict[str, Any]) -> str:
    """SQL of how many stays there are of each class: of everybody's they are kept."""
    if wish.source or wish.is_of_owners:
        return f"select x.stage_id, x.length as kind, count(*) as n {stays} group by 1, 2"
    kept = ways.within("rollup_stay", wish.first, wish.last, values)
    return f"select x.stage_id, x.length as kind, cast(sum(x.n) as bigint) as n from ({kept}) x group by 1, 2"  # noqa: S608  # our own names
