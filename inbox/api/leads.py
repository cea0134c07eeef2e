"""/leads: the cards. The stages they go through are in `pipelines`."""

from datetime import datetime
from functools import partial
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
    OfSource,
    Paged,
    Search,
    ShortText,
    listed,
)
from inbox.api.problems import bad_request, not_found
from inbox.languages import language
from inbox.source_names import SourceNames, read_names
from storage.reading.contacts import resolve
from storage.reading.lead_rows import LeadRow
from storage.reading.leads import LIVING, LeadFilter, Sort, lead_by_id, list_leads
from storage.reading.sight import EVERYTHING

LeadStatus = Literal["open", "won", "lost", "merged"]
Money = Annotated[int, Meta(ge=0, le=10**15, description="In minor units: 150000 is 1 500.00.")]


class Lead(Struct, frozen=True, kw_only=True):
    """`value` is in minor units of `currency` (ISO 4217). `first_touch` and `last_touch` are where the person came
    from, as it was when the lead was opened; their `source_name` is what the rules call it now. `pipeline` and `stage` are names, the ids beside them.
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
    lost_details: str
    next_task_at: datetime | None
    fields: dict[str, Any]
    merged_into: UUID | None
    created_at: datetime
    closed_at: datetime | None


def shown(row: LeadRow, names: SourceNames) -> Lead:
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
        first_touch=_named(row.first_touch, names),
        last_touch=_named(row.last_touch, names),
        lost_reason=row.lost_reason,
        lost_details=row.lost_details,
        next_task_at=row.next_task_at,
        fields=row.fields,
        merged_into=row.merged_into,
        created_at=row.created_at,
        closed_at=row.closed_at,
    )


def _named(touch: dict[str, Any] | None, names: SourceNames) -> dict[str, Any] | None:
    return touch and {"source_name": names.of_touch(language("en"), touch), **touch}


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
    q: Annotated[Search, Meta(description="The number, the title, or whose it is.")] = ""
    team: Annotated[UUID | None, Meta(description="Of the lead's manager.")] = None
    source: OfSource = ""
    channel: Annotated[Search, Meta(description="The kind of the account: telegram, email …")] = ""
    label: Search = ""
    value_from: Money | None = None
    value_to: Money | None = None
    task: Annotated[
        Literal["any", "none", "late"],
        Meta(description="`none`: open leads with nothing to do; `late`: something is overdue."),
    ] = "any"
    sort: Annotated[
        Sort,
        Meta(
            description="The newest; the dearest; those longest in their stage; those whose task is due first,"
            " which leaves out leads without one."
        ),
    ] = "created"


class NewLead(Struct, frozen=True, kw_only=True):
    contact_id: UUID
    title: ShortText = ""
    value: Money | None = None
    stage_id: Annotated[
        UUID | None,
        Meta(
            description="An open stage of any pipeline; the first of the first one when not given."
        ),
    ] = None


class LeadChanges(Struct, frozen=True, kw_only=True):
    """What is not given stays. A stage decides the status, and a status the stage. A lost lead needs a reason; a won one
    without a value counts as a sale of nothing.
    """

    title: ShortText | UnsetType = UNSET
    stage_id: UUID | UnsetType = UNSET
    status: Literal["open", "won", "lost"] | UnsetType = UNSET
    value: Money | UnsetType | None = UNSET
    manager_id: UUID | UnsetType | None = UNSET
    lost_reason: ShortText | UnsetType = UNSET
    lost_details: ShortText | UnsetType = UNSET
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
        team=query.team,
        source=query.source,
        channel=query.channel,
        label=query.label,
        value_from=query.value_from,
        value_to=query.value_to,
        task="" if query.task == "any" else query.task,
        late_before=api.now(),
    )
    async with api.engine.connect() as connection:
        page = await list_leads(
            connection,
            wish,
            sight=EVERYTHING,
            sort=query.sort,
            cursor=query.cursor,
            limit=query.limit,
        )
        names = await read_names(connection)
    return listed(page, partial(shown, names=names))


async def create_lead(api: Api, call: Call[Nothing, NewLead]) -> Answer:
    new = call.body
    async with api.engine.connect() as connection:
        contact = await resolve(connection, new.contact_id)
    if contact is None:
        raise bad_request("invalid", "There is no contact with this id (body.contact_id).")
    where = {"stage": new.stage_id} if new.stage_id is not None else {}
    made = await api.desk.create_lead(contact, by=None, title=new.title, value=new.value, **where)
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


async def _shown(api: Api, id_: UUID) -> Answer:
    async with api.engine.connect() as connection:
        row = await lead_by_id(connection, id_, sight=EVERYTHING)
        names = await read_names(connection)
    if row is None:
        raise not_found("lead")
    return Answer(body=shown(row, names))


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
)
