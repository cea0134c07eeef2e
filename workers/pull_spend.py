"""Asks advertising platforms what they took, day by day.

    an account is due ─▶ claimed ─▶ one step: ask for some days ─▶ read ─▶ written, and the step forward, in one transaction
                                         └─ not ready: the same request again later; too much: later; refused: said so

A round is the last days, which platforms still change, and at first three months back, the newest first. A step is short and
its outcome durable; whoever dies in the middle of one has written nothing, and the next begins it again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import aiohttp
import structlog
from aiolimiter import AsyncLimiter
from sqlalchemy.ext.asyncio import AsyncEngine
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from connectors.advertising import vk_ads, yandex_direct
from connectors.advertising.reading import read_spend
from connectors.advertising.vk_ads_statistics import read_statistics
from connectors.errors import AccountBroken, OutcomeUnknown, SendError, Throttled, Unreachable
from connectors.outgoing import open_http
from router.ids import new_id
from router.spending import Spending
from storage.engine import transaction
from storage.sealing import CannotUnseal, Sealer
from storage.spend_parts import CannotWrite
from storage.spend_pulls import (
    ClaimedPull,
    LostClaim,
    claim_pull,
    keep_credentials,
    settle_pull,
)
from storage.spending import write_spending
from workers.clock import Clock
from workers.supervisor import unless

log = structlog.get_logger()

T = TypeVar("T")

EVERY: Final = timedelta(hours=6)
RESTATED: Final = 7
"""Days that are asked for again: platforms take clicks back for some days."""
AT_FIRST: Final = 90
"""Days."""
AT_ONCE: Final = 4
STEP_S: Final = 300.0
"""Less than a claim lasts."""
LOOK_S: Final = 2.0
FIRST_DELAY_S: Final = 60.0
LONGEST_DELAY_S: Final = 6 * 3600.0
ATTEMPTS: Final = 3
LONGEST_ERROR: Final = 500
TOKEN, TOKEN_UNTIL = "_token", "_token_until"


class Unreadable(Exception):
    """The platform's answer is not what it should be: nothing of it is written."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What the platform said of the days, and the bytes by which it is known again."""

    said: Spending
    body: bytes


