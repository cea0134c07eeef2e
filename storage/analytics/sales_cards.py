"""Behind every number of the reports of sales: what it counts, newest first, a page at a time."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.activity_plans import offer_stages
from storage.analytics.activity import CALLS_OF, TASKS_OF, Period, offered
from storage.analytics.calls import CallsWish, which as which_calls
from storage.analytics.funnel import FunnelWish, way_of_pipeline
from storage.analytics.managers import ManagersWish
from storage.analytics.rules import NOBODY
from storage.analytics.summary import OPEN_THEN, SummaryWish
from storage.analytics.wishes import Wish, by_conversation, by_whom, narrowed
from storage.reading.paging import DEFAULT_LIMIT, Page, key_of, page_of

CardKind = Literal["lead", "call", "task", "conversation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesCard:
    """`at` is the moment it is counted by. `money` in minor units of the company's currency, None where there is none or
    no rate is known; `seconds` of a talk, or until an answer.
    """

    kind: CardKind
    id: UUID
    at: datetime
    contact_id: UUID | None
    contact_name: str
    conversation_id: UUID | None
    number: int | None = None
    title: str = ""
    status: str = ""
    stage: str = ""
    manager_name: str = ""
    money: int | None = None
    seconds: int | None = None


async def sales_cards(
    connection: AsyncConnection,
    wish: Wish,
    counted: str,
    *,
    zone: ZoneInfo,
    now: datetime,
    stage: UUID | None = None,
    cursor: str = "",
    limit: int = DEFAULT_LIMIT,
) -> Page[SalesCard]:
    """Of the report whose wish it is (SummaryWish, FunnelWish, ManagersWish, CallsWish); `counted` as its figure says.

    `stage`, of the funnel, is the stage whose figure it is. Raises BadCursor, and ValueError for what the report does not
    count.
    """
    values: dict[str, Any] = {"limit": limit + 1}
    found = await _found(
        connection,
        wish,
        counted,
        period=Period.of(wish, zone=zone, now=now),
        stage=stage,
        values=values,
    )
    name = f"{type(wish).__name__} {counted}"
    behind = "true"
    if cursor:
        # A day is enough for leads, which are counted by day; everything else has its moment.
        shape = tuple[date, UUID] if found.by_day else tuple[datetime, UUID]
        values["at"], values["key"] = key_of(cursor, name, shape)
        behind = f"({found.at}, {found.key}) < (:at, :key)"
    rows = (
        await connection.execute(
            text(f"""
                with found as materialized (
                    select {found.at} as sort, {found.key} as key, {found.subject} as subject,
                           {found.who} as who, {found.seconds} as seconds, {found.money} as money
                    from {found.table} x where {found.which} and {behind}
                    order by {found.at} desc, {found.key} desc limit :limit
                )
                {_CARDS[found.kind].format(moment=found.moment)} order by f.sort desc, f.key desc
            """),  # noqa: S608  # our own names; values are parameters
            values,
        )
    ).all()
    page = page_of(rows, limit=limit, name=name, key=lambda row: (row.sort, row.key))
    return Page(
        items=tuple(_card(row, found.kind) for row in page.items), next_cursor=page.next_cursor
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """SQL over rows of `table` named `x`: which, in what order, and what of them is shown."""

    kind: CardKind
    table: str
    which: str
    at: str
    key: str
    subject: str
    who: str = "x.manager_id"
    seconds: str = "cast(null as bigint)"
    money: str = "cast(null as bigint)"
    by_day: bool = False
    moment: str = "f.sort"
    """Of a lead `l`: when it was that it is counted by."""


async def _found(
    connection: AsyncConnection,
    wish: Wish,
    counted: str,
    *,
    period: Period,
    stage: UUID | None,
    values: dict[str, Any],
) -> _Found:
    match wish:
        case FunnelWish():
            return await _of_funnel(connection, wish, counted, stage, values)
        case CallsWish() if counted in _CALLS:
            return _calls(f"{_CALLS[counted]} and {which_calls(wish, values)}")
        case SummaryWish() | ManagersWish() if counted in _LEADS:
            return _leads(wish, counted, values)
        case ManagersWish() if (
            counted in CALLS_OF or counted in _OF_MANAGERS or counted in TASKS_OF
        ):
            return await _of_manager(connection, wish, counted, period, values)
        case _:
            raise ValueError(f"{counted} is not counted there")


_CALLS: Final = {
    "incoming": "x.direction = 'in'",
    "outgoing": "x.direction = 'out'",
    "missed": "x.missed",
    "not_called_back": "x.abandoned",
    "answered": "x.answered",
    "answered_in": "x.answered and x.direction = 'in'",
    "answered_out": "x.answered and x.direction = 'out'",
}
_LEADS: Final = {
    "leads": ("x.created_on between :first and :last", "x.created_on"),
    "won": ("x.status = 'won' and x.closed_on between :first and :last", "x.closed_on"),
    "lost": ("x.status = 'lost' and x.closed_on between :first and :last", "x.closed_on"),
    "closed": ("x.closed_on between :first and :last", "x.closed_on"),
    "open": (OPEN_THEN, "x.created_on"),
}
_SOMEBODY: Final = f"x.manager_id <> '{NOBODY}'"
"""What is nobody's is in no row of the report of managers."""
_OF_MANAGERS: Final = frozenset({"assigned", "answered", "first_answers", "offers"})


