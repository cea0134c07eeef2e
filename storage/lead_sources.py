"""What a colleague says brought a lead: "saw us at the fair". It stands beside what was found, and never in its place.

Where nothing was found it is a touch of its own, marked `by_hand`, so that reports have something better than unknown; as soon
as a touch is found for the same time (a merge brings one), that one counts (`router.attribution.counted`).
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, insert, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from router.asking import NotFound
from router.attribution import BY_HAND, snapshot
from router.clean_text import clean_line
from router.facts import Fact, LeadChanged, TouchRecorded
from router.ids import new_id
from router.records import Touch
from storage.outbox import tell
from storage.tables import lead_event, touch

LONGEST: Final = 80


async def source_said(connection: AsyncConnection, lead: UUID) -> str:
    found = await connection.execute(
        text("select source_by_hand from lead where id = :id"), {"id": lead}
    )
    return str(found.scalar() or "")


async def say_source(
    connection: AsyncConnection, lead: UUID, said: str, *, by: UUID, now: datetime
) -> str:
    """`said` "": nobody says anything any more. Returns what was said before. Raises NotFound."""
    name = clean_line(said, limit=LONGEST)
    found = await connection.execute(
        text("""
            select l.contact_id, l.conversation_id, l.created_at, l.source_by_hand, l.manager_id,
                   exists (select from touch t where t.contact_id = l.contact_id and t.at <= l.created_at
                           and t.medium <> 'by_hand') as found
            from lead l where l.id = :id for update of l
        """),
        {"id": lead},
    )
    row = found.one_or_none()
    if row is None:
        raise NotFound("There is no such lead.")
    if row.source_by_hand == name:
        return name
    await connection.execute(
        text("update lead set source_by_hand = :name where id = :id"), {"name": name, "id": lead}
    )
    await connection.execute(
        insert(lead_event).values(
            id=new_id(),
            lead_id=lead,
            what="source",
            before=row.source_by_hand,
            after=name,
            by_user=by,
            at=now,
        )
    )
    facts: list[Fact] = [
        LeadChanged(
            id=new_id(),
            at=now,
            lead=lead,
            what="source",
            contact=row.contact_id,
            conversation=row.conversation_id,
            manager=row.manager_id,
            by=by,
        )
    ]
    made = await _touch(connection, lead, row, name)
    if made is not None:
        facts.append(
            TouchRecorded(
                id=new_id(),
                at=now,
                touch=made,
                contact=row.contact_id,
                conversation=row.conversation_id,
            )
        )
    await tell(connection, facts)
    return str(row.source_by_hand)


async def _touch(connection: AsyncConnection, lead: UUID, row: object, name: str) -> UUID | None:
    """The touch that is said, made, renamed or taken away with it."""
    contact, at, known = row.contact_id, row.created_at, row.found  # type: ignore[attr-defined]
    there = await connection.execute(
        text("select id from touch where contact_id = :contact and raw ->> 'by_hand' = :lead"),
        {"contact": contact, "lead": str(lead)},
    )
    id_: UUID | None = there.scalar()
    if id_ is None and (known or not name):
        return None
    if not name:
        await _show(connection, lead, None, None)
        await connection.execute(text("delete from touch where id = :id"), {"id": id_})
        return None
    said = Touch(
        id=id_ or new_id(),
        contact_id=contact,
        at=at,
        channel="",
        source=name.lower(),
        medium=BY_HAND,
        raw={BY_HAND: str(lead)},
    )
    if id_ is None:
        await connection.execute(
            insert(touch).values(
                id=said.id,
                contact_id=contact,
                at=at,
                channel="",
                source=said.source,
                medium=said.medium,
                raw=said.raw,
            )
        )
    else:
        await connection.execute(
            text("update touch set source = :source where id = :id"),
            {"source": said.source, "id": id_},
        )
    if not known:
        await _show(connection, lead, said.id, said)
    return said.id


async def _show(
    connection: AsyncConnection, lead: UUID, id_: UUID | None, said: Touch | None
) -> None:
    """On the lead's card and in lists, in which only a touch shows."""
    await connection.execute(
        text("""
            update lead set first_touch_id = :id, last_touch_id = :id, first_touch = :said, last_touch = :said
            where id = :lead and (first_touch_id is null or first_touch ->> 'medium' = 'by_hand')
        """).bindparams(bindparam("said", type_=JSONB(none_as_null=True))),
        {"id": id_, "lead": lead, "said": snapshot(said) if said is not None else None},
    )
