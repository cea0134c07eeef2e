"""People whose platform sends no names are asked after, once they have written: receiving never waits for it.

    a message came (a fact) ─▶ is the contact nameless? ─▶ Connector.describe, many at once ─▶ "identified" to the broker

What the platform says comes back as an event like any other, so that the router alone decides what a contact is
called; a name that somebody gave stays. Nothing is remembered but who was asked after lately: whoever is still nameless
is asked after again with their next message.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

import aiohttp
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.connector import Account, Connector, Describe
from connectors.errors import SendError
from router import wire
from router.facts import Fact, MessageReceived
from router.ids import new_id
from router.message import Accepted, Chat, Sender, ServiceEvent
from router.transit import BrokerDown, Publication
from storage import platform_keys
from workers.account_book import AccountBook
from workers.broker import Broker
from workers.clock import Clock
from workers.supervisor import is_away, pause, unless
from workers.topology import shard

log = structlog.get_logger()

WAITING: Final = 2000
AT_ONCE: Final = 100
GATHER_S: Final = 0.2
"""People who write in the same moment are asked after together."""

PATIENCE_S: Final = 20.0
AGAIN_S: Final = 3600.0
AFTER_FAILURE_S: Final = 60.0
REMEMBERED: Final = 10_000


@dataclass(kw_only=True)
class Introductions:
    engine: AsyncEngine
    connectors: Mapping[str, Connector]
    accounts: AccountBook
    broker: Broker
    http: aiohttp.ClientSession
    now: Clock

    def __post_init__(self) -> None:
        self._written: asyncio.Queue[tuple[UUID, UUID]] = asyncio.Queue(WAITING)
        self._not_before: dict[UUID, float] = {}
        self._at_work = False

    def hear(self, fact: Fact | None) -> None:
        if not self._at_work or not isinstance(fact, MessageReceived) or fact.direction != "in":
            return
        if fact.account is None or fact.contact is None or self._written.full():
            return
        if self._not_before.get(fact.contact, 0.0) > asyncio.get_running_loop().time():
            return
        account = self.accounts.by_id(fact.account)
        if account is not None and self.connectors[account.kind].describe is not None:
            self._put_off([fact.contact], AGAIN_S)
            self._written.put_nowait((fact.account, fact.contact))

    async def run(self, stop: asyncio.Event) -> None:
        self._at_work = True
        try:
            while (first := await unless(stop, self._written.get())) is not None:
                await pause(stop, GATHER_S)
                people = defaultdict(list, {first[0]: [first[1]]})
                for _ in range(min(self._written.qsize(), AT_ONCE - 1)):
                    account, contact = self._written.get_nowait()
                    people[account].append(contact)
                for account_id, contacts in people.items():
                    await self._ask(account_id, contacts)
        finally:
            self._at_work = False

    async def _ask(self, account_id: UUID, contacts: Sequence[UUID]) -> None:
        account = self.accounts.by_id(account_id)
        connector = self.connectors[account.kind] if account is not None else None
        if account is None or connector is None or connector.describe is None:
            return
        try:
            async with self.engine.connect() as connection:
                unknown = await platform_keys.nameless(
                    connection, contacts, kind=connector.identity
                )
            if unknown:
                await self._introduce(account, connector.describe, unknown)
        except (SendError, BrokerDown, TimeoutError) as error:
            # Nobody waits for a name; the next message asks again.
            log.info("names_not_known", account=account.slug, error=repr(error)[:200])
            self._put_off(contacts, AFTER_FAILURE_S)
        except Exception as error:
            if not is_away(error):
                raise
            self._put_off(contacts, AFTER_FAILURE_S)

    async def _introduce(
        self, account: Account, describe: Describe, unknown: Mapping[str, UUID]
    ) -> None:
        async with asyncio.timeout(PATIENCE_S):
            found = await describe(account, list(unknown), self.http)
        by_queue: dict[str, list[Accepted]] = defaultdict(list)
        for value, sender in found.items():
            event = self._event(account, value, sender)
            by_queue[shard(account.id, event.event.order_by)].append(event)
        await self.broker.publish(
            [Publication(queue, wire.encode_events(events)) for queue, events in by_queue.items()]
        )

    def _event(self, account: Account, value: str, sender: Sender) -> Accepted:
        at = self.now()
        called = sha256(sender.name.encode()).hexdigest()[:16]
        return Accepted(
            id=new_id(),
            account=account.id,
            channel=account.kind,
            received_at=at,
            event=ServiceEvent(
                # The same name twice is the same event.
                key=f"identified:{value}:{called}",
                chat=Chat(id=""),
                lane=value,
                at=at,
                sender=sender,
                name="identified",
            ),
        )

    def _put_off(self, contacts: Sequence[UUID], seconds: float) -> None:
        if len(self._not_before) > REMEMBERED:
            self._not_before.clear()
        until = asyncio.get_running_loop().time() + seconds
        self._not_before.update(dict.fromkeys(contacts, until))
