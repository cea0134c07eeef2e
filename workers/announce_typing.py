"""A colleague begins to write: said to whoever shows it to the customer, without holding up the page that says so."""

import asyncio
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog

from router import wire
from router.facts import ReplyBegun
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
        self._begun: asyncio.Queue[ReplyBegun] = asyncio.Queue(WAITING)

    def say(self, conversation: UUID, *, by: UUID) -> None:
        if not self._begun.full():
            begun = ReplyBegun(id=new_id(), at=self.now(), conversation=conversation, by=by)
            self._begun.put_nowait(begun)

    async def run(self, stop: asyncio.Event) -> None:
        while (begun := await unless(stop, self._begun.get())) is not None:
            try:
                await self.broker.broadcast(wire.encode_fact(begun))
            except BrokerDown as error:
                log.debug("typing_not_announced", error=str(error)[:200])
