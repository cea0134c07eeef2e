"""The audit: who did what to what. Rows are only ever added; the database refuses anything else."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from router.ids import new_id
from storage.tables import audit


async def write_audit(
    connection: AsyncConnection,
    *,
    by: UUID | None,
    what: str,
    object_kind: str,
    object_id: UUID,
    now: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """In the transaction of what it tells of. `by`: None for the command line and API tokens. Never a credential."""
    await connection.execute(
        insert(audit).values(
            id=new_id(),
            user_id=by,
            what=what,
            object_kind=object_kind,
            object_id=object_id,
            before=before,
            after=after,
            at=now,
        )
    )
