"""The audit, read: the newest first, with names for the ids that it keeps."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal, select, text
from sqlalchemy.dialects.postgresql import TIMESTAMP, UUID as PG_UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.paging import DEFAULT_LIMIT, Page, key_of, page_of
from storage.tables import audit, user_account


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """`user_id` None: Allo's command line, or a program with an API key."""

    id: UUID
    at: datetime
    user_id: UUID | None
    user_name: str
    what: str
    object_kind: str
    object_id: UUID | None
    remote: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Everything narrows. `until` is not in it."""

    user: UUID | None = None
    kind: str = ""
    object: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


_NAME: Final = "audit"
_NAMED: Final = {
    "user": "select id, coalesce(nullif(name, ''), email) as name from user_account",
    "team": "select id, name from team",
    "account": "select id, slug as name from account",
    "api_token": "select id, name from api_token",
    "ad_account": "select id, name from ad_account",
    "overhead": "select id, name from overhead",
    "contact": "select id, name from contact",
    "lead": "select id, coalesce(nullif(title, ''), '№ ' || number) as name from lead",
    "label": "select id, name from label",
    "stage": "select id, name from stage",
    "pipeline": "select id, name from pipeline",
    "conversation": (
        "select v.id, c.name from conversation v join contact c on c.id = v.contact_id"
    ),
    "message": (
        "select m.id, c.name from message m join conversation v on v.id = m.conversation_id"
        " join contact c on c.id = v.contact_id"
    ),
}
"""Of each kind: what its things are called."""


async def list_audit(
    connection: AsyncConnection,
    wish: AuditFilter,
    *,
    cursor: str = "",
    limit: int = DEFAULT_LIMIT,
) -> Page[AuditLine]:
    """Raises BadCursor."""
    # What nobody did is a conversation's own story.
    conditions: list[ColumnElement[bool]] = [audit.c.what != "conversation_by_itself"]
    if cursor:
        at, id_ = key_of(cursor, _NAME, tuple[datetime, UUID])
        before = func.row(literal(at, TIMESTAMP(timezone=True)), literal(id_, PG_UUID))
        conditions.append(func.row(audit.c.at, audit.c.id) < before)
    if wish.user is not None:
        conditions.append(audit.c.user_id == wish.user)
    if wish.kind:
        conditions.append(audit.c.object_kind == wish.kind)
    if wish.object is not None:
        conditions.append(audit.c.object_id == wish.object)
    if wish.since is not None:
        conditions.append(audit.c.at >= wish.since)
    if wish.until is not None:
        conditions.append(audit.c.at < wish.until)
    columns = [audit.c[name] for name in AuditLine.__dataclass_fields__ if name != "user_name"]
    rows = await connection.execute(
        select(
            *columns,
            func.coalesce(func.nullif(user_account.c.name, ""), user_account.c.email, "").label(
                "user_name"
            ),
        )
        .select_from(audit)
        .outerjoin(user_account, user_account.c.id == audit.c.user_id)
        .where(*conditions)
        .order_by(audit.c.at.desc(), audit.c.id.desc())
        .limit(limit + 1)
    )
    return page_of(
        [AuditLine(**row._mapping) for row in rows],  # noqa: SLF001  # a Row's public mapping
        limit=limit,
        name=_NAME,
        key=lambda line: (line.at, line.id),
    )


async def kinds_of_objects(connection: AsyncConnection) -> list[str]:
    """What there are lines about; each found by one step along the index, however long the audit is."""
    rows = await connection.execute(
        text("""
            with recursive kind as (
                (select object_kind from audit order by object_kind limit 1)
                union all
                select (select a.object_kind from audit a where a.object_kind > kind.object_kind
                        order by a.object_kind limit 1)
                from kind where kind.object_kind is not null
            )
            select object_kind from kind where object_kind <> ''
        """)
    )
    return list(rows.scalars())


async def names_of(
    connection: AsyncConnection, things: Iterable[tuple[str, UUID]]
) -> dict[UUID, str]:
    """What they are called now; those that are gone, or have no name, are left out. One question for each kind."""
    asked: dict[str, set[UUID]] = {}
    for kind, id_ in things:
        asked.setdefault(kind, set()).add(id_)
    found: dict[UUID, str] = {}
    for kind, ids in asked.items():
        if kind in _NAMED:
            rows = await connection.execute(
                text(f"select id, name from ({_NAMED[kind]}) named where id = any(:ids)"),  # noqa: S608  # our own
                {"ids": list(ids)},
            )
            found |= {row.id: row.name for row in rows if row.name}
    return found


async def currencies_of(
    connection: AsyncConnection, things: Iterable[tuple[str, UUID]]
) -> dict[UUID, str]:
    """Of the leads among them."""
    leads = [id_ for kind, id_ in things if kind == "lead"]
    rows = await connection.execute(
        text("select id, currency from lead where id = any(:leads)"), {"leads": leads}
    )
    return {row.id: row.currency for row in rows}


async def field_names(connection: AsyncConnection) -> dict[str, str]:
    """What the fields of contacts and leads are called, by their keys; also of those that were put away."""
    rows = await connection.execute(text("select key, name from field order by archived_at"))
    return {row.key: row.name for row in rows}
