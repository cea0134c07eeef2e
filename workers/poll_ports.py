"""What `connectors.polling` asks of the database, in its words."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.connector import Account
from storage.accounts import note_error, note_recovery
from storage.leases import acquire, release
from workers.clock import Clock
from workers.supervisor import is_away


@dataclass(frozen=True, slots=True, kw_only=True)
class PollLeases:
    engine: AsyncEngine
    holder: str

    async def take(self, name: str, *, seconds: float) -> bool:
        try:
            async with self.engine.begin() as connection:
                held = await acquire(
                    connection, names=[name], holder=self.holder, ttl=seconds, limit=1
                )
        except Exception as error:
            if is_away(error):
                return False
            raise
        return name in held

    async def give_back(self, name: str) -> None:
        async with self.engine.begin() as connection:
            await release(connection, names=[name], holder=self.holder)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountConditions:
    engine: AsyncEngine
    now: Clock

    async def works(self, account: Account) -> None:
        async with self.engine.begin() as connection:
            await note_recovery(connection, account.id)

    async def troubled(self, account: Account, reason: str) -> None:
        await self._note(account, reason, broken=False)

    async def broken(self, account: Account, reason: str) -> None:
        await self._note(account, reason, broken=True)

    async def _note(self, account: Account, reason: str, *, broken: bool) -> None:
        async with self.engine.begin() as connection:
            await note_error(connection, account.id, reason, broken=broken, now=self.now())
