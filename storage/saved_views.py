"""The list's filters, tab and order under a name: one's own, or everybody's; and reports, with all that was asked of them.

A view is what stands in the list's address, so that whatever the list learns to narrow by can be saved. One that is
deleted is kept aside for as long as it takes to think better of it. `report` is "" for a view of the list.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.asking import NotFound, Refused
from router.clean_text import clean_line
from router.ids import new_id

MOST: Final = 50
"""A colleague's own; and the shared ones."""
LONGEST_NAME: Final = 60
LONGEST_QUERY: Final = 2000

# Whose list it is part of: one's own are one's own to change, those of everybody whoever may share.
_MINE: Final = "deleted_at is null and (shared and :shares or user_id = :user and not shared)"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedView:
    id: UUID
    user_id: UUID
    name: str
    query: str
    shared: bool
    report: str = ""


async def list_views(connection: AsyncConnection, *, user_id: UUID | None) -> list[SavedView]:
    """One's own and the shared ones, in the order they are put in; without a user the shared ones."""
    return await _listed(connection, user_id, "report = ''")


async def list_reports(connection: AsyncConnection, *, user_id: UUID | None) -> list[SavedView]:
    """The saved reports, as above."""
    return await _listed(connection, user_id, "report <> ''")


async def _listed(connection: AsyncConnection, user_id: UUID | None, which: str) -> list[SavedView]:
    rows = await connection.execute(
        text(
            "select id, user_id, name, query, shared, report from saved_view"  # noqa: S608  # our own words
            f" where (shared or user_id = :user) and deleted_at is null and {which}"
            " order by shared desc, position, id limit :most"
        ),
        {"user": user_id, "most": 2 * MOST},
    )
    return [SavedView(**row) for row in rows.mappings()]


async def saved_report(
    connection: AsyncConnection, view: UUID, *, user_id: UUID | None
) -> SavedView | None:
    """One's own, or one of everybody's."""
    rows = await connection.execute(
        text(
            "select id, user_id, name, query, shared, report from saved_view where id = :id and report <> ''"
            " and (shared or user_id = :user) and deleted_at is null"
        ),
        {"id": view, "user": user_id},
    )
    row = rows.mappings().one_or_none()
    return SavedView(**row) if row else None


async def save_view(
    connection: AsyncConnection,
    *,
    user_id: UUID,
    name: str,
    query: str,
    shared: bool,
    now: datetime,
    report: str = "",
) -> UUID:
    row = (
        await connection.execute(
            text(
                "select count(*) as n, coalesce(max(position), 0) as last from saved_view"
                " where deleted_at is null and shared = :shared and (shared or user_id = :user)"
                " and (report = '') = (:report = '')"
            ),
            {"user": user_id, "shared": shared, "report": report},
        )
    ).one()
    if row.n >= MOST:
        raise Refused(f"There are {MOST} views already: delete one that nobody uses.")
    view = new_id()
    await connection.execute(
        text(
            "insert into saved_view (id, user_id, name, query, shared, position, created_at, report)"
            " values (:id, :user, :name, :query, :shared, :position, :now, :report)"
        ),
        {
            "id": view,
            "user": user_id,
            "name": _named(name),
            "query": query[:LONGEST_QUERY],
            "shared": shared,
            "position": row.last + 1,
            "now": now,
            "report": report,
        },
    )
    return view


async def change_view(
    connection: AsyncConnection,
    view: UUID,
    *,
    user_id: UUID,
    shares: bool,
    name: str,
    shared: bool,
) -> None:
    """`shares`: whether the colleague may change what everybody sees. A view given to everybody is at their end."""
    done = await connection.execute(
        text(
            "update saved_view set name = :name, shared = :shared, position = case when shared = :shared then position"  # noqa: S608  # _MINE
            " else (select coalesce(max(o.position), 0) + 1 from saved_view o where o.shared = :shared) end,"
            f" user_id = case when :shared then user_id else :user end where id = :id and {_MINE}"
        ),
        {
            "id": view,
            "user": user_id,
            "shares": shares,
            "name": _named(name),
            "shared": shared and shares,
        },
    )
    if not done.rowcount:
        raise NotFound("There is no such view.")


async def move_view(
    connection: AsyncConnection, view: UUID, *, user_id: UUID, shares: bool, by: int
) -> None:
    """One place up (-1) or down (1) among its own kind; at the end it stays."""
    rows = (
        await connection.execute(
            text(
                "select id, shared from saved_view where deleted_at is null and (shared or user_id = :user)"
                " and (shared, report = '') = (select shared, report = '' from saved_view where id = :id) order by position, id for update"
            ),
            {"user": user_id, "id": view},
        )
    ).all()
    ids = [row.id for row in rows]
    if view not in ids or (rows[0].shared and not shares):
        raise NotFound("There is no such view.")
    place = ids.index(view)
    ids.insert(max(0, min(len(ids) - 1, place + by)), ids.pop(place))
    await connection.execute(
        text(
            "update saved_view v set position = k.place"
            " from unnest(cast(:ids as uuid[])) with ordinality as k(id, place) where v.id = k.id"
        ),
        {"ids": ids},
    )


async def delete_view(
    connection: AsyncConnection, view: UUID, *, user_id: UUID, shares: bool, now: datetime
) -> str:
    """Returns its name."""
    found = await connection.execute(
        text(f"update saved_view set deleted_at = :now where id = :id and {_MINE} returning name"),  # noqa: S608  # _MINE
        {"id": view, "user": user_id, "shares": shares, "now": now},
    )
    name: str | None = found.scalar_one_or_none()
    if name is None:
        raise NotFound("There is no such view.")
    return name


async def restore_view(
    connection: AsyncConnection, view: UUID, *, user_id: UUID, shares: bool
) -> None:
    done = await connection.execute(
        text(
            "update saved_view set deleted_at = null where id = :id"
            " and (shared and :shares or user_id = :user and not shared)"
        ),
        {"id": view, "user": user_id, "shares": shares},
    )
    if not done.rowcount:
        raise NotFound("There is no such view.")


def _named(name: str) -> str:
    cleaned = clean_line(name, limit=LONGEST_NAME)
    if not cleaned:
        raise Refused("A view needs a name.")
    return cleaned
