"""What was said: a conversation's or a whole person's timeline, catching up, and the feed of everything stored.

A timeline reads in the order people wrote in (`sent_at`, the platform's own order, arrival); over several conversations
each contributes an ordered, bounded index scan. A live page catches up by `seq` or by the ids that facts name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Subquery,
    func,
    literal,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP, UUID as PG_UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.message_rows import MessageRow, dressed, row_of
from storage.reading.paging import DEFAULT_LIMIT, BadCursor, Page, cursor_at, key_of, page_of
from storage.reading.settled import settled_before
from storage.reading.timeline_lines import TimelineLine, lines_between
from storage.tables import account, conversation, message

__all__ = ["MessageRow", "Timeline", "TimelineLine"]

Place = tuple[datetime, int, int, UUID]
"""sent_at, the platform's order, seq, id."""

SPOKEN: Final = ("in", "out")

_m = message.c
_PLACE: Final = (_m.sent_at, _m.place, _m.seq, _m.id)
_CURSOR: Final = "timeline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Oldest first. `earlier` and `later` are cursors, None where there is nothing more."""

    messages: tuple[MessageRow, ...]
    lines: tuple[TimelineLine, ...]
    earlier: str | None
    later: str | None

    def entries(self) -> list[MessageRow | TimelineLine]:
        """Messages and lines as they happened; a line stands behind the message of the same moment that caused it."""
        both: list[tuple[datetime, int, MessageRow | TimelineLine]] = []
        at = None
        for one in self.messages:
            # A message's place is not only its time: never let a line reorder two messages.
            at = one.sent_at if at is None else max(at, one.sent_at)
            both.append((at, 0, one))
        both.extend((line.at, 1, line) for line in self.lines)
        both.sort(key=lambda entry: entry[:2])
        return [entry for _, _, entry in both]


async def timeline(
    connection: AsyncConnection,
    *,
    conversation_id: UUID | None = None,
    contact_id: UUID | None = None,
    before: str = "",
    after: str = "",
    from_the_start: bool = False,
    limit: int = DEFAULT_LIMIT,
) -> Timeline:
    """The newest page, or the oldest, or the one before or after a cursor; of one conversation or all of a contact.

    Raises BadCursor.
    """
    forward = from_the_start or bool(after)
    cursor = after or before
    from_ = key_of(cursor, _CURSOR, tuple[datetime, int, int, UUID]) if cursor else None
    talks = _talks(conversation_id=conversation_id, contact_id=contact_id)
    rows = await _rows(connection, talks, from_=from_, forward=forward, limit=limit + 1)
    more, shown = len(rows) > limit, rows[:limit]
    if not forward:
        shown.reverse()
    first, last = (shown[0], shown[-1]) if shown else (None, None)
    passed = forward and not from_the_start
    earlier = (
        cursor_at(_CURSOR, _place(first)) if first and (passed or (more and not forward)) else None
    )
    later = cursor_at(_CURSOR, _place(last)) if last and (more if forward else from_) else None
    lines = await lines_between(
        connection,
        conversation_id=conversation_id,
        contact_id=contact_id,
        since=first.sent_at if first and earlier else None,
        until=last.sent_at if last and later else None,
    )
    return Timeline(messages=tuple(shown), lines=lines, earlier=earlier, later=later)


