"""`connectors.connector.Callers`, from our own records."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.connector import Account, Caller
from storage.reading.callers import caller


@dataclass(frozen=True, slots=True)
class KnownCallers:
    engine: AsyncEngine

    async def who_calls(self, account: Account, phone: str) -> Caller | None:
        async with self.engine.connect() as connection:
            found = await caller(connection, phone)
        return Caller(name=found.name, extension=found.extension) if found is not None else None
