"""Writes down what channels and we said to each other, a moment later and many lines at once."""

from collections import deque
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

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
            await bulk.insert(
                connection,
                tables.channel_log,
                _COLUMNS,
                [
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
                ],
            )
