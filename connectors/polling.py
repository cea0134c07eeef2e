"""Channels that are asked for what happened, or that hold a connection for it, each account by one process at a time.

Every account that polls has a task of its own; one account's trouble is nobody else's. The task first takes the
account's lease, and keeps it while it polls; a process that dies loses it within `Pace.lease` seconds, and another goes on from the
stored cursor. Inside, the order is the promise:

    poll ─▶ make durable (`Intake.accept`) ─▶ only then move the cursor

so that whatever dies between two steps, the platform is asked for the same again, and the router knows it by its key.
A held connection (`Connector.watch`) is the same loop: what it brings next takes the place of a poll. After anything
that went wrong it is closed, and opened anew from the stored cursor. Where the platform would not say it again
(`Connector.comes_again`), what came is held meanwhile, until it can be made durable.

What goes wrong is judged here: a platform that cannot be reached, or asks to slow down, is asked again later and
later; one that refuses the credentials stops this account until a person changes it; a mistake of ours is logged and
tried again slowly, because the event that caused it must not be lost, and the other accounts must not stop for it.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol
from uuid import UUID

import aiohttp
import structlog

from connectors.channel_log import ChannelLog, Level
from connectors.connector import (
    Account,
    Accounts,
    Connector,
    Incoming,
    Intake,
    NotDurable,
    Poll,
    Polled,
    Watch,
)
from connectors.errors import AccountBroken, SendError, Throttled, Unreachable
from connectors.webhook import Counts

log = structlog.get_logger()

LONGEST_POLL: Final = 90.0
"""Seconds; `Connector.poll` promises a minute, `Connector.watch` a sign of life every minute."""

CLOSING: Final = 5.0
"""Seconds for a held connection to say good-bye; a dead one may never be done."""

WHAT: Final = "poll"
"""The cursor's name beside others of the account."""


class Leases(Protocol):
    async def take(self, name: str, *, seconds: float) -> bool:
        """Ours now, or still, for so long; False when another process holds it, or when it cannot be known."""

    async def give_back(self, name: str) -> None:
        """So that the next holder need not wait. Does nothing when it is not ours."""


class Cursors(Protocol):
    async def load(self, account: UUID, what: str) -> str:
        """Empty when there is none."""

    async def save(self, account: UUID, what: str, value: str) -> None: ...


class Conditions(Protocol):
    """How the accounts are, for the list of channels. Called when it changes, not at every poll."""

    async def works(self, account: Account) -> None: ...

    async def troubled(self, account: Account, reason: str) -> None:
        """It goes on trying."""

    async def broken(self, account: Account, reason: str) -> None:
        """It stopped, until a person mends the account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds."""

    lease: float = 30.0
    look: float = 2.0
    """How soon a new or changed account is noticed."""
    first_wait: float = 1.0
    longest_wait: float = 60.0
    least: float = 1.0
    """A poll that brings nothing takes at least so long, or the next one waits: no platform is asked in a frenzy."""


class _Trouble(NamedTuple):
    reason: str
    wait: float = 0.0
    family: str = "Mistake"
    """The error's name; few, for they are labels of a metric."""


@dataclass(slots=True)
class _Line:
    """Where one account's polling stands. `said`: what was told last; "" that it works; None: nothing yet."""

    cursor: str | None = None
    said: str | None = None
    failures: int = 0


class _Source(Protocol):
    """Where an account's events come from: asked anew each time, or over a connection that is held."""

    async def next(self, cursor: str) -> Polled:
        """Raises a SendError."""

    async def drop(self) -> None:
        """Something went wrong since, or it is over: the next one starts from its cursor."""


@dataclass(slots=True)
class _Asked:
    poll: Poll
    account: Account
    http: aiohttp.ClientSession

    async def next(self, cursor: str) -> Polled:
        return await self.poll(self.account, cursor, self.http)

    async def drop(self) -> None:
        """Nothing is held between two polls."""


