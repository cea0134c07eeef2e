"""Tells other programs what happens here, at the addresses they gave us.

    a fact ──▶ collect (what waits is in the database) ──▶ claim ──▶ POST, signed ──▶ taken | again, later | given up

A receiver that is slow or dead holds up nobody else: each webhook has a task of its own while something waits for it.
What is sent is the record as it is when it is first sent, and the same bytes at every attempt after that. Order is not
promised: what failed comes after what did not. The fact's id, the same at every attempt, is what receivers go by.
"""

import asyncio
import hmac
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import aiohttp
import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from connectors.errors import SendError
from connectors.outgoing import Reply, open_guarded_http, open_http, tell
from inbox.api import contacts, conversations, leads, messages, tasks
from inbox.source_names import read_names
from router import facts, wire
from router.facts import Fact
from storage import webhook_deliveries
from storage.audit import write_audit
from storage.engine import transaction
from storage.reading.contacts import contact_by_id
from storage.reading.conversations import conversation_by_id
from storage.reading.leads import lead_by_id
from storage.reading.messages import message_by_id
from storage.reading.sight import EVERYTHING
from storage.reading.tasks import task_by_id
from storage.sealing import CannotUnseal, Sealer
from storage.webhook_deliveries import GIVE_UP_AFTER, Claimed, Target
from storage.webhooks import PING
from workers.clock import Clock
from workers.supervisor import unless

log = structlog.get_logger()

TIMEOUT_S: Final = 10.0
AT_ONCE: Final = 8
"""Deliveries to one address under way; with the time-out, a claim is never outlived."""
HEARD: Final = 1000
"""Bytes of an answer that are kept, to be looked at."""
LOOK_S: Final = 1.0
TIDY_EVERY_S: Final = 300.0

FIRST_DELAY_S: Final = 10.0
LONGEST_DELAY_S: Final = 4 * 3600.0
GONE: Final = 410

_encode = msgspec.json.Encoder().encode


def signature(secrets: tuple[str, ...], body: bytes, *, at: datetime) -> str:
    """`Allo-Signature`: the moment, and for each secret a proof over it and the body."""
    moment = str(int(at.timestamp()))
    proofs = (
        hmac.new(each.encode(), moment.encode() + b"." + body, sha256).hexdigest()
        for each in secrets
    )
    return ",".join([f"t={moment}", *(f"v1={each}" for each in proofs)])


def delay(attempts: int, chance: float) -> timedelta:
    """Before the next attempt: three times as long each time, and a fifth more or less."""
    seconds = min(FIRST_DELAY_S * 3 ** min(attempts - 1, 10), LONGEST_DELAY_S)
    return timedelta(seconds=seconds * (0.8 + 0.4 * chance))


