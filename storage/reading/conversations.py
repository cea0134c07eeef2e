"""The conversations list: a row per conversation with everything it shows, a page per query.

A page is picked first, by index: one bounded branch for every combination of status and account asked for, each an
ordered index scan that stops after a page, merged; only then are its rows dressed with names, the open lead and the
state of the last answer. A search, the mentions of somebody and a source of leads each give a bounded number of ids first,
from which is picked instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Subquery,
    any_,
    case,
    func,
    literal,
    select,
    text,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP, UUID as PG_UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from router.records import Status
from storage.reading.conversation_rows import ConversationRow, dressed, row_of
from storage.reading.lead_sources import came_from
from storage.reading.paging import DEFAULT_LIMIT, Page, key_of, page_of
from storage.reading.searching import Hits, conversations_about, wanted
from storage.reading.sight import Sight, conversation_in_sight, shares
from storage.tables import account, conversation, lead, mention, team

Tab = Literal["mine", "unassigned", "all", "mentions"]
Sort = Literal["newest", "oldest", "waiting"]
_Place = tuple[int, datetime, UUID]
"""Where a page ends: 0 among those who wait (and in the other orders), 1 behind them; the moment sorted by, the id."""

STATUSES: Final[tuple[Status, ...]] = ("open", "waiting", "snoozed", "resolved", "spam")
ACTIVE: Final[tuple[Status, ...]] = ("open", "waiting")
COUNTED_TO: Final = 100
"""Tabs show "99+"; counting on would cost and tell nobody more."""
MOST_BRANCHES: Final = 40
MOST_MENTIONS: Final = 1000
MOST_OF_A_SOURCE: Final = 2000
"""The newest mentions, and the newest open leads of a source, that a list narrowed to them goes through."""
MOST_OF_A_LABEL: Final = 2000
"""A rarer label is looked up and picked from; a more common one is met soon enough on the way through the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationFilter:
    """Everything narrows; empty means any. `me` is whose tabs "mine" and "mentions" are. `channels` are kinds,
    `accounts` slugs; `nobody`: those no manager has; `source`: where the open lead last came from; `failed`: with a reply
    that was not sent and is not dealt with; `exact`: of a search, only what was typed.
    """

    tab: Tab = "all"
    me: UUID | None = None
    statuses: tuple[Status, ...] = ACTIVE
    channels: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    team: UUID | None = None
    manager: UUID | None = None
    nobody: bool = False
    contact: UUID | None = None
    label: str = ""
    source: str = ""
    unread: bool = False
    waiting: bool = False
    failed: bool = False
    q: str = ""
    exact: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationPage(Page[ConversationRow]):
    """`instead`: what was searched for in the place of what was typed, which is found nowhere."""

    instead: tuple[str, ...] = ()


_c = conversation.c


async def list_conversations(
    connection: AsyncConnection,
    wish: ConversationFilter,
    *,
    sight: Sight,
    sort: Sort = "newest",
    cursor: str = "",
    limit: int = DEFAULT_LIMIT,
) -> ConversationPage:
    """Raises BadCursor. `waiting` puts who waits longest first and, behind them, the others, newest first."""
    name = f"conversations.{sort}"
    after = key_of(cursor, name, tuple[int, datetime, UUID]) if cursor else None
    accounts = await _accounts(connection, wish)
    if accounts == []:
        return ConversationPage(items=())
    parts = shares(sight, tab=wish.tab)
    if not parts:
        return ConversationPage(items=())
    hits = await _hits(connection, wish, sight)
    found = await _found(connection, wish, hits)
    picked = _picked(
        wish,
        sight=sight,
        sort=sort,
        after=after,
        limit=limit + 1,
        accounts=accounts,
        found=found,
    )
    rows = [row_of(row) for row in await connection.execute(dressed(picked, _outer(picked, sort)))]
    if hits.found:
        rows = [replace(row, hit=hits.found.get(row.id)) for row in rows]
    page = page_of(rows, limit=limit, name=name, key=lambda row: _key(row, sort))
    return ConversationPage(
        items=page.items,
        next_cursor=page.next_cursor,
        # Of other words that find nothing here there is nothing to tell.
        instead=hits.instead if rows else (),
    )


