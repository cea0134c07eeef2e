"""What somebody was told: the list under the bell, what is new in it, and how much is unread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, any_, func, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP, UUID as PG_UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.paging import DEFAULT_LIMIT, Page, key_of, page_of
from storage.reading.sight import Sight, notice_in_sight
from storage.tables import notification

MOST_NEWS: Final = 20
MOST_COUNTED: Final = 100
"""A number of three digits says no more than "many"."""
_NAME: Final = "notices"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRow:
    """`text` is what a customer or a colleague wrote; `details` as `router.notices` made them."""

    id: UUID
    user_id: UUID
    kind: str
    at: datetime
    told_at: datetime
    read_at: datetime | None
    conversation_id: UUID | None
    channel: str
    contact_name: str
    text: str
    message_kind: str
    lead_id: UUID | None
    lead_number: int | None
    lead_title: str
    task_id: UUID | None
    task_text: str
    task_due_at: datetime | None
    account: str
    by_name: str
    details: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Each MOST_COUNTED at most. `due` is today's tasks with the overdue."""

    unread: int
    due: int
    overdue: int


_DRESSED: Final = """
    select n.id, n.user_id, n.kind, n.at, n.told_at, n.read_at, n.conversation_id, n.lead_id, n.task_id, n.details,
           coalesce(ca.kind, '') as channel, coalesce(a.slug, '') as account, coalesce(c.name, '') as contact_name,
           coalesce(case when n.kind = 'mention' then m.text else v.preview end, '') as text,
           coalesce(v.preview_kind, 'text') as message_kind,
           l.number as lead_number, coalesce(l.title, '') as lead_title,
           coalesce(t.text, '') as task_text, t.due_at as task_due_at, coalesce(b.name, '') as by_name
    from picked n
    left join conversation v on v.id = n.conversation_id
    left join account ca on ca.id = v.account_id
    left join account a on a.id = n.account_id
    left join task t on t.id = n.task_id
    left join lead l on l.id = coalesce(n.lead_id, t.lead_id)
    left join contact c on c.id = coalesce(v.contact_id, n.contact_id, l.contact_id, t.contact_id)
    left join message m on n.kind = 'mention' and m.id = n.subject
    left join user_account b on b.id = n.by_user
"""
_THESE: Final = text(
    f"with picked as (select * from notification where id = any(:ids)) {_DRESSED}"  # noqa: S608  # our own words
)
_COUNTS: Final = text("""
    select
      (select count(*) from (select from task where manager_id = :user and done_at is null and due_at < :tomorrow
                             limit :most) t) as due,
      (select count(*) from (select from task where manager_id = :user and done_at is null and due_at < :now
                             limit :most) t) as overdue
""")


async def list_notices(
    connection: AsyncConnection,
    user: UUID,
    *,
    sight: Sight,
    cursor: str = "",
    limit: int = DEFAULT_LIMIT,
) -> Page[NoticeRow]:
    """Of what is in sight, the newest first. Raises BadCursor."""
    of = notification.c
    picked = select(of.id).where(of.user_id == user, notice_in_sight(sight))
    if cursor:
        at, id_ = key_of(cursor, _NAME, tuple[datetime, UUID])
        there = func.row(literal(at, TIMESTAMP(timezone=True)), literal(id_, PG_UUID))
        picked = picked.where(func.row(of.at, of.id) < there)
    picked = picked.order_by(of.at.desc(), of.id.desc()).limit(limit + 1)
    rows = await _dressed(connection, picked, sight)
    return page_of(rows, limit=limit, name=_NAME, key=lambda row: (row.at, row.id))


async def news(
    connection: AsyncConnection, user: UUID, *, sight: Sight, after: datetime
) -> list[NoticeRow]:
    """What was written down since and is unread; the oldest first, the last MOST_NEWS."""
    of = notification.c
    picked = (
        select(of.id)
        .where(of.user_id == user, of.read_at.is_(None), of.told_at > after, notice_in_sight(sight))
        .order_by(of.told_at.desc(), of.id.desc())
        .limit(MOST_NEWS)
    )
    return (await _dressed(connection, picked, sight))[::-1]


async def _dressed(
    connection: AsyncConnection, picked: Select[Any], sight: Sight
) -> list[NoticeRow]:
    ids = list((await connection.execute(picked)).scalars())
    found = await these_notices(connection, ids) if ids else {}
    rows = [found[each] for each in ids if each in found]
    # A lead's title begins as a customer's words.
    return rows if sight.reads else [replace(each, lead_title="", task_text="") for each in rows]


async def these_notices(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, NoticeRow]:
    rows = await connection.execute(_THESE, {"ids": list(ids)})
    return {row.id: _row(row) for row in rows}


async def notice_of(
    connection: AsyncConnection, user: UUID, id_: UUID, *, sight: Sight
) -> NoticeRow | None:
    """None when it is another's, or out of sight."""
    of = notification.c
    picked = select(of.id).where(of.id == id_, of.user_id == user, notice_in_sight(sight))
    return next(iter(await _dressed(connection, picked, sight)), None)


async def still_in_sight(
    connection: AsyncConnection, sights: Mapping[UUID, Sight], asked: Sequence[tuple[UUID, UUID]]
) -> set[UUID]:
    """Of (person, notice) the notices that their people still may be told of."""
    kept: set[UUID] = set()
    for user, sight in sights.items():
        ids = [notice for person, notice in asked if person == user]
        of = notification.c
        told = select(of.id).where(
            of.id == any_(literal(ids, ARRAY(PG_UUID))), notice_in_sight(sight)
        )
        kept |= set((await connection.execute(told)).scalars()) if ids else set()
    return kept


async def counts(
    connection: AsyncConnection, user: UUID, *, sight: Sight, now: datetime, tomorrow: datetime
) -> Counts:
    of = notification.c
    some = (
        select(of.id)
        .where(of.user_id == user, of.read_at.is_(None), notice_in_sight(sight))
        .limit(MOST_COUNTED)
        .subquery("some")
    )
    unread = (await connection.execute(select(func.count()).select_from(some))).scalar_one()
    row = (
        await connection.execute(
            _COUNTS, {"user": user, "now": now, "tomorrow": tomorrow, "most": MOST_COUNTED}
        )
    ).one()
    return Counts(unread=unread, due=row.due, overdue=row.overdue)


async def is_muted(connection: AsyncConnection, user: UUID, conversation: UUID) -> bool:
    found = await connection.execute(
        text(
            "select exists (select from conversation_mute where user_id = :user and conversation_id = :talk)"
        ),
        {"user": user, "talk": conversation},
    )
    return bool(found.scalar_one())


def _row(row: Any) -> NoticeRow:
    return NoticeRow(**row._mapping)  # noqa: SLF001  # a Row's public mapping
