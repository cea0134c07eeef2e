"""What can be asked of a report."""

from dataclasses import dataclass
from typing import Final

from inbox.wording import N_


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """`groupings` and `filters`: what it can be grouped by and narrowed to, the usual grouping first; `of_cards`: what the
    cards behind its numbers are narrowed to besides; `models` and `bases`: whether these change its figures; `of_people`:
    whether it can be of one colleague or team alone; `purpose` is a sentence for the list of reports.
    """

    name: str
    label: str
    purpose: str
    icon: str
    groupings: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    of_cards: tuple[str, ...] = ()
    models: bool = False
    of_people: bool = True
    bases: bool = False


_OF_LEADS: Final = ("source", "channel", "account", "team", "manager", "pipeline")
SUMMARY: Final = Spec(
    name="summary",
    label=N_("Summary"),
    purpose=N_("What came in, what was sold, what is still open."),
    icon="wallet",
    groupings=("day", "week", "month"),
    filters=_OF_LEADS,
)
FUNNEL: Final = Spec(
    name="funnel",
    label=N_("Funnel"),
    purpose=N_("How far the leads of a period came, where they stop and for how long."),
    icon="stage",
    groupings=("stage", "manager", "source", "channel", "account"),
    filters=("pipeline", "source", "channel", "account", "team", "manager"),
    of_cards=("stage",),
)
MANAGERS: Final = Spec(
    name="managers",
    label=N_("Managers"),
    purpose=N_("Who did what, how fast, and what came of it; against the plan."),
    icon="people",
    groupings=("manager",),
    filters=("team", "source", "channel", "account", "pipeline", "manager"),
)
CALLS: Final = Spec(
    name="calls",
    label=N_("Calls"),
    purpose=N_("Calls in and out, missed ones, and the hours they come at."),
    icon="phone",
    groupings=("manager", "number", "account", "day", "week", "month"),
    filters=("team", "manager", "account", "number", "weekday", "hour"),
)
SOURCES: Final = Spec(
    name="sources",
    label=N_("Sources"),
    purpose=N_("What each source and campaign brought, and what it cost."),
    icon="chart",
    groupings=(
        "source", "source_term", "campaign", "content", "term", "landing", "said", "channel", "account",
        "manager", "pipeline", "day", "week", "month",
    ),
    filters=(
        "source", "campaign", "content", "term", "landing", "said", "channel", "account", "manager", "pipeline",
    ),
    models=True,
    of_people=False,
    bases=True,
)  # fmt: skip
CONDITIONS: Final = tuple(
    dict.fromkeys(
        name
        for spec in (SUMMARY, SOURCES, FUNNEL, MANAGERS, CALLS)
        for name in (*spec.filters, *spec.of_cards)
    )
)
"""What any report is narrowed to."""