async def conversations_by_id(
    connection: AsyncConnection, ids: Sequence[UUID], *, sight: Sight
) -> list[ConversationRow]:
    """The same rows, for a live page that has been told which changed; in the order of `ids`."""
    picked = (
        select(_c.id)
        .where(_c.id == any_(literal(list(ids), ARRAY(PG_UUID))), conversation_in_sight(sight))
        .subquery("picked")
    )
    found = {row.id: row for row in map(row_of, await connection.execute(dressed(picked, ())))}
    return [found[each] for each in ids if each in found]


async def conversation_by_id(
    connection: AsyncConnection, id_: UUID, *, sight: Sight
) -> ConversationRow | None:
    found = await conversations_by_id(connection, [id_], sight=sight)
    return found[0] if found else None


async def matches(
    connection: AsyncConnection, wish: ConversationFilter, ids: Sequence[UUID], *, sight: Sight
) -> set[UUID]:
    """Which of these belong into this list: what a live page asks before it moves a row in or out."""
    accounts = await _accounts(connection, wish)
    if accounts == []:
        return set()
    conditions = [
        *_conditions(wish),
        _c.status.in_(wish.statuses or STATUSES),
        _c.id.in_(ids),
        conversation_in_sight(sight),
    ]
    if accounts is not None:
        conditions.append(_c.account_id.in_(accounts))
    statement = select(_c.id).where(*conditions)
    # Of those asked about the label is looked at; what else narrows has to be found first.
    others = replace(wish, label="")
    if (
        found := await _found(connection, others, await _hits(connection, wish, sight))
    ) is not None:
        statement = statement.where(_among(found))
    return set((await connection.execute(statement)).scalars())


async def count_conversations(
    connection: AsyncConnection, wish: ConversationFilter, *, sight: Sight
) -> int:
    """Up to COUNTED_TO."""
    accounts = await _accounts(connection, wish)
    if accounts == [] or not shares(sight, tab=wish.tab):
        return 0
    found = await _found(connection, wish, await _hits(connection, wish, sight))
    picked = _picked(
        wish,
        sight=sight,
        sort="newest",
        after=None,
        limit=COUNTED_TO,
        accounts=accounts,
        found=found,
    )
    return int((await connection.execute(select(func.count()).select_from(picked))).scalar_one())


async def count_each(
    connection: AsyncConnection, wishes: Mapping[str, ConversationFilter], *, sight: Sight
) -> dict[str, int]:
    """Up to COUNTED_TO of each: in one statement those that need nothing found first."""
    plain = {name: wish for name, wish in wishes.items() if _is_plain(wish)}
    counts: dict[str, int] = {}
    if plain:
        names = list(plain)
        columns = [
            _counted(_conditions(plain[name]), plain[name], sight=sight).label(f"n{number}")
            for number, name in enumerate(names)
        ]
        row = (await connection.execute(select(*columns))).one()
        counts = dict(zip(names, row, strict=True))
    for name, wish in wishes.items():
        if name not in plain:
            counts[name] = await count_conversations(connection, wish, sight=sight)
    return counts


def _is_plain(wish: ConversationFilter) -> bool:
    found_first = wish.q or wish.label or wish.source or wish.channels or wish.accounts
    return not found_first and wish.tab != "mentions"


async def count_accounts(connection: AsyncConnection, *, sight: Sight) -> dict[UUID, int]:
    """Active conversations of each, up to COUNTED_TO."""
    return await _count_by(connection, account.c.id, _c.account_id == account.c.id, sight=sight)


async def count_teams(connection: AsyncConnection, *, sight: Sight) -> dict[UUID, int]:
    """Active conversations of each, up to COUNTED_TO."""
    return await _count_by(connection, team.c.id, _c.team_id == team.c.id, sight=sight)


async def _count_by(
    connection: AsyncConnection,
    id_: ColumnElement[UUID],
    theirs: ColumnElement[bool],
    *,
    sight: Sight,
) -> dict[UUID, int]:
    counted = _counted([theirs], ConversationFilter(), sight=sight, around=id_.table)
    rows = await connection.execute(select(id_.label("id"), counted.label("count")))
    return {row["id"]: row["count"] for row in rows.mappings()}


