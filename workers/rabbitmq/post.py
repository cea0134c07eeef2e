"""Sending: a window of messages in flight together, and every one of them confirmed or the whole call failed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from aiormq import Channel, spec

from router.transit import BrokerDown, Death
from workers.rabbitmq.line import Line, as_broker_down
from workers.rabbitmq.names import Names
from workers.rabbitmq.notes import Notes

WINDOW: Final = 500
"""Messages in flight at once: with more, one slow disk would turn every confirm into a time-out."""
TRANSIENT: Final = 1
PERSISTENT: Final = 2


@dataclass(frozen=True, slots=True)
class Letter:
    exchange: str
    key: str
    body: bytes
    notes: Notes = field(default_factory=Notes)
    durable: bool = True


class Post:
    def __init__(self, line: Line, *, names: Names, patience: float) -> None:
        self._line = line
        self._names = names
        self._patience = patience

    async def send(self, letters: Sequence[Letter]) -> None:
        for at in range(0, len(letters), WINDOW):
            channel = await self._line.confirming()
            try:
                with as_broker_down():
                    async with asyncio.timeout(self._patience):
                        await _confirmed(channel, letters[at : at + WINDOW])
            except BrokerDown as down:
                await self._line.give_up(channel, because=str(down))
                raise

    async def send_later(self, queue: str, body: bytes, *, delay: float, notes: Notes) -> None:
        exchange = self._names.retry(delay)
        await self.send([Letter(exchange, self._names.queue(queue), body, notes)])

    async def send_dead(self, body: bytes, *, death: Death) -> None:
        await self.send([Letter("", self._names.dead, body, Notes(death=death))])


async def _confirmed(channel: Channel, letters: Sequence[Letter]) -> None:
    if len(letters) == 1:
        troubles = [await _trouble(channel, letters[0])]
    else:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_trouble(channel, letter)) for letter in letters]
        troubles = [task.result() for task in tasks]
    refused = [trouble for trouble in troubles if trouble]
    if refused:
        raise BrokerDown(f"{len(refused)} of {len(letters)} not confirmed: {refused[0]}")


async def _trouble(channel: Channel, letter: Letter) -> str:
    """Why the letter was not confirmed, or "" when it was. One refusal must not cancel its neighbours."""
    try:
        with as_broker_down():
            confirmation = await channel.basic_publish(
                letter.body,
                exchange=letter.exchange,
                routing_key=letter.key,
                properties=spec.Basic.Properties(
                    headers=letter.notes.as_headers(),
                    delivery_mode=PERSISTENT if letter.durable else TRANSIENT,
                ),
                # A broadcast may reach nobody; a message for a queue that is gone must not.
                mandatory=letter.durable,
                wait=False,
            )
    except BrokerDown as down:
        return str(down)
    return "" if isinstance(confirmation, spec.Basic.Ack) else f"{confirmation!r}"
