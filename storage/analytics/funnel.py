"""The funnel of a pipeline, by cohort: of the leads created in a period, how far they came, however late.

A lead counts once in each stage. One that skipped a stage counts as having passed it: who was sold to without an offer
has been beyond the offer. So each stage has at most as many as the one before it, and no conversion is above 100 %.
Stages where leads are lost are no part of the way; which stage they were lost from is told at that stage.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.analytics import ways
from storage.analytics.measures import Measure, share, whole
from storage.analytics.planning import plan_by_values
from storage.analytics.stage_times import stage_times
from storage.analytics.wishes import Wish, narrowed

Grouping = Literal["", "manager", "source", "channel", "account"]
GROUPINGS: Final[tuple[Grouping, ...]] = ("", "manager", "source", "channel", "account")


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelWish(Wish):
    """Without a `pipeline` it is the first. `by`: who or what each has a funnel of its own, too."""

    by: Grouping = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """`leads` are all of the cohort; `previous` how many reached the stage before, in the first all leads. Times are of
    stays that ended, in seconds.
    """

    id: UUID
    name: str
    kind: str
    colour: str
    leads: int
    previous: int
    reached: int
    here: int
    lost: int
    median: int | None = None
    p90: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """`key` is what a wish narrows by: a manager's id, a source's key… `reached` is in the order of the stages."""

    key: str
    name: str
    leads: int
    won: int
    lost: int
    reached: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """`wish` has the pipeline that was counted. Without any pipeline there are no stages."""

    wish: FunnelWish
    pipeline_name: str
    leads: int
    won: int
    lost: int
    stages: Sequence[Stage]
    groups: Sequence[Group]


FIGURES: Final[tuple[Measure[Stage], ...]] = (
    Measure(
        name="reached", label="Reached",
        formula="leads created in the period that came into this stage or a later one; a skipped stage counts as passed",
        kind="count", value=lambda s: whole(s.reached), counted="reached",
    ),
    Measure(
        name="conversion", label="Conversion", formula="reached ÷ reached the stage before",
        kind="percent", value=lambda s: share(s.reached, s.previous), counted="reached",
    ),
    Measure(
        name="of_all", label="% of leads", formula="reached ÷ all leads created in the period",
        kind="percent", value=lambda s: share(s.reached, s.leads), counted="reached",
    ),
    Measure(
        name="here", label="Here now", formula="those of them that are open and in this stage",
        kind="count", value=lambda s: whole(s.here), better="", counted="here",
    ),
    Measure(
        name="lost", label="Lost from here", formula="those of them that were lost, this being the last stage before",
        kind="count", value=lambda s: whole(s.lost), better="less", counted="lost",
    ),
    Measure(
        name="lost_share", label="% lost from here", formula="lost from here ÷ reached",
        kind="percent", value=lambda s: share(s.lost, s.reached), better="less", counted="lost",
    ),
    Measure(
        name="median", label="Time in stage, median", formula="half of the stays that ended were no longer",
        kind="seconds", value=lambda s: whole(s.median), better="less",
    ),
    Measure(
        name="p90", label="Time in stage, 90 %", formula="nine in ten of the stays that ended were no longer",
        kind="seconds", value=lambda s: whole(s.p90), better="less",
    ),
)  # fmt: skip
BY_NAME: Final = {figure.name: figure for figure in FIGURES}


async def funnel(connection: AsyncConnection, wish: FunnelWish) -> Funnel:
    await plan_by_values(connection)
    way = await way_of_pipeline(connection, wish.pipeline)
    if not way:
        return Funnel(wish=wish, pipeline_name="", leads=0, won=0, lost=0, stages=(), groups=())
    wish = replace(wish, pipeline=way[0].pipeline_id)
    counted = await _counted(connection, wish, [stage.id for stage in way])
    times = await stage_times(connection, wish, [stage.id for stage in way])
    of_all = _added(counted.values(), len(way))
    stages = []
    for place, stage in enumerate(way):
        median, p90 = times.get(stage.id, (None, None))
        stages.append(
            Stage(
                id=stage.id,
                name=stage.name,
                kind=stage.kind,
                colour=stage.colour,
                leads=of_all.leads,
                previous=of_all.reached[place - 1] if place else of_all.leads,
                reached=of_all.reached[place],
                here=of_all.here[place],
                lost=of_all.lost_from[place],
                median=median,
                p90=p90,
            )
        )
    return Funnel(
        wish=wish,
        pipeline_name=way[0].pipeline_name,
        leads=of_all.leads,
        won=of_all.won,
        lost=of_all.lost,
        stages=stages,
        groups=await _groups(connection, wish, counted) if wish.by else (),
    )


@dataclass(slots=True, kw_only=True)
class _Counts:
    """Lists have a place for each stage of the way."""

    leads: int = 0
    won: int = 0
    lost: int = 0
    furthest: list[int]
    here: list[int]
    lost_from: list[int]

    @property
    def reached(self) -> list[int]:
        """Who came further has been here, or has passed it."""
        beyond = list(accumulate(reversed(self.furthest)))
        return beyond[::-1]


def _none(length: int) -> _Counts:
    return _Counts(furthest=[0] * length, here=[0] * length, lost_from=[0] * length)


def _added(parts: Iterable[_Counts], length: int) -> _Counts:
    whole = _none(length)
    for part in parts:
        whole.leads += part.leads
        whole.won += part.won
        whole.lost += part.lost
        for place in range(length):
            whole.furthest[place] += part.furthest[place]
            whole.here[place] += part.here[place]
            whole.lost_from[place] += part.lost_from[place]
    return whole


_WAY: Final = text("""
    select s.id, s.name, s.kind, s.colour, p.id as pipeline_id, p.name as pipeline_name
    from stage s join pipeline p on p.id = s.pipeline_id
    where s.kind <> 'lost'
     and p.id = coalesce(cast(:pipeline as uuid), (select id from pipeline order by position limit 1))
    order by s.position, s.id
