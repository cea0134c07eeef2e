"""Where each account's long-lived connection stands; moved only after what lies before it is durable."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine


class Cursors:
    def __init__(self, engine: AsyncEngine, *, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now

    async def load(self, account: UUID, what: str) -> str:
        """Empty when there is none."""
        async with self._engine.connect() as connection:
            found = await connection.execute(
                text("select value from cursor where account_id = :account and what = :what"),
                {"account": account, "what": what},
            )
            value: str | None = found.scalar_one_or_none()
            return value or ""

    async def save(self, account: UUID, what: str, value: str) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(
                text(
                    "insert into cursor (account_id, what, value, moved_at) values (:account, :what, :value, :now)"
                    " on conflict (account_id, what) do update set value = excluded.value, moved_at = excluded.moved_at"
                ),
                {"account": account, "what": what, "value": value, "now": self._now()},
            )
