"""Replies go out: each by one worker at a time, once, or with the truth about why not.

    queued ──▶ claimed (lease on the account) ──▶ rate limits ──▶ begin ──▶ Connector.send, part by part ──▶ settled

An account is served by one process at a time, so that its limits hold and a customer reads answers in their order.
This is the one place that judges a `SendError`:

    Throttled        later, when the platform said; the whole account waits if it said so
    Unreachable      later, backing off, for a day; then failed
    ChatMoved        at once, to the new id
    Blocked          failed, and the conversation says that it cannot be reached
    Rejected…        failed, with the platform's words; WindowClosed also before it is asked, when we know it
    AccountBroken    waits; the account stops until a person mends it
    OutcomeUnknown   unknown, never again by itself; unless the platform knows a message that comes twice
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

import aiohttp
import structlog
from aiolimiter import AsyncLimiter
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from connectors.channel_log import ChannelLog
from connectors.connector import Account, Connector, Media, Outgoing, OutgoingFile, Sent
from connectors.errors import (
    AccountBroken,
    Blocked,
    ChatMoved,
    OutcomeUnknown,
    Rejected,
    SendError,
    Throttled,
    Unreachable,
    WindowClosed,
)
from router.receipts import waits_for_own
from storage import deliveries
from storage.accounts import note_error
from storage.deliveries import Due
from storage.policies import Policies
from storage.world import settle_late
from workers.account_book import AccountBook
from workers.clock import Clock
from workers.holding import hold
from workers.supervisor import is_away, pause
from workers.telemetry import DELIVERED

T = TypeVar("T")

log = structlog.get_logger()

REQUEST_S: Final = 45.0
"""For one of the platform's messages, uploads included. Connectors time out their own requests earlier."""

LOOK_S: Final = 1.0
AT_ONCE: Final = 10
"""Conversations of one account written to at the same time."""

BACKOFF_S: Final = (2, 5, 15, 30, 60, 120, 300, 600)
GIVE_UP: Final = timedelta(hours=24)
"""A reply that could not be sent for a day is no answer any more: a person should decide."""


class _Pace:
    """One account's limits: the platform's own, and the pauses it asked for."""

    def __init__(self, connector: Connector) -> None:
        can = connector.capabilities
        self._account = AsyncLimiter(max(can.rate, 1), max(1 / can.rate, 1)) if can.rate else None
        self._chat_rate = can.chat_rate
        self._chat_burst = max(can.chat_rate or 1, can.chat_burst)
        self._chats: dict[str, AsyncLimiter] = {}
        self.until = 0.0

    async def turn(self, chat: str) -> None:
        """Waits until one more message may go to this chat."""
        loop = asyncio.get_running_loop()
        while (wait := self.until - loop.time()) > 0:
            await pause(asyncio.Event(), wait)
        if self._chat_rate is not None:
            if len(self._chats) > 10_000:
                self._chats.clear()
            limiter = self._chats.setdefault(
                chat, AsyncLimiter(self._chat_burst, self._chat_burst / self._chat_rate)
            )
            await limiter.acquire()
        if self._account is not None:
            await self._account.acquire()


