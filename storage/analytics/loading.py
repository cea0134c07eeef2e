"""What happened to some contacts, as far as reports count it: everything that `deriving` looks at, in one round trip."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from storage import bulk


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Of a touch, as a lead keeps it (`router.attribution.snapshot`)."""

    id: UUID
    source: str = ""
    medium: str = ""
    campaign: str = ""
    content: str = ""
    term: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """`stage_id` is where it is now. `responded_at`: when a person first answered in its conversation. `said`: how they
    heard of us, "" when nobody has asked. Those merged into others are none.
    """

    id: UUID
    contact_id: UUID
    pipeline_id: UUID
    stage_id: UUID
    status: str
    value: int | None
    currency: str
    manager_id: UUID | None
    account_id: UUID | None
    channel: str
    created_at: datetime
    closed_at: datetime | None
    first_touch: Snapshot | None
    last_touch: Snapshot | None
    responded_at: datetime | None
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A lead came into a stage."""

    lead_id: UUID
    stage_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    id: UUID
    contact_id: UUID
    account_id: UUID
    manager_id: UUID | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    id: UUID
    contact_id: UUID
    at: datetime
    source: str
    medium: str
    campaign: str
    content: str
    term: str
    landing: str
    visit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`manager_id`: whose extension talked or called. `theirs_id`: who has the customer now. `known`: we know who called."""

    id: UUID
    contact_id: UUID
    account_id: UUID
    channel: str
    number: str
    manager_id: UUID | None
    theirs_id: UUID | None
    known: bool
    direction: str
    phase: str
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    talked: float | None


@dataclass(slots=True, kw_only=True)
class Histories:
    leads: list[Lead] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    inquiries: list[Inquiry] = field(default_factory=list)
    touches: list[Touch] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)


_LEADS: Final = bulk.Records(
    Lead,
    "select l.id, l.contact_id, l.pipeline_id, l.stage_id, l.status, l.value, l.currency, l.manager_id, l.account_id,"
    " coalesce(a.kind, '') as channel, l.created_at, l.closed_at, l.first_touch, l.last_touch,"
    " (select min(r.at) from response r where r.conversation_id = l.conversation_id and r.at >= l.created_at)"
    "  as responded_at,"
    # By the API an answer may be anything; it is part of a key.
    " left(btrim(coalesce(l.fields ->> cast(:question as text), '')), 200) as said"
    " from lead l left join account a on a.id = l.account_id"
    " where l.contact_id = any(cast(:contacts as uuid[])) and l.status <> 'merged'",
)
_STEPS: Final = bulk.Records(
    Step,
    "select e.lead_id, cast(e.after #>> '{}' as uuid) as stage_id, e.at"
    " from lead l join lead_event e on e.lead_id = l.id"
    " where l.contact_id = any(cast(:contacts as uuid[])) and l.status <> 'merged'"
    "  and e.what in ('opened', 'stage') and jsonb_typeof(e.after) = 'string'"
    " order by e.at, e.id",
)
_INQUIRIES: Final = bulk.Records(
    Inquiry,
    "select i.id, v.contact_id, v.account_id, v.manager_id, i.at"
    " from conversation v join inquiry i on i.conversation_id = v.id"
    " where v.contact_id = any(cast(:contacts as uuid[]))",
)
_TOUCHES: Final = bulk.Records(
    Touch,
    "select id, contact_id, at, source, medium, campaign, content, term, landing, coalesce(raw ->> 'visit', '') as visit"
    " from touch where contact_id = any(cast(:contacts as uuid[]))",
)
_CALLS: Final = bulk.Records(
    Call,
    "select k.id, v.contact_id, k.account_id, a.kind as channel, k.ours as number, k.user_id as manager_id,"
    " v.manager_id as theirs_id, v.chat_kind = 'private' as known, k.direction, k.phase, k.started_at, k.answered_at,"
    " k.ended_at, k.talked"
    " from conversation v join call k on k.conversation_id = v.id join account a on a.id = k.account_id"
    " where v.contact_id = any(cast(:contacts as uuid[]))",
)


async def load_histories(
    connection: AsyncConnection, contacts: Collection[UUID], *, question: str | None
) -> Histories:
    """`question`: the key of the field of leads that holds how they heard of us; None: nobody asks."""
    given = list(contacts)
    leads = _LEADS.asked(contacts=given, question=question)
    steps = _STEPS.asked(contacts=given)
    inquiries, touches = _INQUIRIES.asked(contacts=given), _TOUCHES.asked(contacts=given)
    calls = _CALLS.asked(contacts=given)
    await bulk.answer(connection, leads, steps, inquiries, touches, calls)
    return Histories(
        leads=leads.found,
        steps=steps.found,
        inquiries=inquiries.found,
        touches=touches.found,
        calls=calls.found,
    )
