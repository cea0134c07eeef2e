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


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineRow:
    id: UUID
    name: str
    position: int
    currency: str
    stages: tuple[StageRow, ...]


async def list_pipelines(connection: AsyncConnection) -> list[PipelineRow]:
    found = await connection.execute(
        select(
            pipeline,
            stage.c.id.label("stage_id"),
            stage.c.name.label("stage_name"),
            stage.c.kind,
            stage.c.position.label("stage_position"),
            stage.c.colour,
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
                )
            )
    pipelines = {
        row.id: PipelineRow(
            id=row.id,
            name=row.name,
            position=row.position,
            currency=row.currency,
            stages=tuple(stages[row.id]),
        )
        for row in rows
    }
    return list(pipelines.values())
