"""Lead cards: the list, the board's columns, one card with its history."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    any_,
    func,
    literal,
    literal_column,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP, UUID as PG_UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.initials import initials
from storage.reading.paging import DEFAULT_LIMIT, Page, key_of, page_of
from storage.reading.searching import people, wanted
from storage.reading.sight import Sight, lead_in_hand, lead_in_sight, leads_in_sight
from storage.tables import (
    account,
    contact,
    conversation,
    lead,
    pipeline,
    stage,
    task,
    team_member,
    user_account,
)

MOST_OF_SOURCES: Final = 2000
LIVING: Final = ("open", "won", "lost")


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
    lost_details: str
    fields: dict[str, Any]
    created_at: datetime
    closed_at: datetime | None
    merged_into: UUID | None
    next_task_at: datetime | None
    """When the next open task is due; a lead without one is lost."""
    next_task: str
    next_task_kind: str
    norm_days: int | None
    """How long a lead may stay in this stage."""

    def is_old(self, now: datetime) -> bool:
        return (
            self.status == "open"
            and self.norm_days is not None
            and now - self.stage_since > timedelta(days=self.norm_days)
        )

    @property
    def manager_initials(self) -> str:
        return initials(self.manager_name)

    @property
    def source(self) -> str:
        return str((self.last_touch or {}).get("source", ""))

    @property
    def campaign(self) -> str:
        return str((self.last_touch or {}).get("campaign") or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadEventRow:
    id: UUID
    what: str
    before: Any
    after: Any
    by_name: str
    at: datetime
    before_name: str
    after_name: str
    """Of the stages, or of the managers, that `before` and `after` are the ids of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadFilter:
    """Merged leads are in a list only when asked for by status. `value_from` and `value_to` are in minor units; `channel` is
    an account's kind; `late_before` and `today_until` are what "late" and "today" mean to whoever asks.
    """

    statuses: tuple[str, ...] = LIVING
    pipeline: UUID | None = None
    stage: UUID | None = None
    manager: UUID | None = None
    contact: UUID | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    q: str = ""
    unassigned: bool = False
    team: UUID | None = None
    source: str = ""
    channel: str = ""
    label: str = ""
    value_from: int | None = None
    value_to: int | None = None
    task: Literal["", "none", "late", "today"] = ""
    late_before: datetime | None = None
    today_until: datetime | None = None
    in_stage_since: datetime | None = None
    """In its stage at least since then."""
    forgotten: bool = False
    """In its stage for longer than the stage's norm."""


_NAME: Final = "leads"


Sort = Literal["created", "value", "age", "task"]

_NOTHING: Final = -1
"""What a lead without a value is sorted as."""


async def list_leads(
    connection: AsyncConnection,
    wish: LeadFilter,
    *,
    sight: Sight,
    sort: Sort = "created",
    cursor: str = "",
    limit: int = DEFAULT_LIMIT,
) -> Page[LeadRow]:
    """The newest first; or the dearest, those longest in their stage, those whose task is due first. Raises BadCursor.

    Sorted by task, only those with an open task are there.
    """
    conditions = [
        *_conditions(wish),
        *await found_by(connection, wish.q, sight),
        # As of contacts: found ones are looked up.
        lead_in_sight(sight) if wish.q else await leads_in_sight(connection, sight),
    ]
    name = _NAME if sort == "created" else f"{_NAME}.{sort}"
    statement = dressed(*conditions)
    match sort:
        case "value":
            worth = func.coalesce(lead.c.value, literal_column(str(_NOTHING)))
            order: list[ColumnElement[Any]] = [worth.desc(), lead.c.id.desc()]
            place = func.row(worth, lead.c.id)
        case "age":
            order = [lead.c.stage_since, lead.c.id]
            place = func.row(lead.c.stage_since, lead.c.id)
        case "task":
            return await _by_task(
                connection, conditions, sight=sight, name=name, cursor=cursor, limit=limit
            )
        case _:
            order = [lead.c.created_at.desc(), lead.c.id.desc()]
            place = func.row(lead.c.created_at, lead.c.id)
    if cursor and sort == "value":
        worth_there, id_ = key_of(cursor, name, tuple[int, UUID])
        statement = statement.where(
            place < func.row(literal(worth_there, BigInteger), literal(id_, PG_UUID))
        )
    elif cursor:
        at, id_ = key_of(cursor, name, tuple[datetime, UUID])
        there = func.row(literal(at, TIMESTAMP(timezone=True)), literal(id_, PG_UUID))
        statement = statement.where(place < there if sort == "created" else place > there)
    statement = statement.order_by(*order).limit(limit + 1)
    if not sight.whole:
        # Picked before they are dressed: those gathered are sorted, and each would be dressed for that.
        found = true() if statement.whereclause is None else statement.whereclause
        picked = select(lead.c.id).where(found).order_by(*order).limit(limit + 1)
        statement = dressed(lead.c.id.in_(picked.subquery("picked").select())).order_by(*order)
    rows = await connection.execute(statement)
    return page_of(
        [row_of(row, sight) for row in rows],
        limit=limit,
        name=name,
        key=lambda row: (_sorted_by(row, sort), row.id),
    )


