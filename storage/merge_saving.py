"""Save: two contacts that are one now: what belongs to the absorbed one moves, and what was whose is written down."""

from collections import defaultdict
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.records import Merge
from storage import bulk, tables
from storage.merge_values import Told, combined, values_of, written

_MOVES: Final = (
    ("identity", "contact_id"),
    ("identity_claim", "contact_id"),
    ("conversation", "contact_id"),
    ("lead", "contact_id"),
    ("touch", "contact_id"),
    ("task", "contact_id"),
    ("contact", "merged_into"),
)
"""Everything that points at a contact and moves with it when it is merged. Messages keep their author."""

# What each of the two may have once, and one contact may not have twice. The default pipeline's leads are the world's.
_COLLISIONS: Final = (
    (
        "lead_closed",
        text(
            "with pair as (select case when ours <= theirs then o.id else t.id end as kept,"
            "  case when ours <= theirs then t.id else o.id end as closed"
            "  from lead o join lead t on t.pipeline_id = o.pipeline_id,"
            "  lateral (select (o.created_at, o.id) as ours, (t.created_at, t.id) as theirs) moments"
            "  where o.contact_id = :survivor and t.contact_id = :absorbed and o.status = 'open' and t.status = 'open')"
            " update lead set status = 'merged', merged_into = kept, closed_at = :at"
            " from pair where lead.id = closed returning lead.id"
        ),
    ),
    (
        "task_closed",
        text(
            # Nobody has done it: it is not wanted twice.
            "update task set done_at = :at, cancelled_at = :at where contact_id = :absorbed and kind = 'callback' and done_at is null"
            " and exists (select from task o where o.contact_id = :survivor and o.kind = 'callback'"
            "  and o.done_at is null) returning id"
        ),
    ),
)


async def save_merge(connection: AsyncConnection, merge: Merge) -> None:
    """Moves what the world did not hold, and writes down what was whose."""
    moved: dict[str, list[UUID]] = defaultdict(list, merge.moved)
    for name, statement in _COLLISIONS:
        rows = await connection.execute(
            statement,
            {"survivor": merge.survivor_id, "absorbed": merge.absorbed_id, "at": merge.at},
        )
        moved[name].extend(row.id for row in rows)
    for table, column in _MOVES:
        rows = await connection.execute(
            text(
                f"update {table} set {column} = :survivor where {column} = :absorbed"  # noqa: S608  # _MOVES
                + (" and id <> :absorbed" if table == "contact" else "")
                + _conflict(table)
                + " returning id"
            ),
            {"survivor": merge.survivor_id, "absorbed": merge.absorbed_id},
        )
        moved[table].extend(row.id for row in rows)
    await _gather_answers(connection, merge)
    await connection.execute(
        text(
            "update suggestion set decision = 'moot', decided_at = :at where decision = 'open'"
            " and :survivor in (first_id, second_id) and :absorbed in (first_id, second_id)"
        ),
        {"at": merge.at, "survivor": merge.survivor_id, "absorbed": merge.absorbed_id},
    )
    columns = ("id", "survivor_id", "absorbed_id", "by_user", "rule", "reason", "moved", "at")
    kept: dict[str, Any] = {
        **{name: ids for name, ids in moved.items() if ids},
        "before": merge.before,
    }
    await bulk.insert(
        connection,
        tables.contact_merge,
        columns,
        [
            {
                "id": merge.id,
                "survivor_id": merge.survivor_id,
                "absorbed_id": merge.absorbed_id,
                "by_user": merge.by_user,
                "rule": merge.rule,
                "reason": merge.reason,
                "moved": kept,
                "at": merge.at,
            }
        ],
    )


async def _gather_answers(connection: AsyncConnection, merge: Merge) -> None:
    """What the one is called and what is known of it (`storage.merge_values`). The names are those before the merge:
    the world has given the survivor its own already.
    """
    rows = await connection.execute(
        text("select id, fields, note from contact where id in (:survivor, :absorbed)"),
        {"survivor": merge.survivor_id, "absorbed": merge.absorbed_id},
    )
    known = {row.id: {"fields": row.fields, "note": row.note} for row in rows}
    ours = values_of({**known[merge.survivor_id], **merge.before["survivor"]})
    theirs = values_of({**known[merge.absorbed_id], **merge.before["absorbed"]})
    chosen = frozenset(merge.before.get("chosen", ()))
    taken = combined(ours, theirs, chosen)
    merge.before = written(Told(ours=ours, theirs=theirs, taken=taken, chosen=chosen))
    if taken != ours:
        await bulk.update(
            connection,
            tables.contact,
            ("id", *merge.before["taken"]),
            [{"id": merge.survivor_id, **merge.before["taken"]}],
        )


def _conflict(table: str) -> str:
    """Claims both had stay where they are: the survivor's says the same."""
    if table != "identity_claim":
        return ""
    return (
        " and not exists (select from identity_claim c where c.contact_id = :survivor"
        " and c.kind = identity_claim.kind and c.value = identity_claim.value)"
    )
