"""A colleague looks at a conversation, or begins to write: said to whoever shows it, without holding up the page."""

import asyncio
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

import structlog

from router import wire
from router.facts import Looking, ReplyBegun
from router.ids import new_id
from router.transit import BrokerDown
from workers.broker import Broker
from workers.clock import Clock
from workers.supervisor import unless

log = structlog.get_logger()

WAITING: Final = 100
"""Gestures that wait for the broker; those beyond are forgotten, because nobody misses them."""


@dataclass(kw_only=True)
class AnnounceTyping:
    broker: Broker
    now: Clock

    def __post_init__(self) -> None:
        self._begun: asyncio.Queue[ReplyBegun | Looking] = asyncio.Queue(WAITING)

    def say(self, conversation: UUID, *, by: UUID) -> None:
        if not self._begun.full():
            begun = ReplyBegun(id=new_id(), at=self.now(), conversation=conversation, by=by)
            self._begun.put_nowait(begun)

    def look(
        self, conversation: UUID, *, by: UUID, what: Literal["looks", "writes", "left"]
    ) -> None:
        if not self._begun.full():
            looking = Looking(
                id=new_id(), at=self.now(), conversation=conversation, by=by, what=what
            )
            self._begun.put_nowait(looking)

    async def run(self, stop: asyncio.Event) -> None:
        while (begun := await unless(stop, self._begun.get())) is not None:
            try:
                await self.broker.broadcast(wire.encode_fact(begun))
            except BrokerDown as error:
                log.debug("typing_not_announced", error=str(error)[:200])
