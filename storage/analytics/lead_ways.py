"""How far a lead came along its pipeline, and where it was when it was lost. Pure, and the same every time.

The way is the pipeline's stages but those of lost leads, in their order as it is now. Whoever was in a stage has passed
those before it, whether they were in them or not. Every lead has begun: it was at least in the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from storage.analytics.loading import Lead, Step
from storage.analytics.rules import Rules, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    furthest: UUID
    lost_from: UUID | None


def way_of(lead: Lead, steps: Sequence[Step], rules: Rules) -> Way:
    way = [
        stage
        for stage in rules.stages.values()
        if stage.pipeline_id == lead.pipeline_id and stage.kind != "lost"
    ]
    places = {stage.id: place for place, stage in enumerate(sorted(way, key=_position))}
    been = [step.stage_id for step in steps if step.stage_id in places]
    if lead.status == "won":
        # Its stage says so; of a win that was only written down, the stage that means it.
        won = next((stage.id for stage in way if stage.kind == "won"), lead.stage_id)
        been.append(lead.stage_id if lead.stage_id in places else won)
    elif lead.stage_id in places:
        been.append(lead.stage_id)
    first = min(places, key=places.__getitem__, default=lead.stage_id)
    furthest = max(been, key=lambda stage: places.get(stage, 0), default=first)
    last = been[-1] if been else first
    return Way(furthest=furthest, lost_from=last if lead.status == "lost" else None)


def _position(stage: Stage) -> tuple[int, UUID]:
    return stage.position, stage.id