def _counted(
    conditions: Sequence[ColumnElement[bool]],
    wish: ConversationFilter,
    *,
    sight: Sight,
    around: FromClause | None = None,
) -> Any:
    """How many, up to COUNTED_TO, as a column; `around`: whose row the conditions speak of."""

    def within(statement: Select[Any]) -> Select[Any]:
        return statement if around is None else statement.correlate(around)

    parts = [
        within(
            select(literal(1).label("one")).where(_c.status == status, *conditions, *part)
        ).limit(COUNTED_TO)
        for part in shares(sight, tab=wish.tab)
        for status in wish.statuses or STATUSES
    ]
    if not parts:
        return literal(0)
    some = union_all(*(each.subquery().select() for each in parts)).limit(COUNTED_TO).subquery()
    return select(func.count()).select_from(some).scalar_subquery()


# Picking: which conversations, in which order.


async def _accounts(connection: AsyncConnection, wish: ConversationFilter) -> list[UUID] | None:
    """None: of any account."""
    if not wish.channels and not wish.accounts:
        return None
    statement = select(account.c.id)
    if wish.channels:
        statement = statement.where(account.c.kind.in_(wish.channels))
    if wish.accounts:
        statement = statement.where(account.c.slug.in_(wish.accounts))
    return list((await connection.execute(statement.order_by(account.c.id))).scalars())


async def _hits(connection: AsyncConnection, wish: ConversationFilter, sight: Sight) -> Hits:
    sought = wanted(wish.q)
    if sought is None:
        return Hits()
    return await conversations_about(connection, sought, sight=sight, exact=wish.exact)


async def _found(
    connection: AsyncConnection, wish: ConversationFilter, hits: Hits
) -> list[UUID] | None:
    """What a search, the mentions and a source leave, each of them bounded; None: none of them narrows."""
    narrowed: list[set[UUID]] = []
    if wanted(wish.q) is not None:
        narrowed.append(set(hits.found))
    if wish.tab == "mentions":
        rows = await connection.execute(
            select(mention.c.conversation_id)
            .where(mention.c.user_id == wish.me)
            .order_by(mention.c.at.desc())
            .limit(MOST_MENTIONS)
        )
        narrowed.append(set(rows.scalars()))
    if wish.label and (rare := await _labelled(connection, wish.label)) is not None:
        narrowed.append(rare)
    if wish.source:
        people = (
            select(lead.c.contact_id)
            .where(lead.c.status == "open", came_from(wish.source))
            .order_by(lead.c.created_at.desc())
            .limit(MOST_OF_A_SOURCE)
            .subquery("people")
        )
        rows = await connection.execute(
            select(_c.id).join(people, people.c.contact_id == _c.contact_id)
        )
        narrowed.append(set(rows.scalars()))
    return list(set.intersection(*narrowed)) if narrowed else None


async def _labelled(connection: AsyncConnection, label: str) -> set[UUID] | None:
    """The conversations with a label that few have; None when they are many, for which to look through the list is
    quicker. The planner cannot tell: of a label it has not met it guesses one conversation in a hundred.
    """
    await connection.execute(text("select set_config('enable_seqscan', 'off', true)"))
    rows = await connection.execute(
        select(_c.id).where(_c.labels.contains([label])).limit(MOST_OF_A_LABEL + 1)
    )
    found = set(rows.scalars())
    await connection.execute(text("select set_config('enable_seqscan', 'on', true)"))
    return None if len(found) > MOST_OF_A_LABEL else found


def _among(ids: list[UUID]) -> ColumnElement[bool]:
    return _c.id == any_(literal(ids, ARRAY(PG_UUID)))


