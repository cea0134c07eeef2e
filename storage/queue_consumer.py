"""Claiming from a queue in PostgreSQL, and settling what was claimed."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final

import msgspec
import structlog

from router.transit import BrokerDown, Death, Delivery
from storage.driver import Statement
from storage.queue_statements import ACK, BURY, CLAIM, KEEP, RELEASE, RETRY, Statements

log = structlog.get_logger()

REASON_LIMIT: Final = 2000


@dataclass(frozen=True, slots=True)
class _Tag:
    consumer: "PostgresConsumer"
    row: int


class PostgresConsumer:
    def __init__(
        self,
        queue: str,
        *,
        statements: Statements,
        group: asyncio.TaskGroup,
        prefetch: int,
        dead: str,
        attempts: int,
        lock: float,
        look: float,
    ) -> None:
        self._queue = queue
        self._statements = statements
        self._group = group
        self._prefetch = prefetch
        self._dead = dead
        self._attempts = attempts
        self._lock = lock
        self._look = look
        self._news = asyncio.Event()
        self._more = True
        """Whether a claim may find something: the last one took all it could, or something was called out since."""
        self._due: float | None = None
        """The loop's time at which something that is not to be had yet will be."""
        self._claiming: asyncio.Task[BrokerDown | None] | None = None
        self._claimed: deque[Delivery] = deque()  # and not handed out yet
        self._unsettled: dict[int, Delivery] = {}

    def hear(self, queue: str | None) -> None:
        if queue is None or queue == self._queue:
            self._news.set()

    async def receive(self, limit: int) -> list[Delivery]:
        while True:
            if self._claimed:
                return [self._claimed.popleft() for _ in range(min(limit, len(self._claimed)))]
            if self._claiming is not None:
                await self._claim(0)  # what a cancelled call had begun
                continue
            if self._news.is_set():
                self._news.clear()
                self._more = True
            room = min(limit, self._prefetch - len(self._unsettled))
            if room > 0 and self._more:
                await self._claim(room)
            if not self._claimed:
                await self._wait()

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        await self._settle(ACK, deliveries)

    async def retry(self, delivery: Delivery, *, delay: float, body: bytes | None = None) -> None:
        if self._is_spent(delivery.attempt):
            await self._give_up(delivery, body=body)
        else:
            await self._settle(RETRY, [delivery], delay=delay, body=body)

    async def bury(self, delivery: Delivery, *, reason: str, body: bytes | None = None) -> None:
        await self._bury(delivery, reason=reason, attempts=delivery.attempt, body=body)

    async def keep_claims(self) -> None:
        if not self._unsettled:
            return
        try:
            await self._run(KEEP, list(self._unsettled.values()), lock=self._lock)
        except BrokerDown as down:
            log.warning("claims_not_kept", queue=self._queue, reason=str(down))

    async def stop(self) -> None:
        """Hands back what is unsettled, also what a claim under way brings."""
        if self._claiming is not None:
            await self._claiming
        if not self._unsettled:
            return
        try:
            await self._run(RELEASE, list(self._unsettled.values()))
        except BrokerDown as down:
            # The locks expire by themselves.
            log.info("claims_not_released", queue=self._queue, reason=str(down))
        self._unsettled.clear()

    async def _claim(self, room: int) -> None:
        """In a task of its own: a caller who is cancelled in the middle would leave rows locked and known to nobody."""
        if self._claiming is None:
            self._claiming = self._group.create_task(self._claim_now(room))
        down = await asyncio.shield(self._claiming)
        self._claiming = None
        if down is not None:
            raise down

    async def _claim_now(self, room: int) -> BrokerDown | None:
        try:
            *rows, last = await self._statements.run(
                CLAIM, queue=self._queue, limit=room, lock=self._lock
            )
            self._more = len(rows) == room
            now = asyncio.get_running_loop().time()
            self._due = None if last["due"] is None else now + last["due"]
            # UPDATE … RETURNING promises no order.
            rows.sort(key=itemgetter("visible_at", "id"))
            for delivery in map(self._delivery, rows):
                self._unsettled[_row(delivery)] = delivery
                if self._is_spent(delivery.attempt - 1):
                    await self._give_up(delivery, body=None)
                else:
                    self._claimed.append(delivery)
        except BrokerDown as down:
            return down
        return None

    async def _wait(self) -> None:
        pause = self._look
        if self._due is not None:
            pause = min(pause, max(self._due - asyncio.get_running_loop().time(), 0.001))
        try:
            async with asyncio.timeout(pause):
                await self._news.wait()
        except TimeoutError:
            self._more, self._due = True, None

    async def _settle(
        self, statement: Statement, deliveries: Sequence[Delivery], **values: Any
    ) -> None:
        for delivery in deliveries:
            tag = delivery.tag
            if not isinstance(tag, _Tag) or tag.consumer is not self:
                raise BrokerDown("this delivery was claimed by another consumer, and comes again")
            if tag.row not in self._unsettled:
                raise ValueError(f"delivery {tag.row} of {self._queue} is settled already")
        settled = await self._run(statement, deliveries, **values)
        for delivery in deliveries:
            del self._unsettled[_row(delivery)]
        if len(settled) < len(deliveries):
            # Our lock had expired: somebody else has them now, or has settled them already.
            log.warning("settled_too_late", queue=self._queue, lost=len(deliveries) - len(settled))
        if self._more:
            self._news.set()  # there is room again

    async def _run(
        self, statement: Statement, deliveries: Sequence[Delivery], **values: Any
    ) -> list[Any]:
        return await self._statements.run(
            statement,
            queue=self._queue,
            ids=[_row(delivery) for delivery in deliveries],
            attempts=[delivery.attempt for delivery in deliveries],
            **values,
        )

    def _is_spent(self, attempts: int) -> bool:
        """The dead are tried for ever: there is nowhere left to bury them."""
        return attempts >= self._attempts and self._queue != self._dead

    async def _give_up(self, delivery: Delivery, *, body: bytes | None) -> None:
        reason = f"given up after {self._attempts} attempts"
        await self._bury(delivery, reason=reason, attempts=self._attempts, body=body)

    async def _bury(
        self, delivery: Delivery, *, reason: str, attempts: int, body: bytes | None
    ) -> None:
        death = Death(queue=self._queue, reason=reason[:REASON_LIMIT], attempts=attempts)
        encoded = msgspec.json.encode(death).decode()
        await self._settle(BURY, [delivery], dead=self._dead, death=encoded, body=body)

    def _delivery(self, row: Any) -> Delivery:
        return Delivery(
            queue=self._queue,
            body=row["body"],
            attempt=row["attempts"],
            tag=_Tag(self, row["id"]),
            death=msgspec.convert(row["death"], Death) if row["death"] is not None else None,
        )


def _row(delivery: Delivery) -> int:
    if not isinstance(delivery.tag, _Tag):
        raise TypeError(f"{delivery.tag!r} is no tag of this broker")
    return delivery.tag.row
