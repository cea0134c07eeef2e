"""What can be asked of a report."""

from dataclasses import dataclass
from typing import Final

from inbox.wording import N_

FILTERS: Final = (
    "source", "campaign", "content", "term", "landing", "channel", "account", "manager", "pipeline",
)  # fmt: skip
"""What rows can be narrowed to, as the addresses name it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """`groupings` and `filters`: what it can be grouped by and narrowed to, the usual grouping first; `models` and `bases`:
    whether these change its figures; `purpose` is a sentence for the list of reports.
    """

    name: str
    label: str
    purpose: str
    icon: str
    groupings: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    models: bool = False
    bases: bool = False
    sorts: bool = True


SOURCES: Final = Spec(
    name="sources",
    label=N_("Sources"),
    purpose=N_("What each source and campaign brought, and what it cost."),
    icon="chart",
    groupings=(
        "source", "source_term", "campaign", "content", "term", "landing", "channel", "account", "manager",
        "pipeline", "day", "week", "month",
    ),
    filters=FILTERS,
    models=True,
    bases=True,
)  # fmt: skip