async def _by_task(
    connection: AsyncConnection,
    conditions: list[ColumnElement[bool]],
    *,
    sight: Sight,
    name: str,
    cursor: str,
    limit: int,
) -> Page[LeadRow]:
    """Along the tasks as they are due: to sort the leads by theirs, all of them would be read."""
    # By names of their own: a filter by task asks about `task`, and is not meant to be of these.
    due, sooner = task.alias("due"), task.alias("sooner")
    is_next = ~(
        select(sooner.c.id)
        .where(
            sooner.c.lead_id == due.c.lead_id,
            sooner.c.done_at.is_(None),
            func.row(sooner.c.due_at, sooner.c.id) < func.row(due.c.due_at, due.c.id),
        )
        .exists()
    )
    picked = (
        select(due.c.lead_id)
        .select_from(due.join(lead, lead.c.id == due.c.lead_id))
        .where(due.c.done_at.is_(None), due.c.lead_id.is_not(None), is_next, *conditions)
    )
    if cursor:
        at, id_ = key_of(cursor, name, tuple[datetime, UUID])
        there = func.row(literal(at, TIMESTAMP(timezone=True)), literal(id_, PG_UUID))
        picked = picked.where(func.row(due.c.due_at, due.c.lead_id) > there)
    picked = picked.order_by(due.c.due_at, due.c.lead_id).limit(limit + 1)
    rows = await connection.execute(dressed(lead.c.id.in_(picked.subquery("picked").select())))
    found = sorted((row_of(row, sight) for row in rows), key=lambda row: (_due(row), row.id))
    return page_of(found, limit=limit, name=name, key=lambda row: (row.next_task_at, row.id))


def _due(row: LeadRow) -> datetime:
    if row.next_task_at is None:
        raise AssertionError("picked by its task")
    return row.next_task_at


def _sorted_by(row: LeadRow, sort: Sort) -> object:
    match sort:
        case "value":
            return _NOTHING if row.value is None else row.value
        case "age":
            return row.stage_since
        case _:
            return row.created_at


async def found_by(connection: AsyncConnection, q: str, sight: Sight) -> list[ColumnElement[bool]]:
    """Of leads whose number, title or person somebody typed; nothing typed: all. A title that may not be read is not found."""
    sought = wanted(q)
    if sought is None:
        return []
    of = lead.c.contact_id == any_(literal(await people(connection, sought), ARRAY(PG_UUID)))
    part = "%" + re.sub(r"([%_\\])", r"\\\1", sought.text) + "%"
    named = of | literal_column("lower(lead.title)").like(part) if sight.reads else of
    number = sought.text.lstrip("#№")
    if number != sought.text and number.isdecimal() and len(number) < 18:
        return [lead.c.number == int(number)]
    known = number.isdecimal() and len(number) < 18
    return [named | (lead.c.number == int(number)) if known else named]


