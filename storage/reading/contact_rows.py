"""A contact with everything that identifies them, as lists and the panel beside a conversation show it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Select, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from storage.reading.initials import initials
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
class ContactRow:
    id: UUID
    name: str
    kind: str
    locale: str
    blocked: bool
    block_reason: str
    note: str
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


def dressed(*conditions: ColumnElement[bool]) -> Select[Any]:
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


def row_of(row: Any) -> ContactRow:
    return ContactRow(
        id=row.id,
        name=row.name,
        kind=row.kind,
        locale=row.locale,
        blocked=row.blocked,
        block_reason=row.block_reason,
        note=row.note,
        fields=row.fields,
        manager_id=row.manager_id,
        manager_name=row.manager_name or "",
        merged_into=row.merged_into,
        erased_at=row.erased_at,
        created_at=row.created_at,
        identities=msgspec.convert(row.identities or [], tuple[IdentityRow, ...]),
    )
