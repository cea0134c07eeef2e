"""What deriving needs to know beside what happened: by whose clock, in whose currency, how far back, along which stages,
and what the leads are asked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

NOBODY: Final = UUID(int=0)
"""Where a thing has no account, manager or pipeline: a part of a key cannot be null."""

Converted = Callable[[int, str, date], int | None]
"""An amount in minor units, its currency, a day: in the company's currency, or None when there is no rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    id: UUID
    pipeline_id: UUID
    position: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """`stages` by id, in the order of their pipelines. `question`: the key of the field that holds how they heard of us."""

    zone: ZoneInfo
    look_back: timedelta
    stages: Mapping[UUID, Stage]
    converted: Converted
    question: str | None

    def day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def qualifying(self, stage: UUID) -> bool:
        """Whether being there says that a lead is a real one: stages marked so, and those of won leads."""
        known = self.stages.get(stage)
        return known is not None and known.kind in {"qualified", "won"}
