"""How long people waited for an answer, in the working time of the team that answers: what the router leaves open.

`first` is whatever the inquiries say now, and so it can be told at any time. `working_seconds` is told once, by the hours
the team had when it was: a shop that opens on Sundays from now on has not been slower on the Sundays before.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.working_hours import working_seconds_between
from storage import bulk, tables
from storage.driver import ask, numbered


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    id: UUID
    team_id: UUID | None
    waited_since: datetime
    at: datetime


_FIRST: Final = numbered(
    "update response r set first = not r.first from conversation v"
    " where v.id = r.conversation_id and v.contact_id = any(cast(:contacts as uuid[]))"
    "  and r.first <> exists (select from inquiry i where i.conversation_id = r.conversation_id"
    "   and i.at >= r.waited_since and i.at <= r.at)"
)
_OPEN: Final = bulk.Records(
    _Open,
    "select r.id, v.team_id, r.waited_since, r.at from conversation v join response r on r.conversation_id = v.id"
    " where v.contact_id = any(cast(:contacts as uuid[])) and r.working_seconds is null",
)
_TEAMS: Final = text("select id, hours, time_zone, holidays from team")


async def settle_answers(connection: AsyncConnection, contacts: Collection[UUID]) -> None:
    await ask(connection, _FIRST, contacts=list(contacts))
    pending = await _OPEN.read(connection, contacts=list(contacts))
    if not pending:
        return
    teams: dict[UUID | None, Any] = {row.id: row for row in await connection.execute(_TEAMS)}
    told = []
    for each in pending:
        team = teams.get(each.team_id)
        told.append(
            {
                "id": each.id,
                "working_seconds": working_seconds_between(
                    team.hours if team else None,
                    team.time_zone if team else "UTC",
                    frozenset(team.holidays) if team else frozenset(),
                    each.waited_since,
                    each.at,
                ),
            }
        )
    await bulk.update(connection, tables.response, ("id", "working_seconds"), told)