@dataclass(kw_only=True)
class Hooks:
    """`private`: addresses of our own networks may be called, too. `chance`: of [0, 1), spreads what is tried again."""

    engine: AsyncEngine
    sealer: Sealer
    now: Clock
    chance: Callable[[], float]
    private: bool = False
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _busy: set[UUID] = field(default_factory=set)
    _looked: asyncio.Condition = field(default_factory=asyncio.Condition)

    def hear(self, _fact: Fact | None) -> None:
        self._news.set()

    async def run(self, stop: asyncio.Event) -> None:
        tidied = float("-inf")
        time = asyncio.get_running_loop().time
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(
                open_http() if self.private else open_guarded_http()
            )
            group = await stack.enter_async_context(asyncio.TaskGroup())
            while not stop.is_set():
                self._news.clear()
                await self._collect()
                for target in await self._due():
                    self._busy.add(target.id)
                    group.create_task(self._tell(target, http, stop))
                async with self._looked:
                    self._looked.notify_all()
                if time() - tidied >= TIDY_EVERY_S:
                    tidied = time()
                    await self._tidy()
                try:
                    async with asyncio.timeout(LOOK_S):
                        await unless(stop, self._news.wait())
                except TimeoutError:
                    continue

    async def settled(self) -> None:
        """After another look, when nothing is under way."""
        async with self._looked:
            await self._looked.wait()
            await self._looked.wait_for(lambda: not self._busy)

    async def _collect(self) -> None:
        looked = 1
        while looked:
            async with transaction(self.engine) as connection:
                looked = await webhook_deliveries.collect(connection, now=self.now())

    async def _due(self) -> list[Target]:
        async with self.engine.connect() as connection:
            try:
                due = await webhook_deliveries.targets_due(
                    connection, sealer=self.sealer, now=self.now()
                )
            except CannotUnseal as error:
                log.warning("webhook_secret_not_unsealed", why=str(error))
                return []
        return [each for each in due if each.id not in self._busy]

    async def _tell(self, target: Target, http: aiohttp.ClientSession, stop: asyncio.Event) -> None:
        """All that is due for it, a handful at a time."""
        try:
            while not stop.is_set():
                async with transaction(self.engine) as connection:
                    claimed = await webhook_deliveries.claim(
                        connection, target.id, now=self.now(), limit=AT_ONCE
                    )
                if not claimed:
                    return
                async with asyncio.TaskGroup() as group:
                    for each in claimed:
                        group.create_task(self.deliver(target, each, http))
        finally:
            self._busy.discard(target.id)
            self._news.set()

    async def deliver(self, target: Target, claimed: Claimed, http: aiohttp.ClientSession) -> None:
        """One attempt, and what came of it."""
        body = claimed.body
        if body is None:
            async with transaction(self.engine) as connection:
                body = _encode(await told(connection, claimed))
                await webhook_deliveries.keep_body(connection, claimed.id, body)
        now = self.now()
        status, heard, error = None, b"", ""
        try:
            reply = await tell(
                http,
                target.url,
                body,
                headers={
                    "Content-Type": "application/json",
                    "Allo-Event": claimed.event,
                    "Allo-Delivery": str(claimed.id),
                    "Allo-Signature": signature(target.secrets, body, at=now),
                },
                timeout=TIMEOUT_S,
                hear=HEARD,
            )
        except SendError as failed:
            error = str(failed)
        else:
            status, heard, error = reply.status, reply.body, _refusal(reply)
        await self._settle(target, claimed, status=status, heard=heard, error=error)

    async def _settle(
        self, target: Target, claimed: Claimed, *, status: int | None, heard: bytes, error: str
    ) -> None:
        now = self.now()
        again = now + delay(claimed.attempts, self.chance())
        # A ping is somebody waiting to see: once is enough.
        last = claimed.event == PING or again - claimed.created_at > GIVE_UP_AFTER
        async with transaction(self.engine) as connection:
            await webhook_deliveries.settle(
                connection,
                claimed,
                now=now,
                status=status,
                response=heard.decode(errors="replace").replace("\0", ""),
                error=error,
                again_at=None if last or not error else again,
            )
            if status == GONE:
                await self._stop(connection, gone=[target.id])

    async def _tidy(self) -> None:
        async with transaction(self.engine) as connection:
            await self._stop(connection)
        async with transaction(self.engine) as connection:
            await webhook_deliveries.prune(connection, now=self.now())

    async def _stop(self, connection: AsyncConnection, *, gone: list[UUID] | None = None) -> None:
        for each in await webhook_deliveries.stop_failing(
            connection, now=self.now(), gone=gone or ()
        ):
            log.warning("webhook_stopped", webhook=str(each))
            await write_audit(
                connection,
                by=None,
                what="webhook_stopped",
                object_kind="webhook",
                object_id=each,
                now=self.now(),
            )


def _refusal(reply: Reply) -> str:
    if 200 <= reply.status < 300:
        return ""
    if 300 <= reply.status < 400:
        return f"It answered {reply.status}, and redirects are not followed"
    return f"It answered {reply.status}"


async def told(connection: AsyncConnection, claimed: Claimed) -> dict[str, Any]:
    """What is sent: what happened, to what, and that as the API shows it now; null when it is no more."""
    if claimed.event == PING:
        return {
            "id": claimed.id,
            "type": PING,
            "at": claimed.created_at,
            "fact": {},
            "data": {"hello": "from Allo"},
        }
    fact = wire.decode_fact(claimed.fact)
    return {
        "id": fact.id,
        "type": claimed.event,
        "at": fact.at,
        "fact": msgspec.json.decode(claimed.fact),
        "data": await _shown(connection, fact),
    }


async def _shown(connection: AsyncConnection, fact: Fact) -> Any:  # one branch per kind of thing
    match fact:
        case (
            facts.MessageReceived()
            | facts.MessageQueued()
            | facts.NoteAdded()
            | facts.MessageChanged()
            | facts.DeliveryChanged()
        ):
            message = await message_by_id(connection, fact.message, sight=EVERYTHING)
            return message and messages.shown(message)
        case facts.LeadOpened() | facts.LeadChanged():
            lead = await lead_by_id(connection, fact.lead, sight=EVERYTHING)
            return lead and leads.shown(lead, await read_names(connection))
        case facts.TaskChanged():
            task = await task_by_id(connection, fact.task)
            return task and tasks.shown(task)
        case facts.ConversationChanged() | facts.Assigned() if fact.conversation is not None:
            conversation = await conversation_by_id(connection, fact.conversation, sight=EVERYTHING)
            return conversation and conversations.shown(conversation)
        case facts.ContactCreated() | facts.ContactChanged() | facts.ContactsMerged() if (
            fact.contact is not None
        ):
            contact = await contact_by_id(connection, fact.contact, sight=EVERYTHING)
            return contact and contacts.shown(contact)
        case _:
            return None