@dataclass(kw_only=True)
class Deliverer:
    engine: AsyncEngine
    connectors: Mapping[str, Connector]
    accounts: AccountBook
    media: Media
    http: aiohttp.ClientSession
    now: Clock
    holder: str
    log: ChannelLog | None = None
    """Where the person who looks after a channel reads what its platform said."""

    def __post_init__(self) -> None:
        self._news = asyncio.Event()
        self._policies = Policies()

    def wake(self) -> None:
        """A reply was queued, or may have been."""
        self._news.set()

    async def run(self, stop: asyncio.Event) -> None:
        async def work(name: str, end: asyncio.Event) -> None:
            await self._serve_account(UUID(name), end)

        await hold(
            self.engine,
            group="deliver",
            names=self._names,
            holder=self.holder,
            work=work,
            stop=stop,
        )

    def _names(self) -> list[str]:
        return [
            str(account.id)
            for account in self.accounts.active()
            if self.connectors[account.kind].send is not None
        ]

    async def _serve_account(self, account_id: UUID, stop: asyncio.Event) -> None:
        account = self.accounts.by_id(account_id)
        if account is None:
            await pause(stop, LOOK_S)
            return
        connector = self.connectors[account.kind]
        pace = _Pace(connector)
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            known = self.accounts.by_id(account_id)
            if known is None:
                return  # paused or removed meanwhile: what is queued waits
            account = known
            self._news.clear()
            async with self.engine.begin() as connection:
                await deliveries.abandoned(
                    connection,
                    account=account_id,
                    now=self.now(),
                    repeatable=[account_id] if connector.capabilities.repeat_is_safe else [],
                )
                due = (
                    await deliveries.claim(
                        connection,
                        account_id,
                        by=self.holder,
                        identity=connector.identity,
                        now=self.now(),
                        limit=AT_ONCE,
                    )
                    if pace.until <= loop.time()
                    else []
                )
            if due:
                async with asyncio.TaskGroup() as group:
                    for each in due:
                        group.create_task(self._send(account, connector, pace, each, stop))
                continue
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _send(
        self, account: Account, connector: Connector, pace: _Pace, due: Due, stop: asyncio.Event
    ) -> None:
        outgoing = self._outgoing(due)
        parts = connector.split(outgoing) if connector.split is not None else [outgoing]
        try:
            for number, part in enumerate(parts):
                if number < due.parts_done:
                    continue
                await pace.turn(due.chat)
                if number == due.parts_done and not await self._begin(due, stop):
                    return
                self._refuse_when_closed(due)
                sent = await self._send_part(account, connector, part)
                due = replace(due, external_ids=(*due.external_ids, sent.external_id))
                if number + 1 < len(parts):
                    await self._part_sent(due)
                else:
                    await self._settle(due, sent)
                DELIVERED.labels(account.kind, sent.state).inc()
        except SendError as error:
            DELIVERED.labels(account.kind, type(error).__name__).inc()
            await self._judge(account, connector, pace, due, error)

    def _refuse_when_closed(self, due: Due) -> None:
        """It may have waited since it was written: the platform is not asked what it would surely refuse."""
        closed = due.window_until is not None and due.window_until <= self.now()
        if closed and not due.details.get("template"):
            raise WindowClosed(
                "The time for a free reply was over before it could be sent: only a template can be sent"
            )

    async def _begin(self, due: Due, stop: asyncio.Event) -> bool:
        async def story(connection: AsyncConnection) -> bool:
            if stop.is_set():
                await deliveries.release(connection, [due.id], by=self.holder)
                return False
            return await deliveries.begin(connection, due, by=self.holder, now=self.now())

        return await self._write_down(due, story)

    async def _send_part(self, account: Account, connector: Connector, part: Outgoing) -> Sent:
        assert connector.send is not None  # noqa: S101  # _names asks for accounts that can send
        try:
            async with asyncio.timeout(REQUEST_S):
                return await connector.send(account, part, self.http)
        except TimeoutError as error:
            raise OutcomeUnknown(
                "No answer came in time: it may or may not have been sent."
            ) from error
        except SendError:
            raise
        except Exception as error:
            # A mistake of ours, and nobody knows how far it came.
            log.exception("send_crashed", account=account.slug, message_id=str(part.id))
            raise OutcomeUnknown("Allo made a mistake while sending; see its log.") from error

    async def _part_sent(self, due: Due) -> None:
        async def story(connection: AsyncConnection) -> None:
            await deliveries.part_sent(connection, due, now=self.now())

        await self._write_down(due, story)

    async def _settle(self, due: Due, sent: Sent) -> None:
        async def story(connection: AsyncConnection) -> None:
            now = self.now()
            await deliveries.settle(
                connection, due, sent.state, now=now, external_id=due.external_ids[0]
            )
            await self._hear_early_reports(connection, due, now)

        await self._write_down(due, story)

    async def _hear_early_reports(
        self, connection: AsyncConnection, due: Due, now: datetime
    ) -> None:
        """What the platform said about the reply before we knew what to call it, or whether it was sent at all."""
        ids = (*due.external_ids, waits_for_own(due.message_id))
        await settle_late(connection, due.account_id, ids, policies=self._policies, now=now)

    async def _write_down(self, due: Due, story: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """However long the database is away: what became of a request is known here and nowhere else, and a reply that
        fails alone must not take along those that are being sent beside it.
        """
        while True:
            try:
                async with self.engine.begin() as connection:
                    return await story(connection)
            except Exception as error:
                if not is_away(error):
                    raise
                log.warning("not_yet_written_down", message_id=str(due.message_id))
                await pause(asyncio.Event(), 0.5)

    async def _judge(
        self,
        account: Account,
        connector: Connector,
        pace: _Pace,
        due: Due,
        error: SendError,
    ) -> None:
        log.info(
            "reply_not_sent",
            account=account.slug,
            message_id=str(due.message_id),
            family=type(error).__name__,
            attempt=due.attempts + 1,
        )

        if self.log is not None:
            self.log.note(
                account,
                connector,
                "reply not sent",
                level="error" if isinstance(error, AccountBroken) else "warning",
                detail=f"{type(error).__name__}: {error}",
            )

        async def story(connection: AsyncConnection) -> None:
            await self._carry_out(
                connection, due, error, account=account, connector=connector, pace=pace
            )

        await self._write_down(due, story)

    async def _carry_out(
        self,
        connection: AsyncConnection,
        due: Due,
        error: SendError,
        *,
        account: Account,
        connector: Connector,
        pace: _Pace,
    ) -> None:
        now = self.now()
        family, words = type(error).__name__, str(error)[:500]
        match error:
            case Throttled():
                if error.scope == "account":
                    pace.until = asyncio.get_running_loop().time() + error.retry_after
                wait: float | None = error.retry_after
            case ChatMoved():
                await deliveries.move_chat(connection, due, error.to)
                wait = 0
            case Unreachable():
                wait = self._back_off(due)
            case AccountBroken():
                await note_error(connection, account.id, words, broken=True, now=now)
                wait = BACKOFF_S[-1]
            case OutcomeUnknown():
                wait = self._back_off(due) if connector.capabilities.repeat_is_safe else None
            case Rejected():
                wait = None
            case _:
                wait = self._back_off(due) if error.again else None
        if wait is not None:
            await deliveries.put_off(
                connection,
                due,
                until=now + timedelta(seconds=wait),
                now=now,
                family=family,
                reason=words,
            )
            return
        await self._give_up(connection, due, error, now=now)

    async def _give_up(
        self, connection: AsyncConnection, due: Due, error: SendError, *, now: datetime
    ) -> None:
        family, words = type(error).__name__, str(error)[:500]
        if isinstance(error, Blocked):
            await deliveries.make_unreachable(connection, due, words)
        state = "unknown" if isinstance(error, OutcomeUnknown) else "failed"
        await deliveries.settle(connection, due, state, now=now, family=family, reason=words)
        if state == "unknown":
            await self._hear_early_reports(connection, due, now)

    def _back_off(self, due: Due) -> float | None:
        """Seconds until the next attempt; None when it has been tried for a day."""
        if self.now() - due.created_at > GIVE_UP:
            return None
        return BACKOFF_S[min(due.attempts, len(BACKOFF_S) - 1)]

    def _outgoing(self, due: Due) -> Outgoing:
        return Outgoing(
            id=due.message_id,
            chat=due.chat,
            chat_kind=due.chat_kind,  # type: ignore[arg-type]  # checked by the database
            text=due.text,
            html=due.html,
            subject=due.subject,
            files=tuple(self._file(each) for each in due.files),
            reply_to=due.reply_external,
            thread=due.thread,
            to=due.address,
            author=due.author_name,
            signature=due.signature,
            details=due.details,
        )

    def _file(self, file: Mapping[str, object]) -> OutgoingFile:
        sha256 = str(file["sha256"])
        return OutgoingFile(
            name=str(file["name"]),
            mime=str(file["mime"]),
            size=int(str(file["size"] or 0)),
            kind=file["kind"],  # type: ignore[arg-type]  # written from a MessageKind
            read=lambda: self.media.get(sha256),
        )
