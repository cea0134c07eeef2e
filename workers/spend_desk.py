"""What a person does with the asking of an advertising platform: connects, has it asked now, pauses, disconnects it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from connectors.advertising.credentials import CREDENTIALS
from inbox.desk import NotFound, Refused
from storage.ad_accounts import (
    AdAccount,
    NoSuchAdAccount,
    ad_account_by_id,
    credentials_of,
    set_credentials,
    set_pulling,
)
from storage.audit import STRUCK_OUT, write_audit
from storage.engine import transaction
from storage.sealing import CannotUnseal, Sealer
from workers.clock import Clock

LONGEST: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """Implements inbox.spend_desk.SpendDesk."""

    engine: AsyncEngine
    sealer: Sealer
    now: Clock

    async def connect(self, account: UUID, fields: Mapping[str, str], *, by: UUID) -> None:
        """Raises Refused, NotFound."""
        async with transaction(self.engine) as connection:
            row = await self._account(connection, account)
            wanted = CREDENTIALS.get(row.platform, ())
            if not wanted:
                raise Refused("This platform cannot be asked: take its reports as files.")
            kept = await self._kept(connection, account)
            given: dict[str, str] = {}
            for each in wanted:
                value = fields.get(each.name, "").strip()
                given[each.name] = value or (kept.get(each.name, "") if each.secret else "")
                if each.required and not given[each.name]:
                    raise Refused(f"{each.label} is still to be filled in.")
                if len(given[each.name]) > LONGEST:
                    raise Refused(f"{each.label} is too long to be one.")
            if given.get("api_base", "").partition("://")[0] not in {"", "http", "https"}:
                raise Refused("The address of the API begins with https://.")
            given = {name: value for name, value in given.items() if value}
            await set_credentials(connection, account, given, sealer=self.sealer, now=self.now())
            secret = {each.name for each in wanted if each.secret}
            await self._audit(
                connection,
                "ad_account_connected",
                account,
                by,
                {name: STRUCK_OUT if name in secret else value for name, value in given.items()},
            )

    async def known(self, account: UUID) -> Mapping[str, str]:
        """Raises NotFound."""
        async with self.engine.connect() as connection:
            row = await self._account(connection, account)
            kept = await self._kept(connection, account)
        plain = {each.name for each in CREDENTIALS.get(row.platform, ()) if not each.secret}
        return {name: value for name, value in kept.items() if name in plain}

    async def disconnect(self, account: UUID, *, by: UUID) -> None:
        """Raises NotFound."""
        async with transaction(self.engine) as connection:
            await self._account(connection, account)
            await set_credentials(connection, account, {}, sealer=self.sealer, now=self.now())
            await self._audit(connection, "ad_account_disconnected", account, by, {})

    async def ask_now(self, account: UUID, *, by: UUID) -> None:
        """Raises Refused, NotFound."""
        await self._set(account, on=True)

    async def pause(self, account: UUID, *, by: UUID) -> None:
        """Raises NotFound."""
        await self._set(account, on=False)

    async def _set(self, account: UUID, *, on: bool) -> None:
        async with transaction(self.engine) as connection:
            row = await self._account(connection, account)
            if not row.pulls:
                raise Refused("Fill in how to ask the platform first.")
            await set_pulling(connection, account, on=on, now=self.now())

    async def _account(self, connection: AsyncConnection, account: UUID) -> AdAccount:
        try:
            return await ad_account_by_id(connection, account, locked=True)
        except NoSuchAdAccount as gone:
            raise NotFound(str(gone)) from gone

    async def _kept(self, connection: AsyncConnection, account: UUID) -> dict[str, str]:
        try:
            return await credentials_of(connection, account, sealer=self.sealer)
        except CannotUnseal:
            # Then they have to be entered anew, all of them.
            return {}

    async def _audit(
        self,
        connection: AsyncConnection,
        what: str,
        account: UUID,
        by: UUID,
        after: Mapping[str, Any],
    ) -> None:
        await write_audit(
            connection,
            by=by,
            what=what,
            object_kind="ad_account",
            object_id=account,
            now=self.now(),
            after=after,
        )