async def timeline_around(
    connection: AsyncConnection,
    message_id: UUID,
    *,
    whole_contact: bool = False,
    within: UUID | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Timeline | None:
    """A page with this message in the middle: where a search hit or a quote leads. None: there is no such message, or
    it is not of the contact `within`.
    """
    found = (
        await connection.execute(
            select(*_PLACE, _m.conversation_id, conversation.c.contact_id)
            .join(conversation, conversation.c.id == _m.conversation_id)
            .where(_m.id == message_id)
        )
    ).one_or_none()
    if found is None or within not in {None, found.contact_id}:
        return None
    scope: dict[str, UUID] = (
        {"contact_id": found.contact_id}
        if whole_contact
        else {"conversation_id": found.conversation_id}
    )
    here: Place = (found.sent_at, found.place, found.seq, found.id)
    half = max(1, limit // 2)
    talks = _talks(conversation_id=scope.get("conversation_id"), contact_id=scope.get("contact_id"))
    back = await _rows(connection, talks, from_=here, forward=False, limit=half + 1)
    on = await _rows(connection, talks, from_=here, forward=True, limit=half + 1)
    shown = [
        *reversed(back[:half]),
        *await messages_by_id(connection, [message_id]),
        *on[:half],
    ]
    earlier = cursor_at(_CURSOR, _place(shown[0])) if len(back) > half else None
    later = cursor_at(_CURSOR, _place(shown[-1])) if len(on) > half else None
    lines = await lines_between(
        connection,
        conversation_id=scope.get("conversation_id"),
        contact_id=scope.get("contact_id"),
        since=shown[0].sent_at if earlier else None,
        until=shown[-1].sent_at if later else None,
    )
    return Timeline(messages=tuple(shown), lines=lines, earlier=earlier, later=later)


async def cursor_of(connection: AsyncConnection, message_id: UUID) -> str:
    """The place of a message in a timeline, as a cursor. Raises BadCursor when it is not there."""
    found = (await connection.execute(select(*_PLACE).where(_m.id == message_id))).one_or_none()
    if found is None:
        raise BadCursor("there is no such message")
    return cursor_at(_CURSOR, (found.sent_at, found.place, found.seq, found.id))


async def messages_since(
    connection: AsyncConnection,
    *,
    contact_id: UUID,
    reached: Mapping[UUID, int],
    only: UUID | None = None,
    limit: int = 100,
) -> tuple[list[MessageRow], bool]:
    """What arrived in a contact's conversations behind the seq that each had reached, by arrival; and whether there is
    more. A conversation that is not among them is new: all of it.
    """
    talks = _talks(conversation_id=only, contact_id=None if only else contact_id)
    known = select(
        func.unnest(literal(list(reached), ARRAY(PG_UUID))).label("id"),
        func.unnest(literal(list(reached.values()), ARRAY(Integer))).label("seq"),
    ).subquery("known")
    from_ = talks.outerjoin(known, known.c.id == talks.c.id)
    next_ = (
        select(_m.id, _m.stored_at, _m.seq)
        .where(_m.conversation_id == talks.c.id, _m.seq > func.coalesce(known.c.seq, 0))
        .order_by(_m.seq)
        .limit(limit + 1)
        .lateral("next")
    )
    picked = (
        select(next_.c.id)
        .select_from(from_.join(next_, true()))
        .order_by(next_.c.stored_at, next_.c.seq)
        .limit(limit + 1)
        .subquery("picked")
    )
    rows = [
        row_of(row)
        for row in await connection.execute(dressed(picked, (_m.stored_at, _m.seq, _m.id)))
    ]
    return rows[:limit], len(rows) > limit


async def messages_after_seq(
    connection: AsyncConnection, conversation_id: UUID, *, seq: int, limit: int = 200
) -> list[MessageRow]:
    """What arrived in a conversation since: by arrival, which is how a live page catches up."""
    picked = (
        select(_m.id)
        .where(_m.conversation_id == conversation_id, _m.seq > seq)
        .order_by(_m.seq)
        .limit(limit)
        .subquery("picked")
    )
    return [row_of(row) for row in await connection.execute(dressed(picked, (_m.seq,)))]


async def messages_by_id(connection: AsyncConnection, ids: Sequence[UUID]) -> list[MessageRow]:
    """In the order of `ids`; those that are not there are left out."""
    picked = select(func.unnest(literal(list(ids), ARRAY(PG_UUID))).label("id")).subquery("picked")
    rows = (row_of(row) for row in await connection.execute(dressed(picked, ())))
    found = {row.id: row for row in rows}
    return [found[each] for each in ids if each in found]


async def message_by_id(connection: AsyncConnection, id_: UUID) -> MessageRow | None:
    found = await messages_by_id(connection, [id_])
    return found[0] if found else None


async def list_messages(
    connection: AsyncConnection,
    *,
    account_slug: str = "",
    directions: Sequence[str] = SPOKEN,
    after: datetime | UUID | None = None,
    cursor: str = "",
    limit: int = DEFAULT_LIMIT,
) -> Page[MessageRow]:
    """Every stored message of the installation or of an account, in the order they were stored.

    `after`: stored after this moment, or behind this message. Raises BadCursor.
    """
    name = "messages"
    behind = key_of(cursor, name, tuple[datetime, UUID]) if cursor else None
    if behind is None and isinstance(after, UUID):
        behind = await _stored(connection, after)
    conditions: list[ColumnElement[bool]] = [_m.direction.in_(directions)]
    if behind is not None:
        bound = func.row(literal(behind[0], TIMESTAMP(timezone=True)), literal(behind[1], PG_UUID))
        conditions.append(func.row(_m.stored_at, _m.id) > bound)
    if isinstance(after, datetime):
        conditions.append(_m.stored_at > after)
    if (settled := await settled_before(connection)) is not None:
        conditions.append(_m.stored_at < settled)
    # One ordered scan per account, merged: the index begins with the account.
    of = select(account.c.id)
    if account_slug:
        of = of.where(account.c.slug == account_slug)
    mine = of.subquery("mine")
    next_ = (
        select(_m.id, _m.stored_at)
        .where(_m.account_id == mine.c.id, *conditions)
        .order_by(_m.stored_at, _m.id)
        .limit(limit + 1)
        .lateral("next")
    )
    picked = (
        select(next_.c.id)
        .select_from(mine.join(next_, true()))
        .order_by(next_.c.stored_at, next_.c.id)
        .limit(limit + 1)
        .subquery("picked")
    )
    order = (_m.stored_at, _m.id)
    rows = [row_of(row) for row in await connection.execute(dressed(picked, order))]
    return page_of(rows, limit=limit, name=name, key=lambda row: (row.stored_at, row.id))


async def _stored(connection: AsyncConnection, id_: UUID) -> tuple[datetime, UUID]:
    """A message's place in the feed. Raises BadCursor when there is no such message."""
    found = await connection.execute(select(_m.stored_at).where(_m.id == id_))
    at: datetime | None = found.scalar_one_or_none()
    if at is None:
        raise BadCursor("there is no message with this id to go on from")
    return at, id_


def _talks(*, conversation_id: UUID | None, contact_id: UUID | None) -> Subquery:
    if conversation_id is not None:
        return select(literal(conversation_id, PG_UUID).label("id")).subquery("talk")
    return select(conversation.c.id).where(conversation.c.contact_id == contact_id).subquery("talk")


async def _rows(
    connection: AsyncConnection, talks: Subquery, *, from_: Place | None, forward: bool, limit: int
) -> list[MessageRow]:
    """Nearest first: ascending when going forward, descending otherwise."""
    order: tuple[Any, ...] = _PLACE if forward else tuple(each.desc() for each in _PLACE)
    statement = select(*_PLACE).where(_m.conversation_id == talks.c.id)
    if from_ is not None:
        bound = func.row(
            literal(from_[0], TIMESTAMP(timezone=True)),
            literal(from_[1], BigInteger),
            literal(from_[2], Integer),
            literal(from_[3], PG_UUID),
        )
        here = func.row(*_PLACE)
        statement = statement.where(here > bound if forward else here < bound)
    near = statement.order_by(*order).limit(limit).lateral("near")
    picked = (
        select(near.c.id)
        .select_from(talks.join(near, true()))
        .order_by(*(near.c[each.key] if forward else near.c[each.key].desc() for each in _PLACE))
        .limit(limit)
        .subquery("picked")
    )
    return [row_of(row) for row in await connection.execute(dressed(picked, order))]


def _place(row: MessageRow) -> Place:
    return (row.sent_at, row.place, row.seq, row.id)
