"""Colleagues as those see them who manage them: what they may, what they see, how much they have to do, when they were here."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.initials import initials
from storage.reading.paging import DEFAULT_LIMIT, Page, key_of, page_of

LONGEST_SEARCH: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Mate:
    """`sessions`: how often they are signed in now."""

    id: UUID
    email: str
    name: str
    role: str
    sees: str
    presence: str
    seen_at: datetime | None
    capacity: int | None
    open_conversations: int
    extension: str
    must_change_password: bool
    disabled_at: datetime | None
    team_ids: tuple[UUID, ...]
    team_names: tuple[str, ...]
    sessions: int

    @property
    def initials(self) -> str:
        return initials(self.name)


_SELECT: Final = """
    select u.id, u.email, u.name, u.role, u.sees, u.presence, u.seen_at, u.capacity, u.open_conversations,
           u.extension, u.must_change_password, u.disabled_at,
           array(select m.team_id from team_member m join team t on t.id = m.team_id
                 where m.user_id = u.id order by t.name) as team_ids,
           array(select t.name from team_member m join team t on t.id = m.team_id
                 where m.user_id = u.id order by t.name) as team_names,
           (select count(*) from session s where s.user_id = u.id and s.expires_at > :now) as sessions
    from user_account u
"""
_LIST: Final = text(
    _SELECT
    + """
    where (u.disabled_at is not null) = :gone
      and (:q = '' or lower(u.name) like :part or u.email like :part or u.extension = :q)
      and (cast(:name as text) is null or (lower(u.name), u.id) > (:name, cast(:id as uuid)))
    order by lower(u.name), u.id
    limit :limit
    """
)
_ONE: Final = text(_SELECT + "where u.id = :id")
_NAME: Final = "staff"


async def list_staff(
    connection: AsyncConnection,
    *,
    now: datetime,
    q: str = "",
    gone: bool = False,
    cursor: str = "",
    limit: int = DEFAULT_LIMIT,
) -> Page[Mate]:
    """By name; those who are disabled apart. Raises BadCursor."""
    name, id_ = key_of(cursor, _NAME, tuple[str, UUID]) if cursor else (None, None)
    sought = " ".join(q.split())[:LONGEST_SEARCH].lower()
    part = sought.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    rows = await connection.execute(
        _LIST,
        {
            "now": now,
            "gone": gone,
            "q": sought,
            "part": f"%{part}%",
            "name": name,
            "id": id_,
            "limit": limit + 1,
        },
    )
    return page_of(
        [_mate(row) for row in rows],
        limit=limit,
        name=_NAME,
        key=lambda each: (each.name.lower(), each.id),
    )


async def mate_by_id(connection: AsyncConnection, id_: UUID, *, now: datetime) -> Mate | None:
    row = (await connection.execute(_ONE, {"id": id_, "now": now})).one_or_none()
    return None if row is None else _mate(row)


async def count_disabled(connection: AsyncConnection) -> int:
    found = await connection.execute(
        text("select count(*) from user_account where disabled_at is not null")
    )
    return int(found.scalar_one())


async def conversations_in_hand(
    connection: AsyncConnection, user_id: UUID, *, limit: int
) -> list[UUID]:
    """What somebody else has to go on with when they are gone; who waits longest first."""
    rows = await connection.execute(
        text("""
            select id from conversation
            where manager_id = :id and status in ('open', 'waiting', 'snoozed')
            order by last_message_at, id limit :limit
        """),
        {"id": user_id, "limit": limit},
    )
    return list(rows.scalars())


def _mate(row: Any) -> Mate:
    named = dict(row._mapping)  # noqa: SLF001  # a Row's public mapping
    return Mate(
        **{
            **named,
            "team_ids": tuple(row.team_ids),
            "team_names": tuple(row.team_names),
        }
    )
