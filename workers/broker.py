"""The port of the broker: what the rest of Allo may ask of RabbitMQ or of the queue in PostgreSQL, and nothing more.

A queue is durable and delivers at least once. A delivery is settled by exactly one of `ack`, `retry` (comes again
after a delay, its attempt counted) and `bury` (to the queue `topology.DEAD`, with the reason). What is not settled when a consumer goes
away, or dies, comes again. One consumer per queue at a time is the caller's care (leases); implementations guard
against two by single-active-consumer or row locks, so that a mistake costs order and never a message.

`broadcast` reaches every process that listens at the moment: a hint, never the truth.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from router.transit import BrokerDown, Death, Delivery, Publication

__all__ = ["Broker", "BrokerDown", "Consumer", "Death", "Delivery", "Publication"]


class Consumer(Protocol):
    async def receive(self, limit: int) -> list[Delivery]:
        """Waits for at least one delivery, then returns what is there, up to `limit`, without lingering.

        Raises BrokerDown when the connection is lost; deliveries not yet settled will come again.
        """

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Done with, for good. Raises BrokerDown when that could not be said: they will come again."""

    async def retry(self, delivery: Delivery, *, delay: float, body: bytes | None = None) -> None:
        """Comes again after about `delay` seconds, with `body` instead when only a part of it failed.

        After `topology.ATTEMPTS` deliveries it is buried instead. Raises BrokerDown: it will come again as it was.
        """

    async def bury(self, delivery: Delivery, *, reason: str, body: bytes | None = None) -> None:
        """Moves it to `topology.DEAD`, where `Delivery.death` tells queue, reason and attempts. Raises BrokerDown."""


class Broker(Protocol):
    async def publish(self, publications: Sequence[Publication]) -> None:
        """Returns when all are durable. Raises BrokerDown: none, some or all may have been published."""

    def consume(self, queue: str, *, prefetch: int) -> AbstractAsyncContextManager[Consumer]:
        """Raises BrokerDown on entering."""

    async def broadcast(self, body: bytes) -> None:
        """At most 7 KB. Raises BrokerDown."""

    def listen(self) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """What is broadcast from now on. After a lost connection it goes on by itself and yields b"" once: catch up.

        A listener that falls far behind loses what it missed and gets b"" for it too. Entering does not raise when
        the broker is away: listening begins, with b"", when it is back.
        """

    async def depth(self, queue: str) -> int:
        """Messages waiting, about."""

    async def ping(self) -> None:
        """Raises BrokerDown."""
