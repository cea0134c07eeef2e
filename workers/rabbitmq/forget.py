"""Taking an installation's queues off a server again: for tests and benches, which have their own prefix."""

import aiormq

from workers.rabbitmq.names import Names
from workers.topology import ATTEMPTS, QUEUES, RETRY_DELAYS


async def forget(url: str, *, prefix: str) -> None:
    """Deletes the queues and exchanges of this prefix, with what is in them."""
    names = Names(prefix=prefix, attempts=ATTEMPTS, delays=RETRY_DELAYS)
    connection = await aiormq.connect(url)
    try:
        channel = await connection.channel()
        for queue in QUEUES:
            await channel.queue_delete(names.queue(queue))
        for delay in RETRY_DELAYS:
            await channel.queue_delete(names.retry(delay))
            await channel.exchange_delete(names.retry(delay))
        await channel.exchange_delete(names.broadcast)
    finally:
        await connection.close()