async def leads_by_ids(
    connection: AsyncConnection, wish: LeadFilter, ids: Collection[UUID], *, sight: Sight
) -> list[LeadRow]:
    """Those of them that the wish is for."""
    conditions = [
        *_conditions(wish),
        *await found_by(connection, wish.q, sight),
        lead_in_sight(sight),
    ]
    rows = await connection.execute(dressed(lead.c.id.in_(ids), *conditions))
    return [row_of(row, sight) for row in rows]


async def sources_of_leads(
    connection: AsyncConnection, *, sight: Sight, limit: int = 60
) -> list[str]:
    """Where leads come from: hops from one to the next through the index, and reads no lead. Of a limited reader: those of
    the leads in their own or their team's hands.
    """
    if not sight.whole:
        source: Any = literal_column("(lead.last_touch ->> 'source')").label("source")
        recent = (
            select(source)
            .where(lead_in_hand(sight))
            .order_by(lead.c.created_at.desc())
            .limit(MOST_OF_SOURCES)
            .subquery("recent")
        )
        some = select(recent.c.source).where(recent.c.source != "").distinct()
        return list(
            (await connection.execute(some.order_by(recent.c.source).limit(limit))).scalars()
        )
    rows = await connection.execute(
        text("""
            with recursive known as (
                (select last_touch ->> 'source' as source from lead where last_touch ->> 'source' > ''
                 order by 1 limit 1)
                union all
                select (select last_touch ->> 'source' from lead where last_touch ->> 'source' > known.source
                        order by 1 limit 1) from known where known.source is not null
            ) select source from known where source is not null limit :limit
        """),
        {"limit": limit},
    )
    return [row.source for row in rows]


async def channels_of_leads(connection: AsyncConnection) -> list[str]:
    """The kinds of the accounts there are."""
    rows = await connection.execute(select(account.c.kind).distinct().order_by(account.c.kind))
    return [row.kind for row in rows]


async def lead_by_id(connection: AsyncConnection, id_: UUID, *, sight: Sight) -> LeadRow | None:
    of = (lead.c.id == id_, lead_in_sight(sight))
    row = (await connection.execute(dressed(*of))).one_or_none()
    return None if row is None else row_of(row, sight)


async def leads_of(
    connection: AsyncConnection, contact_id: UUID, *, sight: Sight, limit: int = 50
) -> list[LeadRow]:
    """A person's leads: the open ones first, then the newest."""
    rows = await connection.execute(
        dressed(lead.c.contact_id == contact_id, lead.c.status.in_(LIVING))
        .order_by((lead.c.status != "open"), lead.c.created_at.desc(), lead.c.id.desc())
        .limit(limit)
    )
    return [row_of(row, sight) for row in rows]


async def lead_history(
    connection: AsyncConnection, lead_id: UUID, *, limit: int = 200
) -> list[LeadEventRow]:
    """What happened to it, newest first."""
    rows = await connection.execute(
        text("""
            select e.id, e.what, e.before, e.after, coalesce(u.name, '') as by_name, e.at,
                coalesce(sb.name, ub.name, '') as before_name, coalesce(sa.name, ua.name, '') as after_name
            from lead_event e left join user_account u on u.id = e.by_user
            left join stage sb on e.what in ('stage', 'opened') and to_jsonb(cast(sb.id as text)) = e.before
            left join stage sa on e.what in ('stage', 'opened') and to_jsonb(cast(sa.id as text)) = e.after
            left join user_account ub on e.what = 'manager' and to_jsonb(cast(ub.id as text)) = e.before
            left join user_account ua on e.what = 'manager' and to_jsonb(cast(ua.id as text)) = e.after
            where e.lead_id = :lead order by e.at desc, e.id desc limit :limit
        """).columns(before=JSONB, after=JSONB),
        {"lead": lead_id, "limit": limit},
    )
    return [LeadEventRow(**row._mapping) for row in rows]  # noqa: SLF001  # a Row's public mapping


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
    return [*conditions, *narrowed(wish)]


