"""The pipelines with their stages, in order; there are few, so they come whole."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import pipeline, stage


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRow:
    id: UUID
    name: str
    kind: str
    position: int
    colour: str
    norm_days: int | None
    """A lead that is here longer has been forgotten."""
    probability: int | None
    """Of winning, in percent."""
    task_text: str
    task_minutes: int
    """What entering makes somebody do, within so many working minutes; "": nothing."""

    @property
    def is_closed(self) -> bool:
        return self.kind in {"won", "lost"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineRow:
    id: UUID
    name: str
    position: int
    currency: str
    lost_reasons: tuple[str, ...]
    stages: tuple[StageRow, ...]

    def first(self, kind: str) -> StageRow | None:
        return next((each for each in self.stages if each.kind == kind), None)


async def list_pipelines(connection: AsyncConnection) -> list[PipelineRow]:
    found = await connection.execute(
        select(
            pipeline,
            stage.c.id.label("stage_id"),
            stage.c.name.label("stage_name"),
            stage.c.kind,
            stage.c.position.label("stage_position"),
            stage.c.colour,
            stage.c.norm_days,
            stage.c.probability,
            stage.c.task_text,
            stage.c.task_minutes,
        )
        .select_from(pipeline)
        .outerjoin(stage, stage.c.pipeline_id == pipeline.c.id)
        .order_by(pipeline.c.position, stage.c.position)
    )
    rows = list(found)
    stages: dict[UUID, list[StageRow]] = {}
    for row in rows:
        known = stages.setdefault(row.id, [])
        if row.stage_id is not None:
            known.append(
                StageRow(
                    id=row.stage_id,
                    name=row.stage_name,
                    kind=row.kind,
                    position=row.stage_position,
                    colour=row.colour,
                    norm_days=row.norm_days,
                    probability=row.probability,
                    task_text=row.task_text,
                    task_minutes=row.task_minutes,
                )
            )
    pipelines = {
        row.id: PipelineRow(
            id=row.id,
            name=row.name,
            position=row.position,
            currency=row.currency,
            lost_reasons=tuple(row.lost_reasons),
            stages=tuple(stages[row.id]),
        )
        for row in rows
    }
    return list(pipelines.values())
