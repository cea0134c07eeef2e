"""People: the list, and everything the panel beside a conversation says about one of them.

Merged contacts are tombstones: they are in no list, and their ids lead to the one who survived (`resolve`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Select, any_, func, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP, UUID as PG_UUID, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.initials import initials
from storage.reading.paging import DEFAULT_LIMIT, Page, key_of, page_of
from storage.reading.searching import people, wanted
from storage.reading.sight import Sight, contact_in_sight, contacts_in_sight, seen
from storage.tables import contact, identity, user_account


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRow:
    id: UUID
    kind: str
    value: str
    display: str
    proved: bool
    shared: bool
    how: str
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    """Something the person only said. `proved_by`: whose proved key it is, if it is somebody else's."""

    id: UUID
    kind: str
    value: str
    display: str
    at: datetime
    proved_by: UUID | None
    proved_by_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRow:
    id: UUID
    name: str
    kind: str
    locale: str
    blocked: bool
    fields: dict[str, Any]
    manager_id: UUID | None
    manager_name: str
    merged_into: UUID | None
    erased_at: datetime | None
    created_at: datetime
    identities: tuple[IdentityRow, ...]

    @property
    def initials(self) -> str:
        return initials(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRow:
    id: UUID
    absorbed_id: UUID
    absorbed_name: str
    rule: str
    reason: str
    by_name: str
    at: datetime
    undone_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactFilter:
    """`kind` and `value` together: who has exactly this key."""

    q: str = ""
    kind: str = ""
    value: str = ""
    manager: UUID | None = None


_NAME: Final = "contacts"


async def resolve(connection: AsyncConnection, id_: UUID) -> UUID | None:
    """The living contact this id stands for: itself, or who it was merged into. None: never was."""
    found = await connection.execute(
        select(func.coalesce(contact.c.merged_into, contact.c.id)).where(contact.c.id == id_)
    )
    living: UUID | None = found.scalar_one_or_none()
    return living


async def contact_by_id(
    connection: AsyncConnection, id_: UUID, *, sight: Sight
) -> ContactRow | None:
    """As it is, tombstones too; see `resolve`."""
    of = (contact.c.id == id_, contact_in_sight(sight))
    row = (await connection.execute(_dressed(*of))).one_or_none()
    return None if row is None else _row(row)


async def list_contacts(
    connection: AsyncConnection,
    wish: ContactFilter,
    *,
    sight: Sight,
    cursor: str = "",
    limit: int = DEFAULT_LIMIT,
) -> Page[ContactRow]:
    """Living contacts, the newest first. Raises BadCursor."""
    conditions: list[ColumnElement[bool]] = [
        contact.c.merged_into.is_(None),
        await contacts_in_sight(connection, sight),
    ]
    if cursor:
        at, id_ = key_of(cursor, _NAME, tuple[datetime, UUID])
        behind = func.row(literal(at, TIMESTAMP(timezone=True)), literal(id_, PG_UUID))
        conditions.append(func.row(contact.c.created_at, contact.c.id) < behind)
    if wish.manager is not None:
        conditions.append(contact.c.manager_id == wish.manager)
    if wish.kind or wish.value:
        # Asked the way the unique index is built, so that it answers.
        having = select(identity.c.contact_id).where(
            identity.c.kind == wish.kind,
            identity.c.value == wish.value,
            identity.c.proved & ~identity.c.shared,
        )
        conditions.append(contact.c.id.in_(having))
    if (sought := wanted(wish.q)) is not None:
        conditions.append(
            contact.c.id == any_(literal(await people(connection, sought), ARRAY(PG_UUID)))
        )
    rows = await connection.execute(
        _dressed(*conditions)
        .order_by(contact.c.created_at.desc(), contact.c.id.desc())
        .limit(limit + 1)
    )
    return page_of(
        [_row(row) for row in rows],
        limit=limit,
        name=_NAME,
        key=lambda row: (row.created_at, row.id),
    )


async def claims_of(connection: AsyncConnection, id_: UUID, *, sight: Sight) -> list[ClaimRow]:
    """What the person said of themselves and nobody vouches for; what they have since proved is left out.

    Who has proved it is told to whom that person is in sight.
    """
    found = await connection.execute(
        text("""
            select claim.id, claim.kind, claim.value, claim.display, claim.at,
                   owner.id as proved_by, owner.name as proved_by_name
            from identity_claim claim
            left join identity proof
                on proof.kind = claim.kind and proof.value = claim.value
                and proof.proved and not proof.shared
            left join contact owner on owner.id = proof.contact_id
            where claim.contact_id = :id and proof.contact_id is distinct from claim.contact_id
            order by claim.at, claim.id
            limit 100
        """),
        {"id": id_},
    )
    rows = found.all()
    owners = {row.proved_by for row in rows if row.proved_by is not None}
    known = owners if sight.whole else await seen(connection, sight, "contact", owners)
    return [
        ClaimRow(
            id=row.id,
            kind=row.kind,
            value=row.value,
            display=row.display,
            at=row.at,
            proved_by=row.proved_by if row.proved_by in known else None,
            proved_by_name=row.proved_by_name if row.proved_by in known else "",
        )
        for row in rows
    ]


async def merges_of(connection: AsyncConnection, id_: UUID) -> list[MergeRow]:
    """What was merged into this contact, newest first, undone ones too."""
    rows = await connection.execute(
        text("""
            select merge.id, merge.absorbed_id, absorbed.name as absorbed_name, merge.rule,
                   merge.reason, coalesce(by_whom.name, '') as by_name, merge.at, merge.undone_at
            from contact_merge merge
            join contact absorbed on absorbed.id = merge.absorbed_id
            left join user_account by_whom on by_whom.id = merge.by_user
            where merge.survivor_id = :id
            order by merge.at desc, merge.id desc
            limit 100
        """),
        {"id": id_},
    )
    return [MergeRow(**row._mapping) for row in rows]  # noqa: SLF001  # a Row's public mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveMerge:
    id: UUID
    survivor_id: UUID
    absorbed_id: UUID


async def live_merge(
    connection: AsyncConnection, id_: UUID, *, merge_id: UUID | None = None
) -> LiveMerge | None:
    """The latest merge that stands and that this contact survived or went into; or that one, if it is such."""
    rows = await connection.execute(
        text("""
            select id, survivor_id, absorbed_id from contact_merge
            where (survivor_id = :id or absorbed_id = :id) and undone_at is null
              and (cast(:merge as uuid) is null or id = :merge)
            order by at desc, id desc limit 1
        """),
        {"id": id_, "merge": merge_id},
    )
    row = rows.one_or_none()
    return None if row is None else LiveMerge(**row._mapping)  # noqa: SLF001  # a Row's public mapping


def _dressed(*conditions: ColumnElement[bool]) -> Select[Any]:
    keys = (
        select(
            func.jsonb_agg(
                aggregate_order_by(
                    func.jsonb_build_object(
                        *(
                            part
                            for name in IdentityRow.__dataclass_fields__
                            for part in (literal(name), identity.c[name])
                        )
                    ),
                    identity.c.first_seen,
                    identity.c.id,
                )
            ).label("identities")
        )
        .where(identity.c.contact_id == contact.c.id)
        .lateral("keys")
    )
    return (
        select(contact, user_account.c.name.label("manager_name"), keys.c.identities)
        .select_from(contact)
        .outerjoin(user_account, user_account.c.id == contact.c.manager_id)
        .outerjoin(keys, literal(True))
        .where(*conditions)
    )


def _row(row: Any) -> ContactRow:
    return ContactRow(
        id=row.id,
        name=row.name,
        kind=row.kind,
        locale=row.locale,
        blocked=row.blocked,
        fields=row.fields,
        manager_id=row.manager_id,
        manager_name=row.manager_name or "",
        merged_into=row.merged_into,
        erased_at=row.erased_at,
        created_at=row.created_at,
        identities=msgspec.convert(row.identities or [], tuple[IdentityRow, ...]),
    )
