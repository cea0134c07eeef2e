"""/leads and /pipelines: cards, and the stages they go through."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from inbox.api.endpoints import (
    Answer,
    Api,
    Call,
    Endpoint,
    ListOf,
    Nothing,
    Paged,
    Search,
    ShortText,
    listed,
)
from inbox.api.problems import bad_request, not_found
from storage.reading.contacts import resolve
from storage.reading.leads import LIVING, LeadFilter, LeadRow, lead_by_id, list_leads
from storage.reading.paging import Page
from storage.reading.pipelines import PipelineRow, list_pipelines
from storage.reading.sight import EVERYTHING

LeadStatus = Literal["open", "won", "lost", "merged"]
Money = Annotated[int, Meta(ge=0, le=10**15, description="In minor units: 150000 is 1 500.00.")]


class Lead(Struct, frozen=True, kw_only=True):
    """`value` is in minor units of `currency` (ISO 4217). `first_touch` and `last_touch` are where the person came
    from, as it was when the lead was opened. `pipeline` and `stage` are names, the ids beside them.
    """

    id: UUID
    number: int
    title: str
    contact_id: UUID
    contact_name: str
    pipeline: str
    pipeline_id: UUID
    stage: str
    stage_id: UUID
    stage_since: datetime
    status: LeadStatus
    value: int | None
    currency: str
    manager_id: UUID | None
    account: str | None
    channel: str | None
    conversation_id: UUID | None
    first_touch: dict[str, Any] | None
    last_touch: dict[str, Any] | None
    lost_reason: str
    fields: dict[str, Any]
    merged_into: UUID | None
    created_at: datetime
    closed_at: datetime | None


class Stage(Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    kind: str
    position: int
    colour: str


class Pipeline(Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    position: int
    currency: str
    stages: list[Stage]


def shown(row: LeadRow) -> Lead:
    return Lead(
        id=row.id,
        number=row.number,
        title=row.title,
        contact_id=row.contact_id,
        contact_name=row.contact_name,
        pipeline=row.pipeline,
        pipeline_id=row.pipeline_id,
        stage=row.stage,
        stage_id=row.stage_id,
        stage_since=row.stage_since,
        status=msgspec.convert(row.status, LeadStatus),
        value=row.value,
        currency=row.currency,
        manager_id=row.manager_id,
        account=row.account or None,
        channel=row.channel or None,
        conversation_id=row.conversation_id,
        first_touch=row.first_touch,
        last_touch=row.last_touch,
        lost_reason=row.lost_reason,
        fields=row.fields,
        merged_into=row.merged_into,
        created_at=row.created_at,
        closed_at=row.closed_at,
    )


def shown_pipeline(row: PipelineRow) -> Pipeline:
    return Pipeline(
        id=row.id,
        name=row.name,
        position=row.position,
        currency=row.currency,
        stages=[
            Stage(
                id=each.id,
                name=each.name,
                kind=each.kind,
                position=each.position,
                colour=each.colour,
            )
            for each in row.stages
        ],
    )


class LeadsQuery(Paged, frozen=True, kw_only=True):
    status: Annotated[
        tuple[Literal["open", "won", "lost", "merged", "any"], ...],
        Meta(description="Any of them; all but merged when not given."),
    ] = ()
    pipeline: UUID | None = None
    stage: UUID | None = None
    manager: UUID | None = None
    contact: UUID | None = None
    created_from: Annotated[datetime, Meta(tz=True)] | None = None
    created_to: Annotated[datetime, Meta(tz=True)] | None = None
    q: Annotated[Search, Meta(description="The number, or whose it is.")] = ""


class NewLead(Struct, frozen=True, kw_only=True):
    contact_id: UUID
    title: ShortText = ""
    value: Money | None = None


class LeadChanges(Struct, frozen=True, kw_only=True):
    """What is not given stays. A lost lead needs a reason when its pipeline asks for one."""

    title: ShortText | UnsetType = UNSET
    stage_id: UUID | UnsetType = UNSET
    status: Literal["open", "won", "lost"] | UnsetType = UNSET
    value: Money | UnsetType | None = UNSET
    manager_id: UUID | UnsetType | None = UNSET
    lost_reason: ShortText | UnsetType = UNSET
    fields: dict[Annotated[str, Meta(max_length=100)], Any] | UnsetType = UNSET


async def list_all_leads(api: Api, call: Call[LeadsQuery, Nothing]) -> Answer:
    query = call.query
    any_status = "any" in query.status
    wish = LeadFilter(
        statuses=(*LIVING, "merged") if any_status else query.status,
        pipeline=query.pipeline,
        stage=query.stage,
        manager=query.manager,
        contact=query.contact,
        created_from=query.created_from,
        created_to=query.created_to,
        q=query.q,
    )
    async with api.engine.connect() as connection:
        page = await list_leads(
            connection, wish, sight=EVERYTHING, cursor=query.cursor, limit=query.limit
        )
    return listed(page, shown)


async def create_lead(api: Api, call: Call[Nothing, NewLead]) -> Answer:
    new = call.body
    async with api.engine.connect() as connection:
        contact = await resolve(connection, new.contact_id)
    if contact is None:
        raise bad_request("invalid", "There is no contact with this id (body.contact_id).")
    made = await api.desk.create_lead(contact, by=None, title=new.title, value=new.value)
    answer = await _shown(api, made)
    return Answer(body=answer.body, headers={"Location": f"/api/v1/leads/{made}"})


async def show_lead(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    return await _shown(api, call.id)


async def change_lead(api: Api, call: Call[Nothing, LeadChanges]) -> Answer:
    wanted = call.body
    changes = {
        name: value
        for name in wanted.__struct_fields__
        if (value := getattr(wanted, name)) is not UNSET
    }
    if changes:
        await api.desk.change_lead(call.id, changes, by=None)
    return await _shown(api, call.id)


async def list_all_pipelines(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    async with api.engine.connect() as connection:
        rows = await list_pipelines(connection)
    return listed(Page(items=tuple(rows)), shown_pipeline)


async def _shown(api: Api, id_: UUID) -> Answer:
    async with api.engine.connect() as connection:
        row = await lead_by_id(connection, id_, sight=EVERYTHING)
    if row is None:
        raise not_found("lead")
    return Answer(body=shown(row))


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/leads",
        tag="Leads",
        summary="Lead cards, the newest first",
        description="Cards closed as merged are listed only when asked for.",
        scope="read",
        handler=list_all_leads,
        query=LeadsQuery,
        answers=ListOf[Lead],
    ),
    Endpoint(
        method="POST",
        path="/leads",
        tag="Leads",
        summary="Open a lead",
        description="A contact has one open lead per pipeline.",
        scope="write",
        handler=create_lead,
        body=NewLead,
        what="contact",
        status=201,
        refuses=True,
        answers=Lead,
    ),
    Endpoint(
        method="GET",
        path="/leads/{id}",
        tag="Leads",
        summary="One lead",
        scope="read",
        handler=show_lead,
        what="lead",
        answers=Lead,
    ),
    Endpoint(
        method="PATCH",
        path="/leads/{id}",
        tag="Leads",
        summary="Move, value, hand over, win or lose a lead",
        scope="write",
        handler=change_lead,
        body=LeadChanges,
        what="lead",
        refuses=True,
        answers=Lead,
    ),
    Endpoint(
        method="GET",
        path="/pipelines",
        tag="Leads",
        summary="Pipelines with their stages",
        scope="read",
        handler=list_all_pipelines,
        answers=ListOf[Pipeline],
    ),
)
