"""Hears what is broadcast and wakes whoever waits for it in this process."""

import asyncio
from collections.abc import Callable

import structlog

from router import wire
from router.facts import Fact
from workers.broker import Broker
from workers.supervisor import unless

log = structlog.get_logger()

Listener = Callable[[Fact | None], None]
"""Called with a fact, or with None when some may have been missed. Must not wait."""


class Ear:
    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._listeners: list[Listener] = []

    def tell(self, listener: Listener) -> None:
        self._listeners.append(listener)

    async def run(self, stop: asyncio.Event) -> None:
        async with self._broker.listen() as bodies:
            while (body := await unless(stop, anext(bodies))) is not None:
                self._hear(body)

    def _hear(self, body: bytes) -> None:
        facts: list[Fact | None] = [None]
        if body:
            try:
                facts = [wire.decode_fact(each) for each in wire.unpack_facts(body)]
            except wire.Undecodable as error:
                # Said by a newer process: what it means is unknown, that something changed is not.
                log.warning("fact_not_understood", error=str(error)[:200])
        for fact in facts:
            for listener in self._listeners:
                listener(fact)
