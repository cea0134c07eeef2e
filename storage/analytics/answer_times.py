"""Whom managers answered, and how fast: the median and the 90th percentile of their first answers, in working time."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.analytics.lengths import BOUNDS, PERCENTS, Place, length_class, limits, places
from storage.analytics.wishes import Wish, by_conversation, by_whom

Lengths = dict[UUID | None, Counter[int]]
"""How many there are, by manager, of everybody together by None; then by class, or by seconds."""


async def answer_times(
    connection: AsyncConnection, wish: Wish, period: Mapping[str, Any]
) -> dict[UUID | None, dict[str, int | None]]:
    """`answered`, `first_answers`, `first_median`, `first_p90` by manager; the two times of everybody together by None.

    `period` is `begin` and `end`, the end not included.
    """
    found: dict[UUID | None, dict[str, int | None]] = defaultdict(lambda: dict.fromkeys(_NAMES))
    counts: Lengths = defaultdict(Counter)
    for row in await _asked(connection, wish, period, _BY_CLASS, {"bounds": list(BOUNDS)}):
        own = found[row.who]
        own["answered"] = (own.get("answered") or 0) + row.n
        own["first_answers"] = (own.get("first_answers") or 0) + (row.n if row.first else 0)
        if row.kind is not None:
            counts[row.who][row.kind] += row.n
            counts[None][row.kind] += row.n
    wanted = places(counts)
    exact = await _exact(connection, wish, period, wanted, people=[who for who in counts if who])
    for place in wanted:
        within = sorted(
            (seconds, n)
            for seconds, n in exact[place.key].items()
            if length_class(seconds) == place.kind
        )
        found[place.key][_NAME_OF[place.percent]] = _nth(within, place.nth)
    return found


_NAMES: Final = ("first_median", "first_p90")
_NAME_OF: Final = dict(zip(PERCENTS, _NAMES, strict=True))
_WHICH: Final = "x.at >= :begin and x.at < :end and x.user_id is not null"
_BY_CLASS: Final = f"""
    select x.user_id as who, x.first,
           case when x.first then width_bucket(x.working_seconds, cast(:bounds as int[])) end as kind, count(*) as n
    from response x where {_WHICH} and {{narrowed}} group by 1, 2, 3
"""  # noqa: S608  # our own names
_OF_CLASSES: Final = f"""
    select x.user_id as who, x.working_seconds as seconds, count(*) as n
    from unnest(cast(:people as uuid[]), cast(:shortest as bigint[]), cast(:longest as bigint[])) as c(who, shortest, longest)
    join response x on x.user_id = c.who and x.working_seconds between c.shortest and c.longest
    where x.first and {_WHICH} and {{narrowed}} group by 1, 2
"""  # noqa: S608  # our own names


async def _exact(
    connection: AsyncConnection,
    wish: Wish,
    period: Mapping[str, Any],
    wanted: Iterable[Place[UUID | None]],
    *,
    people: Iterable[UUID],
) -> Lengths:
    """Of the classes that are looked at, how many there are of each second; together they are of all `people`."""
    classes = {
        (who, place.kind)
        for place in wanted
        for who in (people if place.key is None else [place.key])
    }
    given = sorted((who, *limits(kind)) for who, kind in classes)
    more = {
        "people": [each[0] for each in given],
        "shortest": [each[1] for each in given],
        "longest": [each[2] for each in given],
    }
    exact: Lengths = defaultdict(Counter)
    for row in await _asked(connection, wish, period, _OF_CLASSES, more):
        exact[row.who][row.seconds] += row.n
        exact[None][row.seconds] += row.n
    return exact


async def _asked(
    connection: AsyncConnection,
    wish: Wish,
    period: Mapping[str, Any],
    statement: str,
    more: Mapping[str, Any],
) -> Any:
    values = {**period, **more}
    narrowed = (
        f"{by_whom(wish, values, column='x.user_id')}"
        f" and {by_conversation(wish, values, column='x.conversation_id')}"
    )
    return await connection.execute(text(statement.format(narrowed=narrowed)), values)


def _nth(lengths: Iterable[tuple[int, int]], nth: int) -> int | None:
    for seconds, n in lengths:
        if nth <= n:
            return seconds
        nth -= n
    return None  # it was taken back between the two questions