def _conditions(wish: ConversationFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wish.tab == "mine":
        conditions.append(_c.manager_id == wish.me)
    if _nobodys(wish):
        conditions.append(_c.manager_id.is_(None))
    if wish.team is not None:
        conditions.append(_c.team_id == wish.team)
    if wish.manager is not None:
        conditions.append(_c.manager_id == wish.manager)
    if wish.contact is not None:
        conditions.append(_c.contact_id == wish.contact)
    if wish.label:
        conditions.append(_c.labels.contains([wish.label]))
    if wish.unread:
        conditions.append(_c.unread > 0)
    if wish.waiting:
        conditions.append(_c.waiting_since.is_not(None))
    if wish.failed:
        conditions.append(_c.failed > 0)
    return conditions


def _nobodys(wish: ConversationFilter) -> bool:
    return wish.tab == "unassigned" or wish.nobody


def _picked(
    wish: ConversationFilter,
    *,
    sight: Sight,
    sort: Sort,
    after: _Place | None,
    limit: int,
    accounts: list[UUID] | None,
    found: list[UUID] | None,
) -> Subquery:
    statuses = wish.statuses or STATUSES
    conditions = _conditions(wish)
    bounds: list[tuple[ColumnElement[bool], ...]]
    parts = shares(sight, tab=wish.tab)
    if found is not None:
        # Few enough to look at each.
        parts = [(conversation_in_sight(sight),)]
        bounds = [(_c.status.in_(statuses), _among(found))]
        if accounts is not None:
            bounds = [(*bounds[0], _c.account_id.in_(accounts))]
    elif accounts is not None and len(accounts) * len(statuses) * len(parts) <= MOST_BRANCHES:
        bounds = [
            (_c.status == status, _c.account_id == one)
            for status, one in product(statuses, accounts)
        ]
    else:
        rest = () if accounts is None else (_c.account_id.in_(accounts),)
        bounds = [(_c.status == status, *rest) for status in statuses]
    branches = [
        branch
        for part in parts
        for bound in bounds
        for branch in _branches(
            [*conditions, *bound, *part],
            sort=sort,
            after=after,
            limit=limit,
            nobodys=_nobodys(wish) and sight.whole,
        )
    ]
    merged = union_all(*(branch.subquery().select() for branch in branches)).subquery("merged")
    return select(merged).order_by(*_outer(merged, sort)).limit(limit).subquery("picked")


def _branches(
    conditions: list[ColumnElement[bool]],
    *,
    sort: Sort,
    after: _Place | None,
    limit: int,
    nobodys: bool,
) -> list[Select[Any]]:
    """One ordered, bounded scan; two for `waiting`: those who wait, then the others."""
    # IS NULL does not fix a column for the planner as an equality does; ordering by it too keeps the index order.
    nobody = (_c.manager_id,) if nobodys else ()
    nobody_back = (_c.manager_id.desc(),) if nobodys else ()
    last = (_c.last_message_at, _c.id)
    behind = None if after is None else _row_of(after[1], after[2])

    def branch(
        phase: int, at: Any, order: tuple[Any, ...], *more: ColumnElement[bool]
    ) -> Select[Any]:
        return (
            select(_c.id.label("id"), literal(phase, Integer).label("phase"), at.label("at"))
            .where(*conditions, *more)
            .order_by(*order)
            .limit(limit)
        )

    newest = (*nobody, _c.last_message_at.desc(), _c.id.desc())
    match sort:
        case "newest":
            more = () if behind is None else (func.row(*last) < behind,)
            return [branch(0, _c.last_message_at, newest, *more)]
        case "oldest":
            more = () if behind is None else (func.row(*last) > behind,)
            return [branch(0, _c.last_message_at, (*nobody_back, *last), *more)]
        case "waiting":
            found = []
            if after is None or after[0] == 0:
                waits = (_c.waiting_since, _c.id)
                more = () if behind is None else (func.row(*waits) > behind,)
                found.append(
                    branch(0, _c.waiting_since, waits, _c.waiting_since.is_not(None), *more)
                )
            more = ()
            if after is not None and after[0] == 1 and behind is not None:
                more = (func.row(*last) < behind,)
            found.append(branch(1, _c.last_message_at, newest, _c.waiting_since.is_(None), *more))
            return found


def _row_of(at: datetime, id_: UUID) -> Any:
    return func.row(literal(at, TIMESTAMP(timezone=True)), literal(id_, _c.id.type))


def _outer(merged: FromClause, sort: Sort) -> tuple[Any, ...]:
    at, id_ = merged.c["at"], merged.c["id"]
    match sort:
        case "newest":
            return (at.desc(), id_.desc())
        case "oldest":
            return (at, id_)
        case "waiting":
            # One ORDER BY for both halves: those who wait ascend, the others descend.
            phase = merged.c["phase"]
            return (
                phase,
                case((phase == 0, at)),
                case((phase == 1, at)).desc(),
                case((phase == 0, id_)),
                case((phase == 1, id_)).desc(),
            )


def _key(row: ConversationRow, sort: Sort) -> tuple[object, ...]:
    if sort == "waiting" and row.waiting_since is not None:
        return (0, row.waiting_since, row.id)
    return (1 if sort == "waiting" else 0, row.last_message_at, row.id)
