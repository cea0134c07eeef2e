"""What happened to a lead, with the names of what its events only number."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadEventRow:
    id: UUID
    what: str
    before: Any
    after: Any
    by_name: str
    at: datetime
    before_name: str
    after_name: str
    """Of the stages, or of the managers, that `before` and `after` are the ids of."""


async def lead_history(
    connection: AsyncConnection, lead_id: UUID, *, limit: int = 200
) -> list[LeadEventRow]:
    """What happened to it, newest first."""
    rows = await connection.execute(
        text("""
            select e.id, e.what, e.before, e.after, coalesce(u.name, '') as by_name, e.at,
                coalesce(sb.name, ub.name, '') as before_name, coalesce(sa.name, ua.name, '') as after_name
            from lead_event e left join user_account u on u.id = e.by_user
            left join stage sb on e.what in ('stage', 'opened') and to_jsonb(cast(sb.id as text)) = e.before
            left join stage sa on e.what in ('stage', 'opened') and to_jsonb(cast(sa.id as text)) = e.after
            left join user_account ub on e.what = 'manager' and to_jsonb(cast(ub.id as text)) = e.before
            left join user_account ua on e.what = 'manager' and to_jsonb(cast(ua.id as text)) = e.after
            where e.lead_id = :lead order by e.at desc, e.id desc limit :limit
        """).columns(before=JSONB, after=JSONB),
        {"lead": lead_id, "limit": limit},
    )
    return [LeadEventRow(**row._mapping) for row in rows]  # noqa: SLF001  # a Row's public mapping
