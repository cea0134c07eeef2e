"""What would become of two contacts if they were one: what moves, what closes, where they disagree.

The same conditions as `storage.merge_saving` moves by, asked instead of done; that the two agree is proved in
tests/storage/test_merging.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.contact_rows import ContactRow
from storage.reading.contacts import contact_by_id
from storage.reading.sight import EVERYTHING

FILES_COUNTED_TO: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadPair:
    """Two open leads of one pipeline: the older stays open, the newer is closed as merged into it."""

    kept_id: UUID
    kept_number: int
    kept_title: str
    closed_id: UUID
    closed_number: int
    closed_title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """`what`: name, manager_id or fields.<key>. The survivor's stands unless chosen otherwise."""

    what: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MergePreview:
    """`survivor` is the older. `moves`: how many of each kind become the survivor's; those without any are left out."""

    survivor: ContactRow
    absorbed: ContactRow
    moves: Mapping[str, int]
    messages: int
    """About: the numbers their conversations have come to."""
    files: int
    """Counted up to FILES_COUNTED_TO."""
    leads: tuple[LeadPair, ...]
    tasks_closed: int
    disagreements: tuple[Disagreement, ...]
    gained: Mapping[str, Any]
    """Fields that only the absorbed one has."""
    told_apart: bool
    """Somebody has said before that they are two."""


_COUNTS: Final = text("""
    select
      (select count(*) from identity where contact_id = :absorbed) as identity,
      (select count(*) from identity_claim mine where contact_id = :absorbed and not exists (
         select from identity_claim ours where ours.contact_id = :survivor
         and ours.kind = mine.kind and ours.value = mine.value)) as identity_claim,
      (select count(*) from conversation where contact_id = :absorbed) as conversation,
      (select count(*) from lead where contact_id = :absorbed) as lead,
      (select count(*) from touch where contact_id = :absorbed) as touch,
      (select count(*) from task where contact_id = :absorbed) as task,
      (select count(*) from contact where merged_into = :absorbed) as contact,
      (select coalesce(sum(seq), 0) from conversation where contact_id = :absorbed) as messages,
      (select count(*) from (select 1 from conversation c join message m on m.conversation_id = c.id
         join attachment a on a.message_id = m.id where c.contact_id = :absorbed limit :most) few) as files,
      (select count(*) from task where contact_id = :absorbed and kind = 'callback' and done_at is null
         and exists (select from task o where o.contact_id = :survivor and o.kind = 'callback'
         and o.done_at is null)) as tasks_closed,
      exists (select from contact_merge where undone_at is not null
         and survivor_id in (:survivor, :absorbed) and absorbed_id in (:survivor, :absorbed))
      or exists (select from suggestion where decision = 'rejected'
         and first_id = least(cast(:survivor as uuid), cast(:absorbed as uuid))
         and second_id = greatest(cast(:survivor as uuid), cast(:absorbed as uuid))) as told_apart
""")
_LEADS: Final = text("""
    select o.id as ours_id, o.number as ours_number, o.title as ours_title,
           t.id as theirs_id, t.number as theirs_number, t.title as theirs_title,
           (o.created_at, o.id) <= (t.created_at, t.id) as ours_stays
    from lead o join lead t on t.pipeline_id = o.pipeline_id
    where o.contact_id = :survivor and t.contact_id = :absorbed and o.status = 'open' and t.status = 'open'
    order by o.id
""")
MOVED: Final = ("identity", "identity_claim", "conversation", "lead", "touch", "task", "contact")


async def merge_preview(connection: AsyncConnection, one: UUID, other: UUID) -> MergePreview | None:
    """None when they are one already, or one of them is gone. Both ids are of living contacts."""
    first, second = (
        await contact_by_id(connection, one, sight=EVERYTHING),
        await contact_by_id(connection, other, sight=EVERYTHING),
    )
    if first is None or second is None or first.id == second.id:
        return None
    if any(each.merged_into or each.erased_at for each in (first, second)):
        return None
    survivor, absorbed = sorted((first, second), key=lambda each: (each.created_at, each.id))
    people = {"survivor": survivor.id, "absorbed": absorbed.id}
    counts = (
        (await connection.execute(_COUNTS, {**people, "most": FILES_COUNTED_TO})).mappings().one()
    )
    leads = await connection.execute(_LEADS, people)
    return MergePreview(
        survivor=survivor,
        absorbed=absorbed,
        moves={name: counts[name] for name in MOVED if counts[name]},
        messages=int(counts["messages"]),
        files=counts["files"],
        leads=tuple(_pair(row) for row in leads),
        tasks_closed=counts["tasks_closed"],
        disagreements=_disagreements(survivor, absorbed),
        gained={key: value for key, value in absorbed.fields.items() if key not in survivor.fields},
        told_apart=counts["told_apart"],
    )


def _pair(row: Any) -> LeadPair:
    ours = (row.ours_id, row.ours_number, row.ours_title)
    theirs = (row.theirs_id, row.theirs_number, row.theirs_title)
    kept, closed = (ours, theirs) if row.ours_stays else (theirs, ours)
    return LeadPair(
        kept_id=kept[0],
        kept_number=kept[1],
        kept_title=kept[2],
        closed_id=closed[0],
        closed_number=closed[1],
        closed_title=closed[2],
    )


def _disagreements(survivor: ContactRow, absorbed: ContactRow) -> tuple[Disagreement, ...]:
    found = []
    if survivor.name and absorbed.name and survivor.name != absorbed.name:
        found.append(Disagreement(what="name", ours=survivor.name, theirs=absorbed.name))
    if survivor.manager_id and absorbed.manager_id and survivor.manager_id != absorbed.manager_id:
        found.append(
            Disagreement(
                what="manager_id", ours=survivor.manager_name, theirs=absorbed.manager_name
            )
        )
    found += [
        Disagreement(what=f"fields.{key}", ours=str(survivor.fields[key]), theirs=str(value))
        for key, value in absorbed.fields.items()
        if key in survivor.fields and survivor.fields[key] != value
    ]
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmergePreview:
    """What returns to the absorbed one, by what was written down at the merge; `moves` as of a merge."""

    merge_id: UUID
    survivor_id: UUID
    survivor_name: str
    absorbed_id: UUID
    absorbed_name: str
    reason: str
    moves: Mapping[str, int]


async def unmerge_preview(connection: AsyncConnection, merge_id: UUID) -> UnmergePreview | None:
    """None when there is no such merge, or it has been undone."""
    found = await connection.execute(
        text("""
            select m.id, m.survivor_id, s.name as survivor_name, m.absorbed_id, a.name as absorbed_name,
                   m.reason, m.moved
            from contact_merge m join contact s on s.id = m.survivor_id join contact a on a.id = m.absorbed_id
            where m.id = :id and m.undone_at is null
        """),
        {"id": merge_id},
    )
    row = found.one_or_none()
    if row is None:
        return None
    return UnmergePreview(
        merge_id=row.id,
        survivor_id=row.survivor_id,
        survivor_name=row.survivor_name,
        absorbed_id=row.absorbed_id,
        absorbed_name=row.absorbed_name,
        reason=row.reason,
        moves={name: len(set(ids)) for name in MOVED if (ids := row.moved.get(name))},
    )
