"""What one channel brings, settled from a snapshot: a run of settled deliveries leaves as one acknowledgement."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from aiormq import Channel
from aiormq.abc import DeliveredMessage

from router.transit import BrokerDown, Death, Delivery
from workers.rabbitmq import notes
from workers.rabbitmq.line import as_broker_down
from workers.rabbitmq.names import Names
from workers.rabbitmq.notes import Notes
from workers.rabbitmq.post import Post
from workers.topology import DEAD


@dataclass(frozen=True, slots=True)
class _Tag:
    consumer: "RabbitConsumer"
    number: int


class RabbitConsumer:
    def __init__(
        self, queue: str, *, channel: Channel, post: Post, names: Names, patience: float
    ) -> None:
        self._queue = queue
        self._channel = channel
        self._post = post
        self._names = names
        self._patience = patience
        self._arrived: deque[DeliveredMessage] = deque()
        self._news = asyncio.Event()
        self._lost = ""
        self._label = ""
        # Numbers of the deliveries handed out, in that order, which is the broker's.
        self._unsettled: dict[int, None] = {}

    async def start(self, *, prefetch: int) -> None:
        channel = self._channel
        channel.closing.add_done_callback(lambda _: self._lose("the connection was closed"))
        channel.on_consumer_cancel_callbacks.add(
            lambda _: self._lose("the broker cancelled the consumer")
        )
        await channel.basic_qos(prefetch_count=prefetch)
        begun = await channel.basic_consume(self._names.queue(self._queue), self._take)
        self._label = begun.consumer_tag or ""

    async def stop(self) -> str:
        """Hands back what is unsettled. Cancelled first, so that no frame comes for a channel that is gone.

        Gives the reason when the broker did not answer: then only closing the line makes it take everything back.
        """
        if self._channel.is_closed:
            return ""
        try:
            with as_broker_down():
                async with asyncio.timeout(self._patience):
                    await self._channel.basic_cancel(self._label)
                    await self._channel.close()
        except BrokerDown as down:
            return str(down)
        return ""

    async def receive(self, limit: int) -> list[Delivery]:
        while True:
            while not self._arrived and not self._lost:
                self._news.clear()
                await self._news.wait()
            self._must_be_there()
            deliveries: list[Delivery] = []
            while self._arrived and len(deliveries) < limit:
                delivery = self._hand_out(self._arrived.popleft())
                if self._is_spent(delivery.attempt - 1):
                    # The broker counts crashes and forgets them at each retry; together they can pass the limit.
                    await self._give_up(delivery, body=None)
                else:
                    deliveries.append(delivery)
            if deliveries:
                return deliveries

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        chosen = {self._number(delivery) for delivery in deliveries}
        run = 0
        for number in self._unsettled:
            if number not in chosen:
                break
            run = number
        for number in chosen:
            del self._unsettled[number]
        try:
            with as_broker_down():
                async with asyncio.timeout(self._patience):
                    if run:
                        await self._channel.basic_ack(run, multiple=True, wait=False)
                    for number in sorted(chosen):
                        if number > run:
                            await self._channel.basic_ack(number, wait=False)
        except BrokerDown as down:
            self._lose(str(down))
            raise

    async def retry(self, delivery: Delivery, *, delay: float, body: bytes | None = None) -> None:
        self._number(delivery)
        if self._is_spent(delivery.attempt):
            await self._give_up(delivery, body=body)
            return
        await self._post.send_later(
            self._queue,
            delivery.body if body is None else body,
            delay=delay,
            notes=Notes(attempts=delivery.attempt, death=delivery.death),
        )
        await self.ack([delivery])

    async def bury(self, delivery: Delivery, *, reason: str, body: bytes | None = None) -> None:
        await self._bury(delivery, reason=reason, attempts=delivery.attempt, body=body)

    async def _bury(
        self, delivery: Delivery, *, reason: str, attempts: int, body: bytes | None
    ) -> None:
        self._number(delivery)
        await self._post.send_dead(
            delivery.body if body is None else body,
            death=Death(queue=self._queue, reason=reason, attempts=attempts),
        )
        await self.ack([delivery])

    def _is_spent(self, attempts: int) -> bool:
        """The dead are tried for ever: there is nowhere left to bury them."""
        return attempts >= self._names.attempts and self._queue != DEAD

    async def _give_up(self, delivery: Delivery, *, body: bytes | None) -> None:
        reason = f"given up after {self._names.attempts} attempts"
        await self._bury(delivery, reason=reason, attempts=self._names.attempts, body=body)

    def _number(self, delivery: Delivery) -> int:
        tag = delivery.tag
        if not isinstance(tag, _Tag) or tag.consumer is not self:
            raise BrokerDown("this delivery came over another connection, and comes again")
        self._must_be_there()
        if tag.number not in self._unsettled:
            raise ValueError(f"delivery {tag.number} of {self._queue} is settled already")
        return tag.number

    def _must_be_there(self) -> None:
        if self._lost:
            raise BrokerDown(self._lost)

    def _lose(self, why: str) -> None:
        self._lost = self._lost or why
        self._arrived.clear()
        self._news.set()

    async def _take(self, message: DeliveredMessage) -> None:
        """One task per message, begun in the order of arrival. It may not await, or they would overtake each other."""
        self._arrived.append(message)
        self._news.set()

    def _hand_out(self, message: DeliveredMessage) -> Delivery:
        number = message.delivery_tag or 0
        headers = message.header.properties.headers or {}
        self._unsettled[number] = None
        death = None
        if self._queue == DEAD:
            death = notes.death(headers, attempts=self._names.attempts, prefix=self._names.prefix)
        return Delivery(
            queue=self._queue,
            body=message.body,
            attempt=notes.attempt(headers),
            tag=_Tag(self, number),
            death=death,
        )
