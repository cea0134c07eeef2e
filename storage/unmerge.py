"""Undoing a merge: gives back exactly what was each one's.

What came after the merge goes with the key its person came by: a conversation begun through one of the absorbed
contact's identities returns with it, and so do that conversation's messages (their author is its contact, unless they
name another), leads, touches and tasks. The pair is then never merged again by itself (`storage.world_loading` reads undone
merges).
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from router.asking import NotFound, Refused
from router.facts import ContactsUnmerged
from router.ids import new_id
from storage import bulk, tables
from storage.merge_values import columns_of, read, take_back, values_of, written
from storage.outbox import tell

_BACK: Final = ("identity", "identity_claim", "conversation", "lead", "touch", "task")


async def undo(
    connection: AsyncConnection, merge_id: UUID, *, by: UUID | None, now: datetime
) -> UUID:
    """Returns the contact that is there again."""
    merge = (
        await connection.execute(
            text("select * from contact_merge where id = :id for update"), {"id": merge_id}
        )
    ).one_or_none()
    if merge is None:
        raise NotFound("There is no such merge.")
    if merge.undone_at is not None:
        raise Refused("This merge has been undone already.")
    people = {"survivor": merge.survivor_id, "absorbed": merge.absorbed_id}
    contacts = {
        row.id: row
        for row in await connection.execute(
            text(
                "select id, name, manager_id, fields, note, merged_into, erased_at from contact"
                " where id in (:survivor, :absorbed) order by id for update"
            ),
            people,
        )
    }
    survivor, absorbed = contacts[merge.survivor_id], contacts[merge.absorbed_id]
    if survivor.erased_at is not None or absorbed.erased_at is not None:
        raise Refused("The contact has been erased; there is nothing to give back.")
    if survivor.merged_into is not None or absorbed.merged_into != survivor.id:
        raise Refused("A later merge builds on this one: undo that one first.")

    await _open(connection, merge)
    for table in _BACK:
        await _give_back(connection, table, merge.moved.get(table, ()), people)
    await _give_back_later(connection, merge, people)
    await _restore_leads(connection, people)
    await connection.execute(
        text(
            "update task set done_at = null, cancelled_at = null where id = any(cast(:ids as uuid[])) and done_at = :at and not exists"
            " (select from task o where o.contact_id = task.contact_id and o.kind = task.kind and o.done_at is null)"
        ),
        {"ids": merge.moved.get("task_closed", []), "at": merge.at},
    )
    await _restore_names(connection, merge, survivor)
    await connection.execute(
        text("update contact_merge set undone_at = :now, undone_by = :by where id = :id"),
        {"now": now, "by": by, "id": merge_id},
    )
    await tell(
        connection,
        [
            ContactsUnmerged(
                id=new_id(),
                at=now,
                contact=survivor.id,
                restored=absorbed.id,
                merge=merge_id,
                by=by,
            )
        ],
    )
    restored: UUID = absorbed.id
    return restored


async def _open(connection: AsyncConnection, merge: Any) -> None:
    """The absorbed contact is there again, and so is what had pointed at it."""
    await connection.execute(
        text("update contact set merged_into = null where id = :absorbed"),
        {"absorbed": merge.absorbed_id},
    )
    await connection.execute(
        text(
            "update contact set merged_into = :absorbed"
            " where id = any(cast(:ids as uuid[])) and merged_into = :survivor"
        ),
        {
            "absorbed": merge.absorbed_id,
            "survivor": merge.survivor_id,
            "ids": merge.moved.get("contact", []),
        },
    )


async def _give_back(
    connection: AsyncConnection, table: str, ids: Any, people: dict[str, UUID]
) -> None:
    # A lead that was merged away keeps its place until _restore_leads: two open ones would collide.
    await connection.execute(
        text(
            f"update {table} set contact_id = :absorbed"  # noqa: S608  # _BACK
            " where id = any(cast(:ids as uuid[])) and contact_id = :survivor"
        ),
        {**people, "ids": list(ids)},
    )


async def _give_back_later(
    connection: AsyncConnection, merge: Any, people: dict[str, UUID]
) -> None:
    """What came after the merge, by the key its person came by."""
    await connection.execute(
        text(
            "update conversation set contact_id = :absorbed where contact_id = :survivor"
            " and identity_id in (select id from identity where contact_id = :absorbed)"
        ),
        people,
    )
    await connection.execute(
        text(
            "update touch set contact_id = :absorbed where contact_id = :survivor and event_id in"
            " (select m.id from message m join conversation c on c.id = m.conversation_id"
            "  where c.contact_id = :absorbed and m.received_at >= :at)"
        ),
        {**people, "at": merge.at},
    )
    await connection.execute(
        text(
            "update task set contact_id = :absorbed where contact_id = :survivor and created_at >= :at"
            " and conversation_id in (select id from conversation where contact_id = :absorbed)"
            " and (done_at is not null or kind <> 'callback' or not exists (select from task o"
            "  where o.contact_id = :absorbed and o.kind = 'callback' and o.done_at is null))"
        ),
        {**people, "at": merge.at},
    )
    await connection.execute(
        text(
            "update lead set contact_id = :absorbed where contact_id = :survivor and created_at >= :at"
            " and conversation_id in (select id from conversation where contact_id = :absorbed)"
            " and (status <> 'open' or not exists (select from lead o where o.contact_id = :absorbed"
            "  and o.pipeline_id = lead.pipeline_id and o.status = 'open'))"
        ),
        {**people, "at": merge.at},
    )


async def _restore_leads(connection: AsyncConnection, people: dict[str, UUID]) -> None:
    """A lead that was merged into one that is now another's is open again, unless its contact has another open one.

    Not "the leads that this merge closed": of three that became one, the second merge may have closed what the first
    had kept, and merges are undone in any order.
    """
    await connection.execute(
        text(
            "with lost as (select distinct on (l.contact_id, l.pipeline_id) l.id"
            "  from lead l join lead kept on kept.id = l.merged_into and kept.contact_id <> l.contact_id"
            "  where l.contact_id in (:survivor, :absorbed) and l.status = 'merged' and not exists"
            "   (select from lead o where o.contact_id = l.contact_id and o.pipeline_id = l.pipeline_id"
            "    and o.status = 'open')"
            "  order by l.contact_id, l.pipeline_id, l.created_at, l.id)"
            " update lead set status = 'open', merged_into = null, closed_at = null from lost where lead.id = lost.id"
        ),
        people,
    )
    await connection.execute(
        text(
            "update lead set merged_into = o.id from lead kept, lead o where lead.status = 'merged'"
            " and lead.contact_id in (:survivor, :absorbed)"
            " and kept.id = lead.merged_into and kept.contact_id <> lead.contact_id"
            " and o.contact_id = lead.contact_id and o.pipeline_id = lead.pipeline_id and o.status = 'open'"
        ),
        people,
    )


async def _restore_names(connection: AsyncConnection, merge: Any, survivor: Any) -> None:
    """What the survivor had taken from the absorbed one, if nobody has changed it since."""
    rows = list(
        await connection.execute(
            text(
                "select id, moved -> 'before' as before from contact_merge where survivor_id = :survivor"
                " and undone_at is null and (at, id) > (:at, cast(:id as uuid)) order by at, id"
            ).columns(before=JSONB),
            {"survivor": survivor.id, "at": merge.at, "id": merge.id},
        )
    )
    later = [read(row.before) for row in rows]
    now = values_of(survivor._mapping)  # noqa: SLF001  # a Row's public mapping
    restored = take_back(read(merge.moved["before"]), later, now)
    for row, told in zip(rows, later, strict=True):
        if written(told) != row.before:
            await connection.execute(
                text(
                    "update contact_merge set moved = jsonb_set(moved, '{before}', :before) where id = :id"
                ).bindparams(bindparam("before", type_=JSONB)),
                {"id": row.id, "before": written(told)},
            )
    if restored != now:
        columns = columns_of(restored)
        await bulk.update(
            connection, tables.contact, ("id", *columns), [{"id": survivor.id, **columns}]
        )
