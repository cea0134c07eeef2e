"""Canned replies: texts written once and used often, of one colleague, of a team, or of everybody.

Found by their code, by a part of title or text, or by word forms; what is used most comes first. There are hundreds of
them, not thousands: MOST is what a business may have.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from router.ids import new_id
from storage.reading.paging import DEFAULT_LIMIT, Page, key_of, page_of

MOST: Final = 2000
LONGEST_CODE: Final = 40
LONGEST_TITLE: Final = 120
LONGEST_TEXT: Final = 10_000
_NAME: Final = "canned_replies"


class CodeTaken(Exception):
    """Another reply on the same shelf has this code."""


class TooMany(Exception):
    """There are MOST of them already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CannedReply:
    """On the shelf of `owner_id`, of `team_id`, or (neither) of everybody."""

    id: UUID
    owner_id: UUID | None
    team_id: UUID | None
    team: str
    code: str
    title: str
    text: str
    uses: int
    used_at: datetime | None
    created_at: datetime
    changed_at: datetime

    @property
    def scope(self) -> str:
        return "own" if self.owner_id else "team" if self.team_id else "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class CannedText:
    """What is written into a reply. `owner_id` and `team_id` name its shelf; neither: everybody's."""

    owner_id: UUID | None
    team_id: UUID | None
    code: str
    title: str
    text: str


_COLUMNS: Final = """
    r.id, r.owner_id, r.team_id, coalesce(t.name, '') as team, r.code, r.title, r.text, r.uses, r.used_at,
    r.created_at, r.changed_at
    from canned_reply r left join team t on t.id = r.team_id
"""
_VISIBLE: Final = """
    r.deleted_at is null
    and (r.owner_id = :me or (r.owner_id is null and (r.team_id is null or cast(:every as boolean) or exists (
        select from team_member m where m.team_id = r.team_id and m.user_id = :me))))
"""
_FITS: Final = r"""
    (:q = '' or r.code like :like escape '\' or lower(r.title) like :like escape '\' or lower(r.text) like :like escape '\'
     or to_tsvector('russian', r.title || ' ' || r.text) @@ plainto_tsquery('russian', :q))
"""

_USED_MOST: Final = text(
    f"select {_COLUMNS} where {_VISIBLE} and {_FITS}"  # constants
    " order by r.code = :q desc, r.code like :starts escape '\\' desc, r.uses desc, r.code, r.id limit :most"
)
_BY_CODE: Final = text(
    f"select {_COLUMNS} where {_VISIBLE} and {_FITS}"  # constants
    " and (r.code, r.id) > (:after_code, cast(:after_id as uuid)) order by r.code, r.id limit :most"
)
_SHARED: Final = text(
    f"select {_COLUMNS} where r.deleted_at is null and r.owner_id is null and {_FITS}"  # constants
    " and (r.code, r.id) > (:after_code, cast(:after_id as uuid)) order by r.code, r.id limit :most"
)
_ONE: Final = text(f"select {_COLUMNS} where r.id = :id and r.deleted_at is null")  # constants
_FIRST: Final = UUID(int=0)


async def find_canned(
    connection: AsyncConnection, *, me: UUID, q: str = "", most: int = 30
) -> list[CannedReply]:
    """Those that this colleague may use, the code itself first, then what is used most."""
    rows = await connection.execute(
        _USED_MOST, {"me": me, "every": False, "most": most, **_question(q)}
    )
    return [_row(row) for row in rows]


async def list_canned(
    connection: AsyncConnection,
    *,
    me: UUID | None,
    every_team: bool = False,
    q: str = "",
    cursor: str = "",
    limit: int = DEFAULT_LIMIT,
) -> Page[CannedReply]:
    """By code. `me` None: the shared ones, which programs see. Raises BadCursor."""
    code, id_ = key_of(cursor, _NAME, tuple[str, UUID]) if cursor else ("", _FIRST)
    given = {"after_code": code, "after_id": id_, "most": limit + 1, **_question(q)}
    if me is None:
        rows = await connection.execute(_SHARED, given)
    else:
        rows = await connection.execute(_BY_CODE, {"me": me, "every": every_team, **given})
    return page_of(
        [_row(row) for row in rows],
        limit=limit,
        name=_NAME,
        key=lambda row: (row.code, row.id),
    )


