"""Lead cards: the list, the board's columns, one card with its history."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, any_, func, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP, UUID as PG_UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.initials import initials
from storage.reading.paging import DEFAULT_LIMIT, Page, key_of, page_of
from storage.reading.searching import people, wanted
from storage.reading.sight import Sight, lead_in_sight, leads_in_sight
from storage.tables import account, contact, lead, pipeline, stage, task, user_account

LIVING: Final = ("open", "won", "lost")
CLOSED_SHOWN: Final = timedelta(days=30)
"""How long a won or lost card stays on the board."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadRow:
    id: UUID
    number: int
    title: str
    contact_id: UUID
    contact_name: str
    pipeline_id: UUID
    pipeline: str
    stage_id: UUID
    stage: str
    stage_kind: str
    stage_since: datetime
    position: float
    status: str
    value: int | None
    currency: str
    manager_id: UUID | None
    manager_name: str
    account: str
    channel: str
    conversation_id: UUID | None
    first_touch: dict[str, Any] | None
    last_touch: dict[str, Any] | None
    lost_reason: str
    fields: dict[str, Any]
    created_at: datetime
    closed_at: datetime | None
    merged_into: UUID | None
    next_task_at: datetime | None
    """When the next open task is due; a lead without one is lost."""

    @property
    def manager_initials(self) -> str:
        return initials(self.manager_name)

    @property
    def source(self) -> str:
        return str((self.last_touch or {}).get("source", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadEventRow:
    id: UUID
    what: str
    before: Any
    after: Any
    by_name: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadFilter:
    """Merged leads are in a list only when asked for by status."""

    statuses: tuple[str, ...] = LIVING
    pipeline: UUID | None = None
    stage: UUID | None = None
    manager: UUID | None = None
    contact: UUID | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    q: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardColumn:
    """`count` and `value` are of all cards of the stage (closed ones: of the last CLOSED_SHOWN), `leads` the first."""

    stage_id: UUID
    stage: str
    kind: str
    colour: str
    count: int
    value: int
    leads: tuple[LeadRow, ...]


_NAME: Final = "leads"


async def list_leads(
    connection: AsyncConnection,
    wish: LeadFilter,
    *,
    sight: Sight,
    cursor: str = "",
    limit: int = DEFAULT_LIMIT,
) -> Page[LeadRow]:
    """The newest first. Raises BadCursor."""
    conditions = [*_conditions(wish), await leads_in_sight(connection, sight)]
    if cursor:
        at, id_ = key_of(cursor, _NAME, tuple[datetime, UUID])
        behind = func.row(literal(at, TIMESTAMP(timezone=True)), literal(id_, PG_UUID))
        conditions.append(func.row(lead.c.created_at, lead.c.id) < behind)
    if (sought := wanted(wish.q)) is not None:
        of = lead.c.contact_id == any_(literal(await people(connection, sought), ARRAY(PG_UUID)))
        number = sought.text.removeprefix("#").removeprefix("№")
        known = number.isdecimal() and len(number) < 18
        conditions.append(of | (lead.c.number == int(number)) if known else of)
    rows = await connection.execute(
        _dressed(*conditions).order_by(lead.c.created_at.desc(), lead.c.id.desc()).limit(limit + 1)
    )
    return page_of(
        [_row(row) for row in rows],
        limit=limit,
        name=_NAME,
        key=lambda row: (row.created_at, row.id),
    )


async def lead_by_id(connection: AsyncConnection, id_: UUID, *, sight: Sight) -> LeadRow | None:
    of = (lead.c.id == id_, lead_in_sight(sight))
    row = (await connection.execute(_dressed(*of))).one_or_none()
    return None if row is None else _row(row)


async def leads_of(
    connection: AsyncConnection, contact_id: UUID, *, limit: int = 50
) -> list[LeadRow]:
    """A person's leads: the open ones first, then the newest."""
    rows = await connection.execute(
        _dressed(lead.c.contact_id == contact_id, lead.c.status.in_(LIVING))
        .order_by((lead.c.status != "open"), lead.c.created_at.desc(), lead.c.id.desc())
        .limit(limit)
    )
    return [_row(row) for row in rows]


async def lead_history(
    connection: AsyncConnection, lead_id: UUID, *, limit: int = 200
) -> list[LeadEventRow]:
    """What happened to it, newest first."""
    rows = await connection.execute(
        text("""
            select e.id, e.what, e.before, e.after, coalesce(u.name, '') as by_name, e.at
            from lead_event e left join user_account u on u.id = e.by_user
            where e.lead_id = :lead order by e.at desc, e.id desc limit :limit
        """).columns(before=JSONB, after=JSONB),
        {"lead": lead_id, "limit": limit},
    )
    return [LeadEventRow(**row._mapping) for row in rows]  # noqa: SLF001  # a Row's public mapping


async def board(
    connection: AsyncConnection,
    pipeline_id: UUID,
    *,
    now: datetime,
    sight: Sight,
    manager: UUID | None = None,
    per_stage: int = DEFAULT_LIMIT,
) -> list[BoardColumn]:
    """The columns of a pipeline, each with its first cards."""
    of: ColumnElement[bool] = (lead.c.pipeline_id == pipeline_id) & (
        (lead.c.status == "open")
        | (lead.c.status.in_(("won", "lost")) & (lead.c.closed_at > now - CLOSED_SHOWN))
    )
    shown = of if manager is None else of & (lead.c.manager_id == manager)
    if not sight.whole:
        shown &= await leads_in_sight(connection, sight)
    totals = await connection.execute(
        select(
            stage.c.id,
            stage.c.name,
            stage.c.kind,
            stage.c.colour,
            func.count(lead.c.id).label("cards"),
            func.coalesce(func.sum(lead.c.value), 0).label("value"),
        )
        .select_from(stage)
        .outerjoin(lead, (lead.c.stage_id == stage.c.id) & shown)
        .where(stage.c.pipeline_id == pipeline_id)
        .group_by(stage.c.id)
        .order_by(stage.c.position)
    )
    columns = list(totals)
    first = (
        select(lead.c.id)
        .where(lead.c.stage_id == stage.c.id, shown)
        .order_by(lead.c.position, lead.c.id)
        .limit(per_stage)
        .lateral("first")
    )
    picked = (
        select(first.c.id)
        .select_from(stage.join(first, literal(True)))
        .where(stage.c.pipeline_id == pipeline_id)
    )
    rows = await connection.execute(
        _dressed(lead.c.id.in_(picked)).order_by(lead.c.position, lead.c.id)
    )
    cards: dict[UUID, list[LeadRow]] = {}
    for row in map(_row, rows):
        cards.setdefault(row.stage_id, []).append(row)
    return [
        BoardColumn(
            stage_id=column.id,
            stage=column.name,
            kind=column.kind,
            colour=column.colour,
            count=column.cards,
            value=int(column.value),
            leads=tuple(cards.get(column.id, ())),
        )
        for column in columns
    ]


def _conditions(wish: LeadFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [lead.c.status.in_(wish.statuses or LIVING)]
    if wish.pipeline is not None:
        conditions.append(lead.c.pipeline_id == wish.pipeline)
    if wish.stage is not None:
        conditions.append(lead.c.stage_id == wish.stage)
    if wish.manager is not None:
        conditions.append(lead.c.manager_id == wish.manager)
    if wish.contact is not None:
        conditions.append(lead.c.contact_id == wish.contact)
    if wish.created_from is not None:
        conditions.append(lead.c.created_at >= wish.created_from)
    if wish.created_to is not None:
        conditions.append(lead.c.created_at < wish.created_to)
    return conditions


def _dressed(*conditions: ColumnElement[bool]) -> Select[Any]:
    due = (
        select(func.min(task.c.due_at))
        .where(task.c.lead_id == lead.c.id, task.c.done_at.is_(None))
        .scalar_subquery()
    )
    return (
        select(
            lead,
            contact.c.name.label("contact_name"),
            pipeline.c.name.label("pipeline_name"),
            stage.c.name.label("stage_name"),
            stage.c.kind.label("stage_kind"),
            user_account.c.name.label("manager_name"),
            account.c.slug.label("account_slug"),
            account.c.kind.label("channel"),
            due.label("next_task_at"),
        )
        .select_from(lead)
        .join(contact, contact.c.id == lead.c.contact_id)
        .join(pipeline, pipeline.c.id == lead.c.pipeline_id)
        .join(stage, stage.c.id == lead.c.stage_id)
        .outerjoin(user_account, user_account.c.id == lead.c.manager_id)
        .outerjoin(account, account.c.id == lead.c.account_id)
        .where(*conditions)
    )


def _row(row: Any) -> LeadRow:
    return LeadRow(
        id=row.id,
        number=row.number,
        title=row.title,
        contact_id=row.contact_id,
        contact_name=row.contact_name,
        pipeline_id=row.pipeline_id,
        pipeline=row.pipeline_name,
        stage_id=row.stage_id,
        stage=row.stage_name,
        stage_kind=row.stage_kind,
        stage_since=row.stage_since,
        position=row.position,
        status=row.status,
        value=row.value,
        currency=row.currency,
        manager_id=row.manager_id,
        manager_name=row.manager_name or "",
        account=row.account_slug or "",
        channel=row.channel or "",
        conversation_id=row.conversation_id,
        first_touch=row.first_touch,
        last_touch=row.last_touch,
        lost_reason=row.lost_reason,
        fields=row.fields,
        created_at=row.created_at,
        closed_at=row.closed_at,
        merged_into=row.merged_into,
        next_task_at=row.next_task_at,
    )