@dataclass(slots=True)
class _Held:
    """Opened, asked and closed by one task, so that a time-out inside it is its own."""

    watch: Watch
    account: Account
    http: aiohttp.ClientSession
    coming: AsyncIterator[Polled] | None = None

    async def next(self, cursor: str) -> Polled:
        if self.coming is None:
            self.coming = self.watch(self.account, cursor, self.http)
        try:
            return await anext(self.coming)
        except StopAsyncIteration:
            raise Unreachable("The platform closed the connection") from None

    async def drop(self) -> None:
        coming, self.coming = self.coming, None
        if isinstance(coming, AsyncGenerator):
            async with asyncio.timeout(CLOSING):
                await coming.aclose()


@dataclass(slots=True, kw_only=True)
class Polling:
    connectors: Mapping[str, Connector]
    accounts: Accounts
    intake: Intake
    leases: Leases
    cursors: Cursors
    conditions: Conditions
    counts: Counts
    log: ChannelLog
    http: aiohttp.ClientSession
    chance: Callable[[], float]
    """Between 0 and 1; spreads retries."""
    failed: Callable[[str, str], None] = lambda kind, family: None
    """Counts a poll that brought nothing: the channel's kind, and the name of what was wrong."""
    pace: Pace = field(default_factory=Pace)

    async def run(self) -> None:
        """Until it is cancelled."""
        running: dict[UUID, tuple[Account, asyncio.Task[None]]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                wanted = {account.id: account for account in self._polled()}
                for number, (account, task) in list(running.items()):
                    # A broken account's task has ended; it starts again when its fields are others.
                    if wanted.get(number) != account:
                        await _stop(task)
                        del running[number]
                for number, account in wanted.items():
                    if number not in running:
                        task = group.create_task(self._serve(account), name=f"poll {account.slug}")
                        running[number] = (account, task)
                await asyncio.sleep(self.pace.look)

    def _polled(self) -> Sequence[Account]:
        return [
            account
            for kind, connector in self.connectors.items()
            if connector.polls is not None
            for account in self.accounts.of_kind(kind)
            if connector.polls(account)
        ]

    async def _serve(self, account: Account) -> None:
        """Waits for the lease, polls while it is ours, and waits again. Ends when the account is broken."""
        connector = self.connectors[account.kind]
        source = self._source(account, connector)
        if source is None:
            return
        name = f"poll:{account.id}"
        while True:
            if await self.leases.take(name, seconds=self.pace.lease):
                try:
                    usable = await self._while_held(name, account, connector, source)
                finally:
                    await _safely(self.leases.give_back(name))
                if not usable:
                    return
            await asyncio.sleep(self.pace.lease / 3)

    def _source(self, account: Account, connector: Connector) -> _Source | None:
        if connector.watch is not None:
            return _Held(connector.watch, account, self.http)
        return _Asked(connector.poll, account, self.http) if connector.poll is not None else None

    async def _while_held(
        self, name: str, account: Account, connector: Connector, source: _Source
    ) -> bool:
        """False: the account is broken. True: the lease was lost."""
        async with asyncio.TaskGroup() as group:
            polling = group.create_task(self._poll(account, connector, source))
            keeping = group.create_task(self._keep(name, polling))
            await asyncio.wait((polling, keeping), return_when=asyncio.FIRST_COMPLETED)
            keeping.cancel()
        return polling.cancelled()

    async def _keep(self, name: str, polling: asyncio.Task[None]) -> None:
        while True:
            await asyncio.sleep(self.pace.lease / 3)
            if not await self.leases.take(name, seconds=self.pace.lease):
                log.warning("poll_lease_lost", lease=name)
                polling.cancel()
                return

    async def _poll(self, account: Account, connector: Connector, source: _Source) -> None:
        """Polls and polls. Returns when the account is broken."""
        try:
            await self._go_on(account, connector, source)
        finally:
            await _safely(source.drop())

    async def _go_on(self, account: Account, connector: Connector, source: _Source) -> None:
        line = _Line()
        while True:
            try:
                trouble = await self._once(account, source, line)
            except AccountBroken as error:
                self.failed(account.kind, "AccountBroken")
                log.warning("poll_account_broken", account=account.slug, reason=str(error))
                self._note(account, connector, "polling stopped", "error", str(error))
                await _safely(self.conditions.broken(account, str(error)))
                return
            if trouble is None:
                if line.said != "":
                    line.said = ""
                    await _safely(self.conditions.works(account))
                continue
            await _safely(source.drop())
            line.failures += 1
            self.failed(account.kind, trouble.family)
            if trouble.reason != line.said:
                line.said = trouble.reason
                self._note(account, connector, "polling troubled", "warning", trouble.reason)
                await _safely(self.conditions.troubled(account, trouble.reason))
            await asyncio.sleep(max(trouble.wait, self._later(line.failures)))

    async def _once(self, account: Account, source: _Source, line: _Line) -> _Trouble | None:
        """One poll, and what it brought made durable. Raises AccountBroken."""
        clock = asyncio.get_running_loop().time
        started = clock()
        try:
            async with asyncio.timeout(LONGEST_POLL):
                if line.cursor is None:
                    line.cursor = await self.cursors.load(account.id, WHAT)
                polled = await source.next(line.cursor)
            await self._take(account, polled, line.cursor)
        except AccountBroken:
            raise
        except Throttled as error:
            return _Trouble(str(error), error.retry_after, "Throttled")
        except TimeoutError:
            return _Trouble("No answer in time", family="Timeout")
        except SendError as error:
            return _Trouble(str(error), family=type(error).__name__)
        except NotDurable:
            return _Trouble(
                "What came could not be stored; it will be asked for again", family="NotDurable"
            )
        except Exception as error:  # logged; the module's last paragraph says why
            log.exception("poll_failed", account=account.slug)
            return _Trouble(f"A mistake of ours ({type(error).__name__})", self.pace.longest_wait)
        line.cursor, line.failures = polled.cursor, 0
        if not polled.incoming and not polled.ignored:
            await asyncio.sleep(max(0.0, self.pace.least - (clock() - started)))
        return None

    async def _take(self, account: Account, polled: Polled, cursor: str) -> None:
        if polled.incoming:
            await self._accept(account, polled.incoming)
        if polled.cursor != cursor:
            await self.cursors.save(account.id, WHAT, polled.cursor)
        for _ in polled.incoming:
            self.counts.received(account.kind)
        for each in polled.ignored:
            self.counts.ignored(account.kind, each.partition(":")[0])

    async def _accept(self, account: Account, incoming: Sequence[Incoming]) -> None:
        """Raises NotDurable; but what nobody would say again is held until it is durable, and the line waits."""
        comes_again = self.connectors[account.kind].comes_again
        failures = 0
        while True:
            try:
                await self.intake.accept(account, incoming)
            except NotDurable:
                if comes_again:
                    raise
                failures += 1
                log.warning("poll_holds_what_came", account=account.slug, failures=failures)
                await asyncio.sleep(self._later(failures))
            else:
                return

    def _later(self, failures: int) -> float:
        """Twice as long each time, and never all accounts at once."""
        longest = min(self.pace.first_wait * 2.0 ** min(failures - 1, 16), self.pace.longest_wait)
        return longest * (0.5 + self.chance() / 2)

    def _note(
        self, account: Account, connector: Connector, what: str, level: Level, detail: str
    ) -> None:
        self.log.note(account, connector, what, direction="in", level=level, detail=detail)


async def _safely(call: Awaitable[None]) -> None:
    """A condition that is not told, or a lease that is not given back but runs out, must not stop the polling."""
    try:
        await call
    except Exception:  # logged, and left: see above
        log.exception("poll_side_call_failed")


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait((task,))
