"""The funnel of a pipeline, by cohort: of the leads created in a period, how far they came, however late.

A lead counts once in each stage. One that skipped a stage counts as having passed it: who was sold to without an offer
has been beyond the offer. So each stage has at most as many as the one before it, and no conversion is above 100 %.
Stages where leads are lost are no part of the way; which stage they were lost from is told at that stage.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from storage.analytics.measures import Measure, share, whole
from storage.analytics.wishes import Wish

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
    raise NotImplementedError
