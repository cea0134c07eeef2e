"""What every page needs to know of the business: its name and clock, the colours of its labels, the names of its sources.

Asked for again when it is a moment old: whoever changes it in another process is seen at once, as people understand it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from inbox.source_names import SourceNames, read_names
from storage.company import Company, read_company
from storage.reading.labels import label_colours

FRESH: Final = timedelta(seconds=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    company: Company = field(default_factory=Company)
    label_colours: Mapping[str, str] = field(default_factory=dict)
    sources: SourceNames = field(default_factory=SourceNames)


class House:
    """One per process."""

    def __init__(self) -> None:
        self._known = Known()
        self._read_at: datetime | None = None

    async def known(self, engine: AsyncEngine, *, now: datetime) -> Known:
        if self._read_at is None or not self._read_at <= now < self._read_at + FRESH:
            async with engine.connect() as connection:
                self._known = Known(
                    company=await read_company(connection),
                    label_colours=await label_colours(connection),
                    sources=await read_names(connection),
                )
            self._read_at = now
        return self._known

    def forget(self) -> None:
        """Something was changed here."""
        self._read_at = None