async def canned_by_id(connection: AsyncConnection, id_: UUID) -> CannedReply | None:
    row = (await connection.execute(_ONE, {"id": id_})).one_or_none()
    return None if row is None else _row(row)


async def add_canned(
    connection: AsyncConnection, new: CannedText, *, by: UUID | None, now: datetime
) -> UUID:
    """Raises CodeTaken, TooMany."""
    count = (
        await connection.execute(
            text(
                "select count(*) from (select from canned_reply where deleted_at is null limit :most) as living"
            ),
            {"most": MOST},
        )
    ).scalar_one()
    if count >= MOST:
        raise TooMany
    id_ = new_id()
    await _unless_taken(
        connection,
        """
        insert into canned_reply (id, owner_id, team_id, code, title, text, created_by, created_at, changed_at)
        values (:id, :owner_id, :team_id, :code, :title, :text, :by, :now, :now) returning id
        """,
        {"id": id_, "by": by, "now": now, **_written(new)},
    )
    return id_


async def change_canned(
    connection: AsyncConnection, id_: UUID, new: CannedText, *, now: datetime
) -> bool:
    """False: there is none. Raises CodeTaken."""
    return await _unless_taken(
        connection,
        """
        update canned_reply set owner_id = :owner_id, team_id = :team_id, code = :code, title = :title, text = :text,
               changed_at = :now
        where id = :id and deleted_at is null returning id
        """,
        {"id": id_, "now": now, **_written(new)},
    )


async def drop_canned(connection: AsyncConnection, id_: UUID, *, now: datetime) -> bool:
    found = await connection.execute(
        text("update canned_reply set deleted_at = :now where id = :id and deleted_at is null"),
        {"id": id_, "now": now},
    )
    return bool(found.rowcount)


async def dropped_canned(connection: AsyncConnection, id_: UUID) -> CannedReply | None:
    row = (
        await connection.execute(
            text(f"select {_COLUMNS} where r.id = :id and r.deleted_at is not null"),  # constants
            {"id": id_},
        )
    ).one_or_none()
    return None if row is None else _row(row)


async def restore_canned(connection: AsyncConnection, id_: UUID) -> bool:
    """Raises CodeTaken when another one has its code by now."""
    return await _unless_taken(
        connection,
        "update canned_reply set deleted_at = null where id = :id and deleted_at is not null returning id",
        {"id": id_},
    )


async def count_use(connection: AsyncConnection, id_: UUID, *, now: datetime) -> None:
    await connection.execute(
        text("update canned_reply set uses = uses + 1, used_at = :now where id = :id"),
        {"id": id_, "now": now},
    )


async def _unless_taken(
    connection: AsyncConnection, statement: str, given: Mapping[str, Any]
) -> bool:
    try:
        async with connection.begin_nested():
            found = await connection.execute(text(statement), dict(given))
            return found.scalar() is not None
    except IntegrityError as error:
        if "uq_canned_reply" in str(error.orig):
            raise CodeTaken from error
        raise


def _written(new: CannedText) -> dict[str, Any]:
    return {
        "owner_id": new.owner_id,
        "team_id": new.team_id,
        "code": new.code,
        "title": new.title,
        "text": new.text,
    }


def _question(q: str) -> dict[str, str]:
    plain = " ".join(q.replace("\x00", "").lower().split())[:100]
    escaped = plain.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return {"q": plain, "like": f"%{escaped}%", "starts": f"{escaped}%"}


def _row(row: Any) -> CannedReply:
    return CannedReply(**row._mapping)  # noqa: SLF001  # a Row's public mapping
