"""The connected channels in memory, as the connectors see them; a change in the database is here within a moment."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.connector import Account, Connector
from storage.accounts import AccountRow, accounts_version, load_accounts, note_events
from storage.sealing import Sealer
from workers.supervisor import unless
from workers.telemetry import CHANNEL_STATE

log = structlog.get_logger()

LOOK_S: Final = 1.0
"""How soon a channel that was just added works. One cheap query."""
LOOK_AGAIN_S: Final = 0.1
"""Between looks for accounts that are not known."""


class AccountBook:
    """`connectors.connector.Accounts`. `load` it once, then `run` it."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        connectors: Mapping[str, Connector],
        sealer: Sealer,
        secret: bytes,
    ) -> None:
        self._secret = secret
        self._engine = engine
        self._connectors = connectors
        self._sealer = sealer
        self._version = ""
        self._looking = asyncio.Lock()
        self._looked_at = -LOOK_AGAIN_S
        self._by_slug: dict[str, Account] = {}
        self._by_id: dict[UUID, Account] = {}
        self._resting: dict[str, Account] = {}
        self._seen: dict[UUID, datetime] = {}

    def find(self, slug: str) -> Account | None:
        """The account that takes events under this slug; None for one that is paused, too."""
        return self._by_slug.get(slug)

    async def look_up(self, slug: str) -> Account | None:
        """As `find`; an unknown one may have been added a moment ago. Strangers' guesses cost ten queries a second."""
        loop = asyncio.get_running_loop()
        async with self._looking:
            if slug not in self._by_slug and loop.time() - self._looked_at >= LOOK_AGAIN_S:
                self._looked_at = loop.time()
                await self.load()
        return self.find(slug)

    def by_id(self, account_id: UUID) -> Account | None:
        return self._by_id.get(account_id)

    def of_kind(self, kind: str) -> Sequence[Account]:
        return [account for account in self._by_slug.values() if account.kind == kind]

    def active(self) -> Sequence[Account]:
        return list(self._by_slug.values())

    def resting(self, slug: str) -> Account | None:
        """The account of this slug when it is paused, or was stopped: it takes nothing until a person says so."""
        return self._resting.get(slug)

    def resting_of_kind(self, kind: str) -> Sequence[Account]:
        return [account for account in self._resting.values() if account.kind == kind]

    def rests(self, account_id: UUID) -> bool:
        return any(account.id == account_id for account in self._resting.values())

    def heard_from(self, account: UUID, at: datetime) -> None:
        """The platform said something: kept for the list of channels, written now and then."""
        self._seen[account] = at

    async def load(self) -> None:
        async with self._engine.connect() as connection:
            version = await accounts_version(connection)
            if version == self._version:
                return
            rows = await load_accounts(connection, self._sealer)
        CHANNEL_STATE.clear()
        accounts: dict[str, Account] = {}
        resting: dict[str, Account] = {}
        for row in rows:
            CHANNEL_STATE.labels(row.kind, row.slug, row.condition).set(1)
            if row.kind not in self._connectors:
                log.warning("account_of_unknown_kind", slug=row.slug, kind=row.kind)
            elif row.unreadable:
                log.error("account_not_readable", slug=row.slug, reason=row.unreadable)
            else:
                place = accounts if row.state == "active" else resting
                place[row.slug] = as_account(row, self._connectors[row.kind], self._secret)
        self._by_slug, self._resting = accounts, resting
        self._by_id = {account.id: account for account in accounts.values()}
        self._version = version

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self.load()
            if self._seen:
                seen, self._seen = self._seen, {}
                async with self._engine.begin() as connection:
                    await note_events(connection, seen)
            await unless(stop, asyncio.sleep(LOOK_S))


def as_account(row: AccountRow, connector: Connector, secret: bytes) -> Account:
    """The account as its channel knows it."""
    return Account(
        id=row.id,
        kind=row.kind,
        slug=row.slug,
        # A field that was never set has its default, which may be another in a later release.
        fields={each.name: each.default for each in connector.fields if each.default}
        | dict(row.fields),
        region=row.region,
        language=row.language,
        secret=secret,
    )
