"""What each manager did in a period, what came of it, and how that is against their plan.

Everything is of the day on which it happened. What leads are narrowed by, a source or a pipeline, says nothing of
messages, calls and tasks: they are "—" then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from storage.analytics.measures import Measure, share, whole
from storage.analytics.wishes import Wish


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagersWish(Wish):
    """`rank`: the figure that puts them in order, best first."""

    rank: str = "revenue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Pieces, seconds, minor units of the company's currency. None: cannot be told when narrowed so, or there is none.

    Plans are of the whole period up to today; None when there is no plan.
    """

    assigned: int | None = 0
    answered: int | None = 0
    first_answers: int | None = 0
    first_median: int | None = None
    first_p90: int | None = None
    messages: int | None = 0
    calls_in: int | None = 0
    calls_out: int | None = 0
    calls_missed: int | None = 0
    talk_seconds: int | None = 0
    tasks_done: int | None = 0
    tasks_late: int | None = 0
    offers: int = 0
    leads: int = 0
    won: int = 0
    lost: int = 0
    revenue: int = 0
    planned_calls: int | None = None
    planned_offers: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`place` in the ranking from 1; those alike share it. None: there is nothing to rank."""

    manager_id: UUID
    name: str
    disabled: bool
    place: int | None
    work: Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Managers:
    """`total` is of everybody listed; its median and 90 % are of all their answers."""

    wish: ManagersWish
    rows: Sequence[Row]
    total: Work


def _calls(work: Work) -> int | None:
    if work.calls_in is None or work.calls_out is None:
        return None
    return work.calls_in + work.calls_out


FIGURES: Final[tuple[Measure[Work], ...]] = (
    Measure(
        name="assigned", label="Assigned", formula="conversations given to them, each as often as it was",
        kind="count", value=lambda w: whole(w.assigned), better="", counted="assigned",
    ),
    Measure(
        name="answered", label="Answered", formula="times somebody who waited had an answer from them",
        kind="count", value=lambda w: whole(w.answered), counted="answered",
    ),
    Measure(
        name="first_median", label="First response, median",
        formula="half of their first answers to an inquiry took no longer, in the team’s working time",
        kind="seconds", value=lambda w: whole(w.first_median), better="less", counted="first_answers",
    ),
    Measure(
        name="first_p90", label="First response, 90 %",
        formula="nine in ten of their first answers to an inquiry took no longer, in the team’s working time",
        kind="seconds", value=lambda w: whole(w.first_p90), better="less", counted="first_answers",
    ),
    Measure(
        name="messages", label="Messages", formula="replies they wrote",
        kind="count", value=lambda w: whole(w.messages),
    ),
    Measure(
        name="calls_in", label="Calls in", formula="calls from customers that they answered",
        kind="count", value=lambda w: whole(w.calls_in), counted="calls_in",
    ),
    Measure(
        name="calls_out", label="Calls out", formula="calls that they made, answered or not",
        kind="count", value=lambda w: whole(w.calls_out), counted="calls_out",
    ),
    Measure(
        name="calls_missed", label="Missed", formula="missed calls of customers who are theirs",
        kind="count", value=lambda w: whole(w.calls_missed), better="less", counted="calls_missed",
    ),
    Measure(
        name="talk_seconds", label="Talk time", formula="sum of their talks by telephone",
        kind="seconds", value=lambda w: whole(w.talk_seconds), counted="talked",
    ),
    Measure(
        name="tasks_done", label="Tasks done", formula="tasks they finished",
        kind="count", value=lambda w: whole(w.tasks_done), counted="tasks_done",
    ),
    Measure(
        name="tasks_late", label="Tasks late",
        formula="tasks that were due in the period and were finished after that, or are not yet",
        kind="count", value=lambda w: whole(w.tasks_late), better="less", counted="tasks_late",
    ),
    Measure(
        name="offers", label="Offers", formula="leads of theirs that came into an offer stage for the first time",
        kind="count", value=lambda w: whole(w.offers), counted="offers",
    ),
    Measure(
        name="leads", label="New leads", formula="lead cards created in the period that are theirs",
        kind="count", value=lambda w: whole(w.leads), counted="leads",
    ),
    Measure(
        name="won", label="Won", formula="leads of theirs that became a sale in the period",
        kind="count", value=lambda w: whole(w.won), counted="won",
    ),
    Measure(
        name="win_rate", label="Win rate", formula="won ÷ (won + lost), both closed in the period",
        kind="percent", value=lambda w: share(w.won, w.won + w.lost), counted="closed",
    ),
    Measure(
        name="revenue", label="Revenue", formula="sum of leads won in the period",
        kind="money", value=lambda w: whole(w.revenue), counted="won",
    ),
    Measure(
        name="average_sale", label="Average sale", formula="revenue ÷ won",
        kind="money", value=lambda w: share(w.revenue, w.won), counted="won",
    ),
    Measure(
        name="calls_plan", label="Calls, % of plan",
        formula="(calls in + calls out) ÷ (plan a day × working days of the period so far)",
        kind="percent", value=lambda w: share(_calls(w), w.planned_calls), counted="talked",
    ),
    Measure(
        name="offers_plan", label="Offers, % of plan",
        formula="offers ÷ (plan a day × working days of the period so far)",
        kind="percent", value=lambda w: share(w.offers, w.planned_offers), counted="offers",
    ),
)  # fmt: skip
BY_NAME: Final = {figure.name: figure for figure in FIGURES}


async def managers(
    connection: AsyncConnection, wish: ManagersWish, *, zone: ZoneInfo, now: datetime
) -> Managers:
    """`zone` is the company's."""
    raise NotImplementedError
