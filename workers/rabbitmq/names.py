"""What our queues and exchanges are called on the server, and with which arguments they are declared."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiormq import Channel

from workers.topology import DEAD, INBOUND, QUEUES

NO_LIMIT = 1_000_000_000
"""RabbitMQ 4 limits deliveries to 20 unless told otherwise, and then drops what has nowhere to go."""


@dataclass(frozen=True, slots=True)
class Names:
    """With a prefix, several installations (and tests) share a server. Declaring twice changes nothing."""

    prefix: str
    attempts: int
    delays: Sequence[float]

    def queue(self, name: str) -> str:
        return self.prefix + name

    @property
    def dead(self) -> str:
        return self.queue(DEAD)

    @property
    def broadcast(self) -> str:
        return f"{self.prefix}allo.broadcast"

    def retry(self, delay: float) -> str:
        """The exchange, and the queue, of the shortest delay that is not too short; of the longest, otherwise."""
        fitting = [known for known in self.delays if known >= delay] or [max(self.delays)]
        return f"{self.prefix}allo.retry.{min(fitting):g}s"

    async def declare(self, channel: Channel) -> None:
        for queue in QUEUES:
            await channel.queue_declare(
                self.queue(queue), durable=True, arguments=self._arguments(queue)
            )
        for delay in self.delays:
            retry = self.retry(delay)
            await channel.exchange_declare(retry, exchange_type="fanout", durable=True)
            await channel.queue_declare(
                retry,
                durable=True,
                arguments={
                    "x-queue-type": "quorum",
                    "x-message-ttl": round(delay * 1000),
                    # No routing key here: an expired message keeps the one it was published with, which is the
                    # name of the queue it came from, and the default exchange takes it there.
                    "x-dead-letter-exchange": "",
                    "x-dead-letter-strategy": "at-least-once",
                    "x-overflow": "reject-publish",
                    "x-delivery-limit": NO_LIMIT,
                },
            )
            await channel.queue_bind(retry, retry)
        await channel.exchange_declare(self.broadcast, exchange_type="fanout", durable=True)

    def _arguments(self, queue: str) -> dict[str, Any]:
        if queue == DEAD:
            return {"x-queue-type": "quorum", "x-delivery-limit": NO_LIMIT}
        return {
            "x-queue-type": "quorum",
            "x-single-active-consumer": queue in INBOUND,
            # RabbitMQ counts returns and gives up when they exceed the limit: one less than deliveries.
            "x-delivery-limit": self.attempts - 1,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": self.dead,
            # RabbitMQ: at-least-once dead lettering needs overflow reject-publish.
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }
