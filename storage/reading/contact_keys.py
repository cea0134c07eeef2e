"""Whose a phone number or an address is: who has proved it, who only says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.sight import Sight, seen, unseen


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


async def owners_of_keys(
    connection: AsyncConnection, keys: Sequence[tuple[str, str]], *, sight: Sight
) -> list[tuple[str, str, UUID, str]]:
    """(kind, value, contact, name) of the living in sight who have proved or claimed one of these, at most ten.

    Of whom is not in sight nothing is told, not even that somebody has the number.
    """
    rows = await connection.execute(
        text("""
            select distinct k.kind, k.value, c.id, c.name
            from unnest(cast(:kinds as text[]), cast(:values as text[])) as k(kind, value),
            lateral (select contact_id from identity where kind = k.kind and value = k.value
                       and proved and not shared
                     union select contact_id from identity_claim where kind = k.kind and value = k.value) o
            join contact c on c.id = o.contact_id and c.merged_into is null
            order by k.kind desc, c.id limit 100
        """),
        {"kinds": [kind for kind, _ in keys], "values": [value for _, value in keys]},
    )
    found = rows.all()
    foreign = await unseen(connection, sight, "contact", {row.id for row in found})
    return [(row.kind, row.value, row.id, row.name) for row in found if row.id not in foreign][:10]


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
