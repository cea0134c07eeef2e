"""Which columns of a report somebody has chosen to see."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

MOST: Final = 40


async def chosen_columns(connection: AsyncConnection, user: UUID, report: str) -> tuple[str, ...]:
    """Nothing: as the report usually has them."""
    found = await connection.execute(
        text("select columns from report_columns where user_id = :user and report = :report"),
        {"user": user, "report": report},
    )
    return tuple(found.scalar() or ())


async def choose_columns(
    connection: AsyncConnection, user: UUID, report: str, columns: Sequence[str]
) -> None:
    await connection.execute(
        text(
            "insert into report_columns (user_id, report, columns) values (:user, :report, :columns)"
            " on conflict (user_id, report) do update set columns = excluded.columns"
        ),
        {"user": user, "report": report, "columns": list(columns)[:MOST]},
    )