""")


async def way_of_pipeline(connection: AsyncConnection, pipeline: UUID | None) -> Sequence[Any]:
    """The stages of the pipeline, or of the first one, without those of lost leads."""
    return (await connection.execute(_WAY, {"pipeline": pipeline})).all()


_KEYS: Final[Mapping[Grouping, str]] = {
    "": "''",
    "manager": "cast(x.manager_id as text)",
    "source": "cast(x.origin_id as text)",
    "channel": "coalesce((select kind from account where id = x.account_id), '')",
    "account": "cast(x.account_id as text)",
}
"""Sources are put together from their origins afterwards: of those there are few."""


async def _counted(
    connection: AsyncConnection, wish: FunnelWish, way: Sequence[UUID]
) -> dict[str, _Counts]:
    values: dict[str, Any] = {}
    conditions = narrowed(wish, values)
    places = {stage: place for place, stage in enumerate(way)}
    found: dict[str, _Counts] = {}
    rows = await connection.execute(
        text(f"""
            select {_KEYS[wish.by]} as key, x.status, x.furthest_id, x.at_id, cast(sum(x.n) as bigint) as n
            from ({_ways(wish, values)}) x where {conditions} group by 1, 2, 3, 4
        """),  # noqa: S608  # our own names; values are parameters
        values,
    )
    for row in rows:
        counts = found.setdefault(row.key, _none(len(way)))
        counts.leads += row.n
        # A stage that was taken away since, and whose leads are not reckoned yet, is as far as the first.
        counts.furthest[places.get(row.furthest_id, 0)] += row.n
        match row.status:
            case "open":
                counts.here[places.get(row.at_id, 0)] += row.n
            case "lost":
                counts.lost += row.n
                counts.lost_from[places.get(row.at_id, 0)] += row.n
            case "won":
                counts.won += row.n
    return found


def _ways(wish: FunnelWish, values: dict[str, Any]) -> str:
    """SQL of leads counted by how far they came. Where they came from by who had them is hardly ever a sum of two, and so
    is counted of the leads.
    """
    of_origins = bool(wish.source) or wish.by == "source"
    of_owners = wish.is_of_owners or wish.by in {"manager", "channel", "account"}
    if of_origins and of_owners:
        return ways.of_leads(wish.first, wish.last, values)
    table = "rollup_way_origin" if of_origins else "rollup_way_owner"
    return ways.within(table, wish.first, wish.last, values)


async def _groups(
    connection: AsyncConnection, wish: FunnelWish, counted: Mapping[str, _Counts]
) -> Sequence[Group]:
    """The greatest first."""
    named = await _named(connection, wish.by, list(counted))
    together: dict[tuple[str, str], list[_Counts]] = defaultdict(list)
    for key, counts in counted.items():
        together[named.get(key, (key, ""))].append(counts)
    groups = []
    for (key, name), parts in together.items():
        whole = _added(parts, len(parts[0].furthest))
        groups.append(
            Group(
                key=key,
                name=name,
                leads=whole.leads,
                won=whole.won,
                lost=whole.lost,
                reached=tuple(whole.reached),
            )
        )
    return sorted(groups, key=lambda group: (-group.leads, group.key))


_NAMES: Final[Mapping[Grouping, str]] = {
    "manager": "select cast(id as text) as found, cast(id as text) as key, name from user_account where id = any(cast(:keys as uuid[]))",
    "account": "select cast(id as text) as found, cast(id as text) as key, slug as name from account where id = any(cast(:keys as uuid[]))",
    "source": (
        "select cast(o.id as text) as found, coalesce(cast(o.source_id as text), o.source || ' / ' || o.medium) as key,"
        " coalesce(s.name, '') as name from origin o left join source s on s.id = o.source_id"
        " where o.id = any(cast(:keys as bigint[]))"
    ),
}


async def _named(
    connection: AsyncConnection, by: Grouping, keys: list[str]
) -> dict[str, tuple[str, str]]:
    """(key, name) by what was counted by."""
    if by not in _NAMES:
        return {}
    given = [int(key) for key in keys] if by == "source" else [UUID(key) for key in keys]
    rows = await connection.execute(text(_NAMES[by]), {"keys": given})
    return {row.found: (row.key, row.name) for row in rows}