@dataclass(frozen=True, slots=True)
class NotYet:
    """The same request again, in so many seconds."""

    seconds: float
    report: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked in one step; `report`: the request that the platform is working on already."""

    claimed: ClaimedPull
    fields: dict[str, str] = field(repr=False)
    first: date
    last: date
    report: Mapping[str, Any] | None
    http: aiohttp.ClientSession


@dataclass(kw_only=True)
class SpendPuller:
    """`chance`: of [0, 1), spreads rounds over time. `pace`: of what is tried again at once; tests have none.
    `patience`: seconds that a platform has for all its answers of one step.
    """

    engine: AsyncEngine
    sealer: Sealer
    now: Clock
    chance: Callable[[], float]
    look: float = LOOK_S
    pace: float = 1.0
    patience: float = STEP_S
    _limits: dict[bytes, AsyncLimiter] = field(default_factory=dict)
    _free: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, stop: asyncio.Event) -> None:
        """A few accounts at a time. What is under way when it stops is given up, and begun again elsewhere."""
        working: set[asyncio.Task[None]] = set()
        async with open_http() as http, asyncio.TaskGroup() as group:
            while not stop.is_set():
                self._free.clear()
                claimed = await self._claim() if len(working) < AT_ONCE else None
                if claimed is not None:
                    task = group.create_task(self._work(claimed, http))
                    working.add(task)
                    task.add_done_callback(working.discard)
                    continue
                with suppress(TimeoutError):
                    async with asyncio.timeout(self.look):
                        await unless(stop, self._free.wait())
            for task in working:
                task.cancel()

    async def step(self, http: aiohttp.ClientSession) -> bool:
        """One step of one account that is due; False when none is."""
        claimed = await self._claim()
        if claimed is not None:
            await self._work(claimed, http)
        return claimed is not None

    async def _claim(self) -> ClaimedPull | None:
        async with transaction(self.engine) as connection:
            return await claim_pull(connection, now=self.now())

    async def _work(self, claimed: ClaimedPull, http: aiohttp.ClientSession) -> None:
        try:
            await self._step(claimed, http)
        except LostClaim:
            log.info("spend_pull_overtaken", account=claimed.account.name)
        except asyncio.CancelledError:
            # Whoever comes next need not wait for the claim to run out.
            with suppress(LostClaim):
                await self._settle(claimed, claimed.account.pull_state, 0.0, "")
            raise
        finally:
            self._free.set()

    async def _step(self, claimed: ClaimedPull, http: aiohttp.ClientSession) -> None:
        state = _round(claimed, self.now())
        first, last = (date.fromisoformat(each) for each in state["pending"][0])
        try:
            question = Question(
                claimed=claimed,
                fields=self.sealer.unseal_fields(claimed.sealed, context=claimed.account.id.bytes),
                first=first,
                last=last,
                report=state.get("report"),
                http=http,
            )
            async with asyncio.timeout(self.patience):
                answer = await self._ask(question)
        except (CannotUnseal, AccountBroken) as broken:
            await self._settle(claimed, {}, None, str(broken))
        except Throttled as full:
            await self._settle(claimed, state, full.retry_after, str(full))
        except TimeoutError:
            await self._again(claimed, state, "The platform did not answer in time")
        except (SendError, Unreadable) as failed:
            # What was asked for is asked for anew: whoever refuses a report refuses it by its name.
            await self._again(claimed, {**state, "report": None}, str(failed))
        else:
            if isinstance(answer, NotYet):
                kept = {**state, "report": dict(answer.report)}
                await self._settle(claimed, kept, answer.seconds, "")
            else:
                await self._write(claimed, state, answer)

    async def _ask(self, question: Question) -> Answered | NotYet:
        platform = question.claimed.account.platform
        if platform == "yandex-direct":
            return await self._ask_direct(question)
        if platform == "vk-ads":
            return await self._ask_vk(question)
        raise AccountBroken("This platform cannot be asked: take its reports as files.")

    async def _ask_direct(self, question: Question) -> Answered | NotYet:
        first, last, fields = question.first, question.last, question.fields
        request = question.report or yandex_direct.request_for(
            first,
            last,
            name=f"allo {first} {last} {new_id().hex[-16:]}",
            with_vat=question.claimed.account.vat_included,
        )
        limit = self._limits.setdefault(
            sha256(fields["token"].encode()).digest(),
            AsyncLimiter(yandex_direct.REQUESTS, yandex_direct.REQUESTS_WITHIN_S),
        )

        async def once() -> yandex_direct.Ready | yandex_direct.Later:
            async with limit:
                return await yandex_direct.ask_report(question.http, fields, request)

        answer = await self._patiently(once)
        if isinstance(answer, yandex_direct.Later):
            return NotYet(answer.seconds, request)
        said = await asyncio.to_thread(
            read_spend, answer.body, format_="yandex-direct", micros=False
        )
        return Answered(said, answer.body)

    async def _ask_vk(self, question: Question) -> Answered:
        try:
            return await self._statistics(question)
        except vk_ads.TokenGone:
            # Once with a new one: this may have been taken back.
            question.fields.pop(TOKEN, None)
            return await self._statistics(question)

    async def _statistics(self, question: Question) -> Answered:
        http, fields = question.http, question.fields
        token = await self._token(question)
        names = await self._patiently(lambda: vk_ads.list_campaigns(http, fields, token))
        body = await self._patiently(
            lambda: vk_ads.statistics(
                http, fields, token, list(names), first=question.first, last=question.last
            )
        )
        return Answered(await asyncio.to_thread(read_statistics, body, names=names), body)

    async def _token(self, question: Question) -> str:
        """The kept one while it lives, for a client has only a few."""
        fields, until = question.fields, question.fields.get(TOKEN_UNTIL, "")
        if fields.get(TOKEN) and until and datetime.fromisoformat(until) > self.now():
            return fields[TOKEN]
        token = await self._patiently(lambda: vk_ads.take_token(question.http, fields))
        fields[TOKEN] = token.value
        # A tenth of its life early, so that it does not run out on the way.
        fields[TOKEN_UNTIL] = (self.now() + timedelta(seconds=token.lives * 0.9)).isoformat()
        async with transaction(self.engine) as connection:
            await keep_credentials(connection, question.claimed, fields, sealer=self.sealer)
        return token.value

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Whatever is asked changes nothing there: it may be asked again when the line breaks."""
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type((Unreachable, OutcomeUnknown)),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=self.pace, max=10 * self.pace),
            reraise=True,
        ):
            with attempt:
                return await ask()
        raise AssertionError("tenacity raises or returns")

    async def _write(
        self, claimed: ClaimedPull, state: Mapping[str, Any], answer: Answered
    ) -> None:
        first, last = (date.fromisoformat(each) for each in state["pending"][0])
        said = answer.said
        unread = next((each for each in said.problems if each.refused), None)
        if unread is not None:
            await self._again(
                claimed,
                {**state, "report": None},
                f"The platform's answer cannot be read: {unread.reason}",
            )
            return
        stray = [row for row in said.rows if not first <= row.first_day <= last]
        if stray:
            await self._again(
                claimed, {**state, "report": None}, "The platform answered for other days"
            )
            return
        pending = state["pending"][1:]
        now = self.now()
        try:
            async with transaction(self.engine) as connection:
                await write_spending(
                    connection,
                    claimed.account.id,
                    Spending(
                        format=said.format,
                        rows=said.rows,
                        problems=said.problems,
                        covered=(first, last),
                    ),
                    how="pull",
                    file_hash=sha256(answer.body).hexdigest(),
                    by=None,
                    now=now,
                )
                await settle_pull(
                    connection,
                    claimed,
                    state={"pending": pending} if pending else {},
                    next_at=now if pending else now + EVERY * (0.9 + 0.2 * self.chance()),
                    error="",
                    pulled_at=None if pending else now,
                )
        except CannotWrite as cannot:
            await self._again(claimed, {**state, "report": None}, str(cannot))

    async def _again(self, claimed: ClaimedPull, state: Mapping[str, Any], error: str) -> None:
        attempts = int(state.get("attempts", 0)) + 1
        seconds = min(FIRST_DELAY_S * 2 ** min(attempts - 1, 10), LONGEST_DELAY_S)
        await self._settle(
            claimed,
            {**state, "attempts": attempts},
            seconds * (0.8 + 0.4 * self.chance()),
            error,
        )

    async def _settle(
        self,
        claimed: ClaimedPull,
        state: Mapping[str, Any],
        seconds: float | None,
        error: str,
    ) -> None:
        if error:
            log.warning("spend_not_pulled", account=claimed.account.name, why=error)
        kept = {
            name: value
            for name, value in state.items()
            if name in {"pending", "report", "attempts", "failing_since"} and value
        }
        if error:
            kept.setdefault("failing_since", self.now().isoformat())
        async with transaction(self.engine) as connection:
            await settle_pull(
                connection,
                claimed,
                state=kept,
                next_at=None if seconds is None else self.now() + timedelta(seconds=seconds),
                error=error[:LONGEST_ERROR],
            )


def _round(claimed: ClaimedPull, now: datetime) -> dict[str, Any]:
    """Where the round is, or a new one: the days still to be asked for, the newest first."""
    account = claimed.account
    state = dict(account.pull_state)
    if state.get("pending"):
        return state
    today = now.astimezone(_zone(account.time_zone)).date()
    back = RESTATED if account.pulled_at is not None else AT_FIRST
    first = today - timedelta(days=back - 1)
    if account.pulled_at is not None:
        # Whoever was away for longer catches up.
        first = min(first, account.pulled_at.date() - timedelta(days=RESTATED - 1))
    most = vk_ads.MOST_DAYS if account.platform == "vk-ads" else yandex_direct.MOST_DAYS
    pending = []
    last = today
    while last >= first:
        begin = max(first, last - timedelta(days=most - 1))
        pending.append([begin.isoformat(), last.isoformat()])
        last = begin - timedelta(days=1)
    return {"pending": pending}


def _zone(name: str) -> ZoneInfo:
    """Both platforms count days in Moscow unless the account says otherwise."""
    try:
        return ZoneInfo(name or "Europe/Moscow")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("Europe/Moscow")
