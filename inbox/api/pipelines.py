"""/pipelines: the ways that leads go, and their stages."""

from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from inbox.api.endpoints import Answer, Api, Call, Endpoint, ListOf, Nothing, listed
from inbox.api.problems import bad_request, not_found
from storage.audit import write_audit
from storage.engine import transaction
from storage.pipelines import (
    MOST_STAGES,
    add_pipeline,
    add_stage,
    change_pipeline,
    change_stage,
    order_stages,
)
from storage.reading.paging import Page
from storage.reading.pipelines import PipelineRow, list_pipelines

Kind = Literal["open", "qualified", "won", "lost"]
Colour = Literal["", "gray", "blue", "teal", "green", "amber", "red", "violet"]
Name = Annotated[str, Meta(min_length=1, max_length=80)]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217.")]
Reasons = Annotated[list[Name], Meta(max_length=30)]


class Stage(Struct, frozen=True, kw_only=True):
    """`norm_days`: a lead that is here longer has been forgotten. `probability` of winning, in percent. `task_text`: what
    entering makes the lead's manager do, within `task_minutes` of working time; "": nothing.
    """

    id: UUID
    name: str
    kind: str
    position: int
    colour: str
    norm_days: int | None
    probability: int | None
    task_text: str
    task_minutes: int


class Pipeline(Struct, frozen=True, kw_only=True):
    """Leads that open by themselves begin in the first one."""

    id: UUID
    name: str
    position: int
    currency: str
    lost_reasons: list[str]
    stages: list[Stage]


class StageWish(Struct, frozen=True, kw_only=True):
    """With an `id`, one that is there; what is not given stays."""

    id: UUID | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    kind: Kind | UnsetType = UNSET
    colour: Colour | UnsetType = UNSET
    norm_days: Annotated[int, Meta(ge=0, le=3650)] | UnsetType | None = UNSET
    probability: Annotated[int, Meta(ge=0, le=100)] | UnsetType | None = UNSET
    task_text: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET
    task_minutes: Annotated[int, Meta(ge=0, le=86400)] | UnsetType = UNSET


class NewStage(Struct, frozen=True, kw_only=True):
    name: Name
    kind: Kind = "open"


class NewPipeline(Struct, frozen=True, kw_only=True):
    """At least one open, one won and one lost stage."""

    name: Name
    currency: Currency = "RUB"
    lost_reasons: Reasons = []
    stages: Annotated[list[NewStage], Meta(min_length=3, max_length=MOST_STAGES)]


class PipelineChanges(Struct, frozen=True, kw_only=True):
    """`stages` come in their new order; one that is left out stays, behind them."""

    name: Name | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    lost_reasons: Reasons | UnsetType = UNSET
    stages: Annotated[list[StageWish], Meta(max_length=MOST_STAGES)] | UnsetType = UNSET


def shown(row: PipelineRow) -> Pipeline:
    return Pipeline(
        id=row.id,
        name=row.name,
        position=row.position,
        currency=row.currency,
        lost_reasons=list(row.lost_reasons),
        stages=[
            Stage(
                id=each.id,
                name=each.name,
                kind=each.kind,
                position=each.position,
                colour=each.colour,
                norm_days=each.norm_days,
                probability=each.probability,
                task_text=each.task_text,
                task_minutes=each.task_minutes,
            )
            for each in row.stages
        ],
    )


async def list_all_pipelines(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    async with api.engine.connect() as connection:
        rows = await list_pipelines(connection)
    return listed(Page(items=tuple(rows)), shown)


async def create_pipeline(api: Api, call: Call[Nothing, NewPipeline]) -> Answer:
    new = call.body
    async with transaction(api.engine) as connection:
        made = await add_pipeline(
            connection,
            name=new.name,
            currency=new.currency,
            stages=[(each.name, each.kind) for each in new.stages],
            lost_reasons=new.lost_reasons,
        )
        await write_audit(
            connection,
            by=None,
            what="pipeline_made",
            object_kind="pipeline",
            object_id=made,
            now=api.now(),
            after={"name": new.name},
        )
    return await _shown(api, made, location=f"/api/v1/pipelines/{made}")


async def show_pipeline(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    return await _shown(api, call.id)


async def patch_pipeline(api: Api, call: Call[Nothing, PipelineChanges]) -> Answer:
    wanted = call.body
    async with transaction(api.engine) as connection:
        changes = _given(wanted, "stages")
        await change_pipeline(connection, call.id, changes)
        if wanted.stages is not UNSET:
            order = []
            for each in wanted.stages:
                values = _given(each, "id")
                if each.id is UNSET:
                    if each.name is UNSET:
                        raise bad_request("invalid", "A new stage needs a name (body.stages).")
                    kind = values.pop("kind", "open")
                    order.append(await add_stage(connection, call.id, kind=kind, **values))
                else:
                    if await change_stage(connection, each.id, values) != call.id:
                        raise not_found("stage of this pipeline")
                    order.append(each.id)
            await order_stages(connection, call.id, order)
        await write_audit(
            connection,
            by=None,
            what="pipeline_changed",
            object_kind="pipeline",
            object_id=call.id,
            now=api.now(),
            after=changes,
        )
    return await _shown(api, call.id)


def _given(wish: Struct, *without: str) -> dict[str, Any]:
    return {
        name: value
        for name in wish.__struct_fields__
        if name not in without and (value := getattr(wish, name)) is not UNSET
    }


async def _shown(api: Api, id_: UUID, *, location: str = "") -> Answer:
    async with api.engine.connect() as connection:
        rows = await list_pipelines(connection)
    row = next((each for each in rows if each.id == id_), None)
    if row is None:
        raise not_found("pipeline")
    return Answer(body=shown(row), headers={"Location": location} if location else {})


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/pipelines",
        tag="Leads",
        summary="Pipelines with their stages",
        scope="read",
        handler=list_all_pipelines,
        answers=ListOf[Pipeline],
    ),
    Endpoint(
        method="POST",
        path="/pipelines",
        tag="Leads",
        summary="Make a pipeline",
        scope="admin",
        handler=create_pipeline,
        body=NewPipeline,
        what="pipeline",
        status=201,
        refuses=True,
        answers=Pipeline,
    ),
    Endpoint(
        method="GET",
        path="/pipelines/{id}",
        tag="Leads",
        summary="One pipeline",
        scope="read",
        handler=show_pipeline,
        what="pipeline",
        answers=Pipeline,
    ),
    Endpoint(
        method="PATCH",
        path="/pipelines/{id}",
        tag="Leads",
        summary="Rename a pipeline; add, change and order its stages",
        scope="admin",
        handler=patch_pipeline,
        body=PipelineChanges,
        what="pipeline",
        refuses=True,
        answers=Pipeline,
    ),
)