def _leads(wish: Wish, counted: str, values: dict[str, Any]) -> _Found:
    which, at = _LEADS[counted]
    if ":first" in which:
        values["first"] = wish.first
    values["last"] = wish.last
    if isinstance(wish, ManagersWish):
        which = f"{which} and {_SOMEBODY}"
    return _Found(
        kind="lead",
        table="fact_lead",
        which=f"{which} and {narrowed(wish, values)}",
        at=at,
        key="x.lead_id",
        subject="x.lead_id",
        money="x.worth",
        by_day=True,
        moment="l.created_at" if at == "x.created_on" else "l.closed_at",
    )


def _calls(which: str) -> _Found:
    return _Found(
        kind="call",
        table="fact_call",
        which=which,
        at="x.started_at",
        key="x.call_id",
        subject="x.call_id",
        seconds="x.talk_seconds",
    )


async def _of_funnel(
    connection: AsyncConnection,
    wish: FunnelWish,
    counted: str,
    stage: UUID | None,
    values: dict[str, Any],
) -> _Found:
    way = await way_of_pipeline(connection, wish.pipeline)
    ids = [each.id for each in way]
    wish = replace(wish, pipeline=way[0].pipeline_id if way else wish.pipeline)
    leads = _leads(wish, "leads", values)
    if counted == "leads":
        return leads
    if counted in {"won", "all_lost"}:
        return replace(
            leads, which=f"{leads.which} and x.status = '{counted.removeprefix('all_')}'"
        )
    if stage not in ids:
        raise ValueError("the figure is one of a stage of the funnel")
    place = ids.index(stage)
    # As the funnel counts: whose stage has gone since is in the first.
    elsewhere = "" if place else " or {column} is null or not {column} = any(:way)"
    match counted:
        case "reached":
            if not place:
                return leads
            values["beyond"] = ids[place:]
            return replace(leads, which=f"{leads.which} and x.furthest_id = any(:beyond)")
        case "here" | "lost":
            column, status = (
                ("x.stage_id", "open") if counted == "here" else ("x.lost_from_id", "lost")
            )
            values["stage"] = stage
            if not place:
                values["way"] = ids
            there = f"({column} = :stage{elsewhere.format(column=column)})"
            return replace(leads, which=f"{leads.which} and x.status = '{status}' and {there}")
        case _:
            raise ValueError(f"{counted} is not counted there")


