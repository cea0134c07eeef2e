"""What the business is called, for the texts it writes."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.reply_values import COMPANY


async def name_company(connection: AsyncConnection, name: str) -> None:
    """An empty name is none."""
    await connection.execute(
        text(
            "insert into setting (name, value) values (:key, to_jsonb(cast(:name as text)))"
            " on conflict (name) do update set value = excluded.value"
        ),
        {"key": COMPANY, "name": name},
    )
