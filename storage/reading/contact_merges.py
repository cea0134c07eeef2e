"""What was merged into a contact, and the merge that can still be undone."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


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