async def _of_manager(
    connection: AsyncConnection,
    wish: ManagersWish,
    counted: str,
    period: Period,
    values: dict[str, Any],
) -> _Found:
    if counted in CALLS_OF:
        values |= {"first": wish.first, "last": wish.last}
        dated = "x.started_on between :first and :last"
        return _calls(f"{CALLS_OF[counted]} and {dated} and {_of_activity(wish, values)}")
    values |= period.values()
    if counted in TASKS_OF:
        which = TASKS_OF[counted]
        if ":now" in which:
            values["now"] = period.now
        return _Found(
            kind="task",
            table="task",
            which=f"{which} and {_by_hand(wish, values, 'x.manager_id')}",
            at="x.done_at" if counted == "tasks_done" else "x.due_at",
            key="x.id",
            subject="x.id",
        )
    if counted == "offers":
        offers = offered(await offer_stages(connection), values)
        within = "x.entered_at >= :begin and x.entered_at < :end"
        return _Found(
            kind="lead",
            table="fact_stage",
            which=f"{within} and {offers} and {_SOMEBODY} and {narrowed(wish, values)}",
            at="x.entered_at",
            key="x.lead_id",
            subject="x.lead_id",
        )
    within = "x.at >= :begin and x.at < :end"
    who = "x.manager_id" if counted == "assigned" else "x.user_id"
    return _Found(
        kind="conversation",
        table="assignment" if counted == "assigned" else "response",
        which=f"{within} and {'x.first and' if counted == 'first_answers' else ''} {_by_hand(wish, values, who)}",
        at="x.at",
        key="x.id",
        subject="x.conversation_id",
        who=who,
        seconds="cast(null as bigint)" if counted == "assigned" else "x.working_seconds",
    )


def _by_hand(wish: ManagersWish, values: dict[str, Any], column: str) -> str:
    """As `activity` narrows what has a manager and a conversation; nothing of it has a source or a pipeline."""
    if wish.source or wish.pipeline is not None:
        return "false"
    who = by_whom(wish, values, column=column)
    where = by_conversation(wish, values, column="x.conversation_id")
    return f"{column} is not null and {who} and {where}"


def _of_activity(wish: ManagersWish, values: dict[str, Any]) -> str:
    if wish.source or wish.pipeline is not None:
        return "false"
    return f"{_SOMEBODY} and {narrowed(wish, values)}"


_CARDS: Final[dict[CardKind, str]] = {
    "lead": """
        select f.*, {moment} as moment, l.contact_id, coalesce(c.name, '') as contact_name, l.conversation_id,
               l.number, l.title, l.status, coalesce(s.name, '') as stage, coalesce(u.name, '') as manager_name
        from found f join lead l on l.id = f.subject join contact c on c.id = l.contact_id
        left join stage s on s.id = l.stage_id left join user_account u on u.id = l.manager_id
    """,
    "call": """
        select f.*, f.sort as moment, v.contact_id, coalesce(c.name, '') as contact_name, k.conversation_id, cast(null as bigint) as number,
               k.theirs as title, k.phase as status, '' as stage, coalesce(u.name, '') as manager_name
        from found f join call k on k.id = f.subject join conversation v on v.id = k.conversation_id
        join contact c on c.id = v.contact_id left join user_account u on u.id = f.who
    """,
    "task": """
        select f.*, f.sort as moment, c.id as contact_id, coalesce(c.name, '') as contact_name, t.conversation_id, l.number, t.text as title,
               case when t.done_at is null then 'open' else 'done' end as status, '' as stage,
               coalesce(u.name, '') as manager_name
        from found f join task t on t.id = f.subject left join lead l on l.id = t.lead_id
        left join contact c on c.id = coalesce(t.contact_id, l.contact_id)
        left join user_account u on u.id = t.manager_id
    """,
    "conversation": """
        select f.*, f.sort as moment, v.contact_id, coalesce(c.name, '') as contact_name, v.id as conversation_id,
               cast(null as bigint) as number, v.subject as title, v.status, '' as stage,
               coalesce(u.name, '') as manager_name
        from found f join conversation v on v.id = f.subject join contact c on c.id = v.contact_id
        left join user_account u on u.id = f.who
    """,
}


def _card(row: Any, kind: CardKind) -> SalesCard:
    return SalesCard(
        kind=kind,
        id=row.subject,
        at=row.moment,
        contact_id=row.contact_id,
        contact_name=row.contact_name,
        conversation_id=row.conversation_id,
        number=row.number,
        title=row.title,
        status=row.status,
        stage=row.stage,
        manager_name=row.manager_name,
        money=None if row.money is None else int(row.money),
        seconds=None if row.seconds is None else int(row.seconds),
    )
