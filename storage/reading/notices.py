"""What somebody was told: the list under the bell, what is new in it, and how much is unread."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.paging import DEFAULT_LIMIT, Page, key_of, page_of

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
_LIST: Final = text(
    "with picked as (select * from notification where user_id = :user"  # noqa: S608  # our own words
    "  and (cast(:at as timestamptz) is null or (at, id) < (cast(:at as timestamptz), cast(:id as uuid)))"
    f"  order by at desc, id desc limit :limit) {_DRESSED} order by n.at desc, n.id desc"
)
_NEWS: Final = text(
    "with picked as (select * from notification where user_id = :user and read_at is null and told_at > :after"  # noqa: S608  # our own words
    f"  order by told_at desc limit :limit) {_DRESSED} order by n.told_at, n.id"
)
_THESE: Final = text(
    f"with picked as (select * from notification where id = any(:ids)) {_DRESSED}"  # noqa: S608  # our own words
)
_COUNTS: Final = text("""
    select
      (select count(*) from (select from notification where user_id = :user and read_at is null limit :most) n) as unread,
      (select count(*) from (select from task where manager_id = :user and done_at is null and due_at < :tomorrow
                             limit :most) t) as due,
      (select count(*) from (select from task where manager_id = :user and done_at is null and due_at < :now
                             limit :most) t) as overdue
""")


async def list_notices(
    connection: AsyncConnection, user: UUID, *, cursor: str = "", limit: int = DEFAULT_LIMIT
) -> Page[NoticeRow]:
    """The newest first. Raises BadCursor."""
    at, id_ = key_of(cursor, _NAME, tuple[datetime, UUID]) if cursor else (None, None)
    rows = await connection.execute(_LIST, {"user": user, "at": at, "id": id_, "limit": limit + 1})
    return page_of(
        [_row(row) for row in rows], limit=limit, name=_NAME, key=lambda row: (row.at, row.id)
    )


async def news(connection: AsyncConnection, user: UUID, *, after: datetime) -> list[NoticeRow]:
    """What was written down since and is unread; the oldest first, the last MOST_NEWS."""
    rows = await connection.execute(_NEWS, {"user": user, "after": after, "limit": MOST_NEWS})
    return [_row(row) for row in rows]


async def these_notices(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, NoticeRow]:
    rows = await connection.execute(_THESE, {"ids": list(ids)})
    return {row.id: _row(row) for row in rows}


async def notice_of(connection: AsyncConnection, user: UUID, id_: UUID) -> NoticeRow | None:
    """None when it is another's."""
    found = (await these_notices(connection, [id_])).get(id_)
    return found if found is not None and found.user_id == user else None


async def counts(
    connection: AsyncConnection, user: UUID, *, now: datetime, tomorrow: datetime
) -> Counts:
    row = (
        await connection.execute(
            _COUNTS, {"user": user, "now": now, "tomorrow": tomorrow, "most": MOST_COUNTED}
        )
    ).one()
    return Counts(unread=row.unread, due=row.due, overdue=row.overdue)


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