def narrowed(wish: LeadFilter) -> list[ColumnElement[bool]]:
    """What the board and the list can both be narrowed to."""
    conditions: list[ColumnElement[bool]] = []
    if wish.unassigned:
        conditions.append(lead.c.manager_id.is_(None))
    if wish.team is not None:
        theirs = select(team_member.c.user_id).where(team_member.c.team_id == wish.team)
        conditions.append(lead.c.manager_id.in_(theirs))
    if wish.source:
        conditions.append(literal_column("(lead.last_touch ->> 'source')") == wish.source)
    if wish.channel:
        ours = select(account.c.id).where(account.c.kind == wish.channel)
        conditions.append(lead.c.account_id.in_(ours))
    if wish.label:
        conditions.append(
            select(conversation.c.id)
            .where(
                conversation.c.id == lead.c.conversation_id,
                literal(wish.label) == any_(conversation.c.labels),
            )
            .exists()
        )
    if wish.value_from is not None:
        conditions.append(lead.c.value >= wish.value_from)
    if wish.value_to is not None:
        conditions.append(lead.c.value <= wish.value_to)
    if wish.in_stage_since is not None:
        conditions.append(lead.c.stage_since <= wish.in_stage_since)
    if wish.forgotten and wish.late_before is not None:
        forgotten = (
            select(stage.c.id)
            .where(
                stage.c.id == lead.c.stage_id,
                lead.c.stage_since
                < literal(wish.late_before, TIMESTAMP(timezone=True))
                - func.make_interval(0, 0, 0, stage.c.norm_days),
            )
            .exists()
        )
        conditions += [lead.c.status == "open", forgotten]
    return [*conditions, *_with_task(wish)]


def _with_task(wish: LeadFilter) -> list[ColumnElement[bool]]:
    if not wish.task:
        return []
    todo = select(task.c.id).where(task.c.lead_id == lead.c.id, task.c.done_at.is_(None))
    match wish.task:
        case "none":
            return [lead.c.status == "open", ~todo.exists()]
        case "late":
            return [todo.where(task.c.due_at < wish.late_before).exists()]
        case _:
            return [todo.where(task.c.due_at < wish.today_until).exists()]


# The most urgent open one of each lead.
_next_task: Final = (
    select(task.c.due_at, task.c.text, task.c.kind)
    .where(task.c.lead_id == lead.c.id, task.c.done_at.is_(None))
    .order_by(task.c.due_at, task.c.id)
    .limit(1)
    .lateral("next_task")
)


def dressed(*conditions: ColumnElement[bool]) -> Select[Any]:
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
            stage.c.norm_days,
            _next_task.c.due_at.label("next_task_at"),
            _next_task.c.text.label("next_task"),
            _next_task.c.kind.label("next_task_kind"),
        )
        .select_from(lead)
        .join(contact, contact.c.id == lead.c.contact_id)
        .join(pipeline, pipeline.c.id == lead.c.pipeline_id)
        .join(stage, stage.c.id == lead.c.stage_id)
        .outerjoin(user_account, user_account.c.id == lead.c.manager_id)
        .outerjoin(account, account.c.id == lead.c.account_id)
        .outerjoin(_next_task, true())
        .where(*conditions)
    )


def row_of(row: Any, sight: Sight) -> LeadRow:
    """A title begins as the first words of a customer, and a task quotes them: without the right to read there is neither."""
    return LeadRow(
        id=row.id,
        number=row.number,
        title=row.title if sight.reads else "",
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
        lost_details=row.lost_details,
        fields=row.fields,
        created_at=row.created_at,
        closed_at=row.closed_at,
        merged_into=row.merged_into,
        next_task_at=row.next_task_at,
        next_task=(row.next_task or "") if sight.reads else "",
        next_task_kind=row.next_task_kind or "",
        norm_days=row.norm_days,
    )
