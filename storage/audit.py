"""The audit: who did what to what. Rows are only ever added; the database refuses anything else.

Credentials do not belong into it; what has the name of one is struck out all the same, whoever forgot.
"""

import re
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from router.ids import new_id
from storage.tables import audit

WHENCE: Final[ContextVar[str]] = ContextVar("whence", default="")
"""The address from which the request came in whose course a line is written; "" when there is none."""
STRUCK_OUT: Final = "***"
_SECRET: Final = re.compile(
    r"password|secret|token|api_key|private|credential|sealed", re.IGNORECASE
)


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
            remote=WHENCE.get()[:100],
            before=without_secrets(before),
            after=without_secrets(after),
            at=now,
        )
    )


def without_secrets(value: Any) -> Any:
    """The same, with the values of what is named like a credential struck out, however deep."""
    if isinstance(value, Mapping):
        return {
            name: STRUCK_OUT
            if _SECRET.search(str(name)) and isinstance(each, str) and each
            else without_secrets(each)
            for name, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [without_secrets(each) for each in value]
    return value


def difference(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What changed, as it was and as it is."""
    moved = [name for name in after if before.get(name) != after[name]]
    return {name: before.get(name) for name in moved}, {name: after[name] for name in moved}
