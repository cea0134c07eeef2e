"""Writes down what channels and we said to each other, a moment later and many lines at once."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from router.clean_text import clean_text
from router.ids import new_id
from storage import bulk, tables

KEPT: Final = 5_000
"""Lines that may wait for the database; the oldest are lost beyond."""

_COLUMNS: Final = ("id", "account_id", "at", "direction", "what", "level", "detail")


class Line(Protocol):
    @property
    def account(self) -> UUID: ...
    @property
    def at(self) -> datetime: ...
    @property
    def direction(self) -> str: ...
    @property
    def what(self) -> str: ...
    @property
    def level(self) -> str: ...
    @property
    def detail(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """`direction`: "in" for what the platform said to us. `level`: info, warning or error."""

    account: UUID
    at: datetime
    direction: str
    what: str
    level: str = "info"
    detail: str = ""


class ChannelLogWriter:
    """`write` returns at once; `flush`, called now and then, stores what has come."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._lines: deque[Line] = deque(maxlen=KEPT)

    def write(self, entry: Line) -> None:
        self._lines.append(entry)

    async def flush(self) -> None:
        if not self._lines:
            return
        lines, self._lines = self._lines, deque(maxlen=KEPT)
        async with self._engine.begin() as connection:
            await write_lines(connection, lines)


async def write_lines(connection: AsyncConnection, lines: Iterable[Line]) -> None:
    rows = [
        {
            "id": new_id(),
            "account_id": line.account,
            "at": line.at,
            "direction": line.direction,
            "what": clean_text(line.what, limit=200),
            "level": line.level,
            "detail": clean_text(line.detail, limit=4000),
        }
        for line in lines
    ]
    if rows:
        await bulk.insert(connection, tables.channel_log, _COLUMNS, rows)


async def recent_lines(
    connection: AsyncConnection, account: UUID, *, limit: int = 50
) -> list[LogLine]:
    """The newest first."""
    log = tables.channel_log
    rows = await connection.execute(
        select(log).where(log.c.account_id == account).order_by(log.c.id.desc()).limit(limit)
    )
    return [
        LogLine(
            account=row.account_id,
            at=row.at,
            direction=row.direction,
            what=row.what,
            level=row.level,
            detail=row.detail,
        )
        for row in rows
    ]
